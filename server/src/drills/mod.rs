//! Drills: practised restores, with their steps, times and checks.

mod db;
mod model;
mod pages;

use lastgood_protocol::DrillRecorded;

use crate::agents::Reporter;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{DrillId, FirmId, JobId, MediumId, PracticeId};
use crate::runs::Reported;
use crate::web::{Access, Route};

pub use model::{Drill, Outcome, Standing};

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/drills", Access::Reader, pages::list),
        Route::get("/drills/{drill_id}", Access::Reader, pages::drill),
    ]
}

/// Stores a drill. Whether it is new.
///
/// # Errors
/// [`AppError::Conflict`] when another drill is stored under its id, and [`AppError::Invalid`] naming a field that cannot
/// be.
pub async fn record(
    transaction: &mut Transaction,
    reporter: &Reporter,
    received: Reported,
    recorded: &DrillRecorded,
    job: Option<JobId>,
    medium: Option<MediumId>,
) -> Result<bool, AppError> {
    let row = model::DrillRow::new(received, recorded)?;
    if db::insert(transaction, reporter, received, &row, job, medium).await? {
        return Ok(true);
    }
    if db::is_same(transaction, reporter, &row).await? {
        return Ok(false);
    }
    Err(AppError::Conflict(
        "Another drill was reported under this id before. The first report stays.".to_owned(),
    ))
}

/// The drills of a firm, or of one of its practices, newest first, at most `most`.
pub async fn newest(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
    most: i64,
) -> Result<Vec<Drill>, AppError> {
    db::newest(transaction, firm, practice, most).await
}

/// A drill, if it is in the transaction's scope.
pub async fn find(transaction: &mut Transaction, firm: FirmId, drill: DrillId) -> Result<Option<Drill>, AppError> {
    db::find(transaction, firm, drill).await
}

/// How each practice stands: its last passed drill and when the next is due.
pub async fn standings(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
) -> Result<Vec<Standing>, AppError> {
    db::standings(transaction, firm, practice).await
}
