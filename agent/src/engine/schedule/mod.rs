//! When a job is due: a cron expression read in a time zone.
//!
//! `croner` parses the expression and knows which days match; the times are computed here in civil time and mapped to
//! instants, because croner's own search panics where a day or an hour is missing. The rules at a change of clocks are
//! those of Vixie cron: a fixed time that does not exist runs once, when the gap ends; a fixed time that happens twice
//! runs once, the first time; an expression whose minute or hour field begins with `*` follows real time.

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, ToSpan as _};

/// The longest that is looked ahead: 29 February on a given weekday comes at the latest after 40 years (8 without the
/// weekday); what is rarer than twelve years is no backup schedule.
const DAYS_AHEAD: u32 = 12 * 366;

const MINUTES_PER_DAY: u32 = 24 * 60;

/// A cron expression in a time zone.
#[derive(Clone, PartialEq)]
pub(crate) struct Schedule {
    expression: String,
    cron: Cron,
    zone: TimeZone,
    follows_real_time: bool,
}

/// Why a text is not a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ScheduleError {
    /// Not five cron fields.
    #[error("'{0}' is not a cron expression of five fields (minute, hour, day of month, month, day of week)")]
    Syntax(String),
    /// No day in twelve years matches.
    #[error("'{0}' is never due")]
    Never(String),
}

impl Schedule {
    /// Reads five cron fields, to be understood in `zone`. `now` is only used to see that the schedule is ever due.
    pub(crate) fn parse(expression: &str, zone: TimeZone, now: Timestamp) -> Result<Self, ScheduleError> {
        let syntax = || ScheduleError::Syntax(expression.to_owned());
        let cron = CronParser::builder()
            .seconds(Seconds::Disallowed)
            .year(Year::Disallowed)
            .build()
            .parse(expression)
            .map_err(|_| syntax())?;
        let mut fields = expression.split_ascii_whitespace();
        let (minute, hour) = (fields.next().ok_or_else(syntax)?, fields.next());
        let follows_real_time = match hour {
            Some(hour) => minute.starts_with('*') || hour.starts_with('*'),
            None => minute.eq_ignore_ascii_case("@hourly"),
        };
        let schedule = Self {
            expression: expression.to_owned(),
            follows_real_time,
            cron,
            zone,
        };
        match schedule.next_after(now) {
            Some(_) => Ok(schedule),
            None => Err(ScheduleError::Never(expression.to_owned())),
        }
    }

    /// The first time it is due after `after`; `None` when there is none in twelve years.
    pub(crate) fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        // A time in a gap belongs to the day before or after it in some zones, so the search begins a day early.
        let mut date = self.zone.to_datetime(after).date().yesterday().ok()?;
        for _ in 0..DAYS_AHEAD {
            if self.matches_day(date) {
                let found = if self.follows_real_time {
                    self.next_in_real_time(date, after)
                } else {
                    self.next_fixed(date, after)
                };
                if found.is_some() {
                    return found;
                }
            }
            date = date.tomorrow().ok()?;
        }
        None
    }

    /// The expression as written.
    pub(crate) fn expression(&self) -> &str {
        &self.expression
    }

    /// The zone it is read in.
    pub(crate) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    fn matches_day(&self, date: Date) -> bool {
        let (year, month, day) = (i32::from(date.year()), number(date.month()), number(date.day()));
        let month_matches = self.cron.pattern.month_match(month).unwrap_or(false);
        month_matches
            && self
                .cron
                .pattern
                .day_match(year, month, day, croner_weekday(date))
                .unwrap_or(false)
    }

    fn next_fixed(&self, date: Date, after: Timestamp) -> Option<Timestamp> {
        let hours = self.cron.pattern.hours.values();
        let minutes = self.cron.pattern.minutes.values();
        hours
            .iter()
            .flat_map(|hour| minutes.iter().map(move |minute| (*hour, *minute)))
            .filter_map(|(hour, minute)| {
                let time = Time::new(i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, 0, 0).ok()?;
                self.instant_of(date.to_datetime(time))
            })
            .filter(|instant| *instant > after)
            .min()
    }

    fn instant_of(&self, civil: DateTime) -> Option<Timestamp> {
        match self.zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(civil).ok()
            }
            AmbiguousOffset::Gap { before, .. } => {
                // Read with the offset from before the gap, the missing time lies at or after the gap's end.
                let beyond = before.to_timestamp(civil).ok()?.checked_add(1.second()).ok()?;
                self.zone.preceding(beyond).next().map(|change| change.timestamp())
            }
        }
    }

    fn next_in_real_time(&self, date: Date, after: Timestamp) -> Option<Timestamp> {
        let start = date.to_zoned(self.zone.clone()).ok()?.timestamp();
        let from = after.checked_add(1.minute()).ok()?;
        let mut instant = if from > start { whole_minute(from)? } else { start };
        // A day has at most 25 hours, bar the few in history that were repeated whole.
        for _ in 0..2 * MINUTES_PER_DAY {
            let civil = self.zone.to_datetime(instant);
            if civil.date() != date {
                return None;
            }
            let hour_matches = self.cron.pattern.hour_match(number(civil.hour())).unwrap_or(false);
            let minute_matches = self.cron.pattern.minute_match(number(civil.minute())).unwrap_or(false);
            if hour_matches && minute_matches {
                return Some(instant);
            }
            instant = instant.checked_add(1.minute()).ok()?;
        }
        None
    }
}

impl fmt::Debug for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Schedule({} in {})",
            self.expression,
            self.zone.iana_name().unwrap_or("an unnamed zone")
        )
    }
}

/// The start of the minute that `instant` is in. Offsets of whole minutes only; the last zone with seconds left them
/// in 1972.
fn whole_minute(instant: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(instant.as_second() - instant.as_second().rem_euclid(60)).ok()
}

fn number(value: i8) -> u32 {
    u32::try_from(value).unwrap_or_default()
}

fn croner_weekday(date: Date) -> croner::Weekday {
    use croner::Weekday;
    match date.weekday() {
        jiff::civil::Weekday::Monday => Weekday::Monday,
        jiff::civil::Weekday::Tuesday => Weekday::Tuesday,
        jiff::civil::Weekday::Wednesday => Weekday::Wednesday,
        jiff::civil::Weekday::Thursday => Weekday::Thursday,
        jiff::civil::Weekday::Friday => Weekday::Friday,
        jiff::civil::Weekday::Saturday => Weekday::Saturday,
        jiff::civil::Weekday::Sunday => Weekday::Sunday,
    }
}

#[cfg(test)]
mod tests;
