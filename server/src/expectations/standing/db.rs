//! SQL that reads how jobs stand, and keeps `jobs.state`.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use uuid::Uuid;

use super::{BadRun, GoodRun, JobRef, LongRun, Misses, Standing};
use crate::alerts::AlertKind;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::{JobState, SlotState};
use crate::ids::{FirmId, JobId, PracticeId, RunId};

/// How these jobs stand. Each part is a bounded look at the newest end of an index.
pub(super) async fn read(transaction: &mut Transaction, jobs: &[JobRef]) -> Result<Vec<Standing>, AppError> {
    let (firms, ids) = columns(jobs);
    let mut slots: BTreeMap<JobRef, SlotsRow> = slots(transaction, &firms, &ids)
        .await?
        .into_iter()
        .map(|row| (row.key(), row))
        .collect();
    let standings = runs(transaction, &firms, &ids).await?.into_iter().filter_map(|row| {
        let slots = slots.remove(&row.key())?;
        Some(standing(row, slots))
    });
    Ok(standings.collect())
}

struct RunsRow {
    firm_id: FirmId,
    practice_id: PracticeId,
    job_id: JobId,
    name: String,
    state: JobState,
    archived: bool,
    zone: String,
    expected: bool,
    no_success_seconds: Option<i32>,
    active_from: Option<jiff_sqlx::Timestamp>,
    has_runs: bool,
    good_finished_at: Option<jiff_sqlx::Timestamp>,
    good_bytes: Option<i64>,
    bad_run: Option<RunId>,
    bad_finished_at: Option<jiff_sqlx::Timestamp>,
    bad_reason: Option<String>,
    bad_wanted_medium: Option<String>,
    bad_in_a_row: Option<i64>,
    unjudged_since: Option<jiff_sqlx::Timestamp>,
    open: Vec<String>,
}

impl RunsRow {
    fn key(&self) -> JobRef {
        JobRef {
            firm: self.firm_id,
            job: self.job_id,
        }
    }
}

async fn runs(transaction: &mut Transaction, firms: &[Uuid], jobs: &[Uuid]) -> Result<Vec<RunsRow>, AppError> {
    let rows = sqlx::query_as!(
        RunsRow,
        r#"select j.firm_id, j.practice_id, j.job_id, j.name, j.state, j.archived_at is not null as "archived!", o.zone,
            rule.expectation_id is not null as "expected!", rule.no_success_seconds as "no_success_seconds?",
            began.active_from as "active_from?",
            exists (select from runs r where r.firm_id = j.firm_id and r.job_id = j.job_id) as "has_runs!",
            good.finished_at as "good_finished_at?", good.bytes_added as "good_bytes?",
            bad.run_id as "bad_run?: RunId", bad.finished_at as "bad_finished_at?", bad.reason as "bad_reason?",
            bad.wanted_medium as "bad_wanted_medium?",
            bad.in_a_row as "bad_in_a_row?",
            least(rule.broken_since, (
                select min(s.unjudged_since) from slots s
                where s.firm_id = j.firm_id and s.practice_id = j.practice_id and s.job_id = j.job_id
                  and s.unjudged_since is not null)) as "unjudged_since?",
            array(select a.kind from alerts a
                  where a.firm_id = j.firm_id and a.practice_id = j.practice_id and a.subject_kind = 'job' and a.subject_id = j.job_id
                    and a.closed_at is null) as "open!: Vec<String>"
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, job_id)
         join jobs j using (firm_id, job_id)
         join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
         left join expectations rule on rule.firm_id = j.firm_id and rule.job_id = j.job_id and rule.retired_at is null
         left join lateral (
            select min(e.active_from) as active_from from expectations e
            where e.firm_id = j.firm_id and e.job_id = j.job_id) began on true
         left join lateral (
            select r.started_at, r.finished_at, r.bytes_added from runs r
            where r.firm_id = j.firm_id and r.job_id = j.job_id and r.outcome in ('ok', 'warning')
            order by r.started_at desc, r.run_id desc limit 1) good on true
         left join lateral (
            select r.run_id, r.finished_at, r.reason, r.facts ->> 'wanted_medium' as wanted_medium, count(*) over () as in_a_row
            from runs r left join slots s on s.firm_id = r.firm_id and s.slot_id = r.slot_id
            where r.firm_id = j.firm_id and r.job_id = j.job_id and r.outcome = 'failed'
              and r.started_at > coalesce(good.started_at, '-infinity')
              and (not r.will_be_retried or s.slot_id is null or s.state = 'failed')
            order by r.started_at desc, r.run_id desc limit 1) bad on true"#,
        firms,
        jobs
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows)
}

struct SlotsRow {
    firm_id: FirmId,
    job_id: JobId,
    newest_state: Option<SlotState>,
    missed_days: Option<Vec<jiff_sqlx::Date>>,
    missed_since: Option<jiff_sqlx::Timestamp>,
    missed_due_at: Option<jiff_sqlx::Timestamp>,
    once_missed_state: Option<SlotState>,
    excuse: Option<String>,
    overrun_run: Option<RunId>,
    overrun_started_at: Option<jiff_sqlx::Timestamp>,
    overrun_maximum: Option<i32>,
}

impl SlotsRow {
    fn key(&self) -> JobRef {
        JobRef {
            firm: self.firm_id,
            job: self.job_id,
        }
    }
}

async fn slots(transaction: &mut Transaction, firms: &[Uuid], jobs: &[Uuid]) -> Result<Vec<SlotsRow>, AppError> {
    let rows = sqlx::query_as!(
        SlotsRow,
        r#"select wanted.firm_id as "firm_id!: FirmId", wanted.job_id as "job_id!: JobId",
            newest.state as "newest_state?: SlotState",
            misses.days as "missed_days?: Vec<jiff_sqlx::Date>", misses.since as "missed_since?", misses.due_at as "missed_due_at?",
            once.state as "once_missed_state?: SlotState", once.excuse_reason as "excuse?",
            overrun.run_id as "overrun_run?: RunId", overrun.started_at as "overrun_started_at?",
            overrun.maximum_run_seconds as "overrun_maximum?"
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, job_id)
         left join lateral (
            select s.due_at from slots s
            where s.firm_id = wanted.firm_id and s.job_id = wanted.job_id and s.state in ('ok', 'warning')
            order by s.due_at desc limit 1) good on true
         left join lateral (
            select s.state from slots s
            where s.firm_id = wanted.firm_id and s.job_id = wanted.job_id and s.state not in ('waiting', 'excused')
            order by s.due_at desc limit 1) newest on true
         left join lateral (
            select array_agg(distinct s.backup_day order by s.backup_day) as days, min(s.due_at) as since, max(s.due_at) as due_at
            from slots s
            where s.firm_id = wanted.firm_id and s.job_id = wanted.job_id and s.declared_missed_at is not null
              and s.state in ('missed', 'late', 'running', 'overrun') and s.due_at > coalesce(good.due_at, '-infinity')
            having count(*) > 0) misses on true
         left join lateral (
            select s.state, s.excuse_reason from slots s
            where s.firm_id = wanted.firm_id and s.job_id = wanted.job_id and s.declared_missed_at is not null
              and s.due_at > coalesce(good.due_at, '-infinity')
            order by s.due_at desc limit 1) once on true
         left join lateral (
            select r.run_id, r.started_at, e.maximum_run_seconds
            from slots s
            join expectations e on e.firm_id = s.firm_id and e.expectation_id = s.expectation_id
            join runs r on r.firm_id = s.firm_id and r.run_id = s.run_id
            where s.firm_id = wanted.firm_id and s.job_id = wanted.job_id and s.state = 'overrun'
              and s.due_at > coalesce(good.due_at, '-infinity')
            order by s.due_at desc limit 1) overrun on true"#,
        firms,
        jobs
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows)
}

fn standing(runs: RunsRow, slots: SlotsRow) -> Standing {
    Standing {
        job: runs.key(),
        practice: runs.practice_id,
        name: runs.name,
        zone: runs.zone,
        known_state: runs.state,
        archived: runs.archived,
        expected: runs.expected,
        has_runs: runs.has_runs,
        newest: slots.newest_state,
        last_good: runs.good_finished_at.map(|at| GoodRun {
            finished_at: at.to_jiff(),
            bytes: runs.good_bytes,
        }),
        failed: runs.bad_run.zip(runs.bad_finished_at).map(|(run, finished_at)| BadRun {
            run,
            finished_at: finished_at.to_jiff(),
            reason: runs.bad_reason,
            wanted_medium: runs.bad_wanted_medium,
            in_a_row: u32::try_from(runs.bad_in_a_row.unwrap_or(1)).unwrap_or(u32::MAX),
        }),
        misses: match (slots.missed_days, slots.missed_since, slots.missed_due_at) {
            (Some(days), Some(since), Some(due_at)) => Some(Misses {
                days: days.into_iter().map(jiff_sqlx::Date::to_jiff).collect(),
                since: since.to_jiff(),
                due_at: due_at.to_jiff(),
            }),
            _ => None,
        },
        once_missed: slots.once_missed_state,
        excuse: slots.excuse,
        overrun: match (slots.overrun_run, slots.overrun_started_at, slots.overrun_maximum) {
            (Some(run), Some(started_at), Some(maximum)) => Some(LongRun {
                run,
                started_at: started_at.to_jiff(),
                maximum_seconds: i64::from(maximum),
            }),
            _ => None,
        },
        no_success_after: runs
            .no_success_seconds
            .map(|seconds| SignedDuration::from_secs(i64::from(seconds))),
        active_from: runs.active_from.map(jiff_sqlx::Timestamp::to_jiff),
        unjudged_since: runs.unjudged_since.map(jiff_sqlx::Timestamp::to_jiff),
        open: runs
            .open
            .iter()
            .filter_map(|kind| kind.parse::<AlertKind>().ok())
            .collect(),
    }
}

/// Keeps the state that lists show, where it changed.
pub(super) async fn write_states(
    transaction: &mut Transaction,
    changed: &[(JobRef, JobState)],
) -> Result<(), AppError> {
    let (firms, ids): (Vec<Uuid>, Vec<Uuid>) = changed.iter().map(|(job, _)| (job.firm.0, job.job.0)).unzip();
    let states: Vec<String> = changed.iter().map(|(_, state)| state.to_string()).collect();
    sqlx::query!(
        "update jobs j set state = n.state
         from unnest($1::uuid[], $2::uuid[], $3::text[]) as n (firm_id, job_id, state)
         where j.firm_id = n.firm_id and j.job_id = n.job_id",
        &firms,
        &ids,
        &states
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn columns(jobs: &[JobRef]) -> (Vec<Uuid>, Vec<Uuid>) {
    jobs.iter()
        .map(
            |JobRef {
                 firm: FirmId(firm),
                 job: JobId(job),
             }| (*firm, *job),
        )
        .unzip()
}
