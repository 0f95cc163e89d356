//! Alerts: open problems, one per practice, subject and kind; opened and closed by evidence in the transaction that found it.

mod db;
mod model;

use jiff::Timestamp;

use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId};

pub use db::count_open;
pub use model::{AlertFacts, AlertKey, AlertKind, Recovery, Subject, SubjectKind};

/// Opens an alert, or adds to the one that is open: one per practice, subject and kind. The messages about it go into the
/// outbox in the same transaction, held for `app.options.alert_hold`.
pub async fn raise(
    _app: &App,
    _transaction: &mut Transaction,
    _now: Timestamp,
    _key: &AlertKey,
    _since: Timestamp,
    _facts: &AlertFacts,
) -> Result<(), AppError> {
    Ok(())
}

/// Closes the alert with this key, if one is open, because the evidence says it is over; tells whoever was told of it,
/// saying what was missed. Whether one was open.
pub async fn recover(
    _app: &App,
    _transaction: &mut Transaction,
    _now: Timestamp,
    _key: &AlertKey,
    _recovery: &Recovery,
) -> Result<bool, AppError> {
    Ok(false)
}

/// Closes the alert with this key, if one is open, because another explains it; messages about it that were not sent yet
/// are withdrawn. Whether one was open.
pub async fn replace(
    _app: &App,
    _transaction: &mut Transaction,
    _now: Timestamp,
    _key: &AlertKey,
    _by: AlertKind,
) -> Result<bool, AppError> {
    Ok(false)
}

/// Tells everybody who receives this practice's alerts that somebody changed what alerts there are (house rule 9).
pub async fn tell_recipients(
    _app: &App,
    _transaction: &mut Transaction,
    _now: Timestamp,
    _firm: FirmId,
    _practice: PracticeId,
    _sentence: &str,
) -> Result<(), AppError> {
    Ok(())
}
