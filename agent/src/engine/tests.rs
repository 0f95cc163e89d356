use std::collections::BTreeMap;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::JobKey;
use proptest::prelude::*;

use super::delivery::backoff;
use super::schedule::Schedule;
use super::{Action, DeliveryPlan, Engine, Input, JobMemory, JobPlan, SkipReason};
use crate::clock::Moment;

const HEARTBEAT: Duration = Duration::from_mins(1);
const CAP: Duration = Duration::from_mins(5);

fn key(text: &str) -> JobKey {
    text.parse().expect("a key")
}

/// Half past nine in the evening, and so many seconds later.
fn moment(seconds: u64) -> Moment {
    let start: Timestamp = "2026-11-20T21:30:00Z".parse().expect("a timestamp");
    let later = SignedDuration::from_secs(i64::try_from(seconds).expect("small"));
    Moment {
        wall: start.checked_add(later).expect("in range"),
        steady: Duration::from_secs(1_000 + seconds),
    }
}

fn nightly(attempts: u32) -> JobPlan {
    JobPlan {
        key: key("nightly"),
        schedule: Some(Schedule::parse("0 22 * * *", TimeZone::UTC, moment(0).wall).expect("a schedule")),
        attempts,
        retry_delay: Duration::from_mins(10),
        catch_up: Duration::from_hours(6),
    }
}

fn engine(plans: Vec<JobPlan>, memory: Option<JobMemory>, now: Moment) -> Engine {
    let delivery = DeliveryPlan {
        heartbeat: HEARTBEAT,
        backoff_cap: CAP,
    };
    Engine::new(plans, delivery, |_| memory, now)
}

/// The tries that these actions start.
fn started(actions: &[Action]) -> Vec<(u32, bool)> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::StartRun { attempt, may_retry, .. } => Some((*attempt, *may_retry)),
            Action::Skipped { .. } | Action::Remember { .. } | Action::Deliver { .. } => None,
        })
        .collect()
}

fn skipped(actions: &[Action]) -> Vec<SkipReason> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Skipped { why, .. } => Some(*why),
            Action::StartRun { .. } | Action::Remember { .. } | Action::Deliver { .. } => None,
        })
        .collect()
}

fn delivers(actions: &[Action]) -> Option<bool> {
    actions.iter().find_map(|action| match action {
        Action::Deliver { heartbeat } => Some(*heartbeat),
        Action::StartRun { .. } | Action::Skipped { .. } | Action::Remember { .. } => None,
    })
}

fn ended(retry: bool) -> Input {
    Input::RunEnded {
        job: key("nightly"),
        retry,
    }
}

#[test]
fn a_job_starts_when_it_is_due_and_not_before() {
    let mut engine = engine(vec![nightly(1)], None, moment(0));
    assert_eq!(started(&engine.step(Input::Tick, moment(29 * 60 + 59))), []);
    assert_eq!(started(&engine.step(Input::Tick, moment(30 * 60))), [(1, false)]);
    assert_eq!(started(&engine.step(Input::Tick, moment(30 * 60 + 1))), []);
}

#[test]
fn a_failed_run_is_tried_again_after_the_delay_and_not_for_ever() {
    let mut engine = engine(vec![nightly(2)], None, moment(0));
    assert_eq!(started(&engine.step(Input::Tick, moment(1_800))), [(1, true)]);
    assert_eq!(started(&engine.step(ended(true), moment(1_900))), []);
    assert_eq!(started(&engine.step(Input::Tick, moment(2_499))), []);
    assert_eq!(started(&engine.step(Input::Tick, moment(2_500))), [(2, false)]);
    assert_eq!(started(&engine.step(ended(true), moment(2_600))), []);
    assert_eq!(started(&engine.step(Input::Tick, moment(80_000))), []);
}

#[test]
fn a_run_that_is_still_going_on_is_not_overlapped() {
    let mut engine = engine(vec![nightly(1)], None, moment(0));
    engine.step(Input::Tick, moment(1_800));
    let next_night = engine.step(Input::Tick, moment(1_800 + 86_400));
    assert_eq!(started(&next_night), []);
    assert_eq!(skipped(&next_night), [SkipReason::StillRunning]);
}

#[test]
fn a_night_that_was_slept_through_is_made_up_for_unless_it_is_long_past() {
    let mut woken = engine(vec![nightly(1)], None, moment(0));
    assert_eq!(
        started(&woken.step(Input::Tick, moment(1_800 + 6 * 3_600))),
        [(1, false)]
    );

    let mut late = engine(vec![nightly(1)], None, moment(0));
    let actions = late.step(Input::Tick, moment(1_800 + 6 * 3_600 + 1));
    assert_eq!(started(&actions), []);
    assert_eq!(skipped(&actions), [SkipReason::TooLate]);
    assert_eq!(started(&late.step(Input::Tick, moment(1_800 + 86_400))), [(1, false)]);
}

#[test]
fn a_restarted_agent_makes_up_for_what_it_missed_and_repeats_nothing() {
    let before = JobMemory {
        anchor: moment(0).wall,
        retry: None,
    };
    let mut missed = engine(vec![nightly(1)], Some(before), moment(3_600));
    assert_eq!(started(&missed.step(Input::Tick, moment(3_600))), [(1, false)]);

    let done = JobMemory {
        anchor: moment(1_800).wall,
        retry: None,
    };
    let mut nothing_missed = engine(vec![nightly(1)], Some(done), moment(3_600));
    assert_eq!(started(&nothing_missed.step(Input::Tick, moment(3_600))), []);
}

#[test]
fn a_retry_survives_a_restart() {
    let memory = JobMemory {
        anchor: moment(1_800).wall,
        retry: Some(2),
    };
    let mut engine = engine(vec![nightly(3)], Some(memory), moment(2_000));
    assert_eq!(started(&engine.step(Input::Tick, moment(2_000))), []);
    assert_eq!(started(&engine.step(Input::Tick, moment(2_600))), [(2, true)]);
}

#[test]
fn a_clock_that_was_a_day_ahead_does_not_silence_the_next_night() {
    let ahead = JobMemory {
        anchor: moment(1_800 + 86_400).wall,
        retry: None,
    };
    let mut engine = engine(vec![nightly(1)], Some(ahead), moment(0));
    engine.step(Input::Tick, moment(0));
    assert_eq!(started(&engine.step(Input::Tick, moment(1_800))), [(1, false)]);
}

#[test]
fn a_heartbeat_goes_out_at_once_and_then_in_its_rhythm() {
    let mut engine = engine(Vec::new(), None, moment(0));
    assert_eq!(delivers(&engine.step(Input::Tick, moment(0))), Some(true));
    assert_eq!(delivers(&engine.step(Input::Tick, moment(5))), None);
    let delivered = Input::Delivered {
        remaining: 0,
        heartbeat: true,
    };
    assert_eq!(delivers(&engine.step(delivered, moment(6))), None);
    assert_eq!(delivers(&engine.step(Input::Tick, moment(65))), None);
    assert_eq!(delivers(&engine.step(Input::Tick, moment(66))), Some(true));
}

#[test]
fn what_waits_goes_out_without_waiting_for_a_heartbeat() {
    let mut engine = engine(Vec::new(), None, moment(0));
    engine.step(Input::Tick, moment(0));
    let delivered = Input::Delivered {
        remaining: 3,
        heartbeat: true,
    };
    assert_eq!(delivers(&engine.step(delivered, moment(1))), Some(false));
}

#[test]
fn a_server_that_asks_to_wait_is_obeyed_up_to_an_hour() {
    let failed = |seconds| Input::DeliveryFailed {
        retry_after: Some(Duration::from_secs(seconds)),
        random: 0,
    };
    let mut asked = engine(Vec::new(), None, moment(0));
    asked.step(Input::Tick, moment(0));
    asked.step(failed(900), moment(1));
    assert_eq!(delivers(&asked.step(Input::Tick, moment(900))), None);
    assert_eq!(delivers(&asked.step(Input::Tick, moment(901))), Some(true));

    let mut absurd = engine(Vec::new(), None, moment(0));
    absurd.step(Input::Tick, moment(0));
    absurd.step(failed(u64::MAX), moment(1));
    assert_eq!(delivers(&absurd.step(Input::Tick, moment(3_600))), None);
    assert_eq!(delivers(&absurd.step(Input::Tick, moment(3_601))), Some(true));
}

#[test]
fn a_stopping_agent_starts_nothing() {
    let mut engine = engine(vec![nightly(2)], None, moment(0));
    engine.step(Input::Tick, moment(1_800));
    engine.step(Input::Stop, moment(1_801));
    assert_eq!(engine.step(Input::Tick, moment(90_000)), []);
    let last = engine.step(ended(true), moment(90_001));
    assert_eq!(started(&last), []);
}

proptest! {
    #[test]
    fn waits_grow_are_spread_and_stay_below_the_cap(failures in 0..200_u32, random: u64, cap in 1..3_600_u64) {
        let cap = Duration::from_secs(cap);
        let wait = backoff(failures, cap, random);
        prop_assert!(wait <= cap);
        prop_assert!(wait >= Duration::from_secs(1).min(cap / 2));
        prop_assert!(backoff(failures.saturating_add(1), cap, 0) >= backoff(failures, cap, 0));
    }

    /// Whatever happens in whatever order: no run overlaps another of its job, no try exceeds what is allowed, and a
    /// batch is never sent while another is on its way.
    #[test]
    fn no_history_overlaps_runs_or_deliveries(
        steps in proptest::collection::vec((0..5_u8, 0..4_000_u64, any::<bool>(), any::<u64>()), 1..200),
    ) {
        let attempts = 3;
        let mut every_minute = nightly(attempts);
        every_minute.schedule = Some(Schedule::parse("*/7 * * * *", TimeZone::UTC, moment(0).wall).expect("a schedule"));
        let mut engine = engine(vec![every_minute], None, moment(0));
        let mut running: BTreeMap<JobKey, u32> = BTreeMap::new();
        let mut sending = false;
        let mut seconds = 0;
        for (kind, pause, flag, random) in steps {
            seconds += pause;
            let input = match kind {
                1 => Input::SpoolHolds(usize::from(flag)),
                2 if running.remove(&key("nightly")).is_some() => ended(flag),
                3 if sending => { sending = false; Input::Delivered { remaining: usize::from(flag), heartbeat: flag } }
                4 if sending => { sending = false; Input::DeliveryFailed { retry_after: None, random } }
                _ => Input::Tick,
            };
            for action in engine.step(input, moment(seconds)) {
                match action {
                    Action::StartRun { job, attempt, may_retry } => {
                        prop_assert!(attempt >= 1 && attempt <= attempts);
                        prop_assert_eq!(may_retry, attempt < attempts);
                        prop_assert!(running.insert(job, attempt).is_none(), "a run overlaps another");
                    }
                    Action::Deliver { .. } => {
                        prop_assert!(!sending, "two deliveries at once");
                        sending = true;
                    }
                    Action::Skipped { .. } | Action::Remember { .. } => {}
                }
            }
        }
    }
}
