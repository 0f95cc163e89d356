//! What an alert is: its kind, its subject, and the facts its sentence needs.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ids::{AgentId, DrillId, FirmId, JobId, PracticeId, RunId};

crate::text_enum! {
    /// What is wrong.
    pub enum AlertKind {
        /// Nothing came when something was expected.
        Missed = "missed",
        /// A run failed.
        Failed = "failed",
        /// A run takes longer than it may.
        Overrun = "overrun",
        /// No run went well for too long, whatever else happened.
        NoSuccess = "no_success",
        /// An agent is not heard from; replaces its jobs' misses.
        AgentSilent = "agent_silent",
        /// An agent sent two different events under one id.
        Equivocation = "equivocation",
        /// Events were received that cannot be understood.
        Unprojectable = "unprojectable",
        /// An agent found something wrong with itself.
        AgentProblem = "agent_problem",
        /// The same medium on two consecutive backup days.
        SameMedium = "same_medium",
        /// Fewer than three sets in use.
        FewSets = "few_sets",
        /// A practised restore failed.
        DrillFailed = "drill_failed",
        /// No practised restore for too long.
        DrillOverdue = "drill_overdue",
        /// Messages could not be delivered.
        Undelivered = "undelivered",
    }
}

crate::text_enum! {
    /// What an alert is about.
    pub enum SubjectKind {
        /// A job.
        Job = "job",
        /// An agent.
        Agent = "agent",
        /// The practice itself.
        Practice = "practice",
        /// Somebody who should have received messages.
        Recipient = "recipient",
    }
}

/// The thing an alert is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// What kind of thing.
    pub kind: SubjectKind,
    /// Which one.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

impl Subject {
    /// A job.
    pub fn job(job: JobId, name: impl Into<String>) -> Self {
        Self {
            kind: SubjectKind::Job,
            id: job.0,
            name: name.into(),
        }
    }

    /// An agent.
    pub fn agent(agent: AgentId, name: impl Into<String>) -> Self {
        Self {
            kind: SubjectKind::Agent,
            id: agent.0,
            name: name.into(),
        }
    }

    /// The practice itself.
    pub fn practice(practice: PracticeId, name: impl Into<String>) -> Self {
        Self {
            kind: SubjectKind::Practice,
            id: practice.0,
            name: name.into(),
        }
    }
}

/// What makes an alert the same alert: there is one open per key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertKey {
    /// The firm.
    pub firm: FirmId,
    /// The practice.
    pub practice: PracticeId,
    /// What it is about.
    pub subject: Subject,
    /// What is wrong.
    pub kind: AlertKind,
}

/// What an alert's sentence needs. Stored as JSON; fields are only added, as optional.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AlertFacts {
    /// See [`AlertKind::Missed`]. Each further miss adds its day.
    Missed {
        /// The backup days missed, oldest first.
        days: Vec<Date>,
        /// When the last one was due.
        due_at: Timestamp,
        /// The last good run, if there ever was one.
        last_good: Option<Timestamp>,
        /// The job never reported at all.
        never_reported: bool,
    },
    /// See [`AlertKind::Failed`].
    Failed {
        /// The run.
        run: RunId,
        /// When it ended.
        finished_at: Timestamp,
        /// Why, in the agent's words.
        reason: Option<String>,
        /// Failed runs in a row.
        in_a_row: u32,
        /// The last good run, if there ever was one.
        last_good: Option<Timestamp>,
    },
    /// See [`AlertKind::Overrun`].
    Overrun {
        /// The run.
        run: RunId,
        /// When it began.
        started_at: Timestamp,
        /// How long it may take, in seconds.
        maximum_seconds: i64,
    },
    /// See [`AlertKind::NoSuccess`].
    NoSuccess {
        /// The last good run, if there ever was one.
        last_good: Option<Timestamp>,
        /// How long without one is too long, in seconds.
        limit_seconds: i64,
    },
    /// See [`AlertKind::AgentSilent`].
    AgentSilent {
        /// When it was last heard from; empty when it never was after its enrolment.
        last_heard: Option<Timestamp>,
        /// How many jobs cannot be judged because of it.
        jobs: u32,
    },
    /// See [`AlertKind::Equivocation`].
    Equivocation {
        /// How many events.
        count: u32,
    },
    /// See [`AlertKind::Unprojectable`].
    Unprojectable {
        /// How many events wait.
        count: u32,
        /// What is wrong with the newest.
        problem: String,
    },
    /// See [`AlertKind::AgentProblem`].
    AgentProblem {
        /// The agent's sentence.
        message: String,
        /// How many records it concerns.
        count: u64,
    },
    /// See [`AlertKind::SameMedium`].
    SameMedium {
        /// The medium's label.
        label: String,
        /// The earlier backup day.
        first: Date,
        /// The later one.
        second: Date,
    },
    /// See [`AlertKind::FewSets`].
    FewSets {
        /// The sets in use.
        sets: Vec<String>,
        /// The backup days looked at.
        days: u32,
    },
    /// See [`AlertKind::DrillFailed`].
    DrillFailed {
        /// The drill.
        drill: DrillId,
        /// When it ended.
        finished_at: Timestamp,
        /// The steps and checks that failed.
        what: Vec<String>,
    },
    /// See [`AlertKind::DrillOverdue`].
    DrillOverdue {
        /// By when it was due.
        due_at: Timestamp,
        /// The last passed drill, if there ever was one.
        last_passed: Option<Timestamp>,
    },
    /// See [`AlertKind::Undelivered`].
    Undelivered {
        /// How many messages.
        count: u32,
        /// What the last try said.
        problem: String,
    },
}

/// What the message about a recovery says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// When it was over.
    pub at: Timestamp,
    /// What shows it: "Backup finished Sat 21 Nov, 02:41, 1.4 GB."
    pub evidence: String,
}
