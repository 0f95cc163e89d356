//! Practices: a firm's clients, their offices with time zone and closed days, and the days an office is closed besides.

pub mod command;
mod db;
mod model;

use jiff::Timestamp;

pub use db::{add, add_office, named, names};
pub use model::{NewPractice, OfficeDetails, zone_name};

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, OfficeId, PracticeId};

/// Adds a practice with its first office, and what is expected of every practice.
pub async fn create(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: &NewPractice,
) -> Result<(PracticeId, OfficeId), AppError> {
    add(transaction, now, firm, practice).await
}
