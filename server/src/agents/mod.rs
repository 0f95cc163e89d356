//! Agents: the machines that report, how they are enrolled, how they are revoked.

pub mod answer;
pub mod command;
mod db;
mod enrolment;
pub mod gate;
mod model;
mod pages;
mod revoking;
#[cfg(test)]
mod tests;
pub mod throttle;
mod token;

use lastgood_protocol::ENROL_PATH;

use crate::web::{Access, Audit, Route};

pub use db::{key_of, reporters};
pub use gate::Gate;
pub use model::{Agent, AgentState, Place, Reporter, SKEW_WARNING, TOKEN_VALID_FOR, Token, fingerprint};
pub use token::make_token;

/// An agent was enrolled.
pub const AGENT_ENROLLED: &str = "agent.enrolled";
/// An enrolment was refused in a way somebody should know of.
pub const ENROLMENT_REFUSED: &str = "agent.enrolment_refused";

/// A token for a new agent was made.
pub const TOKEN_MADE: &str = "enrolment_token.made";
/// A token that nobody had used was withdrawn.
pub const TOKEN_WITHDRAWN: &str = "enrolment_token.withdrawn";
/// An agent is not listened to any more.
pub const AGENT_REVOKED: &str = "agent.revoked";

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    let made = Audit::Records(TOKEN_MADE);
    let withdrawn = Audit::Records(TOKEN_WITHDRAWN);
    let revoked = Audit::Records(AGENT_REVOKED);
    let progress = "/practices/{practice_id}/enrol/{token_id}/progress";
    let withdraw = "/practices/{practice_id}/enrol/{token_id}/withdraw";
    vec![
        Route::get("/agents", Access::Reader, pages::agents),
        Route::get("/agents/{agent_id}", Access::Reader, pages::agent),
        Route::post("/agents/{agent_id}/revoke", Access::Operator, revoked, pages::revoke).fresh(),
        Route::get("/practices/{practice_id}/enrol", Access::Operator, pages::enrol::form),
        Route::post(
            "/practices/{practice_id}/enrol",
            Access::Operator,
            made,
            pages::enrol::make,
        ),
        Route::get(progress, Access::Operator, pages::enrol::progress),
        Route::post(withdraw, Access::Operator, withdrawn, pages::enrol::withdraw),
        Route::post(
            ENROL_PATH,
            Access::Agent,
            Audit::Records(AGENT_ENROLLED),
            enrolment::enrol,
        ),
    ]
}
