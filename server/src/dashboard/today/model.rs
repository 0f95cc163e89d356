//! What Today is made of: one row per problem, in groups, the worst first.

use jiff::Timestamp;
use uuid::Uuid;

use crate::alerts::{AlertFacts, AlertKind, SubjectKind};
use crate::dashboard::place::Place;
use crate::ids::{AlertId, PracticeId, RunId};
use crate::web::words::count;

pub(super) use super::blind::Blind;

/// A problem, as Today shows it.
#[derive(Debug, Clone)]
pub(super) struct Row {
    /// The practice.
    pub(super) practice: PracticeId,
    /// Its name.
    pub(super) practice_name: String,
    /// What kind of thing it is about.
    pub(super) subject_kind: SubjectKind,
    /// Which one.
    pub(super) subject: Uuid,
    /// Its name.
    pub(super) subject_name: String,
    /// When it began.
    pub(super) since: Timestamp,
    /// Where.
    pub(super) place: Place,
    /// What it is.
    pub(super) told: Told,
    /// Who looks after it already.
    pub(super) acknowledged: Option<Acknowledged>,
}

/// Who looks after a problem.
#[derive(Debug, Clone)]
pub(super) struct Acknowledged {
    /// Who.
    pub(super) by: String,
    /// Until when it stays quiet.
    pub(super) until: Option<Timestamp>,
    /// Why.
    pub(super) reason: String,
}

/// What happened.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// An open alert.
    Alert {
        /// Which.
        alert: AlertId,
        /// What is wrong.
        kind: AlertKind,
        /// What is known.
        facts: AlertFacts,
    },
    /// Nothing yet, within the time allowed.
    Late {
        /// When it was due.
        due_at: Timestamp,
        /// When it becomes a miss.
        missed_at: Timestamp,
    },
    /// A backup was made, and the tool complained.
    Warning {
        /// The run.
        run: Option<RunId>,
        /// Why.
        reason: Option<String>,
    },
}

/// The groups of Today, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Group {
    /// Nothing came, or nothing good for too long.
    Missed,
    /// Runs failed, or mail does not arrive.
    Failed,
    /// Runs take longer than they may.
    Overrun,
    /// Agents that are silent, and reports that cannot be trusted or read.
    Unknown,
    /// Not here yet.
    Late,
    /// Backups with complaints, and agents with problems.
    Warning,
    /// Rotation.
    Media,
    /// Practised restores.
    Drills,
    /// Somebody looks after it.
    Acknowledged,
}

impl Group {
    /// Its heading.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Missed => "Missed",
            Self::Failed => "Failed",
            Self::Overrun => "Running too long",
            Self::Unknown => "Cannot be judged",
            Self::Late => "Late",
            Self::Warning => "Warnings",
            Self::Media => "Media",
            Self::Drills => "Practised restores",
            Self::Acknowledged => "Acknowledged",
        }
    }
}

/// Every kind, in the order in which they are shown.
pub(super) fn kinds_by_weight() -> Vec<AlertKind> {
    let mut kinds = AlertKind::ALL.to_vec();
    kinds.sort_by_key(|kind| (group_of(*kind), *kind));
    kinds
}

fn group_of(kind: AlertKind) -> Group {
    match kind {
        AlertKind::Missed | AlertKind::NoSuccess => Group::Missed,
        AlertKind::Failed | AlertKind::Undelivered => Group::Failed,
        AlertKind::Overrun => Group::Overrun,
        AlertKind::AgentSilent | AlertKind::Equivocation | AlertKind::Unprojectable => Group::Unknown,
        AlertKind::AgentProblem => Group::Warning,
        AlertKind::SameMedium | AlertKind::FewSets => Group::Media,
        AlertKind::DrillFailed | AlertKind::DrillOverdue => Group::Drills,
    }
}

impl Row {
    /// Where it stands.
    pub(super) fn group(&self) -> Group {
        if self.acknowledged.is_some() {
            return Group::Acknowledged;
        }
        match &self.told {
            Told::Alert { kind, .. } => group_of(*kind),
            Told::Late { .. } => Group::Late,
            Told::Warning { .. } => Group::Warning,
        }
    }

    /// The alert, where there is one.
    pub(super) fn alert(&self) -> Option<AlertId> {
        match self.told {
            Told::Alert { alert, .. } => Some(alert),
            Told::Late { .. } | Told::Warning { .. } => None,
        }
    }

    /// Where the sentence leads: to the alert, to the run that complained, or to the job.
    pub(super) fn path(&self) -> String {
        match &self.told {
            Told::Alert { alert, .. } => format!("/alerts/{alert}"),
            Told::Warning { run: Some(run), .. } => format!("/runs/{run}"),
            Told::Late { .. } | Told::Warning { .. } => format!("/jobs/{}", self.subject),
        }
    }

    /// Where the subject's name leads.
    pub(super) fn subject_path(&self) -> Option<String> {
        match self.subject_kind {
            SubjectKind::Job => Some(format!("/jobs/{}", self.subject)),
            SubjectKind::Agent => Some(format!("/agents/{}", self.subject)),
            SubjectKind::Practice | SubjectKind::Recipient => None,
        }
    }
}

/// How much there is, and how much of it needs somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Counts {
    /// Practices in use.
    pub(super) practices: i64,
    /// Those with an unacknowledged alert or a warning.
    pub(super) needing: i64,
    /// Open alerts, acknowledged or not.
    pub(super) alerts: i64,
    /// Jobs in use.
    pub(super) jobs: i64,
    /// Jobs that are late.
    pub(super) late: i64,
    /// Jobs whose last run complained.
    pub(super) warning: i64,
}

impl Counts {
    /// The first sentence of the page.
    pub(super) fn headline(&self, is_stale: bool) -> String {
        let late = match self.late {
            0 => String::new(),
            late => format!(" {} late.", count(late, "backup is", "backups are")),
        };
        match (self.needing, self.practices) {
            _ if is_stale => "Nothing can be said at the moment.".to_owned(),
            (0, 0) => "No practice yet.".to_owned(),
            (0, _) if self.jobs == 0 => "No backup job yet.".to_owned(),
            (0, _) if self.late > 0 => format!("Nothing needs you.{late}"),
            (0, _) => "All is well.".to_owned(),
            (1, 1) => format!("Your practice needs you.{late}"),
            (1, practices) => format!("1 of {practices} practices needs you.{late}"),
            (needing, practices) => format!("{needing} of {practices} practices need you.{late}"),
        }
    }

    /// Whether there is nothing to look at.
    pub(super) fn is_well(&self) -> bool {
        self.jobs > 0 && self.needing == 0 && self.late == 0
    }
}
