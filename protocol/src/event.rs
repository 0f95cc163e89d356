//! Events and the batches that carry them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{DrillRecorded, EventId, JobKey, JobsProposed, MediumMoved, MediumRegistered, RunFinished, RunStarted};

/// What an agent posts to [`crate::EVENTS_PATH`]: its own "now" and up to [`crate::MAX_BATCH_EVENTS`] events, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The protocol version the agent speaks, [`crate::VERSION`].
    pub protocol: u32,
    /// The agent's wall clock when it sent this batch. The server takes the difference to its own as the agent's skew.
    pub sent_at: Timestamp,
    /// Made anew at each start of the machine, so that a spool copied to a second machine is noticed.
    pub boot: Uuid,
    /// The agent's version, as in its `Cargo.toml`.
    pub agent_version: String,
    /// The events, in the order of their `seq`.
    pub events: Vec<Event>,
}

/// A [`Batch`] whose events are still the text that was received, so that the server can store them as received.
#[derive(Debug, Deserialize)]
pub struct RawBatch<'a> {
    /// See [`Batch::protocol`].
    pub protocol: u32,
    /// See [`Batch::sent_at`].
    pub sent_at: Timestamp,
    /// See [`Batch::boot`].
    pub boot: Uuid,
    /// See [`Batch::agent_version`].
    pub agent_version: String,
    /// Each event's own JSON text.
    #[serde(borrow)]
    pub events: Vec<&'a RawValue>,
}

/// The part of an event that the server must understand to store it; its body may be of a later version.
#[derive(Debug, Deserialize)]
pub struct RawEvent<'a> {
    /// See [`Event::id`].
    pub id: EventId,
    /// See [`Event::seq`].
    pub seq: u64,
    /// See [`Event::occurred_at`].
    pub occurred_at: Timestamp,
    /// The event's kind, as in [`EventBody`]'s tag.
    pub kind: String,
    /// The body, untouched.
    #[serde(borrow)]
    pub body: &'a RawValue,
}

/// One thing an agent has to say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Constant over retries; the server stores an event once per agent and id.
    pub id: EventId,
    /// Counts up by one per event and agent, never reused; a gap means events were lost at the practice.
    pub seq: u64,
    /// When it happened, by the agent's clock.
    pub occurred_at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub what: EventBody,
}

/// The kinds of event, tagged `kind` and `body` on the wire.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body", rename_all = "snake_case")]
pub enum EventBody {
    /// The agent is alive.
    Heartbeat(Heartbeat),
    /// A run began.
    RunStarted(RunStarted),
    /// A run ended.
    RunFinished(Box<RunFinished>),
    /// A medium was given a marker and a label.
    MediumRegistered(MediumRegistered),
    /// A medium was put in or taken out.
    MediumMoved(MediumMoved),
    /// A practised restore.
    DrillRecorded(Box<DrillRecorded>),
    /// The agent found something wrong with itself.
    AgentProblem(AgentProblem),
    /// Somebody looked around on the machine for what could be a job.
    JobsProposed(Box<JobsProposed>),
}

/// "I am here", with what the server may want to show about the agent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heartbeat {
    /// Events that wait in the spool, this one not counted.
    pub spooled: u64,
    /// Seconds until the next heartbeat is meant to be sent.
    pub next_in_seconds: u32,
    /// The jobs of the agent's configuration.
    pub jobs: Vec<JobKey>,
}

/// Something wrong on the agent's side that must not stay there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentProblem {
    /// What kind of problem.
    pub kind: AgentProblemKind,
    /// One sentence for the consultant: no file names, no tool output.
    pub message: String,
    /// How many records or events it concerns.
    pub count: u64,
}

/// The kinds of [`AgentProblem`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentProblemKind {
    /// Spool records did not pass their checksum and were set aside.
    SpoolCorrupt,
    /// The spool was full and the oldest events of least weight were dropped.
    SpoolOverflow,
    /// The server refused events for good; they were set aside.
    EventsRejected,
    /// The spool could not be written.
    SpoolUnwritable,
}
