//! The last backup days of a job, as its mails show them.

use jiff::civil::Date;

use crate::expectations::SlotState;
use crate::notifications::DayMark;

/// How many backup days a mail shows.
pub(super) const DAYS: i32 = 14;

/// What became of a backup day, if a backup was expected on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DayState {
    pub(super) day: Date,
    pub(super) state: SlotState,
}

/// One mark per day, oldest first, from the first day that anything was expected on. A day without a slot is left out: a
/// weekend is no failure. Of a day with several, the worst counts.
pub(super) fn marks(states: &[DayState]) -> Vec<DayMark> {
    let mut worst: Vec<DayState> = Vec::new();
    for state in states {
        match worst.last_mut() {
            Some(last) if last.day == state.day => {
                if weight(state.state) < weight(last.state) {
                    last.state = state.state;
                }
            }
            Some(_) | None => worst.push(*state),
        }
    }
    worst.into_iter().map(|state| mark(state.day, state.state)).collect()
}

fn mark(day: Date, state: SlotState) -> DayMark {
    const RED: (&str, &str) = ("#b3261e", "#ffffff");
    const AMBER: (&str, &str) = ("#f3d9a4", "#3d2c00");
    const GREY: (&str, &str) = ("#d9dde1", "#1c1f23");
    const QUIET: (&str, &str) = ("#ffffff", "#1d6b3a");
    let (shape, word, colours) = match state {
        SlotState::Missed => ('✕', "missed", RED),
        SlotState::Failed => ('✕', "failed", RED),
        SlotState::Overrun => ('▸', "overrun", RED),
        SlotState::Unknown => ('?', "unknown", GREY),
        SlotState::Late => ('◔', "late", AMBER),
        SlotState::Warning => ('!', "warning", AMBER),
        SlotState::Running => ('▸', "running", QUIET),
        SlotState::Waiting => ('·', "waiting", QUIET),
        SlotState::Excused => ('–', "excused", GREY),
        SlotState::NotMonitored => ('▨', "not monitored", GREY),
        SlotState::Ok => ('✓', "ok", QUIET),
    };
    DayMark {
        day: day.strftime("%a %-d %b").to_string(),
        shape,
        word,
        colours,
    }
}

/// The order of look.md: the first is the worst.
fn weight(state: SlotState) -> u8 {
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
