//! What is known of a run, and how it is known.

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{Basis, Claim, Coverage, DatabaseCopy, DestinationKind, Knowledge, RunFacts, Sample};

use crate::dashboard::place::{Place, corrected, full_stop};
use crate::dashboard::practice::model::destination_words;
use crate::expectations::SlotState;
use crate::ids::{AgentId, JobId, PracticeId};
use crate::runs::{Outcome, Output};
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
    /// The job's key in the agent's configuration.
    pub(super) job_key: String,
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
    /// The medium.
    pub(super) medium: Option<RunMedium>,
    /// The end of what the tool printed, redacted by the agent.
    pub(super) output: Option<Output>,
}

/// The medium of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunMedium {
    /// The text on its sticker.
    pub(super) label: String,
    /// The set it belongs to.
    pub(super) set: String,
    /// The volume's UUID or serial number.
    pub(super) volume: String,
    /// What is known of the disk: `encrypted by LUKS, removable`.
    pub(super) nature: String,
}

/// One measured fact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    /// What.
    pub(super) what: &'static str,
    /// The value in words.
    pub(super) value: String,
    /// How it is known: one of three words, and by what.
    pub(super) known: String,
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

    /// Whether the tool's output would say why it ended so: not where the run was kept from beginning.
    pub(super) fn would_tell(&self) -> bool {
        let ended_badly = matches!(self.outcome, Some(Outcome::Warning | Outcome::Failed));
        ended_badly && self.facts.wanted_medium.is_none()
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
            self.facts
                .destination
                .map(|kind| fact("Went to", destination(kind, &self.facts), "configured")),
        ];
        let claims = [
            claim("Full backup", self.facts.full),
            claim("Verified after writing", self.facts.verified),
            claim("Compared with the source", self.facts.compared),
            claim("Compressed", self.facts.compressed),
            claim("Encrypted", self.facts.encrypted),
        ];
        let started = self.facts.database_started_at.map(|at| {
            let words = self.place.moment(corrected(at, self.corrected_by_ms)).words();
            fact("Database server started", words, "measured")
        });
        facts
            .into_iter()
            .flatten()
            .chain(claims)
            .chain(self.facts.sample.map(sample))
            .chain(self.facts.copy.map(copy))
            .chain(self.facts.coverage.into_iter().flat_map(coverage))
            .chain(started)
            .collect()
    }
}

/// `The last 12 lines`.
pub(super) fn last_lines(output: &Output) -> String {
    match output.lines() {
        1 => "The last line".to_owned(),
        lines => format!("The last {lines} lines"),
    }
}

fn fact(what: &'static str, value: String, known: &str) -> Fact {
    let known = known.to_owned();
    Fact { what, value, known }
}

fn destination(kind: DestinationKind, facts: &RunFacts) -> String {
    let kind = destination_words(Some(destination_key(kind)));
    match &facts.destination_name {
        Some(name) => format!("{name} ({kind})"),
        None => kind.to_owned(),
    }
}

fn sample(sample: Sample) -> Fact {
    let files = words::count(i64::try_from(sample.files).unwrap_or(i64::MAX), "file", "files");
    let told = [
        (sample.same, "the same"),
        (sample.changed_since, "changed since"),
        (sample.different, "different"),
        (sample.not_restored, "not restored"),
    ];
    let told: Vec<String> = told
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let value = format!("{files}: {}", told.join(", "));
    fact("Restored at random and compared", value, "measured")
}

fn copy(copy: DatabaseCopy) -> Fact {
    let validated = match copy.validated {
        Some(true) => "checked by the database's own tool",
        Some(false) => "found damaged by the database's own tool",
        None => "not checked by the database's own tool",
    };
    let fresh = if copy.fresh { "fresh" } else { "older than the run" };
    let complete = if copy.complete { "complete" } else { "not complete" };
    let bytes = size(i64::try_from(copy.bytes).unwrap_or(i64::MAX));
    let value = format!("{bytes}, {fresh}, {complete}, {validated}");
    fact("Copy of the running database", value, "measured")
}

fn coverage(coverage: Coverage) -> Vec<Fact> {
    let yes_no = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    let folders = (coverage.required > 0).then(|| {
        let value = format!("{} of {}", coverage.covered, coverage.required);
        fact("Folders that must be protected", value, "measured")
    });
    let inside = coverage
        .copy_inside
        .map(|yes| fact("Database copy in the backup", yes_no(yes), "measured"));
    let live = coverage
        .live_inside
        .map(|yes| fact("Live database files in the backup", yes_no(yes), "measured"));
    let ran = coverage
        .database_ran
        .map(|yes| fact("Database ran during the backup", yes_no(yes), "measured"));
    [folders, inside, live, ran].into_iter().flatten().collect()
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
    let value = if claim.holds { "yes" } else { "no" }.to_owned();
    match claim.basis.and_then(by_what) {
        Some(basis) => fact(what, value, &format!("{known}: {basis}")),
        None => fact(what, value, known),
    }
}

fn by_what(basis: Basis) -> Option<&'static str> {
    Some(match basis {
        Basis::ToolResult => "the tool's own result",
        Basis::ToolNature => "the tool always does so",
        Basis::Options => "the options it was started with",
        Basis::WrittenFile => "the file that was written",
        Basis::StructureCheck => "the structure was checked",
        Basis::DataCheck => "data was read back and checked",
        Basis::Sample => "a random sample was restored",
        Basis::EventLog => "the machine's event log",
        Basis::EncryptedMedium => "the medium it was written to is encrypted",
        Basis::Administrator => "said in the agent's configuration",
        Basis::Other => return None,
    })
}

fn destination_key(kind: DestinationKind) -> &'static str {
    match kind {
        DestinationKind::Medium => "medium",
        DestinationKind::Vendor => "vendor",
        DestinationKind::Disk => "disk",
    }
}

#[cfg(test)]
mod tests;
