//! Excuses: a person says that nothing was expected on a day, and why. Never a success, always with a name, and undone by
//! whoever may give one.

mod db;
mod pages;

use jiff::Timestamp;

pub use pages::routes;

use super::SlotState;
use super::slots::{self, SlotKey};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
pub(super) use db::Excusable;

/// Excuses a slot that nothing filled, in somebody's name.
///
/// # Errors
/// [`AppError::NotFound`] when it is no job's slot, [`AppError::Conflict`] when there is nothing to excuse.
pub(super) async fn excuse(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    key: SlotKey,
    by: &str,
    reason: &str,
) -> Result<Excusable, AppError> {
    slots::lock(transaction, &[key]).await?;
    let slot = db::find(transaction, key).await?.ok_or(AppError::NotFound)?;
    if slot.excused.is_some() {
        return Err(AppError::Conflict("This day is excused already.".to_owned()));
    }
    if !can_be_excused(slot.state) {
        return Err(AppError::Conflict(
            "Something was reported for this day, so there is nothing to excuse.".to_owned(),
        ));
    }
    db::set(transaction, key, Some((now, by, reason))).await?;
    slots::judge_anew(app, transaction, now, &[key], &[]).await?;
    Ok(slot)
}

/// Takes a person's excuse back; the slot is judged by its evidence again.
///
/// # Errors
/// [`AppError::NotFound`] when it is no job's slot, [`AppError::Conflict`] when no person excused it.
pub(super) async fn undo(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    key: SlotKey,
) -> Result<Excusable, AppError> {
    slots::lock(transaction, &[key]).await?;
    let slot = db::find(transaction, key).await?.ok_or(AppError::NotFound)?;
    if slot.by_calendar {
        return Err(AppError::Conflict(
            "The office is closed on this day. Change its closed days instead.".to_owned(),
        ));
    }
    if slot.excused.is_none() {
        return Err(AppError::Conflict("This day is not excused.".to_owned()));
    }
    db::set(transaction, key, None).await?;
    slots::judge_anew(app, transaction, now, &[key], &[]).await?;
    Ok(slot)
}

/// Evidence stands above an excuse.
fn can_be_excused(state: SlotState) -> bool {
    match state {
        SlotState::Waiting | SlotState::Late | SlotState::Missed | SlotState::NotMonitored | SlotState::Unknown => true,
        SlotState::Running
        | SlotState::Ok
        | SlotState::Warning
        | SlotState::Failed
        | SlotState::Overrun
        | SlotState::Excused => false,
    }
}
