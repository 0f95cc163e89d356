//! From wall-clock times to instants, where clocks change too.
//!
//! A schedule at fixed times (Vixie cron's word for one whose minute and hour do not begin with a star) means times of the
//! day: one that clocks skip comes once, at the end of the gap, or not at all, by policy; one that clocks repeat comes the
//! first time only. A schedule with a star means real time: nothing in the gap, and both passes of what is repeated.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::Schedule;
use crate::expectations::model::DstPolicy;

/// No zone sets its clocks back by more than this, so that a wall-clock time is not met again later than this.
const LONGEST_SHIFT: SignedDuration = SignedDuration::from_hours(48);

/// Bounds the search for a pattern that comes in a wall-clock year but never in an instant of this zone.
const MOST_STEPS: usize = 4096;

/// The next instant of a schedule at fixed times.
pub(super) fn next_at_fixed_time(schedule: &Schedule, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut civil = zone.to_datetime(after);
    for _ in 0..MOST_STEPS {
        civil = schedule.civil_after(civil)?;
        // Several times of one gap come to its end together, and the second pass of a repeated hour lies behind the first.
        if let Some(instant) = once(civil, zone, schedule.policy()).filter(|instant| *instant > after) {
            return Some(instant);
        }
    }
    None
}

/// The one instant at which a fixed time happens, if it does.
fn once(civil: DateTime, zone: &TimeZone, policy: DstPolicy) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(civil);
    match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { .. } | AmbiguousOffset::Fold { .. } => ambiguous.earlier().ok(),
        AmbiguousOffset::Gap { .. } => match policy {
            DstPolicy::Systemd => None,
            DstPolicy::Cron => end_of_gap(ambiguous.earlier().ok()?, zone),
        },
    }
}

/// The end of the gap, which is the first change of clocks after the instant that the offset after it gives the time.
fn end_of_gap(before_it: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    zone.following(before_it)
        .map(|transition| transition.timestamp())
        .find(|at| is_forward(*at, zone))
}

fn is_forward(transition: Timestamp, zone: &TimeZone) -> bool {
    let just_before = transition
        .checked_sub(SignedDuration::from_nanos(1))
        .unwrap_or(transition);
    zone.to_offset(transition) > zone.to_offset(just_before)
}

/// The next instant of a schedule that follows real time: the wall clock runs evenly between two changes, so each such
/// stretch is searched by itself.
pub(super) fn next_in_real_time(schedule: &Schedule, after: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
    let mut from = after;
    let mut found = schedule.civil_after(zone.to_datetime(from))?;
    for _ in 0..MOST_STEPS {
        let change = zone.following(from).next().map(|transition| transition.timestamp());
        let instant = zone.to_offset(from).to_timestamp(found).ok()?;
        let Some(change) = change.filter(|change| *change <= instant) else {
            return Some(instant);
        };
        from = start_of_next_stretch(from, change, found, zone);
        found = schedule.civil_at_or_after(zone.to_datetime(from))?;
    }
    None
}

/// The change of clocks, or a later moment shortly before `found` when nothing can come in between. Close before the change
/// something can: what it repeats.
fn start_of_next_stretch(from: Timestamp, change: Timestamp, found: DateTime, zone: &TimeZone) -> Timestamp {
    if change.duration_since(from) <= LONGEST_SHIFT {
        return change;
    }
    found
        .checked_sub(LONGEST_SHIFT)
        .ok()
        .and_then(|shortly_before| zone.to_timestamp(shortly_before).ok())
        .map_or(change, |shortly_before| shortly_before.max(change))
}
