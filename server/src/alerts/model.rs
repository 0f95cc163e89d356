//! What an alert is: its kind, its subject, and the facts its sentence needs.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::expectations::SlotState;
use crate::ids::{AgentId, DrillId, FirmId, JobId, PracticeId, RunId, UserId};

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

impl AlertKind {
    /// Its place in the order in which kinds matter; the worst is 0.
    pub const fn weight(self) -> i16 {
        match self {
            Self::Missed => 0,
            Self::NoSuccess => 1,
            Self::Failed => 2,
            Self::DrillFailed => 3,
            Self::Overrun => 4,
            Self::AgentSilent => 5,
            Self::Undelivered => 6,
            Self::Equivocation => 7,
            Self::Unprojectable => 8,
            Self::SameMedium => 9,
            Self::FewSets => 10,
            Self::DrillOverdue => 11,
            Self::AgentProblem => 12,
        }
    }

    /// What pages call it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Missed => "missed",
            Self::NoSuccess => "no good backup",
            Self::Failed => "failed",
            Self::DrillFailed => "drill failed",
            Self::Overrun => "overrun",
            Self::AgentSilent => "agent silent",
            Self::Undelivered => "mail not delivered",
            Self::Equivocation => "contradicting reports",
            Self::Unprojectable => "unreadable reports",
            Self::SameMedium => "same medium",
            Self::FewSets => "few sets",
            Self::DrillOverdue => "drill overdue",
            Self::AgentProblem => "agent problem",
        }
    }

    /// The state whose shape and colour it has.
    pub const fn state(self) -> SlotState {
        match self {
            Self::Missed | Self::NoSuccess => SlotState::Missed,
            Self::Failed | Self::DrillFailed | Self::Undelivered => SlotState::Failed,
            Self::Overrun => SlotState::Overrun,
            Self::AgentSilent | Self::Equivocation | Self::Unprojectable => SlotState::Unknown,
            Self::SameMedium | Self::FewSets | Self::AgentProblem => SlotState::Warning,
            Self::DrillOverdue => SlotState::Late,
        }
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

    /// Somebody who should have received messages; their name is their address.
    pub fn recipient(user: UserId, address: impl Into<String>) -> Self {
        Self {
            kind: SubjectKind::Recipient,
            id: user.0,
            name: address.into(),
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
        /// The medium it waited for: it did not begin, because another or none was in the drive.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wanted_medium: Option<String>,
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

impl AlertFacts {
    /// These facts with what `newer` adds, and whether the history should say so. Days add up; for the rest the newer facts
    /// stand. A count that grew or a run that failed like the last one is no news.
    #[must_use]
    pub fn with(&self, newer: &Self) -> (Self, bool) {
        match (self, newer) {
            (
                Self::Missed { days: known, .. },
                Self::Missed {
                    days: new,
                    due_at,
                    last_good,
                    never_reported,
                },
            ) => {
                let mut days: Vec<Date> = known.iter().chain(new).copied().collect();
                days.sort_unstable();
                days.dedup();
                let is_news = days != *known;
                let facts = Self::Missed {
                    days,
                    due_at: *due_at,
                    last_good: *last_good,
                    never_reported: *never_reported,
                };
                (facts, is_news)
            }
            (Self::Failed { reason: known, .. }, Self::Failed { reason: new, .. }) => (newer.clone(), known != new),
            (Self::Unprojectable { problem: known, .. }, Self::Unprojectable { problem: new, .. })
            | (Self::AgentProblem { message: known, .. }, Self::AgentProblem { message: new, .. })
            | (Self::Undelivered { problem: known, .. }, Self::Undelivered { problem: new, .. }) => {
                (newer.clone(), known != new)
            }
            (Self::AgentSilent { .. }, Self::AgentSilent { .. })
            | (Self::Equivocation { .. }, Self::Equivocation { .. })
            | (Self::Overrun { .. }, Self::Overrun { .. })
            | (Self::NoSuccess { .. }, Self::NoSuccess { .. }) => (newer.clone(), false),
            _ => (newer.clone(), self != newer),
        }
    }
}
