//! The end of an alert in words: what was missed, how long it lasted, what shows that it is over.

use jiff::Timestamp;

use super::model::AlertFacts;
use super::words::{Told, missed_words};
use crate::web::words::{count, duration};

/// How a problem ended, as the message about it tells it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ending {
    /// When it was over.
    pub(super) at: Timestamp,
    /// Since when it came and went without anybody being told, and how often; 1 for a problem that came once.
    pub(super) since: Timestamp,
    /// How often.
    pub(super) times: i64,
}

impl Told<'_> {
    /// The subject's fact for somebody who was told when it began.
    pub(super) fn over_fact(&self) -> String {
        let name = self.name();
        match self.facts {
            AlertFacts::Missed { days, .. } => format!("backups are back, {} ({name})", short_missed(days.len())),
            AlertFacts::Failed { .. } => format!("the backup works again ({name})"),
            AlertFacts::Overrun { .. } => format!("the long backup has ended ({name})"),
            AlertFacts::NoSuccess { .. } => format!("a good backup again ({name})"),
            AlertFacts::AgentSilent { .. } => format!("{name} is heard from again"),
            AlertFacts::Equivocation { .. } => format!("{name} no longer contradicts itself"),
            AlertFacts::Unprojectable { .. } => format!("the reports from {name} are read now"),
            AlertFacts::AgentProblem { .. } => format!("the problem that {name} reported is over"),
            AlertFacts::SameMedium { .. } => format!("the medium was changed ({name})"),
            AlertFacts::FewSets { .. } => format!("enough sets in use again ({name})"),
            AlertFacts::DrillFailed { .. } | AlertFacts::DrillOverdue { .. } => "a practised restore passed".to_owned(),
            AlertFacts::Undelivered { .. } => format!("mail to {name} arrives again"),
        }
    }

    /// The subject's fact for somebody who hears of the problem only now that it is over.
    pub(super) fn was_fact(&self, ending: Ending) -> String {
        let (name, was) = (self.name(), self.was());
        if ending.times > 1 {
            return format!(
                "{was} {} times since {}, over now ({name})",
                ending.times,
                self.at(ending.since).words()
            );
        }
        format!("{was} {}, over now ({name})", self.span(ending.at))
    }

    /// What is said below the fact: how long it lasted and what was missed.
    pub(super) fn over_details(&self, ending: Ending) -> Vec<String> {
        let (from, to) = (self.zoned(self.since), self.zoned(ending.at));
        let lasted = duration(ending.at.duration_since(self.since));
        let mut details = vec![format!("It lasted from {from} to {to}: {lasted}.")];
        match self.facts {
            AlertFacts::Missed { days, .. } => details.push(format!("{}.", capital(&missed_words(days)))),
            AlertFacts::Failed { in_a_row, .. } if *in_a_row > 1 => {
                details.push(format!("{in_a_row} runs had failed in a row."));
            }
            AlertFacts::Failed { .. }
            | AlertFacts::Overrun { .. }
            | AlertFacts::NoSuccess { .. }
            | AlertFacts::AgentSilent { .. }
            | AlertFacts::Equivocation { .. }
            | AlertFacts::Unprojectable { .. }
            | AlertFacts::AgentProblem { .. }
            | AlertFacts::SameMedium { .. }
            | AlertFacts::FewSets { .. }
            | AlertFacts::DrillFailed { .. }
            | AlertFacts::DrillOverdue { .. }
            | AlertFacts::Undelivered { .. } => {}
        }
        if ending.times > 1 {
            let since = self.zoned(ending.since);
            details.push(format!(
                "It came and went {} times since {since}; this one message stands for all of them.",
                ending.times
            ));
        }
        details
    }

    /// What it was, for the past.
    fn was(&self) -> &'static str {
        match self.facts {
            AlertFacts::Missed { .. } => "no backup came",
            AlertFacts::Failed {
                wanted_medium: Some(_), ..
            } => "the backup waited for its medium",
            AlertFacts::Failed { .. } => "the backup failed",
            AlertFacts::Overrun { .. } => "the backup took too long",
            AlertFacts::NoSuccess { .. } => "there was no good backup",
            AlertFacts::AgentSilent { .. } => "the agent was silent",
            AlertFacts::Equivocation { .. } => "the agent contradicted itself",
            AlertFacts::Unprojectable { .. } => "reports could not be read",
            AlertFacts::AgentProblem { .. } => "the agent had a problem",
            AlertFacts::SameMedium { .. } => "the medium was not changed",
            AlertFacts::FewSets { .. } => "too few sets were in use",
            AlertFacts::DrillFailed { .. } => "the practised restore failed",
            AlertFacts::DrillOverdue { .. } => "the practised restore was overdue",
            AlertFacts::Undelivered { .. } => "mail did not arrive",
        }
    }

    /// `Sun 15 Mar, 02:10–02:40`, or `Thu 12 Mar, 02:10 to Sun 15 Mar, 02:40`.
    fn span(&self, until: Timestamp) -> String {
        let (from, to) = (self.at(self.since), self.at(until));
        if from.day() == to.day() {
            format!("{}–{}", from.words(), to.time())
        } else {
            format!("{} to {}", from.words(), to.words())
        }
    }
}

fn short_missed(nights: usize) -> String {
    count(
        i64::try_from(nights).unwrap_or(i64::MAX),
        "night missed",
        "nights missed",
    )
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}
