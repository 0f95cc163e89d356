//! Expectations and their slots: what should happen by when, and what became of each time.
//!
//! A slot's state is computed from evidence and the clock, never set by hand, and never green by default.

mod model;
pub mod schedule;

use jiff::Timestamp;

use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, DrillId, FirmId, RunId};

pub use model::{DstPolicy, JobState, SlotState};

/// A run was stored or changed: finds its slot, computes that slot's state anew, moves "no success for N" on, and opens or
/// closes the alerts that follow, all in this transaction.
pub async fn run_changed(
    _app: &App,
    _transaction: &mut Transaction,
    _now: Timestamp,
    _firm: FirmId,
    _run: RunId,
) -> Result<(), AppError> {
    Ok(())
}

/// A drill was stored: a passed one fills the practice's open drill slot and begins the next.
pub async fn drill_recorded(
    _app: &App,
    _transaction: &mut Transaction,
    _now: Timestamp,
    _firm: FirmId,
    _drill: DrillId,
) -> Result<(), AppError> {
    Ok(())
}

/// An agent was heard from: moves its silence deadline on, and ends its silence if it was silent.
pub async fn agent_heard(
    _app: &App,
    _transaction: &mut Transaction,
    _now: Timestamp,
    _firm: FirmId,
    _agent: AgentId,
) -> Result<(), AppError> {
    Ok(())
}

/// One round of the evaluator: everything whose stored deadline has passed, in transactions of bounded size.
pub async fn evaluate(app: &App) -> Result<(), AppError> {
    app.pulse.beat(app.clock.now());
    Ok(())
}
