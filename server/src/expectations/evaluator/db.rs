//! SQL of the evaluator's own life, and of what is due.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::slots::SlotKey;
use crate::expectations::standing::JobRef;
use crate::ids::{FirmId, JobId, PracticeId};

/// Two servers on one database do not evaluate at once. The number is "lastgood" in bytes.
const EVALUATING: i64 = 0x6c61_7374_676f_6f64;

/// Takes the right to evaluate for this transaction; `false` when another server has it.
pub(super) async fn take_turn(transaction: &mut Transaction) -> Result<bool, AppError> {
    let taken = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "taken!""#, EVALUATING)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(taken)
}

/// The database's clock.
pub(super) async fn database_now(transaction: &mut Transaction) -> Result<Timestamp, AppError> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(now.to_jiff())
}

/// Notes that we were down from `from` to `now`: misses from `hold_from` on are not judged before `hold_until`, and no agent
/// is called silent before.
pub(super) async fn hold(
    transaction: &mut Transaction,
    now: Timestamp,
    from: Timestamp,
    (hold_from, hold_until): (Timestamp, Timestamp),
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into monitoring_gaps (began_at, ended_at) values ($1, $2)",
        from.to_sqlx(),
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update evaluator set hold_from = $1, hold_until = $2",
        hold_from.to_sqlx(),
        hold_until.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update agents set silent_at = $1 where silent_at < $1 and silent_since is null and revoked_at is null",
        hold_until.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes that the clock went back to `now`: nothing stays put off until a time that is far again, and nothing was heard later
/// than now.
pub(super) async fn go_back(
    transaction: &mut Transaction,
    now: Timestamp,
    landing: SignedDuration,
) -> Result<(), AppError> {
    sqlx::query!(
        "update evaluator
         set last_tick_at = $1, hold_from = case when hold_from > $1 then $1 else hold_from end,
             hold_until = case when hold_until > $2 then $2 else hold_until end",
        now.to_sqlx(),
        (now + landing).to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update agents
         set last_heard_at = case when last_heard_at > $1 then $1 else last_heard_at end,
             heard_again_at = case when heard_again_at > $1 then $1 else heard_again_at end,
             landed_at = case when landed_at > $2 then $2 else landed_at end,
             silent_since = case when silent_since > $1 then $1 else silent_since end,
             silence_began_at = case when silence_began_at > $1 then $1 else silence_began_at end,
             silent_at = case when silent_at > greatest($1 + make_interval(secs => silent_after_seconds), $2)
                then greatest($1 + make_interval(secs => silent_after_seconds), $2) else silent_at end
         where revoked_at is null",
        now.to_sqlx(),
        (now + landing).to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update slots set check_at = $1 where check_at > $1 and state in ('running', 'late', 'not_monitored', 'unknown')",
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes a tick.
pub(super) async fn note_tick(transaction: &mut Transaction, now: Timestamp) -> Result<(), AppError> {
    sqlx::query!(
        "insert into evaluator (last_tick_at) values ($1)
         on conflict (only_row) do update set last_tick_at = greatest(evaluator.last_tick_at, excluded.last_tick_at)",
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Locks and returns slots to be judged by `now`, the longest due first. Slots whose expectation somebody else is changing
/// are left for the next tick.
pub(super) async fn due_slots(
    transaction: &mut Transaction,
    now: Timestamp,
    most: i64,
) -> Result<Vec<SlotKey>, AppError> {
    let rows = sqlx::query!(
        "select s.firm_id, s.slot_id
         from slots s
         join expectations e on e.firm_id = s.firm_id and e.expectation_id = s.expectation_id
         where s.check_at <= $1
         order by s.check_at
         limit $2
         for no key update of e skip locked",
        now.to_sqlx(),
        most
    )
    .fetch_all(&mut **transaction)
    .await?;
    let keys = rows.into_iter().map(|row| SlotKey {
        firm: row.firm_id,
        slot: row.slot_id,
    });
    Ok(keys.collect())
}

/// Locks and returns jobs whose "no success for N" has become true.
pub(super) async fn due_no_success(
    transaction: &mut Transaction,
    now: Timestamp,
    most: i64,
) -> Result<Vec<JobRef>, AppError> {
    let rows = sqlx::query!(
        r#"select firm_id, job_id as "job_id!: JobId" from expectations
           where no_success_at <= $1 and retired_at is null and job_id is not null
           order by no_success_at limit $2 for no key update skip locked"#,
        now.to_sqlx(),
        most
    )
    .fetch_all(&mut **transaction)
    .await?;
    let jobs = rows.into_iter().map(|row| JobRef {
        firm: row.firm_id,
        job: row.job_id,
    });
    Ok(jobs.collect())
}

/// When "no success for N" of these jobs is to be looked at; `None`: not before the next good run.
pub(super) async fn move_no_success(
    transaction: &mut Transaction,
    jobs: &[JobRef],
    to: Option<Timestamp>,
) -> Result<(), AppError> {
    let (firms, ids): (Vec<Uuid>, Vec<Uuid>) = jobs.iter().map(|job| (job.firm.0, job.job.0)).unzip();
    sqlx::query!(
        "update expectations e set no_success_at = $3
         from unnest($1::uuid[], $2::uuid[]) as n (firm_id, job_id)
         where e.firm_id = n.firm_id and e.job_id = n.job_id and e.retired_at is null",
        &firms,
        &ids,
        to.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Something that could not be judged, and whom to tell.
pub(super) struct Poisoned {
    pub(super) practice: PracticeId,
    pub(super) job: Option<JobId>,
    pub(super) name: String,
}

/// A job that could not be judged.
pub(super) async fn job(transaction: &mut Transaction, job: JobRef) -> Result<Option<Poisoned>, AppError> {
    let row = sqlx::query!(
        "select practice_id, name from jobs where firm_id = $1 and job_id = $2",
        job.firm.0,
        job.job.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Poisoned {
        practice: row.practice_id,
        job: Some(job.job),
        name: row.name,
    }))
}

/// Notes that this slot cannot be judged, and looks at it again later.
pub(super) async fn put_off(
    transaction: &mut Transaction,
    now: Timestamp,
    key: SlotKey,
    until: Timestamp,
) -> Result<Option<Poisoned>, AppError> {
    let row = sqlx::query!(
        r#"update slots s set check_at = $3, unjudged_since = coalesce(s.unjudged_since, $4)
         from practices p
         where s.firm_id = $1 and s.slot_id = $2 and p.firm_id = s.firm_id and p.practice_id = s.practice_id
         returning s.practice_id, s.job_id,
            coalesce((select j.name from jobs j where j.firm_id = s.firm_id and j.job_id = s.job_id), p.name) as "name!""#,
        key.firm.0,
        key.slot.0,
        until.to_sqlx(),
        now.to_sqlx()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Poisoned {
        practice: row.practice_id,
        job: row.job_id,
        name: row.name,
    }))
}

/// The names of these jobs and practices, for alerts about rules that cannot be followed.
pub(super) async fn name_of(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
    job: Option<JobId>,
) -> Result<String, AppError> {
    let name = sqlx::query_scalar!(
        r#"select coalesce((select name from jobs where firm_id = $1 and job_id = $3),
                           (select name from practices where firm_id = $1 and practice_id = $2)) as "name!""#,
        firm.0,
        practice.0,
        job.map(|job| job.0) as Option<Uuid>
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(name)
}
