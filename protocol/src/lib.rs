//! What an agent and the server say to each other.
//!
//! The fields here are all that ever leaves a practice: counts, sizes, times, yes and no. There is no field for a file
//! name or a path inside a backup, and none is added without changing `SECURITY.md`. The one for a tool's output
//! ([`OutputTail`]) stays empty unless the machine's administrator asks for it, and is redacted on the machine.
//!
//! The protocol only grows: a field is added as optional, a meaning never changes. See [`VERSION`].

mod answer;
mod discovery;
mod drill;
mod enrolment;
mod event;
mod ids;
mod medium;
mod run;
mod token;

pub use answer::{BatchAnswer, EventAnswer, EventStatus, Problem, ProblemClass};
pub use discovery::{
    FoundBy, JobProposal, JobsProposed, MOST_PROPOSALS, MOST_PROPOSED_CHARACTERS, ProposedSchedule, ReportingWay,
    Unclear,
};
pub use drill::{DrillCheck, DrillOutcome, DrillRecorded, DrillStep, StepOutcome};
pub use enrolment::{EnrolmentAnswer, EnrolmentRequest, EnrolmentToken, EnrolmentTokenError};
pub use event::{AgentProblem, AgentProblemKind, Batch, Event, EventBody, Heartbeat, RawBatch, RawEvent};
pub use ids::{AgentId, DrillId, EventId, JobKey, JobKeyError, MarkerId, RunId};
pub use medium::{Encryption, MediumMoved, MediumRegistered, MediumSighting};
pub use run::{
    Basis, Claim, Coverage, DatabaseCopy, DestinationKind, Knowledge, Outcome, OutputTail, RunFacts, RunFinished,
    RunStarted, Sample, ToolIdentity,
};
pub use token::{AgentKey, AgentKeyError, Claims, PublicKey, TOKEN_AUDIENCE, TOKEN_ISSUER, TOKEN_LIFETIME, TokenError};

/// The version of the protocol this build speaks, sent in every batch.
///
/// History:
/// - 1 (2026-11-23): enrolment; heartbeat, run started, run finished, medium registered, drill recorded, agent problem.
///   Added since, all optional: a claim's basis; a run's sample, database copy, coverage, destination's name and the start of
///   the database server; whether a medium is removable, what encrypts it and what it is a copy of; the medium that a run
///   waited for; the redacted end of a tool's output. Kinds of event: medium moved, jobs proposed.
pub const VERSION: u32 = 1;

/// Where an agent redeems its enrolment token.
pub const ENROL_PATH: &str = "/agent/v1/enroll";

/// Where an agent delivers its events.
pub const EVENTS_PATH: &str = "/agent/v1/events";

/// The most events one batch may carry.
pub const MAX_BATCH_EVENTS: usize = 100;

/// The largest request body the server reads on an agent route, in bytes.
pub const MAX_BATCH_BYTES: usize = 256 * 1024;

/// The largest single event, in bytes of JSON.
pub const MAX_EVENT_BYTES: usize = 16 * 1024;

/// The most lines of a tool's standard output, and of its standard error, that a report carries.
pub const MOST_OUTPUT_LINES: usize = 50;

/// The most bytes of UTF-8 that the lines of a tool's output have in all.
pub const MOST_OUTPUT_BYTES: usize = 4 * 1024;

/// The largest answer an agent reads, in bytes; a longer one is treated as a broken server.
pub const MAX_ANSWER_BYTES: u64 = 64 * 1024;
