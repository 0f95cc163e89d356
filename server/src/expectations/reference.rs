//! The rules once more, as plainly as they can be said: everything is worked out anew from the whole history at each step,
//! with no database, no deadlines and no state that is carried along. Tests compare the implementation with this.

use jiff::{SignedDuration, Timestamp};

use super::{JobState, SlotState};
use crate::alerts::AlertKind;
use crate::ids::RunId;
use crate::runs::Outcome;

/// Something that happened, and when we knew.
#[derive(Debug, Clone, Copy)]
pub(super) enum Event {
    /// The agent was heard from.
    Heard,
    /// A report of a run arrived.
    Report(RunId, Timestamp, Option<(Timestamp, Outcome)>, bool),
    /// The evaluator looked, as it does all the time.
    Looked,
    /// The evaluator looked after nobody had for long.
    LookedAfterGap,
    /// A person excused the slot that is due then, or took that back.
    Excused(Timestamp, bool),
}

/// The times of a slot, in order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) opens_at: Timestamp,
    pub(super) due_at: Timestamp,
    pub(super) late_at: Timestamp,
    pub(super) missed_at: Timestamp,
    /// The office is closed that day.
    pub(super) closed: bool,
}

/// The rule's durations, and when all began.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) began: Timestamp,
    pub(super) maximum_run: SignedDuration,
    pub(super) no_success_after: SignedDuration,
    pub(super) silent_after: SignedDuration,
    pub(super) landing: SignedDuration,
}

/// What ought to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Expected {
    pub(super) slots: Vec<SlotState>,
    pub(super) alerts: Vec<AlertKind>,
    pub(super) job: JobState,
}

/// A run as it is known.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) id: RunId,
    pub(super) started_at: Timestamp,
    pub(super) finished: Option<(Timestamp, Outcome)>,
    pub(super) retried: bool,
}

/// Nothing is heard from `from` on; what is missed after that may still arrive before `landed`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quiet {
    pub(super) from: Timestamp,
    pub(super) landed: Timestamp,
}

/// What is known of a slot.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) runs: Vec<Run>,
    pub(super) excused: bool,
    pub(super) silence: Option<Quiet>,
    pub(super) hold: Option<Quiet>,
}

/// What ought to be after these events, the last of which is the evaluator's look.
pub(super) fn expected(rule: &Rule, slots: &[Slot], events: &[(Timestamp, Event)]) -> Expected {
    let looks = (0..events.len()).filter(|index| matches!(events[*index].1, Event::Looked | Event::LookedAfterGap));
    let mut declared = vec![false; slots.len()];
    let mut no_success = false;
    let mut states = Vec::new();
    for last in looks {
        let past = &events[..=last];
        let now = past[last].0;
        states = slots.iter().map(|slot| state(rule, slots, slot, past, now)).collect();
        for (declared, state) in declared.iter_mut().zip(&states) {
            *declared |= *state == SlotState::Missed;
        }
        let too_long = last_good(past).unwrap_or(rule.began) + rule.no_success_after <= now;
        no_success = too_long && (no_success || hold(rule, past).is_none_or(|hold| now >= hold.landed));
    }
    let since_good = |wanted: &dyn Fn(usize, SlotState) -> bool| {
        let newer = states
            .iter()
            .enumerate()
            .rev()
            .take_while(|(_, state)| !is_good(**state));
        newer.into_iter().any(|(index, state)| wanted(index, *state))
    };
    let unfilled = [
        SlotState::Missed,
        SlotState::Late,
        SlotState::Running,
        SlotState::Overrun,
    ];
    let open = [
        (
            AlertKind::Missed,
            since_good(&|index, state| declared[index] && unfilled.contains(&state)),
        ),
        (AlertKind::Failed, last_counts_as_failed(slots, &states, events)),
        (AlertKind::Overrun, since_good(&|_, state| state == SlotState::Overrun)),
        (AlertKind::NoSuccess, no_success),
        (AlertKind::AgentSilent, is_silent(rule, events)),
    ];
    Expected {
        alerts: open
            .into_iter()
            .filter(|(_, open)| *open)
            .map(|(kind, _)| kind)
            .collect(),
        job: job(&states, events),
        slots: states,
    }
}

fn is_good(state: SlotState) -> bool {
    matches!(state, SlotState::Ok | SlotState::Warning)
}

/// Each run as it is known: that it ended is never taken back.
fn runs(events: &[(Timestamp, Event)]) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (_, event) in events {
        if let Event::Report(id, started_at, finished, retried) = *event {
            match runs.iter_mut().find(|run| run.id == id) {
                None => runs.push(Run {
                    id,
                    started_at,
                    finished,
                    retried,
                }),
                Some(known) if known.finished.is_none() => (known.finished, known.retried) = (finished, retried),
                Some(_) => {}
            }
        }
    }
    runs
}

/// A run belongs to the last slot that had opened when it began.
fn slot_of(slots: &[Slot], run: &Run) -> Option<usize> {
    slots.iter().rposition(|slot| slot.opens_at <= run.started_at)
}

fn state(rule: &Rule, slots: &[Slot], slot: &Slot, past: &[(Timestamp, Event)], now: Timestamp) -> SlotState {
    let index = slots.iter().position(|other| other.due_at == slot.due_at);
    let excused = past.iter().rev().find_map(|(_, event)| match event {
        Event::Excused(due_at, given) if *due_at == slot.due_at => Some(*given),
        Event::Heard | Event::Report(..) | Event::Looked | Event::LookedAfterGap | Event::Excused(..) => None,
    });
    let mine = runs(past).into_iter().filter(|run| slot_of(slots, run) == index);
    let known = Known {
        runs: mine.collect(),
        excused: excused.unwrap_or(slot.closed),
        silence: silence(rule, past),
        hold: hold(rule, past),
    };
    state_of(rule.maximum_run, slot, &known, now)
}

/// The state of a slot of which this is known.
pub(super) fn state_of(maximum_run: SignedDuration, slot: &Slot, known: &Known, now: Timestamp) -> SlotState {
    let mine = &known.runs;
    let ended = |outcome, retried| {
        let is_so = |run: &&Run| run.finished.is_some_and(|(_, ended)| ended == outcome) && run.retried == retried;
        mine.iter().any(|run| is_so(&run))
    };
    let begun = mine
        .iter()
        .filter(|run| run.finished.is_none())
        .map(|run| run.started_at)
        .max();
    let covers = |quiet: Option<Quiet>, at: Timestamp| quiet.is_some_and(|quiet| quiet.from < at && now < quiet.landed);
    let time = if now < slot.late_at {
        0
    } else if now < slot.missed_at {
        1
    } else {
        2
    };
    if ended(Outcome::Ok, false) || ended(Outcome::Ok, true) {
        return SlotState::Ok;
    }
    if ended(Outcome::Warning, false) || ended(Outcome::Warning, true) {
        return SlotState::Warning;
    }
    if ended(Outcome::Failed, false) {
        return SlotState::Failed;
    }
    if let Some(began) = begun {
        let overrun_at = began + maximum_run;
        let in_time = now < overrun_at || covers(known.hold, overrun_at);
        return if in_time {
            SlotState::Running
        } else {
            SlotState::Overrun
        };
    }
    if ended(Outcome::Failed, true) {
        return [SlotState::Running, SlotState::Late, SlotState::Failed][time];
    }
    if known.excused {
        return SlotState::Excused;
    }
    match time {
        0 => SlotState::Waiting,
        1 => SlotState::Late,
        _ if covers(known.silence, slot.missed_at) => SlotState::Unknown,
        _ if covers(known.hold, slot.missed_at) => SlotState::NotMonitored,
        _ => SlotState::Missed,
    }
}

/// The latest time in which nobody looked. One that begins before the last one's reports could land is the same.
fn hold(rule: &Rule, past: &[(Timestamp, Event)]) -> Option<Quiet> {
    let mut hold: Option<Quiet> = None;
    let mut looked = rule.began;
    for (at, event) in past {
        if let Event::LookedAfterGap = event {
            let from = hold
                .filter(|hold| looked < hold.landed)
                .map_or(looked, |hold| hold.from);
            hold = Some(Quiet {
                from,
                landed: *at + rule.landing,
            });
        }
        if matches!(event, Event::Looked | Event::LookedAfterGap) {
            looked = *at;
        }
    }
    hold
}

/// The latest silence of the agent, by the same rule. It ends when the agent is heard from.
fn silence(rule: &Rule, past: &[(Timestamp, Event)]) -> Option<Quiet> {
    let (mut silence, mut heard, mut is_silent): (Option<Quiet>, _, _) = (None, rule.began, false);
    let mut silent_at = heard + rule.silent_after;
    for (at, event) in past {
        match event {
            Event::Heard => {
                if is_silent {
                    silence = silence.map(|quiet| Quiet {
                        landed: *at + rule.landing,
                        ..quiet
                    });
                }
                (heard, silent_at, is_silent) = (*at, *at + rule.silent_after, false);
            }
            Event::LookedAfterGap if !is_silent => silent_at = silent_at.max(*at + rule.landing),
            Event::Report(..) | Event::Looked | Event::LookedAfterGap | Event::Excused(..) => {}
        }
        let looked = matches!(event, Event::Looked | Event::LookedAfterGap);
        if looked && !is_silent && silent_at <= *at {
            is_silent = true;
            let from = silence
                .filter(|quiet| heard < quiet.landed)
                .map_or(heard, |quiet| quiet.from);
            silence = Some(Quiet {
                from,
                landed: Timestamp::MAX,
            });
        }
    }
    silence
}

fn is_silent(rule: &Rule, past: &[(Timestamp, Event)]) -> bool {
    silence(rule, past).is_some_and(|quiet| quiet.landed == Timestamp::MAX)
}

fn last_good(past: &[(Timestamp, Event)]) -> Option<Timestamp> {
    let good = |run: &Run| run.finished.is_some_and(|(_, outcome)| outcome != Outcome::Failed);
    let mut runs: Vec<Run> = runs(past).into_iter().filter(good).collect();
    runs.sort_by_key(|run| (run.started_at, run.id));
    runs.last().and_then(|run| run.finished).map(|(at, _)| at)
}

/// The last run to begin of those that ended for good failed. A failure that will be retried has ended for good once its
/// slot counts as failed, or when it has no slot to wait for.
fn last_counts_as_failed(slots: &[Slot], states: &[SlotState], past: &[(Timestamp, Event)]) -> bool {
    let counts = |run: &Run| {
        let failed_slot = slot_of(slots, run).is_none_or(|index| states[index] == SlotState::Failed);
        run.finished
            .is_some_and(|(_, outcome)| outcome != Outcome::Failed || !run.retried || failed_slot)
    };
    let rank = |run: &Run| {
        (
            run.started_at,
            run.finished.is_some_and(|(_, outcome)| outcome != Outcome::Failed),
            run.id,
        )
    };
    let last = runs(past).into_iter().filter(counts).max_by_key(rank);
    last.and_then(|run| run.finished)
        .is_some_and(|(_, outcome)| outcome == Outcome::Failed)
}

fn job(states: &[SlotState], past: &[(Timestamp, Event)]) -> JobState {
    if runs(past).is_empty() {
        return JobState::NeverReported;
    }
    let judged = |state: &&SlotState| !matches!(state, SlotState::Waiting | SlotState::Excused);
    states
        .iter()
        .rev()
        .find(judged)
        .map_or(JobState::Waiting, |state| JobState::from(*state))
}
