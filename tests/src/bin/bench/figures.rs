//! Figures from many measurements.

use std::time::Duration;

/// Durations, in order.
#[derive(Debug)]
pub(crate) struct Durations(Vec<Duration>);

impl Durations {
    pub(crate) fn of(mut durations: Vec<Duration>) -> Self {
        durations.sort_unstable();
        Self(durations)
    }

    /// The duration that this part of a hundred did not exceed (nearest rank), in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.0.len() * percent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied().unwrap_or_default().as_secs_f64() * 1000.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A count, for arithmetic with durations.
pub(crate) fn count(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::INFINITY, f64::from)
}

/// Bytes in MiB.
pub(crate) fn mebibytes(bytes: u64) -> f64 {
    u32::try_from(bytes / 1024).map_or(f64::INFINITY, f64::from) / 1024.0
}
