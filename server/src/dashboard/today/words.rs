//! What Today says of a problem: one line each; times are the practice's.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::model::{Row, Told};
use crate::alerts::AlertFacts;
use crate::dashboard::place::{Teller, day_words, full_stop, nights};
use crate::web::words::{count, duration};

impl Row {
    /// The word of marks.css.
    pub(super) fn mark(&self) -> &'static str {
        match &self.told {
            Told::Alert { kind, .. } => kind.as_str(),
            Told::Late { .. } => "late",
            Told::Warning { .. } => "warning",
        }
    }

    /// What the mark says.
    pub(super) fn mark_words(&self) -> &'static str {
        match &self.told {
            Told::Alert { kind, .. } => kind.words(),
            Told::Late { .. } => "late",
            Told::Warning { .. } => "warning",
        }
    }

    /// What happened.
    pub(super) fn sentence(&self, reader: Option<&TimeZone>) -> String {
        let teller = Teller {
            place: &self.place,
            reader,
        };
        match &self.told {
            Told::Alert { facts, .. } => alert_sentence(facts, teller),
            Told::Late { due_at, missed_at } => format!(
                "Due {}. Missed from {} on.",
                teller.words(*due_at),
                self.place.moment(*missed_at).time()
            ),
            Told::Warning { reason, .. } => match reason {
                Some(reason) => format!("A backup was made, with a complaint: {}", full_stop(reason)),
                None => "A backup was made, and the tool complained.".to_owned(),
            },
        }
    }

    /// How long it has gone on: nights or times in a row where they are counted, else the time since it began.
    pub(super) fn run_length(&self, now: Timestamp) -> String {
        match &self.told {
            Told::Alert {
                facts: AlertFacts::Missed { days, .. },
                ..
            } => nights(days.len().max(1)),
            Told::Alert {
                facts: AlertFacts::Failed { in_a_row, .. },
                ..
            } => count(i64::from(*in_a_row).max(1), "time", "times"),
            Told::Alert { .. } | Told::Late { .. } | Told::Warning { .. } => duration(now.duration_since(self.since)),
        }
    }
}

/// What happened, for one line beside the subject's name.
pub(in crate::dashboard) fn alert_sentence(facts: &AlertFacts, teller: Teller<'_>) -> String {
    let reports = |number: u32| count(i64::from(number), "report", "reports");
    match facts {
        AlertFacts::Missed {
            never_reported: true, ..
        } => "No report of this job ever came.".to_owned(),
        AlertFacts::Missed { last_good, .. } | AlertFacts::NoSuccess { last_good, .. } => match last_good {
            Some(good) => format!("No good backup since {}.", teller.words(*good)),
            None => "No good backup ever came.".to_owned(),
        },
        AlertFacts::Failed {
            finished_at, reason, ..
        } => match reason {
            Some(reason) => format!("{}: {}", teller.words(*finished_at), full_stop(reason)),
            None => format!("{}. The tool gave no reason.", teller.words(*finished_at)),
        },
        AlertFacts::Overrun {
            started_at,
            maximum_seconds,
            ..
        } => format!(
            "Running since {}. It may take {}.",
            teller.words(*started_at),
            duration(SignedDuration::from_secs(*maximum_seconds))
        ),
        AlertFacts::AgentSilent { last_heard, jobs } => silence(last_heard.map(|heard| teller.words(heard)), *jobs),
        AlertFacts::Equivocation { count } => format!("{} contradicted what was sent before.", reports(*count)),
        AlertFacts::Unprojectable { count, .. } => format!("{} could not be read. Nothing is lost.", reports(*count)),
        AlertFacts::AgentProblem { message, .. } => full_stop(message),
        AlertFacts::SameMedium { label, first, second } => {
            format!(
                "{label} was used on {} and on {}.",
                day_words(*first),
                day_words(*second)
            )
        }
        AlertFacts::FewSets { sets, days } => {
            let used = if sets.is_empty() {
                "No set".to_owned()
            } else {
                format!("Only {}", sets.join(" and "))
            };
            format!("{used} in use in {days} backup days; three should rotate.")
        }
        AlertFacts::DrillFailed { finished_at, what, .. } => match what.as_slice() {
            [] => format!("{}.", teller.words(*finished_at)),
            what => format!("{}: {}", teller.words(*finished_at), full_stop(&what.join("; "))),
        },
        AlertFacts::DrillOverdue { last_passed, due_at } => match last_passed {
            Some(passed) => format!(
                "Due {}. The last one passed on {}.",
                teller.day(*due_at),
                teller.long_day(*passed)
            ),
            None => format!("Due {}. None was ever practised.", teller.day(*due_at)),
        },
        AlertFacts::Undelivered { count: number, problem } => format!(
            "{} not delivered: {}",
            count(i64::from(*number), "message", "messages"),
            full_stop(problem)
        ),
    }
}

fn silence(last_heard: Option<String>, jobs: u32) -> String {
    let jobs = match jobs {
        0 => String::new(),
        _ => format!(" Nobody sees its {}.", count(i64::from(jobs), "job", "jobs")),
    };
    match last_heard {
        Some(heard) => format!("Not heard from since {heard}.{jobs}"),
        None => format!("Not heard from since it was enrolled.{jobs}"),
    }
}
