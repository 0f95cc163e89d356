//! The rule that gives a slot its state: a pure function of evidence and time.

use jiff::{SignedDuration, Timestamp};

use super::model::SlotState;
use crate::ids::{DrillId, RunId};
use crate::runs::Outcome;

/// A slot that cannot be judged because its agent is silent is looked at again this often, whatever else wakes it.
const UNKNOWN_RECHECK: SignedDuration = SignedDuration::from_hours(1);

/// The times of a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlotTimes {
    /// After this, nothing yet is late.
    pub(super) late_at: Timestamp,
    /// After this, nothing is a miss.
    pub(super) missed_at: Timestamp,
    /// How long a run may take.
    pub(super) maximum_run: SignedDuration,
}

/// A run as evidence for a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RunEvidence {
    /// The run.
    pub(super) run: RunId,
    /// When it began.
    pub(super) started_at: Timestamp,
    /// When and how it ended; `None` while it has not.
    pub(super) finished: Option<(Timestamp, Outcome)>,
    /// It failed, and its agent will try again.
    pub(super) will_be_retried: bool,
}

/// What a slot is filled by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Filling {
    /// A run.
    Run(RunId),
    /// A passed drill.
    Drill(DrillId),
}

/// A span of time in which nothing is to be expected to have been heard, and until when it may still arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quiet {
    /// What should have been heard at this time or before was heard, or never came.
    pub(super) from: Timestamp,
    /// What was kept back has arrived by then; `None` while the quiet lasts.
    pub(super) landed_by: Option<Timestamp>,
}

impl Quiet {
    /// Whether a miss at `missed_at` cannot be declared at `now`.
    fn covers(self, missed_at: Timestamp, now: Timestamp) -> bool {
        self.from < missed_at && self.lasts(now)
    }

    /// Whether something may still arrive at `now`.
    pub(super) fn lasts(self, now: Timestamp) -> bool {
        self.landed_by.is_none_or(|landed_by| now < landed_by)
    }
}

/// Everything beside the runs that a slot's state depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Circumstances {
    /// A person or the office's calendar excused it.
    pub(super) excused: bool,
    /// A passed drill fills it.
    pub(super) drill: Option<DrillId>,
    /// The latest silence of its agent, from the agent's last word before it.
    pub(super) silence: Option<Quiet>,
    /// The latest time in which we were down, from our last tick before it.
    pub(super) hold: Option<Quiet>,
}

/// A slot's state, and when it must be computed anew if no evidence comes before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judgement {
    /// The state.
    pub(super) state: SlotState,
    /// When time alone may change it.
    pub(super) check_at: Option<Timestamp>,
    /// The evidence it rests on.
    pub(super) filling: Option<Filling>,
}

impl Judgement {
    fn settled(state: SlotState, filling: Filling) -> Self {
        Self {
            state,
            check_at: None,
            filling: Some(filling),
        }
    }

    fn until(state: SlotState, check_at: Option<Timestamp>, filling: Option<RunId>) -> Self {
        Self {
            state,
            check_at,
            filling: filling.map(Filling::Run),
        }
    }
}

/// A slot's state at `now`.
///
/// The order is: the best finished run; a run that has begun; a failure that will be tried again; an excuse; nothing. It
/// does not depend on the order in which the evidence arrived (house rule: issue 2, expectations and slots).
pub(super) fn judge(times: &SlotTimes, runs: &[RunEvidence], around: &Circumstances, now: Timestamp) -> Judgement {
    if let Some(drill) = around.drill {
        return Judgement::settled(SlotState::Ok, Filling::Drill(drill));
    }
    if let Some((run, state)) = best_finished(runs) {
        return Judgement::settled(state, Filling::Run(run));
    }
    if let Some(unfinished) = latest(runs, |run| run.finished.is_none()) {
        return judge_unfinished(times, unfinished, around, now);
    }
    if let Some(failed) = latest(runs, |run| run.finished.is_some()) {
        return judge_before_retry(times, failed, now);
    }
    if around.excused {
        return Judgement::until(SlotState::Excused, None, None);
    }
    judge_nothing(times, around, now)
}

/// The best run that ended for good; of equally good ones the one that began first.
fn best_finished(runs: &[RunEvidence]) -> Option<(RunId, SlotState)> {
    runs.iter()
        .filter_map(|run| match run.finished?.1 {
            Outcome::Ok => Some((0, run, SlotState::Ok)),
            Outcome::Warning => Some((1, run, SlotState::Warning)),
            Outcome::Failed if run.will_be_retried => None,
            Outcome::Failed => Some((2, run, SlotState::Failed)),
        })
        .min_by_key(|(rank, run, _)| (*rank, run.started_at, run.run))
        .map(|(_, run, state)| (run.run, state))
}

fn latest(runs: &[RunEvidence], wanted: impl Fn(&RunEvidence) -> bool) -> Option<&RunEvidence> {
    runs.iter()
        .filter(|run| wanted(run))
        .max_by_key(|run| (run.started_at, run.run))
}

fn judge_unfinished(times: &SlotTimes, run: &RunEvidence, around: &Circumstances, now: Timestamp) -> Judgement {
    let overrun_at = later(run.started_at, times.maximum_run);
    if now < overrun_at {
        return Judgement::until(SlotState::Running, Some(overrun_at), Some(run.run));
    }
    // While we were down its end could not reach us: it is not an overrun before that had time to arrive.
    match around.hold.filter(|hold| hold.covers(overrun_at, now)) {
        Some(hold) => Judgement::until(SlotState::Running, hold.landed_by, Some(run.run)),
        None => Judgement::until(SlotState::Overrun, None, Some(run.run)),
    }
}

fn judge_before_retry(times: &SlotTimes, run: &RunEvidence, now: Timestamp) -> Judgement {
    if now < times.late_at {
        Judgement::until(SlotState::Running, Some(times.late_at), Some(run.run))
    } else if now < times.missed_at {
        Judgement::until(SlotState::Late, Some(times.missed_at), Some(run.run))
    } else {
        Judgement::settled(SlotState::Failed, Filling::Run(run.run))
    }
}

fn judge_nothing(times: &SlotTimes, around: &Circumstances, now: Timestamp) -> Judgement {
    if now < times.late_at {
        return Judgement::until(SlotState::Waiting, Some(times.late_at), None);
    }
    if now < times.missed_at {
        return Judgement::until(SlotState::Late, Some(times.missed_at), None);
    }
    if let Some(silence) = around.silence.filter(|silence| silence.covers(times.missed_at, now)) {
        let recheck = later(now, UNKNOWN_RECHECK);
        let check_at = silence.landed_by.map_or(recheck, |landed_by| landed_by.min(recheck));
        return Judgement::until(SlotState::Unknown, Some(check_at), None);
    }
    match around.hold.filter(|hold| hold.covers(times.missed_at, now)) {
        Some(hold) => Judgement::until(SlotState::NotMonitored, hold.landed_by, None),
        None => Judgement::until(SlotState::Missed, None, None),
    }
}

/// The far end of time is late enough for what would come after it.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
