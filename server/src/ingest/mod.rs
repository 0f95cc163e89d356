//! Ingest: verifies what agents send, appends it to the inbox as received, answers after the commit; and the projector,
//! which turns what was received into runs, media and drills.

mod batch;
mod check;
mod committer;
mod continuity;
mod db;
mod deliver;
pub mod inbox;
mod projector;
mod store;
#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::machine as testing;

use lastgood_protocol::EVENTS_PATH;

use crate::web::{Access, Audit, Route};

pub use committer::{Committer, run as run_committer};
pub use projector::project;

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    let mut routes = inbox::routes();
    let deliver = Route::post(EVENTS_PATH, Access::Agent, Audit::Nothing, deliver::deliver);
    routes.push(deliver);
    routes
}
