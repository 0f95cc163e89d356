//! Agents: the machines that report, how they are enrolled, how they are revoked.

pub mod answer;
mod db;
mod enrolment;
pub mod gate;
mod model;
pub mod throttle;
mod token;

use lastgood_protocol::ENROL_PATH;

use crate::web::{Access, Audit, Route};

pub use db::key_of;
pub use gate::Gate;
pub use model::{Agent, AgentState, Place, SKEW_WARNING, TOKEN_VALID_FOR, Token, fingerprint};
pub use token::make_token;

/// An agent was enrolled.
pub const AGENT_ENROLLED: &str = "agent.enrolled";
/// An enrolment was refused in a way somebody should know of.
pub const ENROLMENT_REFUSED: &str = "agent.enrolment_refused";

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![Route::post(
        ENROL_PATH,
        Access::Agent,
        Audit::Records(AGENT_ENROLLED),
        enrolment::enrol,
    )]
}
