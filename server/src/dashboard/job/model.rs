//! What is known of a job, and how its history reads.

use jiff::{SignedDuration, Timestamp};

use crate::dashboard::chart::{Chart, Unit, Value};
use crate::dashboard::place::Place;
use crate::expectations::{DstPolicy, JobState, SlotState};
use crate::ids::{AgentId, JobId, PracticeId, RunId, SlotId};
use crate::runs::Outcome;
use crate::web::words::{duration, size};

/// A job.
#[derive(Debug, Clone)]
pub(super) struct Job {
    /// Which.
    pub(super) id: JobId,
    /// What the agent calls it.
    pub(super) key: String,
    /// Its name.
    pub(super) name: String,
    /// The tool that makes the backup; empty while unknown.
    pub(super) tool: String,
    /// `medium`, `vendor` or `disk`, where it is set.
    pub(super) destination: Option<String>,
    /// How it stands.
    pub(super) state: JobState,
    /// Whether nothing is expected of it any more.
    pub(super) is_archived: bool,
    /// Its practice.
    pub(super) practice: PracticeId,
    /// The practice's name.
    pub(super) practice_name: String,
    /// Its office's name.
    pub(super) office_name: String,
    /// The name of the office's zone.
    pub(super) zone: String,
    /// The office's clocks.
    pub(super) place: Place,
    /// The agent that reports it.
    pub(super) agent: Option<(AgentId, String)>,
    /// What is expected.
    pub(super) rule: Option<Rule>,
}

/// What is expected of a job; spans in seconds.
#[derive(Debug, Clone)]
pub(super) struct Rule {
    /// The schedule.
    pub(super) cron: String,
    /// What happens to a skipped time.
    pub(super) policy: DstPolicy,
    /// A run may begin this long before it is due.
    pub(super) opens_before: i64,
    /// Late this long after it was due.
    pub(super) late_after: i64,
    /// Missed this long after it was due.
    pub(super) missed_after: i64,
    /// A run may take this long.
    pub(super) maximum_run: i64,
    /// Without a good run for this long somebody is told.
    pub(super) no_success: Option<i64>,
}

impl Rule {
    /// Its spans in words, each with what it is called.
    pub(super) fn spans(&self) -> Vec<(&'static str, String)> {
        let words = |seconds: i64| duration(SignedDuration::from_secs(seconds));
        let mut spans = vec![
            ("Late", format!("{} after it was due", words(self.late_after))),
            ("Missed", format!("{} after it was due", words(self.missed_after))),
            ("A run may take", words(self.maximum_run)),
        ];
        if self.opens_before > 0 {
            spans.push(("May begin", format!("{} early", words(self.opens_before))));
        }
        if let Some(limit) = self.no_success {
            spans.push(("Alert without a good run for", words(limit)));
        }
        spans
    }
}

/// One line of the history: a slot with the run that filled it, or a run that filled none.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// When the slot was due, or the run began.
    pub(super) at: Timestamp,
    /// The slot.
    pub(super) slot: Option<SlotEntry>,
    /// The run.
    pub(super) run: Option<RunId>,
    /// When it began.
    pub(super) started: Option<Timestamp>,
    /// When it ended.
    pub(super) finished: Option<Timestamp>,
    /// How it ended.
    pub(super) outcome: Option<Outcome>,
    /// Bytes it looked at.
    pub(super) size: Option<i64>,
    /// Why it ended so.
    pub(super) reason: Option<String>,
}

/// What became of a slot.
#[derive(Debug, Clone)]
pub(super) struct SlotEntry {
    /// Which.
    pub(super) slot: SlotId,
    /// Its state.
    pub(super) state: SlotState,
    /// When it was declared missed, if it ever was.
    pub(super) declared_missed: Option<Timestamp>,
    /// Whether its report came after that.
    pub(super) reported_late: bool,
    /// Who excused it, and why.
    pub(super) excused: Option<(String, String)>,
    /// Whether a closed day excused it.
    pub(super) by_calendar: bool,
}

impl Entry {
    /// The word of marks.css.
    pub(super) fn mark(&self) -> &'static str {
        match (&self.slot, self.outcome) {
            (Some(slot), _) => slot.state.as_str(),
            (None, Some(outcome)) => outcome.as_str(),
            (None, None) => "running",
        }
    }

    /// Whether a person may excuse it: it is over, nothing good came, and nobody did yet.
    pub(super) fn excusable(&self) -> Option<SlotId> {
        self.slot.as_ref().and_then(|slot| match slot.state {
            SlotState::Missed | SlotState::Late | SlotState::Failed | SlotState::Unknown | SlotState::Waiting => {
                Some(slot.slot)
            }
            SlotState::Running
            | SlotState::Ok
            | SlotState::Warning
            | SlotState::Overrun
            | SlotState::Excused
            | SlotState::NotMonitored => None,
        })
    }

    /// A time of the run: the hour alone on the day the line stands for.
    pub(super) fn clock(&self, place: &Place, at: &Timestamp) -> String {
        let (line, told) = (place.moment(self.at), place.moment(*at));
        if line.day() == told.day() {
            told.time()
        } else {
            told.words()
        }
    }

    /// How long the run took.
    pub(super) fn took(&self) -> Option<String> {
        Some(duration(self.finished?.duration_since(self.started?)))
    }

    /// How much it looked at.
    pub(super) fn size_words(&self) -> Option<String> {
        self.size.map(size)
    }

    /// What else is to be said.
    pub(super) fn note(&self, place: &Place) -> String {
        let mut notes: Vec<String> = Vec::new();
        if let Some(slot) = &self.slot {
            if let Some(missed) = slot.declared_missed.filter(|_| slot.reported_late) {
                notes.push(format!(
                    "Reported late; counted as missed from {} on.",
                    place.moment(missed).words()
                ));
            }
            match &slot.excused {
                Some((_, reason)) if slot.by_calendar => notes.push(reason.clone()),
                Some((who, reason)) => notes.push(format!("Excused by {who}: {reason}")),
                None => {}
            }
        } else {
            notes.push("Besides the schedule.".to_owned());
        }
        notes.extend(self.reason.clone());
        notes.join(" ")
    }
}

/// A finished run.
#[derive(Debug, Clone)]
pub(super) struct Measured {
    /// Which.
    pub(super) run: RunId,
    /// When it began.
    pub(super) started: Timestamp,
    /// When it ended.
    pub(super) finished: Timestamp,
    /// How.
    pub(super) outcome: Outcome,
    /// Bytes it looked at.
    pub(super) size: Option<i64>,
}

/// The charts of sizes and of durations, from runs newest first.
pub(super) fn charts(runs: &[Measured], place: &Place) -> (Option<Chart>, Option<Chart>) {
    let value = |run: &Measured, amount: Option<i64>, words: String| Value {
        amount,
        mark: run.outcome.as_str(),
        when: place.moment(run.started).words(),
        words,
        path: format!("/runs/{}", run.run),
    };
    let sizes = runs.iter().rev().map(|run| {
        let words = run.size.map_or_else(|| "not known".to_owned(), size);
        value(run, run.size, words)
    });
    let durations = runs.iter().rev().map(|run| {
        let took = run.finished.duration_since(run.started);
        value(run, Some(took.as_secs()), duration(took))
    });
    (
        Chart::new("Size", Unit::Size, sizes.collect()),
        Chart::new("Duration", Unit::Duration, durations.collect()),
    )
}

/// How a job stands, as one sentence.
pub(super) fn standing(job: &Job, newest: Option<&Entry>, is_stale: bool) -> String {
    if is_stale {
        return "Nothing can be said at the moment.".to_owned();
    }
    if job.is_archived {
        return "It is archived: nothing is expected any more.".to_owned();
    }
    let finished = newest
        .and_then(|entry| entry.finished)
        .map(|at| job.place.moment(at).words());
    let due = newest
        .map(|entry| job.place.moment(entry.at).words())
        .unwrap_or_default();
    match job.state {
        JobState::NoSchedule => "It has no schedule, so nothing is expected and nothing can be missed.".to_owned(),
        JobState::NeverReported => "No run was ever reported.".to_owned(),
        JobState::Waiting => "Waiting for its first judged run.".to_owned(),
        JobState::Running => "A run is under way.".to_owned(),
        JobState::Ok => match finished {
            Some(finished) => format!("The last run finished {finished}."),
            None => "The last run went well.".to_owned(),
        },
        JobState::Warning => "The last run made a backup, and the tool complained.".to_owned(),
        JobState::Failed => "The last run failed.".to_owned(),
        JobState::Late => format!("A run was due {due} and has not begun."),
        JobState::Missed => "No run came when one was due.".to_owned(),
        JobState::Overrun => "A run takes longer than it may.".to_owned(),
        JobState::Excused => "The last run was excused.".to_owned(),
        JobState::NotMonitored => {
            "The last run was due while this server was down; it may still be reported.".to_owned()
        }
        JobState::Unknown => "Its agent is silent, so it cannot be judged.".to_owned(),
    }
}
