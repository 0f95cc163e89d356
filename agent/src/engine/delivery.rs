//! When to send: at once when something waits, a heartbeat in its rhythm, and after a failure later and later, spread at
//! random so that a hundred agents do not return together.

use std::time::Duration;

use super::{Action, DeliveryPlan};
use crate::clock::Moment;

/// The wait after the first failure.
const FIRST_WAIT: Duration = Duration::from_secs(2);

/// The longest that a server's `Retry-After` is obeyed.
const LONGEST_OBEYED: Duration = Duration::from_hours(1);

/// What the delivery is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Link {
    /// Nothing.
    Idle,
    /// A batch is on its way.
    Sending,
    /// Waiting after a failure, until this steady time.
    Waiting(Duration),
}

#[derive(Debug)]
pub(super) struct Delivery {
    plan: DeliveryPlan,
    link: Link,
    failures: u32,
    waiting: usize,
    heartbeat_at: Duration,
}

impl Delivery {
    pub(super) fn new(plan: DeliveryPlan, now: Moment) -> Self {
        Self {
            plan,
            link: Link::Idle,
            failures: 0,
            waiting: 0,
            heartbeat_at: now.steady,
        }
    }

    pub(super) fn spool_holds(&mut self, count: usize) {
        self.waiting = count;
    }

    pub(super) fn delivered(&mut self, remaining: usize, heartbeat: bool, now: Moment) {
        self.link = Link::Idle;
        self.failures = 0;
        self.waiting = remaining;
        if heartbeat {
            self.heartbeat_at = now.steady.saturating_add(self.plan.heartbeat);
        }
    }

    pub(super) fn failed(&mut self, retry_after: Option<Duration>, random: u64, now: Moment) {
        let own = backoff(self.failures, self.plan.backoff_cap, random);
        self.failures = self.failures.saturating_add(1);
        let asked = retry_after.unwrap_or_default().min(LONGEST_OBEYED);
        self.link = Link::Waiting(now.steady.saturating_add(own.max(asked)));
    }

    pub(super) fn due(&mut self, now: Moment) -> Option<Action> {
        let may = match self.link {
            Link::Idle => true,
            Link::Sending => false,
            Link::Waiting(until) => now.steady >= until,
        };
        let heartbeat = now.steady >= self.heartbeat_at;
        if !may || (!heartbeat && self.waiting == 0) {
            return None;
        }
        self.link = Link::Sending;
        Some(Action::Deliver { heartbeat })
    }
}

/// Doubles with each failure up to `cap`; of that, half for certain and half at random.
pub(super) fn backoff(failures: u32, cap: Duration, random: u64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(failures.min(20)));
    let whole = doubled.min(cap);
    let half = whole / 2;
    let spread = u64::try_from(half.as_millis()).unwrap_or(u64::MAX).saturating_add(1);
    half.saturating_add(Duration::from_millis(random % spread)).min(cap)
}
