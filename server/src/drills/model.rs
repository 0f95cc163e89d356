//! What a drill is.

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{DrillCheck, DrillOutcome, DrillRecorded, DrillStep, StepOutcome};

use crate::error::AppError;
use crate::ids::{DrillId, JobId, PracticeId};
use crate::runs::Reported;

crate::text_enum! {
    /// How a drill ended.
    pub enum Outcome {
        /// The restore opened and held what it should.
        Passed = "passed",
        /// It did, with something to put right.
        PassedWithNotes = "passed_with_notes",
        /// It did not.
        Failed = "failed",
        /// The drill was broken off.
        Abandoned = "abandoned",
    }
}

impl Outcome {
    /// Whether it shows that the backup can be restored.
    pub fn is_pass(self) -> bool {
        matches!(self, Self::Passed | Self::PassedWithNotes)
    }

    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::PassedWithNotes => "passed, with notes",
            Self::Failed => "failed",
            Self::Abandoned => "broken off",
        }
    }

    /// The mark of it.
    pub fn mark(self) -> &'static str {
        match self {
            Self::Passed => "ok",
            Self::PassedWithNotes | Self::Abandoned => "warning",
            Self::Failed => "failed",
        }
    }
}

impl From<DrillOutcome> for Outcome {
    fn from(outcome: DrillOutcome) -> Self {
        match outcome {
            DrillOutcome::Passed => Self::Passed,
            DrillOutcome::PassedWithNotes => Self::PassedWithNotes,
            DrillOutcome::Failed => Self::Failed,
            DrillOutcome::Abandoned => Self::Abandoned,
        }
    }
}

/// The word for a step's end.
pub(super) fn step_words(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Done => "done",
        StepOutcome::Skipped => "left out",
        StepOutcome::Failed => "failed",
    }
}

/// The mark of a step's end.
pub(super) fn step_mark(outcome: StepOutcome) -> &'static str {
    match outcome {
        StepOutcome::Done => "ok",
        StepOutcome::Skipped => "excused",
        StepOutcome::Failed => "failed",
    }
}

/// A drill with everything about it.
#[derive(Debug, Clone)]
pub struct Drill {
    /// It.
    pub id: DrillId,
    /// Its practice.
    pub practice: PracticeId,
    /// The practice's name.
    pub practice_name: String,
    /// The zone its times are told in.
    pub zone: String,
    /// The machine it was done on.
    pub agent_name: String,
    /// The job whose backup was restored, and its name.
    pub job: Option<(JobId, String)>,
    /// The label of the medium it was restored from.
    pub medium_label: Option<String>,
    /// Which backup was restored.
    pub backup: String,
    /// When that backup was made.
    pub backup_made_at: Option<Timestamp>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// When it was received.
    pub received_at: Timestamp,
    /// How it ended.
    pub outcome: Outcome,
    /// Its steps, in order.
    pub steps: Vec<DrillStep>,
    /// What was looked at.
    pub checks: Vec<DrillCheck>,
    /// Who did it.
    pub performed_by: String,
    /// Anything worth saying.
    pub notes: Option<String>,
}

impl Drill {
    /// How long it took: how long the practice would wait in earnest.
    pub fn took(&self) -> SignedDuration {
        self.finished_at.duration_since(self.started_at)
    }

    /// The steps and checks that failed.
    pub fn what_failed(&self) -> Vec<&str> {
        let steps = self.steps.iter().filter(|step| step.outcome == StepOutcome::Failed);
        let checks = self.checks.iter().filter(|check| !check.passed);
        steps
            .map(|step| step.name.as_str())
            .chain(checks.map(|check| check.what.as_str()))
            .collect()
    }
}

/// How a practice stands with its drills.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The practice.
    pub practice: PracticeId,
    /// Its name.
    pub practice_name: String,
    /// The zone its times are told in.
    pub zone: String,
    /// Its last passed drill.
    pub last_passed: Option<(DrillId, Timestamp)>,
    /// Its newest drill, passed or not.
    pub newest: Option<(DrillId, Outcome)>,
    /// When the next is due; empty when none is expected.
    pub due_at: Option<Timestamp>,
    /// After what time the next counts as overdue.
    pub missed_at: Option<Timestamp>,
}

impl Standing {
    /// Whether a drill is overdue at `now`.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.missed_at.is_some_and(|missed_at| missed_at <= now)
    }
}

/// The most steps or checks of one drill.
const MOST_PARTS: usize = 100;

/// A drill as it is stored.
#[derive(Debug)]
pub(super) struct DrillRow<'a> {
    pub(super) drill: DrillId,
    pub(super) report: &'a DrillRecorded,
    pub(super) outcome: Outcome,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
    pub(super) backup_made_at: Option<Timestamp>,
    pub(super) steps: Vec<DrillStep>,
}

impl<'a> DrillRow<'a> {
    pub(super) fn new(received: Reported, report: &'a DrillRecorded) -> Result<Self, AppError> {
        let (started_at, finished_at) = span(received, "", report.started_at, report.finished_at)?;
        if report.steps.len() > MOST_PARTS || report.checks.len() > MOST_PARTS {
            return Err(AppError::Invalid(format!(
                "steps and checks must not be more than {MOST_PARTS} each."
            )));
        }
        for (field, text) in [("backup", &report.backup), ("performed_by", &report.performed_by)] {
            if text.trim().is_empty() {
                return Err(AppError::Invalid(format!("{field} is empty.")));
            }
        }
        let correct = |(index, step): (usize, &DrillStep)| {
            let field = format!("steps[{index}].");
            let (started_at, finished_at) = span(received, &field, step.started_at, step.finished_at)?;
            Ok::<_, AppError>(DrillStep {
                started_at,
                finished_at,
                ..step.clone()
            })
        };
        Ok(Self {
            drill: DrillId(report.drill.0),
            report,
            outcome: report.outcome.into(),
            started_at,
            finished_at,
            backup_made_at: report
                .backup_made_at
                .map(|at| received.past("backup_made_at", at))
                .transpose()?,
            steps: report.steps.iter().enumerate().map(correct).collect::<Result<_, _>>()?,
        })
    }
}

fn span(
    received: Reported,
    field: &str,
    started_at: Timestamp,
    finished_at: Timestamp,
) -> Result<(Timestamp, Timestamp), AppError> {
    let started_at = received.past(&format!("{field}started_at"), started_at)?;
    let finished_at = received.past(&format!("{field}finished_at"), finished_at)?;
    if finished_at < started_at {
        return Err(AppError::Invalid(format!(
            "{field}finished_at lies before {field}started_at."
        )));
    }
    Ok((started_at, finished_at))
}
