//! Expectations and their slots: what should happen by when, and what became of each time.
//!
//! A slot's state is computed from evidence and the clock, never set by hand, and never green by default. `judge` is the
//! rule; `slots` applies it to what is stored; `standing` draws the alerts from that; `writing` writes slots ahead; the
//! `evaluator` finds what time alone has changed.

mod calendar;
mod drills;
mod evaluator;
mod excuses;
mod judge;
mod life;
mod model;
#[cfg(test)]
mod reference;
mod rules;
mod runs;
pub mod schedule;
mod silence;
mod slots;
mod standing;
#[cfg(test)]
mod tests;
mod writing;

use jiff::Timestamp;

use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, DrillId, FirmId, JobId, RunId};

pub use calendar::backup_day;
pub use evaluator::Clocks;
pub use excuses::routes;
pub use model::{DstPolicy, JobState, SlotState};
pub use rules::{
    CurrentRule, DRILL_INTERVAL_DAYS, ExpectedJob, RunRule, closures_changed, expect_drills, expect_no_drills,
    expect_nothing, expect_runs, rule_of_job,
};

/// What is told of a slot or a job whose state cannot be worked out.
const CANNOT_BE_JUDGED: &str = "Lastgood cannot judge it; its log says why.";

/// A run was stored or changed: finds its slot, computes that slot's state anew, moves "no success for N" on, and opens or
/// closes the alerts that follow, all in this transaction.
pub async fn run_changed(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    run: RunId,
) -> Result<(), AppError> {
    runs::changed(app, transaction, now, firm, run).await
}

/// A job was archived, renamed or given another rule: brings its alerts in line with that.
pub async fn job_changed(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
) -> Result<(), AppError> {
    standing::settle(app, transaction, now, &[standing::JobRef { firm, job }]).await
}

/// A drill was stored: a passed one fills the practice's open drill slot and begins the next.
pub async fn drill_recorded(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    drill: DrillId,
) -> Result<(), AppError> {
    drills::recorded(app, transaction, now, firm, drill).await
}

/// An agent was heard from: moves its silence deadline on, and ends its silence if it was silent.
pub async fn agent_heard(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    agent: AgentId,
) -> Result<(), AppError> {
    silence::heard(app, transaction, now, firm, agent).await
}

/// One round of the evaluator: everything whose stored deadline has passed, in transactions of bounded size. When the clock
/// cannot be believed nothing is judged, and the pulse stays still so that every page says so.
pub async fn evaluate(app: &App) -> Result<(), AppError> {
    evaluator::evaluate(app).await
}

/// One round of the evaluator as of `now`, for histories that are played rather than lived: the demo's and the tests'.
pub async fn evaluate_at(app: &App, now: Timestamp) -> Result<(), AppError> {
    evaluator::evaluate_at(app, now).await
}
