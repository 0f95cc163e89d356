//! Schedules: cron text, its meaning in words, and the instants it names in a place's time zone.
//!
//! croner finds wall-clock times and is never shown a time zone, because it panics where clocks are set forward
//! (Hexagon/croner-rust #16). What a wall-clock time means as an instant is decided in `occurrences`.

mod fields;
mod occurrences;
#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

use std::fmt;

use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::model::DstPolicy;

/// A schedule that was understood and comes at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    text: String,
    cron: Cron,
    policy: DstPolicy,
    follows_real_time: bool,
}

/// Why a text is not a schedule: what is wrong with which field, and an example.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ScheduleError(String);

impl ScheduleError {
    fn new(sentence: impl Into<String>) -> Self {
        Self(sentence.into())
    }
}

impl Schedule {
    /// Understands five fields (minute, hour, day of the month, month, day of the week) or one of `@hourly`, `@daily`,
    /// `@weekly`, `@monthly`, `@yearly`.
    ///
    /// # Errors
    /// A sentence that names the field, what is wrong with it, and an example.
    pub fn parse(text: &str, policy: DstPolicy) -> Result<Self, ScheduleError> {
        let text = fields::normalise(text)?;
        let cron = parse_cron(&text).map_err(|cause| ScheduleError::new(format!("Schedule: {cause}.")))?;
        // Vixie cron's rule: a job is of the wildcard kind when its minute or hour begins with a star.
        let follows_real_time = text.split(' ').take(2).any(|field| field.starts_with('*'));
        let schedule = Self {
            text,
            cron,
            policy,
            follows_real_time,
        };
        if schedule.civil_at_or_after(date(2024, 1, 1).at(0, 0, 0, 0)).is_none() {
            return Err(ScheduleError::new(format!(
                "Schedule: `{}` names a day that never comes. Check the day of the month (third field) against the month \
                 (fourth field).",
                schedule.text
            )));
        }
        Ok(schedule)
    }

    /// The text, as it is stored.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose rule holds where clocks are set forward.
    pub fn policy(&self) -> DstPolicy {
        self.policy
    }

    /// What the schedule means, as a sentence: `At 22:00, on Monday.`
    pub fn sentence(&self) -> String {
        self.cron.describe()
    }

    /// The first instant after `after`, by the wall clocks of `zone`; `None` when there is none before the year 5000.
    pub fn next_after(&self, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        if self.follows_real_time {
            occurrences::next_in_real_time(self, after, zone)
        } else {
            occurrences::next_at_fixed_time(self, after, zone)
        }
    }

    /// The instants after `after`, in order, without end unless the schedule ends.
    pub fn following<'a>(&'a self, after: Timestamp, zone: &'a TimeZone) -> impl Iterator<Item = Timestamp> + 'a {
        std::iter::successors(self.next_after(after, zone), move |last| self.next_after(*last, zone))
    }

    /// The instants after `after` up to and including `until`, in order.
    pub fn between<'a>(
        &'a self,
        after: Timestamp,
        until: Timestamp,
        zone: &'a TimeZone,
    ) -> impl Iterator<Item = Timestamp> + 'a {
        self.following(after, zone).take_while(move |instant| *instant <= until)
    }

    /// The next five instants after `after`.
    pub fn next_five(&self, after: Timestamp, zone: &TimeZone) -> Vec<Timestamp> {
        self.following(after, zone).take(5).collect()
    }

    /// The usual time between two instants: the median of the next distances, which a change of clocks or a weekend does
    /// not move. A day for a schedule that comes only once more.
    pub fn interval(&self, after: Timestamp, zone: &TimeZone) -> SignedDuration {
        let instants: Vec<_> = self.following(after, zone).take(12).collect();
        let mut distances: Vec<_> = instants
            .iter()
            .zip(instants.iter().skip(1))
            .map(|(first, second)| second.duration_since(*first))
            .collect();
        distances.sort_unstable();
        distances
            .get(distances.len() / 2)
            .copied()
            .unwrap_or(SignedDuration::from_hours(24))
    }

    /// The first wall-clock time of the pattern at or after `from`.
    fn civil_at_or_after(&self, from: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&from, true).ok()
    }

    /// The first wall-clock time of the pattern after `from`.
    fn civil_after(&self, from: DateTime) -> Option<DateTime> {
        self.cron.find_next_occurrence(&from, false).ok()
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn parse_cron(text: &str) -> Result<Cron, croner::errors::CronError> {
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(text)
}
