//! Where "now" comes from: the system in life, a hand in tests.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// A source of the present time. Cheap to clone; clones of a [`Clock::held`] clock move together.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    held: Option<Arc<Mutex<Timestamp>>>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `at` until [`Self::advance`] moves it.
    pub fn held(at: Timestamp) -> Self {
        Self {
            held: Some(Arc::new(Mutex::new(at))),
        }
    }

    /// The present time.
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the system's clock")]
    pub fn now(&self) -> Timestamp {
        let now = match &self.held {
            Some(held) => *held.lock().unwrap_or_else(PoisonError::into_inner),
            None => Timestamp::now(),
        };
        // Postgres keeps microseconds; a time that is finer would not be found again.
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }

    /// Whether it stands until it is moved.
    pub fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Moves a held clock on. The system's clock is not ours to move: that does nothing.
    pub fn advance(&self, by: SignedDuration) {
        if let Some(held) = &self.held {
            let mut at = held.lock().unwrap_or_else(PoisonError::into_inner);
            *at += by;
        }
    }
}
