//! The guard before a run: the medium in the drive is the one that the administrator's rule wants, or nothing begins. The
//! rule stands in the configuration alone, and is answered from what this machine knows: no server is asked.

use jiff::Timestamp;

use crate::config::JobConfig;
use crate::engine::rotation::{Found, MediumRule, Rotation, Wanted};
use crate::media::{Ledger, Marker, Seen};
use crate::tools::{self, Verdict};

/// Why a run does not begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// One sentence.
    pub(super) reason: String,
    /// The medium that is wanted, where a rule asks for it.
    wanted: Option<String>,
}

impl Refusal {
    /// The verdict on the run.
    pub(super) fn verdict(self) -> Verdict {
        let mut verdict = tools::refused(&self.reason);
        verdict.facts.wanted_medium = self.wanted;
        verdict
    }
}

impl From<&'static str> for Refusal {
    fn from(reason: &'static str) -> Self {
        Self {
            reason: reason.to_owned(),
            wanted: None,
        }
    }
}

/// Whether the job may begin now, with this medium in the drive.
pub(super) fn check(job: &JobConfig, medium: Option<&Seen>, ledger: &Ledger, now: Timestamp) -> Result<(), Refusal> {
    let Some(rule) = &job.require_medium else {
        return Ok(());
    };
    let wanted = wanted(job, rule, &ledger.read().rotation, now);
    let name = medium.and_then(|medium| medium.marker.as_ref()).map(Marker::name);
    if wanted.allows(name.as_ref()) {
        return Ok(());
    }
    let found = match (medium, &name) {
        (None, _) => Found::Nothing,
        (Some(_), None) => Found::Unregistered,
        (Some(_), Some(name)) => Found::Medium(name),
    };
    Err(Refusal {
        reason: wanted.refusal(found),
        wanted: wanted.name(),
    })
}

fn wanted(job: &JobConfig, rule: &MediumRule, rotation: &Rotation, at: Timestamp) -> Wanted {
    rotation.wanted(rule, &job.key, job.days.day_of(at))
}
