//! What the server answers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::EventId;

/// The answer to a batch, sent only after everything it calls stored is committed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchAnswer {
    /// The server's clock.
    pub server_time: Timestamp,
    /// One answer per event, in the batch's order.
    pub results: Vec<EventAnswer>,
}

/// The answer to one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventAnswer {
    /// The event's id; absent when it could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<EventId>,
    /// What became of it.
    pub status: EventStatus,
    /// The field that is wrong, for a refused event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventStatus {
    /// Committed. The agent may forget it.
    Stored,
    /// It was committed before. The agent may forget it.
    Duplicate,
    /// An event with this id and another content was committed before; this one is refused and the consultant is told.
    Conflict,
    /// It can never be stored as it is. The agent sets it aside and reports that it did.
    Rejected,
}

impl EventStatus {
    /// Whether the server holds the event safely.
    pub fn is_acknowledged(self) -> bool {
        matches!(self, Self::Stored | Self::Duplicate)
    }
}

/// The body of every answer to an agent that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What an agent does about it depends on this alone.
    pub class: ProblemClass,
    /// What went wrong and what to do, for a person.
    pub message: String,
    /// The field that is wrong, as a JSON path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The server's clock, so that an agent whose clock is wrong can sign again.
    pub server_time: Timestamp,
}

/// The classes of [`Problem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProblemClass {
    /// The request cannot be read. Sending it again will not help.
    Malformed,
    /// The request is larger than the server reads.
    TooLarge,
    /// No token, or one that does not verify.
    Unauthenticated,
    /// The token is not valid at the server's time: correct the clock difference and sign again.
    Clock,
    /// The server does not know this agent, or it was revoked.
    UnknownAgent,
    /// The enrolment token is not known.
    TokenUnknown,
    /// The enrolment token was used already.
    TokenUsed,
    /// The enrolment token has expired or was withdrawn.
    TokenExpired,
    /// Too many requests; wait as `Retry-After` says.
    SlowDown,
    /// The server cannot store anything at the moment; keep everything and try again.
    Unavailable,
    /// No such address, or not with this method.
    NotFound,
}
