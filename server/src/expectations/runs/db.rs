//! SQL that finds the slot of a run.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, JobId, RunId, SlotId};
use crate::runs::Outcome;

/// What is needed of a run to find its slot.
pub(super) struct StoredRun {
    pub(super) job: JobId,
    pub(super) slot: Option<SlotId>,
    pub(super) started_at: Timestamp,
    pub(super) outcome: Option<Outcome>,
}

/// The run, if it is stored.
pub(super) async fn find(
    transaction: &mut Transaction,
    firm: FirmId,
    run: RunId,
) -> Result<Option<StoredRun>, AppError> {
    let row = sqlx::query!(
        "select job_id, slot_id, started_at, outcome from runs where firm_id = $1 and run_id = $2",
        firm.0,
        run.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| StoredRun {
        job: row.job_id,
        slot: row.slot_id,
        started_at: row.started_at.to_jiff(),
        outcome: row.outcome,
    }))
}

/// Keeps everybody else from changing the slots of this job.
pub(super) async fn lock_expectations(transaction: &mut Transaction, firm: FirmId, job: JobId) -> Result<(), AppError> {
    sqlx::query!(
        "select expectation_id from expectations where firm_id = $1 and job_id = $2
         order by firm_id, expectation_id for no key update",
        firm.0,
        job.0
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(())
}

/// The slot of the job that a run which began then belongs to.
pub(super) async fn slot_at(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
    started_at: Timestamp,
) -> Result<Option<SlotId>, AppError> {
    let row = sqlx::query!(
        "select slot_id, closes_at from slots
         where firm_id = $1 and job_id = $2 and opens_at <= $3
         order by opens_at desc limit 1",
        firm.0,
        job.0,
        started_at.to_sqlx()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row
        .filter(|row| row.closes_at.is_none_or(|closes_at| started_at < closes_at.to_jiff()))
        .map(|row| row.slot_id))
}

/// Puts the run into this slot, or into none.
pub(super) async fn assign(
    transaction: &mut Transaction,
    firm: FirmId,
    run: RunId,
    slot: Option<SlotId>,
) -> Result<(), AppError> {
    sqlx::query!(
        "update runs set slot_id = $3 where firm_id = $1 and run_id = $2",
        firm.0,
        run.0,
        slot.map(|slot| slot.0) as Option<Uuid>
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Moves "no success for N" on to the job's last good run.
pub(super) async fn count_from_last_success(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
) -> Result<(), AppError> {
    sqlx::query!(
        "update expectations e
         set last_success_at = good.finished_at, no_success_at = good.finished_at + make_interval(secs => e.no_success_seconds)
         from (select r.finished_at from runs r
               where r.firm_id = $1 and r.job_id = $2 and r.outcome in ('ok', 'warning')
               order by r.started_at desc, r.run_id desc limit 1) good
         where e.firm_id = $1 and e.job_id = $2 and e.retired_at is null
           and e.last_success_at is distinct from good.finished_at",
        firm.0,
        job.0
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
