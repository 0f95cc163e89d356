//! The agent's two clocks, read here and nowhere else.

use std::time::Duration;

use jiff::Timestamp;

use crate::platform;

/// One moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The wall clock, which people and daylight saving set forward and back.
    pub(crate) wall: Timestamp,
    /// Time since the machine started, sleep included; never goes back.
    pub(crate) steady: Duration,
}

/// Reads both clocks.
pub(crate) fn now() -> Moment {
    Moment {
        wall: wall(),
        steady: platform::steady_now(),
    }
}

/// Reads the wall clock.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(crate) fn wall() -> Timestamp {
    Timestamp::now()
}
