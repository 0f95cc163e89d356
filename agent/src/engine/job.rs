//! One job's part of the engine: when it is due, that it does not overlap itself, and when it is tried again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::JobKey;

use super::{Action, JobMemory, JobPlan, SkipReason};
use crate::clock::Moment;

/// A wall clock this far behind what was already dealt with has been set back.
const CLOCK_SET_BACK: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug)]
pub(super) struct Job {
    plan: JobPlan,
    /// Everything due up to here was dealt with.
    anchor: Timestamp,
    next: Option<Timestamp>,
    phase: Phase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Idle,
    Running { attempt: u32 },
    Retrying { attempt: u32, at: Duration },
}

impl Job {
    pub(super) fn new(plan: JobPlan, memory: Option<JobMemory>, now: Moment) -> Self {
        let anchor = memory.map_or(now.wall, |memory| memory.anchor);
        let retry = memory
            .and_then(|memory| memory.retry)
            .filter(|attempt| *attempt <= plan.attempts);
        let phase = match retry {
            Some(attempt) => Phase::Retrying {
                attempt,
                at: now.steady.saturating_add(plan.retry_delay),
            },
            None => Phase::Idle,
        };
        let mut job = Self {
            plan,
            anchor,
            next: None,
            phase,
        };
        job.advance_to(anchor);
        job
    }

    pub(super) fn key(&self) -> &JobKey {
        &self.plan.key
    }

    pub(super) fn ended(&mut self, retry: bool, now: Moment, actions: &mut Vec<Action>) {
        let Phase::Running { attempt } = self.phase else {
            return;
        };
        self.phase = if retry && attempt < self.plan.attempts {
            Phase::Retrying {
                attempt: attempt + 1,
                at: now.steady.saturating_add(self.plan.retry_delay),
            }
        } else {
            Phase::Idle
        };
        actions.push(self.remember());
    }

    pub(super) fn tick(&mut self, now: Moment, actions: &mut Vec<Action>) {
        if now.wall < self.anchor.saturating_sub(CLOCK_SET_BACK).unwrap_or(Timestamp::MIN) {
            self.advance_to(now.wall);
            actions.push(self.remember());
        }
        if let Some(due) = self.next.filter(|due| *due <= now.wall) {
            self.due(due, now, actions);
        }
        if let Phase::Retrying { attempt, at } = self.phase
            && now.steady >= at
        {
            self.start(attempt, actions);
        }
    }

    fn due(&mut self, first: Timestamp, now: Moment, actions: &mut Vec<Action>) {
        let latest = self.latest_worth_running(first, now);
        self.advance_to(latest.unwrap_or(now.wall));
        let skipped = |due, why| Action::Skipped {
            job: self.plan.key.clone(),
            due,
            why,
        };
        match (latest, self.phase) {
            (None, _) => {
                actions.push(skipped(first, SkipReason::TooLate));
                actions.push(self.remember());
            }
            (Some(due), Phase::Running { .. }) => {
                actions.push(skipped(due, SkipReason::StillRunning));
                actions.push(self.remember());
            }
            // A new slot begins: what is left of the old one's tries is no longer worth making.
            (Some(_), Phase::Idle | Phase::Retrying { .. }) => self.start(1, actions),
        }
    }

    /// The last of the due times up to now that is not older than is made up for.
    fn latest_worth_running(&self, first: Timestamp, now: Moment) -> Option<Timestamp> {
        let schedule = self.plan.schedule.as_ref()?;
        let oldest = now
            .wall
            .saturating_sub(signed(self.plan.catch_up))
            .unwrap_or(Timestamp::MIN);
        let mut latest = if first >= oldest {
            first
        } else {
            let found = schedule.next_after(oldest.saturating_sub(SignedDuration::from_nanos(1)).unwrap_or(oldest))?;
            if found > now.wall {
                return None;
            }
            found
        };
        while let Some(later) = schedule.next_after(latest).filter(|later| *later <= now.wall) {
            latest = later;
        }
        Some(latest)
    }

    fn start(&mut self, attempt: u32, actions: &mut Vec<Action>) {
        self.phase = Phase::Running { attempt };
        actions.push(self.remember());
        actions.push(Action::StartRun {
            job: self.plan.key.clone(),
            attempt,
            may_retry: attempt < self.plan.attempts,
        });
    }

    fn advance_to(&mut self, anchor: Timestamp) {
        self.anchor = anchor;
        self.next = self
            .plan
            .schedule
            .as_ref()
            .and_then(|schedule| schedule.next_after(anchor));
    }

    fn remember(&self) -> Action {
        Action::Remember {
            job: self.plan.key.clone(),
            memory: JobMemory {
                anchor: self.anchor,
                retry: match self.phase {
                    Phase::Idle | Phase::Running { .. } => None,
                    Phase::Retrying { attempt, .. } => Some(attempt),
                },
            },
        }
    }
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}
