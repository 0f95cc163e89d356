//! An alert in words: first what happened, then since when, then what to do. Times are the practice's, with its zone.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::model::{AlertFacts, Subject};
use crate::notifications::{cut, one_line};
use crate::web::words::{Moment, count, duration};

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
            AlertFacts::SameMedium { label, first, second } => format!(
                "same medium on {} ({}, {name})",
                days(&[*first, *second]),
                short(label)
            ),
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

    /// The whole message: what happened, since when, what to do.
    pub fn sentence(&self) -> String {
        format!("{} {}", self.what_happened(), self.what_to_do())
    }

    /// What happened, and since when.
    pub fn what_happened(&self) -> String {
        let (name, practice) = (self.name(), short(self.practice));
        match self.facts {
            AlertFacts::Missed {
                days: missed,
                due_at,
                last_good,
                never_reported,
            } => {
                let nights = missed_words(missed);
                let last = match last_good {
                    Some(good) => format!("The last good backup finished {}.", self.zoned(*good)),
                    None if *never_reported => "This job has never reported anything.".to_owned(),
                    None => "There has never been a good backup of this job.".to_owned(),
                };
                format!(
                    "No backup came from {name} at {practice}: {nights}. It was due {}. {last}",
                    self.zoned(*due_at)
                )
            }
            AlertFacts::Failed {
                finished_at,
                reason,
                in_a_row,
                last_good,
                ..
            } => {
                let reason = reason.as_deref().map(short).filter(|reason| !reason.is_empty());
                let why = reason.map_or_else(
                    || "The tool gave no reason.".to_owned(),
                    |reason| format!("The tool said: {}", full_stop(&reason)),
                );
                let row = match in_a_row {
                    0 | 1 => String::new(),
                    _ => format!(" It has failed {in_a_row} times in a row."),
                };
                format!(
                    "The backup {name} at {practice} failed {}. {why}{row} {}",
                    self.zoned(*finished_at),
                    self.last_good(*last_good)
                )
            }
            AlertFacts::Overrun {
                started_at,
                maximum_seconds,
                ..
            } => format!(
                "The backup {name} at {practice} began {} and is still running. It may take {} at most.",
                self.zoned(*started_at),
                seconds(*maximum_seconds)
            ),
            AlertFacts::NoSuccess {
                last_good,
                limit_seconds,
            } => format!(
                "The backup {name} at {practice} has not gone well for longer than {}. {}",
                seconds(*limit_seconds),
                self.last_good(*last_good)
            ),
            AlertFacts::AgentSilent { last_heard, jobs } => {
                let heard = match last_heard {
                    Some(heard) => format!("The agent {name} at {practice} was last heard from {}.", self.zoned(*heard)),
                    None => format!("The agent {name} at {practice} has said nothing since it was enrolled."),
                };
                let jobs = match jobs {
                    0 => String::new(),
                    _ => format!(
                        " {} cannot be judged meanwhile.",
                        count(i64::from(*jobs), "backup job", "backup jobs")
                    ),
                };
                heard + &jobs
            }
            AlertFacts::Equivocation { .. } | AlertFacts::Unprojectable { .. } | AlertFacts::AgentProblem { .. } => {
                self.what_the_agent_did()
            }
            AlertFacts::SameMedium { label, first, second } => format!(
                "The backup {name} at {practice} was written to {} on two consecutive backup days, {}.",
                short(label),
                days(&[*first, *second])
            ),
            AlertFacts::FewSets { sets, days } => {
                let used = match sets.as_slice() {
                    [] => "none was seen".to_owned(),
                    sets => format!("{} was seen", sets.iter().map(|set| short(set)).collect::<Vec<_>>().join(" and ")),
                };
                format!("The backup {name} at {practice} should rotate between three sets: {used} in the last {days} backup days.")
            }
            AlertFacts::DrillFailed { finished_at, what, .. } => {
                let what: Vec<String> = what.iter().map(|step| short(step)).collect();
                let failed = match what.is_empty() {
                    true => String::new(),
                    false => format!(" What failed: {}", full_stop(&cut(&what.join("; "), 400))),
                };
                format!("The practised restore at {practice} failed {}.{failed}", self.zoned(*finished_at))
            }
            AlertFacts::DrillOverdue { due_at, last_passed } => {
                let last = match last_passed {
                    Some(passed) => format!("The last one that passed was on {}.", self.long_day(*passed)),
                    None => "None has ever passed.".to_owned(),
                };
                format!(
                    "A restore at {practice} should have been practised by {}. {last}",
                    self.long_day(*due_at)
                )
            }
            AlertFacts::Undelivered { count: number, problem } => format!(
                "{} about {practice} could not be delivered to {name} since {}. The last try: {}",
                count(i64::from(*number), "message", "messages"),
                self.zoned(self.since),
                full_stop(&short(problem))
            ),
        }
    }

    fn what_the_agent_did(&self) -> String {
        let (name, practice) = (self.name(), short(self.practice));
        let since = self.zoned(self.since);
        match self.facts {
            AlertFacts::Equivocation { count: number } => format!(
                "The agent {name} at {practice} sent {} that contradict what it sent before under the same number, since {since}.",
                count(i64::from(*number), "report", "reports")
            ),
            AlertFacts::Unprojectable { count: number, problem } => format!(
                "{} from {name} at {practice} since {since} could not be read and {} set aside, as received. The newest: {}",
                count(i64::from(*number), "report", "reports"),
                if *number == 1 { "is" } else { "are" },
                full_stop(&short(problem))
            ),
            AlertFacts::AgentProblem { message, .. } => format!(
                "The agent {name} at {practice} has found a problem, {since}: {}",
                full_stop(&short(message))
            ),
            AlertFacts::Missed { .. }
            | AlertFacts::Failed { .. }
            | AlertFacts::Overrun { .. }
            | AlertFacts::NoSuccess { .. }
            | AlertFacts::AgentSilent { .. }
            | AlertFacts::SameMedium { .. }
            | AlertFacts::FewSets { .. }
            | AlertFacts::DrillFailed { .. }
            | AlertFacts::DrillOverdue { .. }
            | AlertFacts::Undelivered { .. } => String::new(),
        }
    }

    /// What somebody should do about it.
    pub fn what_to_do(&self) -> &'static str {
        match self.facts {
            AlertFacts::Missed { never_reported: true, .. } => {
                "Check on the machine that the job stands in the agent's settings under the same key."
            }
            AlertFacts::Missed { .. } => {
                "Check that the machine is on, that its disk or drive is connected, and that the job has not been switched off."
            }
            AlertFacts::Failed { .. } => "Correct what the tool complains about and run the job again.",
            AlertFacts::Overrun { .. } => {
                "Look on the machine whether it still moves; end it if it does not, and run the job again."
            }
            AlertFacts::NoSuccess { .. } => "Open the job's last runs, correct what they have in common and run it again.",
            AlertFacts::AgentSilent { .. } => {
                "Check that the machine is on, that it reaches the internet, and that the service lastgood-agent runs there."
            }
            AlertFacts::Equivocation { .. } => {
                "Find out whether the machine was cloned or put back from an image, or whether its key was copied. Revoke the agent and enrol the machine anew."
            }
            AlertFacts::Unprojectable { .. } => "Nothing is lost. Update the server, then have the reports read again.",
            AlertFacts::AgentProblem { .. } => "Look at the agent's own log on that machine.",
            AlertFacts::SameMedium { .. } => "Change the medium today, and ask the practice who changes it.",
            AlertFacts::FewSets { .. } => "Put a further set into use, or register it if one is used already.",
            AlertFacts::DrillFailed { .. } => {
                "Find out why, correct it and practise again: until then nobody knows whether this backup can be restored."
            }
            AlertFacts::DrillOverdue { .. } => "Practise a restore and record it.",
            AlertFacts::Undelivered { .. } => {
                "Correct the address, or ask whoever runs that mailbox why it refuses. Until then tell this person by other means."
            }
        }
    }

    /// The subject's name as one short line.
    pub fn name(&self) -> String {
        short(&self.subject.name)
    }

    fn last_good(&self, last_good: Option<Timestamp>) -> String {
        match last_good {
            Some(good) => format!("The last good backup finished {}.", self.zoned(good)),
            None => "There has never been a good backup of this job.".to_owned(),
        }
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
    fn long_day(&self, at: Timestamp) -> String {
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
fn short(text: &str) -> String {
    cut(&one_line(text), 200)
}

fn full_stop(text: &str) -> String {
    match text.chars().last() {
        Some('.' | '!' | '?' | '…') => text.to_owned(),
        _ => format!("{text}."),
    }
}

fn seconds(seconds: i64) -> String {
    duration(jiff::SignedDuration::from_secs(seconds))
}
