//! Waiting for something to become true, with an end.

use std::fmt::Display;
use std::time::{Duration, Instant};

/// How long anything may take before a test says that it will not happen. Generous: a machine may be busy.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// Asks `look` again and again until it gives something.
///
/// # Panics
/// When [`PATIENCE`] ends first.
pub fn until<T>(what: impl Display, look: impl FnMut() -> Option<T>) -> T {
    until_within(PATIENCE, what, look)
}

/// Waits for `left` to come down to nothing, as long as it goes on coming down: a busy machine is slow, not stuck.
///
/// # Panics
/// When it stayed the same for [`PATIENCE`].
pub fn until_none_left(what: impl Display, mut left: impl FnMut() -> i64) {
    let mut remaining = left();
    while remaining > 0 {
        remaining = until(format_args!("{what}: {remaining} left"), || {
            Some(left()).filter(|now| *now < remaining)
        });
    }
}

/// Like [`until`], with another patience.
///
/// # Panics
/// When `patience` ends first.
pub fn until_within<T>(patience: Duration, what: impl Display, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < patience, "waited {} s for {what}", patience.as_secs());
        std::thread::sleep(Duration::from_millis(50));
    }
}
