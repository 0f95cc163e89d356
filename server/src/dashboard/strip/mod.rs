//! The strip: one square per backup day, the worst of each day, today at the right.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use jiff::ToSpan as _;
use jiff::civil::Date;
use uuid::Uuid;

use super::place::day_words;
use crate::expectations::SlotState;
use crate::ids::RunId;
use crate::web::words::plain;

/// Days in a strip: five weeks.
pub(super) const DAYS: i32 = 35;

/// Slots of one backup day that have the same state, of one job or of a whole practice.
#[derive(Debug, Clone)]
pub(super) struct DayGroup {
    /// The job's or the practice's id.
    pub(super) of: Uuid,
    /// The backup day.
    pub(super) day: Date,
    /// What became of these slots.
    pub(super) state: SlotState,
    /// How many they are.
    pub(super) count: i64,
    /// The run that filled it, where it is one slot.
    pub(super) run: Option<RunId>,
    /// Whether one of them was filled by a report that came late.
    pub(super) reported_late: bool,
}

/// One square.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Day {
    /// The backup day.
    pub(super) date: Date,
    /// The word of marks.css for it.
    pub(super) mark: &'static str,
    /// `Fri 20 Nov: missed (1 of 3 backups)`.
    pub(super) label: String,
    /// Where it leads.
    pub(super) path: String,
    /// Whether it is the present backup day.
    pub(super) is_today: bool,
}

/// Five weeks of one job or practice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strip {
    /// Oldest first.
    pub(super) days: Vec<Day>,
}

/// The first day of a strip that ends with `today`.
pub(super) fn first_day(today: Date) -> Date {
    today.checked_sub((DAYS - 1).days()).unwrap_or(today)
}

/// The weight of a state in the order in which states matter; the worst is 0.
pub(super) const fn weight(state: SlotState) -> u8 {
    match state {
        SlotState::Missed => 0,
        SlotState::Failed => 1,
        SlotState::Overrun => 2,
        SlotState::Unknown => 3,
        SlotState::Late => 4,
        SlotState::Warning => 5,
        SlotState::Running => 6,
        SlotState::Waiting => 7,
        SlotState::Excused => 8,
        SlotState::NotMonitored => 9,
        SlotState::Ok => 10,
    }
}

/// The strips of many, by their ids, from the groups of all of them.
pub(super) fn by_owner(groups: Vec<DayGroup>) -> BTreeMap<Uuid, Vec<DayGroup>> {
    let mut owners: BTreeMap<Uuid, Vec<DayGroup>> = BTreeMap::new();
    for group in groups {
        owners.entry(group.of).or_default().push(group);
    }
    owners
}

impl Strip {
    /// The strip that ends with `today`. A day leads to its run where it had one slot, else to `base` at that day.
    pub(super) fn new(today: Date, groups: &[DayGroup], base: &str) -> Self {
        let mut days: BTreeMap<Date, Vec<&DayGroup>> = BTreeMap::new();
        for group in groups {
            days.entry(group.day).or_default().push(group);
        }
        let first = first_day(today);
        let days = first
            .series(1.day())
            .take_while(|date| *date <= today)
            .map(|date| {
                let groups = days.get(&date).map(Vec::as_slice).unwrap_or_default();
                day(date, today, groups, base)
            })
            .collect();
        Self { days }
    }

    /// The days on which something was not as it should be, newest first.
    pub(super) fn troubled(&self) -> Vec<&Day> {
        let heavy = |day: &&Day| by_weight().into_iter().take(6).any(|state| state.as_str() == day.mark);
        self.days.iter().rev().filter(heavy).collect()
    }

    /// How many days have this mark.
    fn count(&self, mark: SlotState) -> usize {
        self.days.iter().filter(|day| day.mark == mark.as_str()).count()
    }

    /// What a screen reader says before the days: `Last 35 backup days: 2 missed, 31 ok`.
    pub(super) fn summary(&self) -> String {
        let counts: Vec<String> = by_weight()
            .into_iter()
            .map(|state| (self.count(state), state))
            .filter(|(count, _)| *count > 0)
            .map(|(count, state)| format!("{count} {}", plain(&state)))
            .collect();
        let counts = if counts.is_empty() {
            "nothing expected".to_owned()
        } else {
            counts.join(", ")
        };
        format!("Last {DAYS} backup days: {counts}")
    }
}

/// The marks that occur in these strips, the heaviest first.
pub(super) fn marks<'a>(strips: impl Iterator<Item = &'a Strip>) -> Vec<&'static str> {
    let used: BTreeSet<&str> = strips.flat_map(|strip| &strip.days).map(|day| day.mark).collect();
    by_weight()
        .into_iter()
        .map(SlotState::as_str)
        .chain(["none"])
        .filter(|mark| used.contains(mark))
        .collect()
}

fn by_weight() -> Vec<SlotState> {
    let mut states = SlotState::ALL.to_vec();
    states.sort_by_key(|state| weight(*state));
    states
}

fn day(date: Date, today: Date, groups: &[&DayGroup], base: &str) -> Day {
    let worst = groups.iter().min_by_key(|group| weight(group.state));
    let total: i64 = groups.iter().map(|group| group.count).sum();
    let said = match worst {
        None => "nothing expected".to_owned(),
        Some(worst) if total == 1 && worst.reported_late => format!("{}, reported late", plain(&worst.state)),
        Some(worst) if worst.count == total => plain(&worst.state),
        Some(worst) => format!("{} ({} of {total} backups)", plain(&worst.state), worst.count),
    };
    let path = match worst {
        Some(DayGroup { run: Some(run), .. }) if total == 1 => format!("/runs/{run}"),
        _ => format!("{base}?day={date}"),
    };
    Day {
        date,
        mark: worst.map_or("none", |worst| worst.state.as_str()),
        label: format!("{}: {said}", day_words(date)),
        path,
        is_today: date == today,
    }
}
