//! What is known of a run, and how it is known.

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{Claim, DestinationKind, Knowledge, RunFacts};

use crate::dashboard::place::{Place, full_stop};
use crate::dashboard::practice::model::destination_words;
use crate::expectations::SlotState;
use crate::ids::{AgentId, JobId, PracticeId};
use crate::runs::Outcome;
use crate::web::words::{self, duration, size};

/// A run.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Its practice.
    pub(super) practice: PracticeId,
    /// The practice's name.
    pub(super) practice_name: String,
    /// Its job.
    pub(super) job: JobId,
    /// The job's name.
    pub(super) job_name: String,
    /// The agent that reported it.
    pub(super) agent: AgentId,
    /// The agent's name.
    pub(super) agent_name: String,
    /// The office's clocks.
    pub(super) place: Place,
    /// When it began, corrected by the skew of the agent's clock.
    pub(super) started: Timestamp,
    /// When it ended, corrected likewise.
    pub(super) finished: Option<Timestamp>,
    /// What was added to the agent's times, in milliseconds.
    pub(super) corrected_by_ms: i64,
    /// When the first report about it was received.
    pub(super) received: Timestamp,
    /// When the report of its end was received.
    pub(super) finish_received: Option<Timestamp>,
    /// How it ended.
    pub(super) outcome: Option<Outcome>,
    /// Whether the agent tries again within the same slot.
    pub(super) will_be_retried: bool,
    /// Which try it was.
    pub(super) attempt: i32,
    /// Why it ended so.
    pub(super) reason: Option<String>,
    /// The tool's exit code.
    pub(super) exit_code: Option<i64>,
    /// The tool.
    pub(super) tool: Option<String>,
    /// Its version.
    pub(super) tool_version: Option<String>,
    /// Bytes looked at.
    pub(super) bytes_processed: Option<i64>,
    /// Bytes added.
    pub(super) bytes_added: Option<i64>,
    /// Files in the backup.
    pub(super) files_total: Option<i64>,
    /// New files.
    pub(super) files_new: Option<i64>,
    /// Changed files.
    pub(super) files_changed: Option<i64>,
    /// Problems the tool counted.
    pub(super) errors: Option<i64>,
    /// The tool's name of what it made.
    pub(super) snapshot: Option<String>,
    /// Claims and destination.
    pub(super) facts: RunFacts,
    /// When the slot it belongs to was due.
    pub(super) slot_due: Option<Timestamp>,
    /// What became of that slot.
    pub(super) slot_state: Option<SlotState>,
    /// When that slot was declared missed.
    pub(super) declared_missed: Option<Timestamp>,
    /// Whether the report came after that.
    pub(super) reported_late: bool,
    /// The medium's label, set and volume.
    pub(super) medium: Option<(String, String, String)>,
}

/// One measured fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// What.
    pub(super) what: &'static str,
    /// The value in words.
    pub(super) value: String,
    /// How it is known.
    pub(super) known: &'static str,
}

impl Run {
    /// The word of marks.css.
    pub(super) fn mark(&self) -> &'static str {
        self.outcome.map_or("running", Outcome::as_str)
    }

    /// How it went, as one sentence.
    pub(super) fn standing(&self) -> String {
        let reason = self.reason.as_deref().map(|reason| format!(" {}", full_stop(reason)));
        let retry = if self.will_be_retried {
            " The agent tries again."
        } else {
            ""
        };
        let end = self
            .finished
            .map_or_else(String::new, |at| self.place.moment(at).words());
        let said = match self.outcome {
            None => format!("Running since {}.", self.place.moment(self.started).words()),
            Some(Outcome::Ok) => format!("Finished {end}."),
            Some(Outcome::Warning) => format!("A backup was made {end}, and the tool complained."),
            Some(Outcome::Failed) => format!("Failed {end}. No usable backup was made."),
        };
        format!("{said}{}{retry}", reason.unwrap_or_default())
    }

    /// How long it took.
    pub(super) fn took(&self) -> Option<String> {
        Some(duration(self.finished?.duration_since(self.started)))
    }

    /// How the agent's clock was corrected, where that matters.
    pub(super) fn correction(&self) -> Option<String> {
        let skew = SignedDuration::from_millis(self.corrected_by_ms);
        if skew.as_secs().abs() < 2 {
            return None;
        }
        let wrong = if skew.is_positive() { "behind" } else { "ahead" };
        Some(format!(
            "The agent's clock was {} {wrong}; its times are corrected by that.",
            duration(skew.abs())
        ))
    }

    /// Everything that was measured or claimed; what is not known is said to be so.
    pub(super) fn measured(&self) -> Vec<Fact> {
        let number = |what, value: Option<i64>| value.map(|value| fact(what, words::number(value), "measured"));
        let bytes = |what, value: Option<i64>| value.map(|value| fact(what, size(value), "measured"));
        let facts = [
            bytes("Looked at", self.bytes_processed),
            bytes("Added to the destination", self.bytes_added),
            number("Files in the backup", self.files_total),
            number("New files", self.files_new),
            number("Changed files", self.files_changed),
            number("Problems the tool counted", self.errors),
            self.facts.destination.map(|kind| {
                fact(
                    "Went to",
                    destination_words(Some(destination_key(kind))).to_owned(),
                    "configured",
                )
            }),
        ];
        let claims = [
            claim("Full backup", self.facts.full),
            claim("Verified after writing", self.facts.verified),
            claim("Compared with the source", self.facts.compared),
            claim("Compressed", self.facts.compressed),
            claim("Encrypted", self.facts.encrypted),
        ];
        facts.into_iter().flatten().chain(claims).collect()
    }
}

fn fact(what: &'static str, value: String, known: &'static str) -> Fact {
    Fact { what, value, known }
}

fn claim(what: &'static str, claim: Option<Claim>) -> Fact {
    let Some(claim) = claim else {
        return fact(what, "not known".to_owned(), "");
    };
    let known = match claim.known {
        Knowledge::Measured => "measured",
        Knowledge::Configured => "configured",
        Knowledge::Attested => "attested",
    };
    fact(what, if claim.holds { "yes" } else { "no" }.to_owned(), known)
}

fn destination_key(kind: DestinationKind) -> &'static str {
    match kind {
        DestinationKind::Medium => "medium",
        DestinationKind::Vendor => "vendor",
        DestinationKind::Disk => "disk",
    }
}
