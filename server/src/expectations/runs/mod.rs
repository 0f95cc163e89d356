//! Runs as evidence: each belongs to one slot of its job, found by when it began.

mod db;

use jiff::Timestamp;

use super::slots::{self, SlotKey};
use super::standing::JobRef;
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, RunId};
use crate::runs::Outcome;

/// See [`super::run_changed`].
pub(super) async fn changed(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    run: RunId,
) -> Result<(), AppError> {
    let Some(stored) = db::find(transaction, firm, run).await? else {
        return Err(AppError::internal(format!(
            "run {run} is to be judged and is not stored"
        )));
    };
    db::lock_expectations(transaction, firm, stored.job).await?;
    let slot = db::slot_at(transaction, firm, stored.job, stored.started_at).await?;
    if slot != stored.slot {
        db::assign(transaction, firm, run, slot).await?;
    }
    if matches!(stored.outcome, Some(Outcome::Ok | Outcome::Warning)) {
        db::count_from_last_success(transaction, firm, stored.job).await?;
    }
    let mut touched: Vec<SlotKey> = [slot, stored.slot]
        .into_iter()
        .flatten()
        .map(|slot| SlotKey { firm, slot })
        .collect();
    touched.dedup();
    let job = JobRef { firm, job: stored.job };
    slots::judge_anew(app, transaction, now, &touched, &[job]).await?;
    Ok(())
}
