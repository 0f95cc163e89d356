//! Why a job is in its state: the schedule, the window, the runs and the rule, in words.

mod db;

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use super::durations::typed;
use super::model::Job;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::{self, SlotState};
use crate::ids::{FirmId, RunId};
use crate::runs::Outcome;
use crate::web::words::{self, Moment};

/// Slots explained, the newest first.
const MOST_SLOTS: i64 = 5;

/// Why a job is in its state.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// Its name.
    pub job: String,
    /// Its practice.
    pub practice: String,
    /// What its agent calls it.
    pub key: String,
    /// The schedule as it is stored, if runs are expected.
    pub schedule: Option<String>,
    /// The schedule and what follows from it, in words.
    pub rule: Vec<String>,
    /// When runs are due next.
    pub next: Vec<Timestamp>,
    /// The newest slots.
    pub slots: Vec<ExplainedSlot>,
    #[serde(skip)]
    zone: jiff::tz::TimeZone,
}

/// Why a slot is in its state.
#[derive(Debug, Serialize)]
pub struct ExplainedSlot {
    /// The backup day.
    pub day: jiff::civil::Date,
    /// Its state.
    pub state: SlotState,
    /// From when a run belongs to it.
    pub opens_at: Timestamp,
    /// When it is due.
    pub due_at: Timestamp,
    /// When nothing is a miss.
    pub missed_at: Timestamp,
    /// Its runs, the first to begin first.
    pub runs: Vec<ExplainedRun>,
    /// The rule that gives it its state.
    pub because: String,
}

/// A run of a slot.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedRun {
    /// It.
    pub run: RunId,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<Outcome>,
}

/// Explains a job as of `now`.
pub async fn explain(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: &Job,
) -> Result<Explanation, AppError> {
    let current = expectations::rule_of_job(transaction, firm, job.id).await?;
    let slots = db::newest_slots(transaction, now, firm, job.id, MOST_SLOTS).await?;
    let runs = db::runs_of(transaction, firm, &slots).await?;
    let zone = current
        .as_ref()
        .map_or(jiff::tz::TimeZone::UTC, |current| current.zone.clone());
    let slots = slots
        .into_iter()
        .map(|slot| {
            let runs: Vec<_> = runs
                .iter()
                .filter(|(of, _)| *of == slot.slot)
                .map(|(_, run)| run.clone())
                .collect();
            ExplainedSlot {
                because: because(&slot, &runs),
                day: slot.day,
                state: slot.state,
                opens_at: slot.opens_at,
                due_at: slot.due_at,
                missed_at: slot.missed_at,
                runs,
            }
        })
        .collect();
    let rule = current.as_ref().map(|current| &current.rule);
    Ok(Explanation {
        job: job.name.clone(),
        practice: job.practice_name.clone(),
        key: job.key.clone(),
        schedule: rule.map(|rule| rule.schedule.to_string()),
        rule: rule.map(rule_in_words).unwrap_or_default(),
        next: rule.map(|rule| rule.schedule.next_five(now, &zone)).unwrap_or_default(),
        slots,
        zone,
    })
}

fn rule_in_words(rule: &expectations::RunRule) -> Vec<String> {
    let mut words = vec![
        rule.schedule.sentence(),
        format!("A run may begin {} before it is due.", typed(rule.opens_before)),
        format!(
            "Nothing is late after {} and missed after {}.",
            typed(rule.late_after),
            typed(rule.missed_after)
        ),
        format!("A run may take {}.", typed(rule.maximum_run)),
    ];
    words.extend(
        rule.no_success_after
            .map(|after| format!("No good run for {} alerts, whatever else happened.", typed(after))),
    );
    words
}

fn because(slot: &db::StoredSlot, runs: &[ExplainedRun]) -> String {
    match slot.state {
        SlotState::Waiting => "Its time has not come.".to_owned(),
        SlotState::Running if runs.iter().any(|run| run.finished_at.is_none()) => {
            "A run has begun and is within its time.".to_owned()
        }
        SlotState::Running => "A run failed and will be tried again.".to_owned(),
        SlotState::Ok if runs.is_empty() => "A passed drill fills it.".to_owned(),
        SlotState::Ok | SlotState::Warning | SlotState::Failed if slot.reported_late => {
            "The best of its runs; the report came after it was declared missed.".to_owned()
        }
        SlotState::Ok | SlotState::Warning => "The best of its runs ended so.".to_owned(),
        SlotState::Failed => "None of its runs went well, and none will be tried again.".to_owned(),
        SlotState::Late => "Nothing yet, and it is not too late.".to_owned(),
        SlotState::Missed => "No run began in its window, and its time is over.".to_owned(),
        SlotState::Overrun => "A run has begun, did not end, and takes longer than it may.".to_owned(),
        SlotState::Excused => match &slot.excuse {
            Some((by, reason)) => format!("Excused by {by}: {reason}"),
            None => "Excused.".to_owned(),
        },
        SlotState::NotMonitored => "Lastgood was down when it was to be judged; reports may still arrive.".to_owned(),
        SlotState::Unknown => "Its agent is silent, so it cannot be judged.".to_owned(),
    }
}

impl Explanation {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut text = format!("{} at {} ({})\n", self.job, self.practice, self.key);
        let mut line = |words: String| writeln!(text, "{words}").expect("writing to a String does not fail");
        if self.schedule.is_none() {
            line("Nothing is expected of it: it has no schedule.".to_owned());
        }
        for words in &self.rule {
            line(format!("  {words}"));
        }
        if let Some(next) = self.next.first() {
            line(format!("  The next is due {}.", self.moment(*next)));
        }
        for slot in &self.slots {
            line(format!(
                "{}: {}. {}",
                slot.day.strftime("%a %-d %b"),
                words::plain(&slot.state),
                slot.because
            ));
            line(format!(
                "  opened {}, due {}, missed from {}",
                self.moment(slot.opens_at),
                self.moment(slot.due_at),
                self.moment(slot.missed_at)
            ));
            for run in &slot.runs {
                line(format!("  run {}: {}", run.run, self.run(run)));
            }
        }
        text.truncate(text.trim_end().len());
        text
    }

    fn run(&self, run: &ExplainedRun) -> String {
        let began = format!("began {}", self.moment(run.started_at));
        match (run.finished_at, run.outcome) {
            (Some(at), Some(outcome)) => format!("{began}, ended {} {}", self.moment(at), words::plain(&outcome)),
            _ => format!("{began}, has not ended"),
        }
    }

    fn moment(&self, at: Timestamp) -> String {
        let zone = self.zone.clone();
        Moment { at, zone }.words()
    }
}
