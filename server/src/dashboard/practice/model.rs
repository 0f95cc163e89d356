//! What is known of a practice at this moment, and the sentence that says how it stands.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use crate::alerts::OpenAlert;
use crate::dashboard::place::{Place, day_words};
use crate::expectations::JobState;
use crate::ids::{AgentId, DrillId, JobId, PracticeId, RunId};
use crate::media::Whereabouts;
use crate::web::words::count;

/// A practice.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Practice {
    /// Which.
    pub(in crate::dashboard) id: PracticeId,
    /// Its name.
    pub(in crate::dashboard) name: String,
    /// Whether it is no longer looked after.
    pub(in crate::dashboard) is_archived: bool,
}

/// A place it works in.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Office {
    /// Its name.
    pub(in crate::dashboard) name: String,
    /// The name of its zone.
    pub(in crate::dashboard) zone: String,
    /// Its clocks.
    pub(in crate::dashboard) place: Place,
    /// ISO weekdays on which it is closed.
    pub(in crate::dashboard) closed_weekdays: Vec<i16>,
}

/// A job in use.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Job {
    /// Which.
    pub(in crate::dashboard) id: JobId,
    /// Its name.
    pub(in crate::dashboard) name: String,
    /// How it stands.
    pub(in crate::dashboard) state: JobState,
    /// Where.
    pub(in crate::dashboard) place: Place,
    /// `medium`, `vendor` or `disk`, where it is known.
    pub(in crate::dashboard) destination: Option<String>,
    /// When the last good run ended.
    pub(in crate::dashboard) last_good: Option<Timestamp>,
    /// That run.
    pub(in crate::dashboard) last_good_run: Option<RunId>,
    /// Bytes it looked at.
    pub(in crate::dashboard) last_good_size: Option<i64>,
    /// The database server, where the last finished run says when it was started.
    pub(in crate::dashboard) database: Option<DatabaseServer>,
}

/// For how long a database server may have run when it is meant to be restarted every day: one day, and half of one for a night
/// that begins later than the one before.
const RESTARTED_DAILY: SignedDuration = SignedDuration::from_hours(36);

/// A database server, as the last finished run of a job found it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dashboard) struct DatabaseServer {
    /// When it was last started.
    pub(in crate::dashboard) started_at: Timestamp,
    /// How long it had been running when the run ended.
    ran_for: SignedDuration,
}

impl DatabaseServer {
    /// One that was started then and seen at the end of a run; `None` for a start that cannot be.
    pub(in crate::dashboard) fn new(started_at: Timestamp, seen_at: Timestamp) -> Option<Self> {
        const YEAR_2000: i64 = 946_684_800;
        (started_at.as_second() >= YEAR_2000 && started_at <= seen_at).then(|| Self {
            started_at,
            ran_for: seen_at.duration_since(started_at),
        })
    }

    /// `not restarted for 3 days`, where that is too long.
    pub(in crate::dashboard) fn not_restarted(self) -> Option<String> {
        let days = self.ran_for.as_hours().div_euclid(24);
        (self.ran_for > RESTARTED_DAILY).then(|| format!("not restarted for {}", count(days, "day", "days")))
    }
}

/// A medium.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Medium {
    /// The text on its sticker.
    pub(in crate::dashboard) label: String,
    /// The set it belongs to.
    pub(in crate::dashboard) set: String,
    /// Whether it carries a marker.
    pub(in crate::dashboard) is_registered: bool,
    /// When it was seen last.
    pub(in crate::dashboard) last_seen: Timestamp,
    /// The last backup day a run wrote to it.
    pub(in crate::dashboard) last_used: Option<Date>,
    /// Where it is.
    pub(in crate::dashboard) place: Option<Whereabouts>,
}

/// A practised restore.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Drill {
    /// Which.
    pub(in crate::dashboard) id: DrillId,
    /// When it ended.
    pub(in crate::dashboard) finished_at: Timestamp,
    /// `passed`, `passed_with_notes`, `failed` or `abandoned`.
    pub(in crate::dashboard) outcome: String,
    /// What was restored.
    pub(in crate::dashboard) backup: String,
    /// Who did it.
    pub(in crate::dashboard) performed_by: String,
}

impl Drill {
    /// The word of marks.css.
    pub(in crate::dashboard) fn mark(&self) -> &'static str {
        match self.outcome.as_str() {
            "passed" => "ok",
            "passed_with_notes" => "warning",
            "failed" => "failed",
            _ => "excused",
        }
    }
}

/// An agent that was not revoked.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Agent {
    /// Which.
    pub(in crate::dashboard) id: AgentId,
    /// Its name.
    pub(in crate::dashboard) name: String,
    /// What it runs on.
    pub(in crate::dashboard) platform: String,
    /// Its version.
    pub(in crate::dashboard) version: String,
    /// When it was heard from last.
    pub(in crate::dashboard) last_heard: Option<Timestamp>,
    /// Whether it is silent.
    pub(in crate::dashboard) is_silent: bool,
}

/// Days an office is closed besides its weekdays.
#[derive(Debug, Clone)]
pub(in crate::dashboard) struct Closure {
    /// The first day.
    pub(in crate::dashboard) first: Date,
    /// The last day.
    pub(in crate::dashboard) last: Date,
    /// Why.
    pub(in crate::dashboard) reason: String,
    /// Which office.
    pub(in crate::dashboard) office: String,
}

impl Closure {
    /// `Thu 26 Nov`, or `Thu 24 Dec to Fri 1 Jan`.
    pub(in crate::dashboard) fn days(&self) -> String {
        if self.first == self.last {
            day_words(self.first)
        } else {
            format!("{} to {}", day_words(self.first), day_words(self.last))
        }
    }
}

/// `Saturday and Sunday`, of ISO weekdays.
pub(in crate::dashboard) fn weekdays(closed: &[i16]) -> String {
    const NAMES: [&str; 7] = [
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
        "Sunday",
    ];
    let names: Vec<&str> = (1_i16..)
        .zip(NAMES)
        .filter(|(number, _)| closed.contains(number))
        .map(|(_, name)| name)
        .collect();
    match names.split_last() {
        None => "no weekday".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// Where a backup goes, in words.
pub(in crate::dashboard) fn destination_words(destination: Option<&str>) -> &'static str {
    match destination {
        Some("medium") => "a medium that is taken out",
        Some("vendor") => "a company's storage",
        Some("disk") => "a disk that stays in place",
        _ => "not known where",
    }
}

/// How a practice stands, as one sentence.
pub(in crate::dashboard) fn standing(is_stale: bool, jobs: &[Job], alerts: &[OpenAlert]) -> String {
    let number = |of: usize| i64::try_from(of).unwrap_or(i64::MAX);
    let open = number(alerts.iter().filter(|alert| alert.acknowledged.is_none()).count());
    let well = number(jobs.iter().filter(|job| is_well(job.state)).count());
    let unknown = number(jobs.iter().filter(|job| !is_known(job.state)).count());
    let total = number(jobs.len());
    if is_stale {
        return "Nothing can be said at the moment.".to_owned();
    }
    if total == 0 {
        return "No backup job yet: nothing is expected, and nothing can be missed.".to_owned();
    }
    let need = match (open, alerts.len()) {
        (0, 0) => String::new(),
        (0, _) => "What is wrong is being looked after. ".to_owned(),
        _ => format!("{} you. ", count(open, "problem needs", "problems need")),
    };
    let jobs = match (well, total) {
        (1, 1) => "The job is well.".to_owned(),
        (well, total) if well == total => format!("All {total} jobs are well."),
        (0, 1) => "The job is not well.".to_owned(),
        (well, total) => format!("{well} of {total} jobs {} well.", if well == 1 { "is" } else { "are" }),
    };
    let unjudged = match unknown {
        0 => String::new(),
        unknown => format!(" {} be judged.", count(unknown, "job cannot", "jobs cannot")),
    };
    format!("{need}{jobs}{unjudged}")
}

/// Whether the last that was judged of a job went well, and nothing speaks against it since.
fn is_well(state: JobState) -> bool {
    match state {
        JobState::Ok | JobState::Running => true,
        JobState::NoSchedule
        | JobState::NeverReported
        | JobState::Waiting
        | JobState::Warning
        | JobState::Failed
        | JobState::Late
        | JobState::Missed
        | JobState::Overrun
        | JobState::Excused
        | JobState::NotMonitored
        | JobState::Unknown => false,
    }
}

/// Whether anything can be said of a job.
fn is_known(state: JobState) -> bool {
    match state {
        JobState::NoSchedule
        | JobState::NeverReported
        | JobState::Waiting
        | JobState::NotMonitored
        | JobState::Unknown => false,
        JobState::Running
        | JobState::Ok
        | JobState::Warning
        | JobState::Failed
        | JobState::Late
        | JobState::Missed
        | JobState::Overrun
        | JobState::Excused => true,
    }
}
