//! How often somebody may do something: so many at once, then so many per minute.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// How many keys are remembered. Beyond that those who could act freely again are forgotten, then everybody.
const MOST_KEYS: usize = 20_000;

/// A limit per key. Kept in memory: a restart forgives.
#[derive(Debug)]
pub struct Throttle<Key> {
    per_minute: u32,
    burst: u32,
    buckets: Mutex<BTreeMap<Key, Bucket>>,
}

/// What is left, in milliseconds' worth of refilling, as of a moment.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: i64,
    at: Timestamp,
}

impl<Key: Ord + Clone> Throttle<Key> {
    /// `burst` at once, refilled by `per_minute`.
    pub const fn new(per_minute: u32, burst: u32) -> Self {
        Self {
            per_minute,
            burst,
            buckets: Mutex::new(BTreeMap::new()),
        }
    }

    /// Takes one; or says after how many seconds there is one again.
    pub fn take(&self, key: &Key, now: Timestamp) -> Result<(), u64> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MOST_KEYS && !buckets.contains_key(key) {
            buckets.retain(|_, bucket| self.refilled(*bucket, now) < self.full());
            if buckets.len() >= MOST_KEYS {
                buckets.clear();
            }
        }
        let full = Bucket {
            left: self.full(),
            at: now,
        };
        let bucket = buckets.entry(key.clone()).or_insert(full);
        let left = self.refilled(*bucket, now);
        let cost = self.cost();
        if left < cost {
            *bucket = Bucket { left, at: now };
            return Err(seconds(cost - left));
        }
        *bucket = Bucket {
            left: left - cost,
            at: now,
        };
        Ok(())
    }

    /// Takes one from somebody who is answered in any case: what it costs shows at the next [`Self::peek`].
    pub fn charge(&self, key: &Key, now: Timestamp) {
        self.take(key, now).unwrap_or_default();
    }

    /// Whether there is one to take, without taking it; else after how many seconds.
    pub fn peek(&self, key: &Key, now: Timestamp) -> Result<(), u64> {
        let buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let left = buckets
            .get(key)
            .map_or(self.full(), |bucket| self.refilled(*bucket, now));
        let missing = self.cost() - left;
        if missing > 0 {
            return Err(seconds(missing));
        }
        Ok(())
    }

    fn cost(&self) -> i64 {
        60_000 / i64::from(self.per_minute.max(1))
    }

    fn full(&self) -> i64 {
        self.cost() * i64::from(self.burst)
    }

    /// A clock that went back refills nothing.
    fn refilled(&self, bucket: Bucket, now: Timestamp) -> i64 {
        let passed = now.as_millisecond().saturating_sub(bucket.at.as_millisecond()).max(0);
        bucket.left.saturating_add(passed).min(self.full())
    }
}

/// Whole seconds in which so many milliseconds have passed.
fn seconds(milliseconds: i64) -> u64 {
    u64::try_from(milliseconds).unwrap_or_default().div_ceil(1000)
}
