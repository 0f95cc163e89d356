//! SQL of `expectations`: what is expected, from when, until when.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;

use super::{ExpectedJob, RunRule};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::DstPolicy;
use crate::ids::{ExpectationId, FirmId, JobId, OfficeId, PracticeId};

/// A rule as it is stored.
pub(super) struct StoredRule {
    pub(super) expectation: ExpectationId,
    pub(super) office: OfficeId,
    pub(super) zone: String,
    pub(super) cron: String,
    pub(super) policy: DstPolicy,
    pub(super) opens_before: SignedDuration,
    pub(super) late_after: SignedDuration,
    pub(super) missed_after: SignedDuration,
    pub(super) maximum_run: SignedDuration,
    pub(super) no_success_after: Option<SignedDuration>,
}

/// The rule of a job that is in force.
pub(super) async fn of_job(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
) -> Result<Option<StoredRule>, AppError> {
    let row = sqlx::query!(
        r#"select e.expectation_id, e.office_id, o.zone, e.cron as "cron!", e.dst_policy, e.opens_before_seconds, e.late_after_seconds,
            e.missed_after_seconds, e.maximum_run_seconds, e.no_success_seconds
         from expectations e
         join offices o on o.firm_id = e.firm_id and o.office_id = e.office_id
         where e.firm_id = $1 and e.job_id = $2 and e.retired_at is null and e.cron is not null"#,
        firm.0,
        job.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let seconds = |seconds: i32| SignedDuration::from_secs(i64::from(seconds));
    Ok(row.map(|row| StoredRule {
        expectation: row.expectation_id,
        office: row.office_id,
        zone: row.zone,
        cron: row.cron,
        policy: row.dst_policy,
        opens_before: seconds(row.opens_before_seconds),
        late_after: seconds(row.late_after_seconds),
        missed_after: seconds(row.missed_after_seconds),
        maximum_run: seconds(row.maximum_run_seconds),
        no_success_after: row.no_success_seconds.map(seconds),
    }))
}

/// Ends the rule of a job: slots that are still to come and that nothing happened to are taken back, the past stays.
pub(super) async fn retire(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
) -> Result<(), AppError> {
    let retired = sqlx::query_scalar!(
        "update expectations set retired_at = $3, materialise_at = null, no_success_at = null
         where firm_id = $1 and job_id = $2 and retired_at is null
         returning expectation_id",
        firm.0,
        job.0,
        now.to_sqlx()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    match retired {
        Some(retired) => take_back_slots(transaction, now, firm, retired).await,
        None => Ok(()),
    }
}

/// Ends the rule of a practice's drills like that of a job.
pub(super) async fn retire_drills(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
) -> Result<(), AppError> {
    let retired = sqlx::query_scalar!(
        "update expectations set retired_at = $3, materialise_at = null, no_success_at = null
         where firm_id = $1 and practice_id = $2 and kind = 'drill' and retired_at is null
         returning expectation_id",
        firm.0,
        practice.0,
        now.to_sqlx()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    match retired {
        Some(retired) => take_back_slots(transaction, now, firm, retired).await,
        None => Ok(()),
    }
}

async fn take_back_slots(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    retired: ExpectationId,
) -> Result<(), AppError> {
    sqlx::query!(
        "delete from slots s
         where s.firm_id = $1 and s.expectation_id = $2 and s.due_at > $3 and s.state in ('waiting', 'excused')
           and not exists (select from slot_changes c where c.firm_id = s.firm_id and c.slot_id = s.slot_id)
           and not exists (select from runs r where r.firm_id = s.firm_id and r.slot_id = s.slot_id)",
        firm.0,
        retired.0,
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update slots set closes_at = greatest(missed_at, $3)
         where firm_id = $1 and expectation_id = $2 and closes_at is null",
        firm.0,
        retired.0,
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Begins a rule of a job. "No success for N" counts from the job's last good run, or from when anything was first expected
/// of it: a new rule does not make an old silence good.
pub(super) async fn begin_runs(
    transaction: &mut Transaction,
    now: Timestamp,
    id: ExpectationId,
    job: ExpectedJob,
    rule: &RunRule,
) -> Result<(), AppError> {
    let seconds = |duration: SignedDuration| i32::try_from(duration.as_secs()).unwrap_or(i32::MAX);
    sqlx::query!(
        "insert into expectations (firm_id, expectation_id, practice_id, kind, job_id, office_id, cron, dst_policy, opens_before_seconds,
            late_after_seconds, missed_after_seconds, maximum_run_seconds, no_success_seconds, active_from, materialised_until,
            materialise_at, last_success_at, no_success_at)
         select $1, $2, $3, 'run', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13, $13, good.finished_at,
            coalesce(good.finished_at, began.active_from, $13) + make_interval(secs => $12::integer)
         from (select min(active_from) as active_from from expectations where firm_id = $1 and job_id = $4) began
         left join lateral (
            select r.finished_at from runs r
            where r.firm_id = $1 and r.job_id = $4 and r.outcome in ('ok', 'warning')
            order by r.started_at desc, r.run_id desc limit 1) good on true",
        job.firm.0,
        id.0,
        job.practice.0,
        job.job.0,
        job.office.0,
        rule.schedule.as_str(),
        rule.schedule.policy().as_str(),
        seconds(rule.opens_before),
        seconds(rule.late_after),
        seconds(rule.missed_after),
        seconds(rule.maximum_run),
        rule.no_success_after.map(seconds) as Option<i32>,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Keeps the state that lists show of a job whose rule began or ended.
pub(super) async fn note_job_state(transaction: &mut Transaction, firm: FirmId, job: JobId) -> Result<(), AppError> {
    sqlx::query!(
        "update jobs j
         set state = case
            when not exists (select from expectations e where e.firm_id = j.firm_id and e.job_id = j.job_id and e.retired_at is null)
                then 'no_schedule'
            when not exists (select from runs r where r.firm_id = j.firm_id and r.job_id = j.job_id) then 'never_reported'
            else coalesce((
                select s.state from slots s
                where s.firm_id = j.firm_id and s.job_id = j.job_id and s.state not in ('waiting', 'excused')
                order by s.due_at desc limit 1), 'waiting') end
         where j.firm_id = $1 and j.job_id = $2",
        firm.0,
        job.0
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Begins a practice's rule that a restore is practised every so many days; the rule in force, if there is one, stays.
pub(super) async fn begin_drills(
    transaction: &mut Transaction,
    now: Timestamp,
    id: ExpectationId,
    (firm, practice, office): (FirmId, PracticeId, OfficeId),
    interval_days: i32,
    overdue_after: SignedDuration,
) -> Result<Option<String>, AppError> {
    let begun = sqlx::query_scalar!(
        "insert into expectations (firm_id, expectation_id, practice_id, kind, office_id, interval_days, opens_before_seconds,
            late_after_seconds, missed_after_seconds, maximum_run_seconds, active_from, materialised_until)
         values ($1, $2, $3, 'drill', $4, $5, 0, 0, $6, 86400, $7, $7)
         on conflict do nothing
         returning (select zone from offices where firm_id = $1 and office_id = $4)",
        firm.0,
        id.0,
        practice.0,
        office.0,
        interval_days,
        i32::try_from(overdue_after.as_secs()).unwrap_or(i32::MAX),
        now.to_sqlx(),
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(begun.flatten())
}

/// The end of the practice's last passed drill.
pub(super) async fn last_passed_drill(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Option<Timestamp>, AppError> {
    let passed = sqlx::query_scalar!(
        "select max(finished_at) from drills
         where firm_id = $1 and practice_id = $2 and outcome in ('passed', 'passed_with_notes')",
        firm.0,
        practice.0
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(passed.map(jiff_sqlx::Timestamp::to_jiff))
}

/// Keeps everybody else from writing or changing the slots of this office's jobs.
pub(super) async fn lock_of_office(
    transaction: &mut Transaction,
    firm: FirmId,
    office: OfficeId,
) -> Result<(), AppError> {
    sqlx::query!(
        "select expectation_id from expectations where firm_id = $1 and office_id = $2 and job_id is not null and retired_at is null
         order by firm_id, expectation_id for no key update",
        firm.0,
        office.0
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(())
}

/// Slots of an office that are still to come and that the calendar decides about: each backup day with its slots' state.
pub(super) async fn days_to_come(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    office: OfficeId,
) -> Result<Vec<Date>, AppError> {
    let rows = sqlx::query_scalar!(
        "select distinct s.backup_day
         from expectations e
         join slots s on s.firm_id = e.firm_id and s.expectation_id = e.expectation_id
         where e.firm_id = $1 and e.office_id = $2 and e.job_id is not null and s.due_at > $3
           and (s.state = 'waiting' or s.excused_by_calendar)",
        firm.0,
        office.0,
        now.to_sqlx()
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(jiff_sqlx::Date::to_jiff).collect())
}

/// Excuses the office's slots to come on the closed days, and no longer excuses those on the others. Evidence stands above
/// both: a slot that has a run is left alone.
pub(super) async fn apply_calendar(
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, office): (FirmId, OfficeId),
    days: &[(Date, Option<String>)],
    by: &str,
) -> Result<(), AppError> {
    let dates: Vec<_> = days.iter().map(|(day, _)| day.to_sqlx()).collect();
    let reasons: Vec<Option<String>> = days.iter().map(|(_, reason)| reason.clone()).collect();
    sqlx::query!(
        "update slots s
         set state = case when n.reason is null then 'waiting' else 'excused' end,
             state_since = case when (n.reason is null) = (s.state = 'waiting') then s.state_since else $3 end,
             check_at = case when n.reason is null then s.late_at end,
             excused_at = case when n.reason is not null then coalesce(s.excused_at, $3) end,
             excused_by = case when n.reason is not null then $6 end,
             excuse_reason = n.reason,
             excused_by_calendar = n.reason is not null
         from unnest($4::date[], $5::text[]) as n (backup_day, reason), expectations e
         where e.firm_id = $1 and e.office_id = $2 and e.job_id is not null
           and s.firm_id = e.firm_id and s.expectation_id = e.expectation_id and s.due_at > $3 and s.backup_day = n.backup_day
           and (s.state = 'waiting' or (s.state = 'excused' and s.excused_by_calendar))",
        firm.0,
        office.0,
        now.to_sqlx(),
        &dates as &[jiff_sqlx::Date],
        &reasons as &[Option<String>],
        by,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// An office's calendar.
pub(super) struct StoredOffice {
    pub(super) zone: String,
    pub(super) closed_weekdays: Vec<i16>,
    pub(super) business_day_starts: i32,
    pub(super) closures: Vec<crate::expectations::calendar::Closure>,
}

/// The calendar of an office.
pub(super) async fn office(
    transaction: &mut Transaction,
    firm: FirmId,
    office: OfficeId,
) -> Result<Option<StoredOffice>, AppError> {
    let row = sqlx::query!(
        "select zone, closed_weekdays, business_day_starts from offices where firm_id = $1 and office_id = $2",
        firm.0,
        office.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let closures = sqlx::query!(
        "select first_day, last_day, reason from office_closures where firm_id = $1 and office_id = $2 order by first_day, closure_id",
        firm.0,
        office.0
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(Some(StoredOffice {
        zone: row.zone,
        closed_weekdays: row.closed_weekdays,
        business_day_starts: row.business_day_starts,
        closures: closures
            .into_iter()
            .map(|row| crate::expectations::calendar::Closure {
                first: row.first_day.to_jiff(),
                last: row.last_day.to_jiff(),
                reason: row.reason,
            })
            .collect(),
    }))
}
