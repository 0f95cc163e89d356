//! Wall-clock times as sets, and the five cron fields that say exactly the same.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use lastgood_protocol::Unclear;

/// The numbers of a field.
pub(super) const MINUTES: RangeInclusive<u8> = 0..=59;
/// See [`MINUTES`].
pub(super) const HOURS: RangeInclusive<u8> = 0..=23;
/// See [`MINUTES`].
pub(super) const DAYS: RangeInclusive<u8> = 1..=31;
/// See [`MINUTES`].
pub(super) const MONTHS: RangeInclusive<u8> = 1..=12;
/// 0 is Sunday.
pub(super) const WEEKDAYS: RangeInclusive<u8> = 0..=6;

/// Times of a calendar: every combination of the fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Times {
    /// 0 to 59.
    pub(super) minutes: BTreeSet<u8>,
    /// 0 to 23.
    pub(super) hours: BTreeSet<u8>,
    /// Days of the month.
    pub(super) days: Days,
    /// 1 to 12.
    pub(super) months: BTreeSet<u8>,
    /// Days of the week; a day must be in both this and `days`.
    pub(super) weekdays: Weekdays,
}

/// Days of the month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Days {
    /// 1 to 31.
    Of(BTreeSet<u8>),
    /// The month's last day alone.
    Last,
}

/// Days of the week, 0 is Sunday.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Weekdays {
    /// Each week.
    Of(BTreeSet<u8>),
    /// The first to fourth of the month; 0 stands for the last.
    Nth(BTreeSet<(u8, u8)>),
}

impl Times {
    /// Every day at one time.
    pub(super) fn daily(hour: u8, minute: u8) -> Self {
        Self {
            minutes: BTreeSet::from([minute]),
            hours: BTreeSet::from([hour]),
            days: Days::Of(DAYS.collect()),
            months: MONTHS.collect(),
            weekdays: Weekdays::Of(WEEKDAYS.collect()),
        }
    }

    /// Five cron fields that mean these times and no others; `None` when there are none.
    pub(super) fn cron(&self) -> Option<String> {
        let days = match &self.days {
            Days::Of(days) => field(days, DAYS)?,
            Days::Last => "L".to_owned(),
        };
        let weekdays = match &self.weekdays {
            Weekdays::Of(weekdays) => field(weekdays, WEEKDAYS)?,
            Weekdays::Nth(some) if some.is_empty() => return None,
            Weekdays::Nth(some) => {
                let words: Vec<String> = some
                    .iter()
                    .map(|(weekday, nth)| match nth {
                        0 => format!("{weekday}L"),
                        nth => format!("{weekday}#{nth}"),
                    })
                    .collect();
                words.join(",")
            }
        };
        // Where both are restricted cron takes either; the plus asks for both.
        let both = if days != "*" && weekdays != "*" { "+" } else { "" };
        Some(format!(
            "{} {} {days} {} {both}{weekdays}",
            field(&self.minutes, MINUTES)?,
            field(&self.hours, HOURS)?,
            field(&self.months, MONTHS)?,
        ))
    }

    /// The times of both, where they are again every combination of some fields.
    fn united(&self, other: &Self) -> Option<Self> {
        let mut united = self.clone();
        let mut differing = 0;
        for (mine, others) in [
            (&mut united.minutes, &other.minutes),
            (&mut united.hours, &other.hours),
            (&mut united.months, &other.months),
        ] {
            if mine != others {
                differing += 1;
                mine.extend(others);
            }
        }
        if united.days != other.days {
            differing += 1;
            match (&mut united.days, &other.days) {
                (Days::Of(mine), Days::Of(others)) => mine.extend(others),
                (Days::Of(_) | Days::Last, Days::Of(_) | Days::Last) => return None,
            }
        }
        if united.weekdays != other.weekdays {
            differing += 1;
            match (&mut united.weekdays, &other.weekdays) {
                (Weekdays::Of(mine), Weekdays::Of(others)) => mine.extend(others),
                (Weekdays::Nth(mine), Weekdays::Nth(others)) => mine.extend(others),
                (Weekdays::Of(_) | Weekdays::Nth(_), Weekdays::Of(_) | Weekdays::Nth(_)) => return None,
            }
        }
        (differing <= 1).then_some(united)
    }
}

/// One cron expression for several calendars that count together.
pub(super) fn cron_of_all(calendars: &[Times]) -> Result<String, Unclear> {
    let mut whole: Option<Times> = None;
    for times in calendars {
        whole = Some(match whole {
            None => times.clone(),
            Some(before) => before.united(times).ok_or(Unclear::NotFiveFields)?,
        });
    }
    let whole = whole.ok_or(Unclear::NotByCalendar)?;
    whole
        .cron()
        .filter(|cron| cron.len() <= 100)
        .ok_or(Unclear::NotFiveFields)
}

/// One cron field; `None` for an empty set.
fn field(numbers: &BTreeSet<u8>, all: RangeInclusive<u8>) -> Option<String> {
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    if all.clone().all(|number| numbers.contains(&number)) {
        return Some("*".to_owned());
    }
    let ordered: Vec<u8> = numbers.iter().copied().collect();
    let step = ordered
        .first()
        .zip(ordered.get(1))
        .map_or(0, |(one, two)| two.saturating_sub(*one));
    let is_even = ordered
        .iter()
        .zip(ordered.iter().skip(1))
        .all(|(one, two)| two.saturating_sub(*one) == step);
    let reaches_end = u16::from(last) + u16::from(step) > u16::from(*all.end());
    if step > 1 && is_even && first == *all.start() && reaches_end && ordered.len() > 2 {
        return Some(format!("*/{step}"));
    }
    Some(ranges(&ordered))
}

/// `1-5,9`
fn ranges(ordered: &[u8]) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut rest = ordered;
    while let Some(first) = rest.first() {
        let length = rest
            .iter()
            .zip(*first..)
            .take_while(|(number, expected)| **number == *expected)
            .count();
        let (run, after) = rest.split_at(length.max(1));
        match run {
            [one, .., last] if run.len() > 2 => words.push(format!("{one}-{last}")),
            some => words.extend(some.iter().map(u8::to_string)),
        }
        rest = after;
    }
    words.join(",")
}
