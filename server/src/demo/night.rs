//! What became of one due time of one job: nothing, or a run with its figures. Follows from the names and the time alone.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{DestinationKind, Outcome};
use uuid::Uuid;

use super::cast::{Job, Practice, Story};
use super::random::Dice;
use crate::expectations::backup_day;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ran {
    pub(super) id: Uuid,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<&'static str>,
    pub(super) exit_code: i64,
    pub(super) bytes_processed: i64,
    pub(super) bytes_added: i64,
    pub(super) files_total: i64,
    pub(super) files_new: i64,
    pub(super) files_changed: i64,
    pub(super) errors: i64,
    pub(super) snapshot: Option<String>,
    /// The medium set it wrote to, when its job writes to one.
    pub(super) set: Option<&'static str>,
    pub(super) backup_day: Date,
    /// What the tool complained, as an agent that is asked to report it would.
    pub(super) stderr: Option<&'static [&'static str]>,
}

/// When the demo was opened for the first time: what is the matter today is told from there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opened(pub(super) Timestamp);

impl Opened {
    /// Hours from `at` to the opening; negative after it.
    fn hours_since(self, at: Timestamp) -> i64 {
        self.0.duration_since(at).as_secs().div_euclid(3600)
    }
}

/// When the agent of a silent practice said its last word.
pub(super) fn last_word(opened: Opened) -> Timestamp {
    opened.0 - SignedDuration::from_hours(50)
}

/// What happened at `due`.
pub(super) fn night(practice: &Practice, job: &Job, due: Timestamp, zone: &TimeZone, opened: Opened) -> Option<Ran> {
    let due_text = due.to_string();
    let mut dice = Dice::of(&[practice.name, job.key, &due_text]);
    let day = backup_day(due, zone, 720);
    let hours = opened.hours_since(due);
    let long_ago = hours > 9 * 24;
    let is_first_job = practice.jobs.first().is_some_and(|first| first.key == job.key);
    let nothing_ran = match practice.story {
        // What is 4 to 28 hours old and missing is declared missed; the days after it stay away for a while.
        Story::MissedLastNight => is_first_job && (-48..28).contains(&hours),
        Story::Silent => due > last_word(opened),
        Story::Well
        | Story::FailedLastNight
        | Story::Flapping
        | Story::Warnings
        | Story::SameMedium
        | Story::DrillOverdue
        | Story::DrillFailed => false,
    };
    if nothing_ran || (long_ago && dice.below(1000) < 7) {
        return None;
    }
    let outcome = outcome(practice, is_first_job, day, hours, long_ago, &mut dice);
    let unchanged = practice.story == Story::SameMedium && (0..25).contains(&hours);
    let set = match (job.destination, unchanged) {
        (DestinationKind::Medium, true) => set(practice, day.yesterday().unwrap_or(day)),
        (DestinationKind::Medium, false) => set(practice, day),
        (DestinationKind::Vendor | DestinationKind::Disk, _) => None,
    };
    Some(Ran {
        set,
        ..figures(job, due, day, outcome, dice)
    })
}

fn outcome(practice: &Practice, is_first_job: bool, day: Date, hours: i64, long_ago: bool, dice: &mut Dice) -> Outcome {
    let number = day.duration_since(Date::constant(2026, 1, 1)).as_hours().div_euclid(24);
    let last_night = (0..25).contains(&hours);
    let of_the_story = match practice.story {
        Story::FailedLastNight => (is_first_job && last_night).then_some(Outcome::Failed),
        Story::Flapping => (is_first_job && number % 3 == 0).then_some(Outcome::Failed),
        Story::Warnings => (number % 4 == 1 || last_night).then_some(Outcome::Warning),
        Story::Well
        | Story::MissedLastNight
        | Story::Silent
        | Story::SameMedium
        | Story::DrillOverdue
        | Story::DrillFailed => None,
    };
    let chance = if long_ago { dice.below(1000) } else { 1000 };
    of_the_story.unwrap_or(match chance {
        ..9 => Outcome::Failed,
        9..31 => Outcome::Warning,
        31.. => Outcome::Ok,
    })
}

fn figures(job: &Job, due: Timestamp, day: Date, outcome: Outcome, mut dice: Dice) -> Ran {
    let days = day
        .duration_since(Date::constant(2026, 6, 1))
        .as_hours()
        .div_euclid(24)
        .max(0);
    let grown = job.megabytes * 1_000_000 / 10_000 * (10_000 + 7 * days);
    let failed = outcome == Outcome::Failed;
    let bytes_processed = if failed { 0 } else { dice.around(grown, 1) };
    let files_total = if failed { 0 } else { bytes_processed / 190_000 };
    let started_at = due + SignedDuration::from_secs(dice.below(95));
    let minutes = if failed {
        1 + dice.below(4)
    } else {
        dice.around(job.minutes * 100, 18) / 100
    };
    let errors = match outcome {
        Outcome::Ok => 0,
        Outcome::Warning => 1 + dice.below(6),
        Outcome::Failed => 1,
    };
    Ran {
        id: dice.id(),
        started_at,
        finished_at: started_at + SignedDuration::from_mins(minutes) + SignedDuration::from_secs(dice.below(60)),
        outcome,
        reason: reason(job, outcome),
        exit_code: exit_code(job, outcome),
        bytes_processed,
        bytes_added: dice.around(bytes_processed / 160, 60),
        files_total,
        files_new: dice.around(files_total / 900, 70),
        files_changed: dice.around(files_total / 400, 60),
        errors,
        snapshot: (!failed && job.tool != "command").then(|| dice.id().simple().to_string().split_off(24)),
        set: None,
        backup_day: day,
        stderr: stderr(job, outcome),
    }
}

/// The set that goes in on this day.
pub(super) fn set(practice: &Practice, day: Date) -> Option<&'static str> {
    let count = i64::try_from(practice.sets.len()).ok().filter(|count| *count > 0)?;
    let number = if count == 7 {
        i64::from(day.weekday().to_monday_zero_offset())
    } else {
        day.duration_since(Date::constant(2026, 1, 1))
            .as_hours()
            .div_euclid(24)
            .rem_euclid(count)
    };
    practice.sets.get(usize::try_from(number).ok()?).copied()
}

fn reason(job: &Job, outcome: Outcome) -> Option<&'static str> {
    match (outcome, job.tool) {
        (Outcome::Ok, _) => None,
        (Outcome::Warning, "restic" | "borg") => Some("Some files could not be read and are not in the backup."),
        (Outcome::Warning, _) => Some("The tool finished with a warning."),
        (Outcome::Failed, "restic") => Some("The repository could not be opened."),
        (Outcome::Failed, "borg") => Some("The connection to the repository was lost."),
        (Outcome::Failed, _) => Some("The tool ended with an error."),
    }
}

fn stderr(job: &Job, outcome: Outcome) -> Option<&'static [&'static str]> {
    (job.tool == "restic" && outcome == Outcome::Failed).then_some(&[
        "Fatal: unable to open config file: stat [path]: input/output error",
        "Is there a repository at the following location?",
        "[path]",
    ])
}

fn exit_code(job: &Job, outcome: Outcome) -> i64 {
    match (outcome, job.tool) {
        (Outcome::Ok, _) => 0,
        (Outcome::Warning, "restic") => 3,
        (Outcome::Failed, "borg") => 2,
        (Outcome::Warning | Outcome::Failed, _) => 1,
    }
}
