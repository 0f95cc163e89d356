//! Whether the server's clock can be believed.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

/// Clocks that differ by more are not believed.
pub(super) const TOLERATED: SignedDuration = SignedDuration::from_secs(2);

/// Compares the wall clock with the monotonic one and with the database's.
#[derive(Debug, Default)]
pub struct Clocks {
    last: Mutex<Option<(Instant, Timestamp)>>,
}

/// Why the time is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doubt {
    /// The wall clock moved by this much more than time passed.
    Jumped(SignedDuration),
    /// The database's clock is this far ahead of ours.
    Differs(SignedDuration),
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Jumped(by) => write!(f, "this machine's clock jumped by {} s", by.as_secs()),
            Self::Differs(by) => write!(f, "the database's clock is {} s ahead of this machine's", by.as_secs()),
        }
    }
}

impl Clocks {
    /// Why `now` is not to be believed, if it is not. A jump is doubted once: the next look measures from after it.
    pub(super) fn doubt(&self, now: Timestamp, database_now: Timestamp) -> Option<Doubt> {
        let monotonic = Instant::now();
        let last = self
            .last
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace((monotonic, now));
        let jumped = last.and_then(|(before, then)| {
            let passed = SignedDuration::try_from(monotonic.duration_since(before)).ok()?;
            doubtful(now.duration_since(then), passed)
        });
        jumped
            .map(Doubt::Jumped)
            .or_else(|| doubtful(database_now.duration_since(now), SignedDuration::ZERO).map(Doubt::Differs))
    }
}

/// By how much two spans differ, if by too much.
fn doubtful(measured: SignedDuration, expected: SignedDuration) -> Option<SignedDuration> {
    let difference = measured.checked_sub(expected)?;
    (difference.abs() > TOLERATED).then_some(difference)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_doubted_once_in_either_direction_and_a_difference_as_long_as_it_lasts() {
        let clocks = Clocks::default();
        let hours = SignedDuration::from_hours(5);
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(clocks.doubt(now, now), None);
        let ahead = now + hours;
        assert!(matches!(clocks.doubt(ahead, ahead), Some(Doubt::Jumped(by)) if (by - hours).abs() < TOLERATED));
        assert_eq!(clocks.doubt(ahead, ahead), None);
        assert!(matches!(clocks.doubt(now, now), Some(Doubt::Jumped(by)) if (by + hours).abs() < TOLERATED));
        for _ in 0..3 {
            assert_eq!(clocks.doubt(now, now + hours), Some(Doubt::Differs(hours)));
        }
        assert_eq!(clocks.doubt(now, now), None);
    }
}
