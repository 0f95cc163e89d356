//! The agent's decisions, apart from everything that carries them out: `(state, event, now) → (state, actions)`.
//! Reads no clock, does no I/O, draws no random number; `now` and randomness come in with the event.

mod delivery;
mod job;
pub(crate) mod rotation;
pub(crate) mod schedule;

use std::time::Duration;

use jiff::Timestamp;
use lastgood_protocol::JobKey;

use crate::clock::Moment;
use delivery::Delivery;
use job::Job;
use schedule::Schedule;

/// What the engine needs to know of a job.
#[derive(Debug, Clone)]
pub(crate) struct JobPlan {
    /// The job.
    pub(crate) key: JobKey,
    /// When it is due; `None` for one that another scheduler starts.
    pub(crate) schedule: Option<Schedule>,
    /// How often it is tried within one slot, at least once.
    pub(crate) attempts: u32,
    /// How long after a failed try the next begins.
    pub(crate) retry_delay: Duration,
    /// How late a missed start is still made up for (the machine slept or was off).
    pub(crate) catch_up: Duration,
}

/// How the agent delivers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeliveryPlan {
    /// Between two heartbeats.
    pub(crate) heartbeat: Duration,
    /// The longest wait after failed deliveries, apart from what the server asks for.
    pub(crate) backoff_cap: Duration,
}

/// What was kept of a job when the agent last ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct JobMemory {
    /// Everything due up to here was dealt with.
    pub(crate) anchor: Timestamp,
    /// The try that was to follow a failed one.
    pub(crate) retry: Option<u32>,
}

/// What the engine reacts to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Input {
    /// Time has passed, or the machine woke.
    Tick,
    /// So many events wait in the spool.
    SpoolHolds(usize),
    /// A run ended.
    RunEnded {
        /// The job it was a run of.
        job: JobKey,
        /// Whether it is to be tried again.
        retry: bool,
    },
    /// The server took a batch.
    Delivered {
        /// Events that still wait.
        remaining: usize,
        /// Whether a heartbeat made for this delivery was among them.
        heartbeat: bool,
    },
    /// A batch was not taken.
    DeliveryFailed {
        /// What the server asked to wait.
        retry_after: Option<Duration>,
        /// Random, for jitter.
        random: u64,
    },
    /// The agent is to end.
    Stop,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Start a run.
    StartRun {
        /// Of this job.
        job: JobKey,
        /// Which try this is.
        attempt: u32,
        /// Whether a failure is followed by another try.
        may_retry: bool,
    },
    /// A due time passed without a run.
    Skipped {
        /// Of this job.
        job: JobKey,
        /// The time.
        due: Timestamp,
        /// Why.
        why: SkipReason,
    },
    /// Keep what the engine knows of this job.
    Remember {
        /// The job.
        job: JobKey,
        /// What to keep.
        memory: JobMemory,
    },
    /// Send what waits, with a new heartbeat if asked for.
    Deliver {
        /// Whether a heartbeat is due.
        heartbeat: bool,
    },
}

/// Why a due time passed without a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SkipReason {
    /// The run before still goes on.
    StillRunning,
    /// The agent was off or asleep for longer than is made up for.
    TooLate,
}

/// The engine's state.
#[derive(Debug)]
pub(crate) struct Engine {
    jobs: Vec<Job>,
    delivery: Delivery,
    stopping: bool,
}

impl Engine {
    /// A new engine at `now`; `memory` is what was kept of each job.
    pub(crate) fn new(
        plans: Vec<JobPlan>,
        delivery: DeliveryPlan,
        memory: impl Fn(&JobKey) -> Option<JobMemory>,
        now: Moment,
    ) -> Self {
        let jobs = plans
            .into_iter()
            .map(|plan| {
                let kept = memory(&plan.key);
                Job::new(plan, kept, now)
            })
            .collect();
        Self {
            jobs,
            delivery: Delivery::new(delivery, now),
            stopping: false,
        }
    }

    /// Takes in one event and answers what is to be done.
    pub(crate) fn step(&mut self, input: Input, now: Moment) -> Vec<Action> {
        let mut actions = Vec::new();
        match input {
            Input::Tick => {}
            Input::SpoolHolds(count) => self.delivery.spool_holds(count),
            Input::RunEnded { job, retry } => {
                if let Some(job) = self.jobs.iter_mut().find(|known| known.key() == &job) {
                    job.ended(retry && !self.stopping, now, &mut actions);
                }
            }
            Input::Delivered { remaining, heartbeat } => self.delivery.delivered(remaining, heartbeat, now),
            Input::DeliveryFailed { retry_after, random } => self.delivery.failed(retry_after, random, now),
            Input::Stop => self.stopping = true,
        }
        if !self.stopping {
            for job in &mut self.jobs {
                job.tick(now, &mut actions);
            }
            actions.extend(self.delivery.due(now));
        }
        actions
    }
}

#[cfg(test)]
mod tests;
