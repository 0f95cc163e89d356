//! What was received and could not be understood: looked at, and tried again after a fix.

pub mod command;
mod db;
mod pages;

use jiff::Timestamp;

use crate::ids::{AgentId, EventId, PracticeId};
use crate::web::{Access, Audit, Route};

/// An event that was set aside is tried again.
const EVENT_RETRIED: &str = "event.retried";

pub(super) fn routes() -> Vec<Route> {
    let retried = Audit::Records(EVENT_RETRIED);
    vec![
        Route::get("/inbox", Access::Reader, pages::inbox),
        Route::post("/inbox/retry", Access::Operator, retried, pages::retry_all),
        Route::post(
            "/inbox/{agent_id}/{event_id}/retry",
            Access::Operator,
            retried,
            pages::retry_one,
        ),
    ]
}

/// An event that was set aside.
#[derive(Debug, Clone)]
struct SetAside {
    agent: AgentId,
    agent_name: String,
    event: EventId,
    practice: PracticeId,
    practice_name: String,
    zone: String,
    kind: String,
    received_at: Timestamp,
    attempts: i32,
    problem: String,
    body: String,
}

/// Which events to try again.
#[derive(Debug, Clone, Copy)]
enum Which {
    All,
    /// One, of a known agent or of whichever agent sent it.
    One(Option<AgentId>, EventId),
}
