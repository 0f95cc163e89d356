//! Backup days, closed days, and the writing ahead of slots: what is due when, as pure functions.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::schedule::Schedule;

/// The day a backup at `instant` belongs to at a place whose backup day begins `business_day_starts` minutes after local
/// midnight. With 720 the night of Monday, from noon to noon, is Monday's: a run at 01:00 on Tuesday belongs to Monday.
pub fn backup_day(instant: Timestamp, zone: &TimeZone, business_day_starts: i32) -> Date {
    let local = zone.to_datetime(instant);
    let minutes = i32::from(local.hour()) * 60 + i32::from(local.minute());
    let day = local.date();
    if minutes < business_day_starts {
        day.yesterday().unwrap_or(day)
    } else {
        day
    }
}

/// An office's time zone and the days on which nothing is expected there.
#[derive(Debug, Clone)]
pub(super) struct OfficeCalendar {
    /// The zone of its clocks.
    pub(super) zone: TimeZone,
    /// Minutes after local midnight at which a backup day begins.
    pub(super) business_day_starts: i32,
    /// ISO weekdays, 1 is Monday.
    pub(super) closed_weekdays: Vec<i16>,
    /// Spans of closed days, each with its reason.
    pub(super) closures: Vec<Closure>,
}

/// A span of days an office is closed, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Closure {
    /// The first day.
    pub(super) first: Date,
    /// The last day.
    pub(super) last: Date,
    /// Why.
    pub(super) reason: String,
}

impl OfficeCalendar {
    /// The backup day of an instant.
    pub(super) fn backup_day(&self, instant: Timestamp) -> Date {
        backup_day(instant, &self.zone, self.business_day_starts)
    }

    /// Why nothing is expected on `day`, if nothing is.
    pub(super) fn closed_because(&self, day: Date) -> Option<String> {
        if let Some(closure) = self
            .closures
            .iter()
            .find(|closure| (closure.first..=closure.last).contains(&day))
        {
            return Some(closure.reason.clone());
        }
        let weekday = i16::from(day.weekday().to_monday_one_offset());
        self.closed_weekdays
            .contains(&weekday)
            .then(|| format!("Closed on {}.", day.strftime("%A")))
    }

    /// The last second of `day`.
    pub(super) fn end_of_day(&self, day: Date) -> Timestamp {
        day.tomorrow()
            .and_then(|next| next.to_zoned(self.zone.clone()))
            .map_or(Timestamp::MAX, |midnight| {
                midnight.timestamp() - SignedDuration::from_secs(1)
            })
    }
}

/// The durations of an expectation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Allowances {
    /// A run may begin this long before it is due.
    pub(super) opens_before: SignedDuration,
    /// Nothing is late this long after it was due.
    pub(super) late_after: SignedDuration,
    /// Nothing is a miss this long after it was due.
    pub(super) missed_after: SignedDuration,
}

/// A slot that is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlannedSlot {
    /// The backup day it belongs to.
    pub(super) backup_day: Date,
    /// From when a run belongs to it.
    pub(super) opens_at: Timestamp,
    /// When the schedule says it happens.
    pub(super) due_at: Timestamp,
    /// When nothing is late.
    pub(super) late_at: Timestamp,
    /// When nothing is a miss.
    pub(super) missed_at: Timestamp,
}

/// Slots written at a time.
const MOST_SLOTS: usize = 32;
/// The least number of slots that stand ahead of now.
const FEWEST_AHEAD: usize = 2;
/// Slots stand ahead for at least this long, so that a day's work is known a day before.
const SHORTEST_AHEAD: SignedDuration = SignedDuration::from_hours(26);
/// Slots are written for this long at a time.
const WRITTEN_AHEAD: SignedDuration = SignedDuration::from_hours(50);

/// The slots to write now, and when to write the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// In order.
    pub(super) slots: Vec<PlannedSlot>,
    /// When more must be written; `None` when the schedule has ended.
    pub(super) materialise_at: Option<Timestamp>,
}

/// The slots after `written_until` that stand ahead of `now`, at most 32, none of which opens before `active_from`.
pub(super) fn plan(
    schedule: &Schedule,
    allowances: &Allowances,
    calendar: &OfficeCalendar,
    active_from: Timestamp,
    written_until: Timestamp,
    now: Timestamp,
) -> Plan {
    let mut slots: Vec<PlannedSlot> = Vec::new();
    let mut previous = written_until;
    let mut ended = true;
    for due_at in schedule.following(written_until, &calendar.zone) {
        let ahead = slots.iter().filter(|slot| slot.due_at > now).count();
        let far_enough = slots.last().is_some_and(|last| last.due_at > now + WRITTEN_AHEAD);
        if slots.len() == MOST_SLOTS || (far_enough && ahead > FEWEST_AHEAD) {
            ended = false;
            break;
        }
        // No slot reaches back further than half way to the one before it: a run at its due time is its own.
        let opens_before = if previous == active_from {
            allowances.opens_before
        } else {
            allowances.opens_before.min(due_at.duration_since(previous) / 2)
        };
        slots.push(PlannedSlot {
            backup_day: calendar.backup_day(due_at),
            opens_at: (due_at - opens_before).max(active_from),
            due_at,
            late_at: due_at + allowances.late_after,
            missed_at: due_at + allowances.missed_after,
        });
        previous = due_at;
    }
    let materialise_at = if ended { None } else { next_time(&slots, now) };
    Plan { slots, materialise_at }
}

/// As late as possible, but while there are still two slots ahead, reaching 26 hours or half of what fits in one writing.
fn next_time(slots: &[PlannedSlot], now: Timestamp) -> Option<Timestamp> {
    let last = slots.last()?.due_at;
    if last <= now {
        return Some(now);
    }
    let half = slots.get(slots.len() / 2)?.due_at;
    let second_last = slots.get(slots.len().saturating_sub(FEWEST_AHEAD))?.due_at;
    let by_reach = last - SHORTEST_AHEAD;
    let dense = slots.len() == MOST_SLOTS && by_reach <= now;
    Some(if dense { half } else { by_reach.min(second_last) })
}
