//! What the page of a job reads.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use super::model::{Entry, Job, Measured, Rule, SlotEntry};
use crate::dashboard::place::Place;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::{DstPolicy, JobState, SlotState};
use crate::ids::{FirmId, JobId, RunId, SlotId};
use crate::runs::Outcome;

/// The job, if it is there for the reader.
pub(super) async fn job(transaction: &mut Transaction, firm: FirmId, job: JobId) -> Result<Option<Job>, AppError> {
    let row = sqlx::query!(
        r#"select j.job_id, j.key, j.name, j.tool, j.destination, j.state as "state: JobState", j.archived_at, j.practice_id,
            p.name as practice_name, o.name as office_name, o.zone, o.business_day_starts,
            a.agent_id as "agent_id?", a.name as "agent_name?",
            e.expectation_id as "expectation_id?", e.cron, e.dst_policy as "dst_policy?: DstPolicy",
            e.late_after_seconds as "late_after_seconds?", e.missed_after_seconds as "missed_after_seconds?",
            e.maximum_run_seconds as "maximum_run_seconds?", e.no_success_seconds, e.opens_before_seconds as "opens_before_seconds?"
         from jobs j
         join practices p on p.firm_id = j.firm_id and p.practice_id = j.practice_id
         join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
         left join agents a on a.firm_id = j.firm_id and a.agent_id = j.agent_id
         left join expectations e on e.firm_id = j.firm_id and e.job_id = j.job_id and e.retired_at is null
         where j.firm_id = $1 and j.job_id = $2"#,
        firm.0,
        job.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Job {
        id: row.job_id,
        key: row.key,
        name: row.name,
        tool: row.tool,
        destination: row.destination,
        state: row.state,
        is_archived: row.archived_at.is_some(),
        practice: row.practice_id,
        practice_name: row.practice_name,
        office_name: row.office_name,
        zone: row.zone.clone(),
        place: Place::new(Some(&row.zone), Some(row.business_day_starts)),
        agent: row.agent_id.zip(row.agent_name),
        rule: row.expectation_id.and(Some(())).and_then(|()| {
            Some(Rule {
                cron: row.cron?,
                policy: row.dst_policy?,
                opens_before: row.opens_before_seconds?.into(),
                late_after: row.late_after_seconds?.into(),
                missed_after: row.missed_after_seconds?.into(),
                maximum_run: row.maximum_run_seconds?.into(),
                no_success: row.no_success_seconds.map(i64::from),
            })
        }),
    }))
}

/// What happened before `before`, newest first: the job's slots that have opened, and its runs that filled none.
pub(super) async fn timeline(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<Entry>, AppError> {
    let rows = sqlx::query!(
        r#"select happened_at as "happened_at!", slot_id as "slot_id?: SlotId", state as "state?: SlotState",
            declared_missed_at, reported_late as "reported_late!", excused_by, excuse_reason,
            excused_by_calendar as "excused_by_calendar!", run_id as "run_id?: RunId", started_at, finished_at,
            outcome as "outcome?: Outcome", bytes_processed, reason
         from (
            (select s.due_at as happened_at, s.slot_id, s.state, s.declared_missed_at, s.reported_late, s.excused_by,
                s.excuse_reason, s.excused_by_calendar, r.run_id, r.started_at, r.finished_at, r.outcome, r.bytes_processed,
                r.reason
             from slots s left join runs r on r.firm_id = s.firm_id and r.run_id = s.run_id
             where s.firm_id = $1 and s.job_id = $2 and s.due_at < $3 and s.opens_at <= $4
             order by s.due_at desc limit $5)
            union all
            (select r.started_at, null, null, null, false, null, null, false, r.run_id, r.started_at, r.finished_at, r.outcome,
                r.bytes_processed, r.reason
             from runs r
             where r.firm_id = $1 and r.job_id = $2 and r.started_at < $3
                and not exists (select from slots s where s.firm_id = r.firm_id and s.slot_id = r.slot_id and s.run_id = r.run_id)
             order by r.started_at desc limit $5)
         ) entries
         order by happened_at desc limit $5"#,
        firm.0,
        job.0,
        before.to_sqlx() as _,
        now.to_sqlx() as _,
        limit,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let at = |at: Option<jiff_sqlx::Timestamp>| at.map(jiff_sqlx::Timestamp::to_jiff);
    Ok(rows
        .into_iter()
        .map(|row| Entry {
            at: row.happened_at.to_jiff(),
            slot: row.slot_id.zip(row.state).map(|(slot, state)| SlotEntry {
                slot,
                state,
                declared_missed: at(row.declared_missed_at),
                reported_late: row.reported_late,
                excused: row
                    .excuse_reason
                    .map(|reason| (row.excused_by.unwrap_or_default(), reason)),
                by_calendar: row.excused_by_calendar,
            }),
            run: row.run_id,
            started: at(row.started_at),
            finished: at(row.finished_at),
            outcome: row.outcome,
            size: row.bytes_processed,
            reason: row.reason,
        })
        .collect())
}

/// The last finished runs, newest first, for the charts.
pub(super) async fn measured(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
    limit: i64,
) -> Result<Vec<Measured>, AppError> {
    let rows = sqlx::query!(
        r#"select run_id, started_at, finished_at as "finished_at!", outcome as "outcome!", bytes_processed
         from runs where firm_id = $1 and job_id = $2 and finished_at is not null
         order by started_at desc limit $3"#,
        firm.0,
        job.0,
        limit,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Measured {
            run: row.run_id,
            started: row.started_at.to_jiff(),
            finished: row.finished_at.to_jiff(),
            outcome: row.outcome,
            size: row.bytes_processed,
        })
        .collect())
}
