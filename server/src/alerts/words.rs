//! An alert in one line, and how days and times in it are told: the practice's, with its zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::model::{AlertFacts, Subject};
use crate::notifications::{cut, one_line};
use crate::web::words::{Moment, count};

/// An alert, with what is needed to tell it.
#[derive(Debug, Clone, Copy)]
pub struct Told<'a> {
    /// The practice's name.
    pub practice: &'a str,
    /// What it is about.
    pub subject: &'a Subject,
    /// Where the practice is.
    pub zone: &'a TimeZone,
    /// When the problem began.
    pub since: Timestamp,
    /// What is known.
    pub facts: &'a AlertFacts,
}

impl Told<'_> {
    /// `Harbor Counseling: no backup since Fri 20 Nov (nightly)`.
    pub fn headline(&self) -> String {
        format!("{}: {}", one_line(self.practice), self.fact())
    }

    /// The headline without the practice.
    pub fn fact(&self) -> String {
        let name = self.name();
        match self.facts {
            AlertFacts::Missed { last_good, .. } => match last_good {
                Some(good) => format!("no backup since {} ({name})", self.day(*good)),
                None => format!("no backup yet ({name})"),
            },
            AlertFacts::Failed {
                wanted_medium: Some(wanted),
                ..
            } => format!("backup waits for {} ({name})", short(wanted)),
            AlertFacts::Failed {
                in_a_row, finished_at, ..
            } => match in_a_row {
                0 | 1 => format!("backup failed {} ({name})", self.moment(*finished_at)),
                _ => format!("backup failed {in_a_row} times in a row ({name})"),
            },
            AlertFacts::Overrun { started_at, .. } => {
                format!("backup still running since {} ({name})", self.moment(*started_at))
            }
            AlertFacts::NoSuccess { last_good, .. } => match last_good {
                Some(good) => format!("no good backup since {} ({name})", self.day(*good)),
                None => format!("no good backup yet ({name})"),
            },
            AlertFacts::AgentSilent { last_heard, .. } => match last_heard {
                Some(heard) => format!("nothing heard from {name} since {}", self.moment(*heard)),
                None => format!("nothing heard from {name} yet"),
            },
            AlertFacts::Equivocation { .. } => format!("{name} contradicts itself"),
            AlertFacts::Unprojectable { count: number, .. } => format!(
                "{} from {name} cannot be read",
                count(i64::from(*number), "report", "reports")
            ),
            AlertFacts::AgentProblem { .. } => format!("{name} reports a problem"),
            AlertFacts::SameMedium { label, first, second } => {
                format!("same medium on {} ({}, {name})", days(&[*first, *second]), short(label))
            }
            AlertFacts::FewSets { sets, .. } => format!(
                "only {} in use ({name})",
                count(i64::try_from(sets.len()).unwrap_or(i64::MAX), "set", "sets")
            ),
            AlertFacts::DrillFailed { finished_at, .. } => {
                format!("practised restore failed {}", self.day(*finished_at))
            }
            AlertFacts::DrillOverdue { last_passed, .. } => match last_passed {
                Some(passed) => format!("no practised restore since {}", self.long_day(*passed)),
                None => "no restore was ever practised".to_owned(),
            },
            AlertFacts::Undelivered { .. } => format!("mail to {name} does not arrive"),
        }
    }

    /// The subject's name as one short line.
    pub fn name(&self) -> String {
        short(&self.subject.name)
    }

    pub(super) fn at(&self, at: Timestamp) -> Moment {
        Moment {
            at,
            zone: self.zone.clone(),
        }
    }

    fn day(&self, at: Timestamp) -> String {
        self.at(at).day()
    }

    fn moment(&self, at: Timestamp) -> String {
        self.at(at).words()
    }

    /// `Fri 20 Nov, 21:04 EST`.
    pub(super) fn zoned(&self, at: Timestamp) -> String {
        let zone = at.to_zoned(self.zone.clone()).strftime("%Z").to_string();
        format!("{} {zone}", self.at(at).words())
    }

    /// `20 Nov 2026`, for what may be long ago.
    pub(super) fn long_day(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%-d %b %Y").to_string()
    }
}

/// `3 nights missed: 12, 13 and 14 Mar`.
pub(super) fn missed_words(missed: &[Date]) -> String {
    let nights = count(
        i64::try_from(missed.len()).unwrap_or(i64::MAX),
        "night missed",
        "nights missed",
    );
    match missed {
        [] => "a night missed".to_owned(),
        [first, .., last] if missed.len() > 10 => format!("{nights}, from {} to {}", days(&[*first]), days(&[*last])),
        _ => format!("{nights}: {}", days(missed)),
    }
}

/// `12, 13 and 14 Mar`; the month stands behind the last day it belongs to.
pub(super) fn days(days: &[Date]) -> String {
    let parts: Vec<String> = days
        .iter()
        .zip(days.iter().skip(1).map(Some).chain([None]))
        .map(|(day, next)| match next {
            Some(next) if next.first_of_month() == day.first_of_month() => day.day().to_string(),
            _ => day.strftime("%-d %b").to_string(),
        })
        .collect();
    match parts.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

/// Words from outside: one line, not too long for a sentence.
pub(super) fn short(text: &str) -> String {
    cut(&one_line(text), 200)
}
