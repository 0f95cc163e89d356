//! A practice's backups in plain words: no term that its manager would have to look up.

use std::collections::BTreeMap;

use jiff::civil::Date;

use crate::alerts::{AlertFacts, OpenAlert};
use crate::dashboard::place::{Place, day_words, long_day, nights};
use crate::dashboard::practice::{JobRow, Known};
use crate::dashboard::strip::{DayGroup, weight};
use crate::expectations::SlotState;
use crate::web::words::count;

/// The nights of the present month so far, by what became of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Month {
    /// The month: `November 2026`.
    pub(super) name: String,
    /// Nights on which everything that was expected went well.
    pub(super) good: usize,
    /// Nights on which something was missed.
    pub(super) missed: usize,
    /// Nights on which something failed.
    pub(super) failed: usize,
    /// Nights that cannot be judged.
    pub(super) unknown: usize,
}

impl Month {
    /// The month of `today`, from the practice's groups of at least that month.
    pub(super) fn of(today: Date, groups: &[DayGroup]) -> Self {
        let mut days: BTreeMap<Date, SlotState> = BTreeMap::new();
        for group in groups {
            if group.day.first_of_month() != today.first_of_month() {
                continue;
            }
            let worst = days.entry(group.day).or_insert(group.state);
            if weight(group.state) < weight(*worst) {
                *worst = group.state;
            }
        }
        let number = |wanted: &[SlotState]| days.values().filter(|state| wanted.contains(state)).count();
        Self {
            name: today.strftime("%B %Y").to_string(),
            good: number(&[SlotState::Ok, SlotState::Warning]),
            missed: number(&[SlotState::Missed]),
            failed: number(&[SlotState::Failed, SlotState::Overrun]),
            unknown: number(&[SlotState::Unknown, SlotState::NotMonitored]),
        }
    }

    /// `14 nights good, 2 nights missed.`
    pub(super) fn words(&self) -> String {
        let said: Vec<String> = [
            (self.good, "with a good backup"),
            (self.missed, "missed"),
            (self.failed, "failed"),
            (self.unknown, "not known"),
        ]
        .into_iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", nights(number)))
        .collect();
        if said.is_empty() {
            "No night has been judged yet.".to_owned()
        } else {
            format!("{}.", said.join(", "))
        }
    }
}

/// The first sentence of the page.
pub(super) fn standing(is_stale: bool, known: &Known, rows: &[JobRow], firm: &str) -> String {
    if is_stale {
        return format!("Nothing can be said at the moment. {firm} can tell you why.");
    }
    if rows.is_empty() {
        return format!("No backup is set up here yet. Ask {firm} what is planned.");
    }
    let newest = rows.iter().filter_map(|row| row.job.last_good).max();
    let Some(newest) = newest else {
        return format!("There is no good backup yet. {firm} knows about it.");
    };
    let moment = known.place.moment(newest);
    let when = format!(
        "{}, {}",
        day_words(moment.at.to_zoned(moment.zone.clone()).date()),
        moment.time()
    );
    let open = known.alerts.len();
    if open == 0 {
        return format!("Your backups are in order. The last good one finished {when}.");
    }
    let looked_after = known.alerts.iter().filter(|alert| alert.acknowledged.is_some()).count();
    let matters = count(i64::try_from(open).unwrap_or(i64::MAX), "matter is", "matters are");
    let who = if looked_after == open {
        format!("{firm} is looking after it.")
    } else {
        format!("{firm} has been told.")
    };
    format!("{matters} open. {who} The last good backup finished {when}.")
}

/// An open matter in plain words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Matter {
    /// The word of marks.css.
    pub(super) mark: &'static str,
    /// What is wrong.
    pub(super) what: String,
    /// What is being done.
    pub(super) done: String,
}

/// The alert in plain words.
pub(super) fn matter(alert: &OpenAlert, place: &Place, firm: &str) -> Matter {
    let name = &alert.subject.name;
    let since = |at| long_day(&place.moment(at));
    let what = match &alert.facts {
        AlertFacts::Missed { days, last_good, .. } => match last_good {
            Some(good) => format!(
                "{name}: {} without a backup; the last good one is of {}.",
                nights(days.len().max(1)),
                since(*good)
            ),
            None => format!("{name}: no backup has come yet."),
        },
        AlertFacts::Failed { last_good, .. } | AlertFacts::NoSuccess { last_good, .. } => match last_good {
            Some(good) => format!(
                "{name}: the backup does not succeed; the last good one is of {}.",
                since(*good)
            ),
            None => format!("{name}: the backup has never succeeded."),
        },
        AlertFacts::Overrun { .. } => format!("{name}: a backup takes longer than it should."),
        AlertFacts::AgentSilent { last_heard, .. } => match last_heard {
            Some(heard) => format!(
                "Nothing has been heard from the computer {name} since {}. Is it switched on?",
                place.moment(*heard).words()
            ),
            None => format!("Nothing has been heard from the computer {name} yet."),
        },
        AlertFacts::Equivocation { .. } | AlertFacts::Unprojectable { .. } => {
            format!("Some reports from the computer {name} cannot be used.")
        }
        AlertFacts::AgentProblem { .. } => format!("The program that watches backups on {name} has a problem."),
        AlertFacts::SameMedium { label, first, second } => format!(
            "The same disk, {label}, was used on {} and on {}. Please change it.",
            day_words(*first),
            day_words(*second)
        ),
        AlertFacts::FewSets { .. } => format!("{name}: fewer than three disks take turns."),
        AlertFacts::DrillFailed { finished_at, .. } => {
            format!(
                "Restoring a backup was practised on {} and did not work.",
                since(*finished_at)
            )
        }
        AlertFacts::DrillOverdue { due_at, .. } => {
            format!("Restoring a backup should have been practised by {}.", since(*due_at))
        }
        AlertFacts::Undelivered { .. } => "Messages about your backups could not be delivered.".to_owned(),
    };
    let done = match &alert.acknowledged {
        Some(acknowledged) => format!(
            "{} of {firm} is looking after it: {}",
            acknowledged.by, acknowledged.reason
        ),
        None => format!("{firm} was told {}.", place.moment(alert.opened_at).words()),
    };
    Matter {
        mark: alert.kind.as_str(),
        what,
        done,
    }
}

/// Where a backup goes, for somebody who has seen the disk.
pub(super) fn place_words(destination: Option<&str>) -> &'static str {
    match destination {
        Some("medium") => "on a disk or tape that is taken out and kept elsewhere",
        Some("vendor") => "at a company, away from the practice",
        Some("disk") => "on a disk that stays in the practice",
        _ => "at a place that is not known",
    }
}
