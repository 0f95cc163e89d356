//! What is known of a job.

use lastgood_protocol::JobKey;

use crate::expectations::RunRule;
use crate::ids::{AgentId, JobId, OfficeId, PracticeId};

crate::text_enum! {
    /// What kind of place a job writes to.
    pub enum Destination {
        /// A disk, tape or cartridge that is taken out and rotated.
        Medium = "medium",
        /// A company's storage, away from the practice.
        Vendor = "vendor",
        /// A disk that stays where it is.
        Disk = "disk",
    }
}

impl Destination {
    /// As a choice reads.
    pub fn words(self) -> &'static str {
        match self {
            Self::Medium => "A medium that is taken out and rotated",
            Self::Vendor => "A company's storage, away from the practice",
            Self::Disk => "A disk that stays where it is",
        }
    }
}

/// A job as somebody describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobDetails {
    /// Its name.
    pub name: String,
    /// What its agent calls it.
    pub key: JobKey,
    /// The office whose clocks and closed days count.
    pub office: OfficeId,
    /// The program that makes the backup; empty when nobody said.
    pub tool: String,
    /// Where it goes, if somebody said.
    pub destination: Option<Destination>,
    /// When it is to run.
    pub rule: RunRule,
}

/// A job as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// It.
    pub id: JobId,
    /// Its practice.
    pub practice: PracticeId,
    /// The practice's name.
    pub practice_name: String,
    /// The office whose clocks and closed days count.
    pub office: OfficeId,
    /// The agent that reports it.
    pub agent: Option<AgentId>,
    /// What its agent calls it.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The program that makes the backup; empty when nobody said.
    pub tool: String,
    /// Where it goes, if somebody said.
    pub destination: Option<Destination>,
    /// Whether it was archived: nothing is expected of it any more.
    pub archived: bool,
}

/// An office a job may belong to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeChoice {
    /// It.
    pub id: OfficeId,
    /// Its name.
    pub name: String,
    /// Its IANA time zone.
    pub zone: String,
}
