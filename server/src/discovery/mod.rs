//! Discovery: jobs that agents propose after somebody looked around on their machines, to be accepted or dismissed. A proposal is
//! no alert and no job: nothing is expected of it.

mod db;
mod model;
mod pages;
#[cfg(test)]
mod tests;

use lastgood_protocol::JobsProposed;

use crate::agents::Reporter;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId};
use crate::jobs;
use crate::runs::Reported;
use crate::web::{Access, Audit, Route};

pub use model::State;

/// A proposal was dismissed.
const DISMISSED: &str = "proposal.dismissed";
/// A dismissal was taken back.
const UNDONE: &str = "proposal.dismissal_undone";

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/practices/{practice}/proposals", Access::Operator, pages::list),
        Route::get("/proposals/{proposal}", Access::Operator, pages::show),
        Route::get("/proposals/{proposal}/accept", Access::Operator, pages::accept::show),
        Route::post(
            "/proposals/{proposal}/accept",
            Access::Operator,
            Audit::Records(jobs::ADDED),
            pages::accept::submit,
        ),
        Route::post(
            "/proposals/{proposal}/dismiss",
            Access::Operator,
            Audit::Records(DISMISSED),
            pages::dismiss,
        ),
        Route::post(
            "/proposals/{proposal}/dismissal/undo",
            Access::Operator,
            Audit::Records(UNDONE),
            pages::undo,
        ),
    ]
}

/// Keeps what an agent proposes: what is new is added, what is known is brought up to date and stays accepted or dismissed, and
/// what it does not name any more is marked so.
///
/// # Errors
/// [`AppError::Invalid`] naming a field that cannot be.
pub async fn propose(
    transaction: &mut Transaction,
    reporter: &Reporter,
    received: Reported,
    proposed: &JobsProposed,
) -> Result<(), AppError> {
    let looked_at = received.past("looked_at", proposed.looked_at)?;
    model::check(proposed)?;
    db::keep(transaction, reporter, looked_at, &proposed.proposals).await?;
    db::mark_gone(transaction, reporter, looked_at).await
}

/// How many proposals of a practice wait for somebody.
pub async fn waiting(transaction: &mut Transaction, firm: FirmId, practice: PracticeId) -> Result<i64, AppError> {
    db::waiting(transaction, firm, practice).await
}
