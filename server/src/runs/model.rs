//! What a run is, and what can be believed of a report about one.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{RunFacts, RunFinished};

use crate::error::AppError;
use crate::ids::{AgentId, JobId, MediumId, PracticeId, RunId, SlotId};

crate::text_enum! {
    /// How a run ended.
    pub enum Outcome {
        /// Everything that was to be backed up is.
        Ok = "ok",
        /// A backup was made, and the tool complained.
        Warning = "warning",
        /// No usable backup was made.
        Failed = "failed",
    }
}

impl From<lastgood_protocol::Outcome> for Outcome {
    fn from(outcome: lastgood_protocol::Outcome) -> Self {
        match outcome {
            lastgood_protocol::Outcome::Ok => Self::Ok,
            lastgood_protocol::Outcome::Warning => Self::Warning,
            lastgood_protocol::Outcome::Failed => Self::Failed,
        }
    }
}

/// Differences of clocks up to this are the network's and not corrected.
const TRUSTED_SKEW: SignedDuration = SignedDuration::from_secs(2);

/// How far in the future a corrected time may still lie: clocks drift while a batch is on its way.
const FUTURE: SignedDuration = SignedDuration::from_secs(60);

/// When and by what clock something was received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reported {
    /// When the server received it.
    pub received_at: Timestamp,
    /// What is added to the agent's times to get the server's.
    pub correction: SignedDuration,
}

impl Reported {
    /// How a report that was sent at `sent_at` by the agent's clock and received at `received_at` by ours is corrected.
    pub fn new(sent_at: Timestamp, received_at: Timestamp) -> Self {
        let skew = sent_at.duration_since(received_at);
        let correction = if skew.abs() <= TRUSTED_SKEW {
            SignedDuration::ZERO
        } else {
            received_at.duration_since(sent_at)
        };
        Self {
            received_at,
            correction,
        }
    }

    /// What is added to the agent's times, in milliseconds.
    pub fn correction_ms(self) -> i64 {
        i64::try_from(self.correction.as_millis()).unwrap_or_default()
    }

    /// An agent's time by the server's clock.
    ///
    /// # Errors
    /// [`AppError::Invalid`] when that is not a time between 2000 and the moment the report was received.
    pub fn past(self, field: &str, at: Timestamp) -> Result<Timestamp, AppError> {
        const YEAR_2000: i64 = 946_684_800;
        let corrected = at
            .checked_add(self.correction)
            .ok()
            .filter(|corrected| corrected.as_second() >= YEAR_2000)
            .ok_or_else(|| AppError::Invalid(format!("{field} lies before the year 2000 or far in the future.")))?;
        if corrected.duration_since(self.received_at) > FUTURE {
            return Err(AppError::Invalid(format!(
                "{field} says {at}, which was in the future when the report came, even after correcting the machine's \
                 clock. Check that clock."
            )));
        }
        // Postgres keeps microseconds.
        Ok(Timestamp::from_microsecond(corrected.as_microsecond()).unwrap_or(corrected))
    }
}

/// A count as the database keeps it.
///
/// # Errors
/// [`AppError::Invalid`] naming the field, for a count no machine can have reached.
pub(super) fn count(field: &str, count: Option<u64>) -> Result<Option<i64>, AppError> {
    let too_large = |_| AppError::Invalid(format!("{field} is larger than {}.", i64::MAX));
    count.map(|count| i64::try_from(count).map_err(too_large)).transpose()
}

/// A finished run as it is stored.
#[derive(Debug)]
pub(super) struct FinishedRow<'a> {
    pub(super) run: RunId,
    pub(super) report: &'a RunFinished,
    pub(super) outcome: Outcome,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
    pub(super) attempt: i32,
    pub(super) bytes_processed: Option<i64>,
    pub(super) bytes_added: Option<i64>,
    pub(super) files_total: Option<i64>,
    pub(super) files_new: Option<i64>,
    pub(super) files_changed: Option<i64>,
    pub(super) errors: Option<i64>,
}

impl<'a> FinishedRow<'a> {
    pub(super) fn new(received: Reported, report: &'a RunFinished) -> Result<Self, AppError> {
        let started_at = received.past("started_at", report.started_at)?;
        let finished_at = received.past("finished_at", report.finished_at)?;
        if finished_at < started_at {
            let sentence = "finished_at lies before started_at: the machine's clock was set back during the run.";
            return Err(AppError::Invalid(sentence.to_owned()));
        }
        let facts = &report.facts;
        Ok(Self {
            run: RunId(report.run.0),
            report,
            outcome: report.outcome.into(),
            started_at,
            finished_at,
            attempt: attempt(report.attempt)?,
            bytes_processed: count("facts.bytes_processed", facts.bytes_processed)?,
            bytes_added: count("facts.bytes_added", facts.bytes_added)?,
            files_total: count("facts.files_total", facts.files_total)?,
            files_new: count("facts.files_new", facts.files_new)?,
            files_changed: count("facts.files_changed", facts.files_changed)?,
            errors: count("facts.errors", facts.errors)?,
        })
    }
}

pub(super) fn attempt(attempt: u32) -> Result<i32, AppError> {
    i32::try_from(attempt).map_err(|_| AppError::Invalid(format!("attempt is larger than {}.", i32::MAX)))
}

/// Where a run's backup day is told.
#[derive(Debug, Clone)]
pub struct PlaceOfDay {
    /// When the run began.
    pub started_at: Timestamp,
    /// The backup day of the slot the run fills.
    pub slot_day: Option<Date>,
    /// The zone of the job's office.
    pub zone: String,
    /// When a backup day begins there, minutes after midnight.
    pub business_day_starts: i32,
}

/// A run with everything about it.
#[derive(Debug, Clone)]
pub struct Run {
    /// It.
    pub id: RunId,
    /// Its job.
    pub job: JobId,
    /// The job's name.
    pub job_name: String,
    /// Its practice.
    pub practice: PracticeId,
    /// The practice's name.
    pub practice_name: String,
    /// The zone its times are told in: that of the job's office.
    pub zone: String,
    /// The agent that reported it.
    pub agent: AgentId,
    /// The agent's name.
    pub agent_name: String,
    /// The slot it belongs to, and that slot's backup day.
    pub slot: Option<(SlotId, Date)>,
    /// When it began, by the server's clock.
    pub started_at: Timestamp,
    /// When it ended, by the server's clock.
    pub finished_at: Option<Timestamp>,
    /// What was added to the agent's times.
    pub corrected_by: SignedDuration,
    /// When the server first heard of it.
    pub received_at: Timestamp,
    /// When the server heard of its end.
    pub finish_received_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Whether the agent was to try again.
    pub will_be_retried: bool,
    /// Which try it was, 1 for the first.
    pub attempt: i32,
    /// Why, for an outcome other than ok.
    pub reason: Option<String>,
    /// The tool's exit code.
    pub exit_code: Option<i64>,
    /// The tool.
    pub tool: Option<String>,
    /// The tool's version.
    pub tool_version: Option<String>,
    /// What was measured.
    pub facts: RunFacts,
    /// The medium it was written to, and its label.
    pub medium: Option<(MediumId, String)>,
}

impl Run {
    /// How long it took.
    pub fn took(&self) -> Option<SignedDuration> {
        Some(self.finished_at?.duration_since(self.started_at))
    }
}

/// A run as a line of a list.
#[derive(Debug, Clone)]
pub struct RunLine {
    /// It.
    pub id: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Why, for an outcome other than ok.
    pub reason: Option<String>,
    /// Bytes added to the destination.
    pub bytes_added: Option<i64>,
    /// Bytes of the source that were looked at.
    pub bytes_processed: Option<i64>,
    /// The label of the medium it was written to.
    pub medium_label: Option<String>,
}
