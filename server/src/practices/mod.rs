//! Practices: a firm's clients, their offices with time zone and closed days, and the days an office is closed besides.

pub mod command;
mod db;
mod model;
mod offices;
mod pages;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use db::{add, add_office, keep_in_use, named, names};
pub use model::{Closure, NewPractice, OfficeDetails, zone_name};
pub use pages::routes;

use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::{self, DRILL_INTERVAL_DAYS};
use crate::ids::{FirmId, OfficeId, PracticeId};

/// Adds a practice with its first office, and what is expected of every practice.
pub async fn create(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: &NewPractice,
) -> Result<(PracticeId, OfficeId), AppError> {
    let (id, office) = add(transaction, now, firm, practice).await?;
    expectations::expect_drills(transaction, now, firm, id, office, DRILL_INTERVAL_DAYS).await?;
    Ok((id, office))
}
