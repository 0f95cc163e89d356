//! The evaluator's own life: when it last looked, and the time in which nobody did.

mod db;

use jiff::{SignedDuration, Timestamp};

use super::judge::Quiet;
use crate::app::{App, EVALUATOR_STALE_AFTER};
use crate::db::Transaction;
use crate::error::AppError;

/// What the evaluator knows of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Life {
    /// When the last round ended.
    pub(super) last_tick_at: Timestamp,
    /// The latest time in which nobody looked, and until when what was kept back in it may still arrive.
    pub(super) hold: Option<(Timestamp, Timestamp)>,
}

/// The evaluator's life, `None` before its first round.
pub(super) async fn read(transaction: &mut Transaction) -> Result<Option<Life>, AppError> {
    db::read(transaction).await
}

/// The time in which nobody looked, as it is known at `now`.
pub(super) async fn hold(app: &App, transaction: &mut Transaction, now: Timestamp) -> Result<Option<Quiet>, AppError> {
    let life = read(transaction).await?;
    Ok(life.and_then(|life| life.hold(now, gap_after(app), app.options.landing)))
}

/// A pause longer than this means that nobody looked.
pub(super) fn gap_after(app: &App) -> SignedDuration {
    let three_periods = SignedDuration::try_from(app.options.evaluator_period.saturating_mul(3));
    three_periods.map_or(EVALUATOR_STALE_AFTER, |periods| periods.max(EVALUATOR_STALE_AFTER))
}

impl Life {
    /// Whether nobody has looked for so long at `now` that it counts as a gap.
    pub(super) fn has_gap(&self, now: Timestamp, gap_after: SignedDuration) -> bool {
        now.duration_since(self.last_tick_at) > gap_after
    }

    /// By how much the clock has gone back since the last round, if it went back by more than `tolerated`.
    pub(super) fn gone_back(&self, now: Timestamp, tolerated: SignedDuration) -> Option<SignedDuration> {
        let back = self.last_tick_at.duration_since(now);
        (back > tolerated).then_some(back)
    }

    /// The hold that a gap up to `now` makes: from when, and until when. A gap that begins before the reports of the one
    /// before it had time to arrive is the same gap.
    pub(super) fn hold_after_gap(&self, now: Timestamp, landing: SignedDuration) -> (Timestamp, Timestamp) {
        let from = match self.hold {
            Some((from, until)) if self.last_tick_at < until => from,
            Some(_) | None => self.last_tick_at,
        };
        (from, now.checked_add(landing).unwrap_or(Timestamp::MAX))
    }

    /// What must not be judged at `now`. A gap counts from the moment it is one: a report that arrives after a downtime
    /// before the evaluator looked again finds it.
    fn hold(&self, now: Timestamp, gap_after: SignedDuration, landing: SignedDuration) -> Option<Quiet> {
        let (from, until) = if self.has_gap(now, gap_after) {
            self.hold_after_gap(now, landing)
        } else {
            self.hold?
        };
        Some(Quiet {
            from,
            landed_by: Some(until),
        })
    }
}
