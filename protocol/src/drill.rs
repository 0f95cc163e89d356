//! Drills: practised restores.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{DrillId, JobKey, MediumSighting};

/// A practised restore, as it was carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillRecorded {
    /// This drill.
    pub drill: DrillId,
    /// The job whose backup was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<JobKey>,
    /// Which backup was restored, in words or the tool's own name of it.
    pub backup: String,
    /// When that backup was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_made_at: Option<Timestamp>,
    /// The medium it was restored from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<MediumSighting>,
    /// When the drill began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// The steps in order, each with its times.
    pub steps: Vec<DrillStep>,
    /// What was looked at to say that the restore is good.
    pub checks: Vec<DrillCheck>,
    /// How it ended.
    pub outcome: DrillOutcome,
    /// Who carried it out.
    pub performed_by: String,
    /// Anything worth saying.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// One step of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillStep {
    /// What was done: "Stop the database", "Restore", …
    pub name: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Timestamp,
    /// How it ended.
    pub outcome: StepOutcome,
}

/// One thing that was looked at after the restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillCheck {
    /// What was looked at: "The program opens", "Yesterday's appointments are there", …
    pub what: String,
    /// Whether it was as it should be.
    pub passed: bool,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    /// Done.
    Done,
    /// Left out.
    Skipped,
    /// Tried and failed.
    Failed,
}

/// How a drill ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrillOutcome {
    /// The restore opened and held what it should.
    Passed,
    /// It did, with something to put right.
    PassedWithNotes,
    /// It did not: something is wrong with the backup procedure.
    Failed,
    /// The drill was broken off.
    Abandoned,
}
