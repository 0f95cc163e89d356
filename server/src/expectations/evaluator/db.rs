//! SQL of the evaluator's own life, and of what is due.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::slots::SlotKey;
use crate::expectations::standing::JobRef;
use crate::ids::FirmId;

/// Two servers on one database do not evaluate at once. The number is "lastgood" in bytes.
const EVALUATING: i64 = 0x6c61_7374_676f_6f64;

/// Takes the right to evaluate for this transaction; `false` when another server has it.
pub(super) async fn take_turn(transaction: &mut Transaction) -> Result<bool, AppError> {
    let taken = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "taken!""#, EVALUATING)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(taken)
}

/// What the evaluator knows of itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Life {
    pub(super) last_tick_at: Timestamp,
    pub(super) hold_from: Option<Timestamp>,
    pub(super) hold_until: Option<Timestamp>,
}

/// The evaluator's life, `None` before its first tick.
pub(super) async fn life(transaction: &mut Transaction) -> Result<Option<Life>, AppError> {
    let row = sqlx::query!("select last_tick_at, hold_from, hold_until from evaluator")
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(row.map(|row| Life {
        last_tick_at: row.last_tick_at.to_jiff(),
        hold_from: row.hold_from.map(jiff_sqlx::Timestamp::to_jiff),
        hold_until: row.hold_until.map(jiff_sqlx::Timestamp::to_jiff),
    }))
}

/// The database's clock.
pub(super) async fn database_now(transaction: &mut Transaction) -> Result<Timestamp, AppError> {
    let now = sqlx::query_scalar!(r#"select clock_timestamp() as "now!""#)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(now.to_jiff())
}

/// Notes that we were down from `from` to `now`: misses from then on are not judged before `hold_until`, and no agent is
/// called silent before.
pub(super) async fn hold(
    transaction: &mut Transaction,
    now: Timestamp,
    from: Timestamp,
    hold_from: Timestamp,
    hold_until: Timestamp,
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

/// Takes expectations whose "no success for N" has become true, and returns their jobs.
pub(super) async fn take_no_success(
    transaction: &mut Transaction,
    now: Timestamp,
    most: i64,
) -> Result<Vec<JobRef>, AppError> {
    let rows = sqlx::query!(
        r#"with due as (
            select firm_id, expectation_id from expectations
            where no_success_at <= $1 and retired_at is null
            order by no_success_at limit $2 for no key update skip locked)
         update expectations e set no_success_at = null from due
         where e.firm_id = due.firm_id and e.expectation_id = due.expectation_id
         returning e.firm_id, e.job_id as "job_id!: crate::ids::JobId""#,
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

/// A slot that could not be judged, and whom to tell.
pub(super) struct Poisoned {
    pub(super) practice: crate::ids::PracticeId,
    pub(super) job: Option<crate::ids::JobId>,
    pub(super) name: String,
}

/// Looks at this slot again later.
pub(super) async fn put_off(
    transaction: &mut Transaction,
    key: SlotKey,
    until: Timestamp,
) -> Result<Option<Poisoned>, AppError> {
    let row = sqlx::query!(
        r#"update slots s set check_at = $3
         from practices p
         where s.firm_id = $1 and s.slot_id = $2 and p.firm_id = s.firm_id and p.practice_id = s.practice_id
         returning s.practice_id, s.job_id,
            coalesce((select j.name from jobs j where j.firm_id = s.firm_id and j.job_id = s.job_id), p.name) as "name!""#,
        key.firm.0,
        key.slot.0,
        until.to_sqlx()
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
    practice: crate::ids::PracticeId,
    job: Option<crate::ids::JobId>,
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
