//! The rule that gives a slot its state, compared with the reference over a hundred thousand random cases.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use uuid::Uuid;

use crate::expectations::judge::{Circumstances, Quiet, RunEvidence, SlotTimes, judge};
use crate::expectations::reference::{self, Known, Run, Slot, state_of};
use crate::ids::RunId;
use crate::runs::Outcome;

/// A case in minutes. Few enough that times often are the same.
#[derive(Debug, Clone)]
struct Case {
    late: i64,
    missed_later: i64,
    maximum_run: i64,
    runs: Vec<RunCase>,
    excused: bool,
    /// From when, and until when: a silence may last.
    silence: Option<(i64, Option<i64>)>,
    hold: Option<(i64, i64)>,
    now: i64,
    later: i64,
}

#[derive(Debug, Clone)]
struct RunCase {
    started: i64,
    took: Option<(i64, Outcome)>,
    retried: bool,
}

fn run() -> impl Strategy<Value = RunCase> {
    let outcome = prop_oneof![1 => Just(Outcome::Ok), 1 => Just(Outcome::Warning), 3 => Just(Outcome::Failed)];
    (0..50_i64, prop::option::of((0..30_i64, outcome)), any::<bool>()).prop_map(|(started, took, retried)| RunCase {
        started,
        took,
        retried,
    })
}

fn case() -> impl Strategy<Value = Case> {
    (
        (5..25_i64, 0..20_i64, 1..30_i64),
        prop::collection::vec(run(), 0..4),
        prop::bool::weighted(0.1),
        prop::option::of((0..50_i64, prop::option::of(0..70_i64))),
        prop::option::of((0..50_i64, 0..70_i64)),
        (0..70_i64, 0..60_i64),
    )
        .prop_map(
            |((late, missed_later, maximum_run), runs, excused, silence, hold, (now, later))| Case {
                late,
                missed_later,
                maximum_run,
                runs,
                excused,
                silence,
                hold,
                now,
                later,
            },
        )
}

fn at(minute: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
}

impl Case {
    fn runs(&self) -> Vec<RunEvidence> {
        let told = (0_u128..).zip(&self.runs);
        told.map(|(number, run)| RunEvidence {
            run: RunId(Uuid::from_u128(number)),
            started_at: at(run.started),
            finished: run.took.map(|(took, outcome)| (at(run.started + took), outcome)),
            will_be_retried: run.retried,
        })
        .collect()
    }

    fn times(&self) -> SlotTimes {
        SlotTimes {
            late_at: at(self.late),
            missed_at: at(self.late + self.missed_later),
            maximum_run: SignedDuration::from_mins(self.maximum_run),
        }
    }

    fn around(&self) -> Circumstances {
        Circumstances {
            excused: self.excused,
            drill: None,
            silence: self.silence.map(|(from, landed)| Quiet {
                from: at(from),
                landed_by: landed.map(at),
            }),
            hold: self.hold.map(|(from, landed)| Quiet {
                from: at(from),
                landed_by: Some(at(landed)),
            }),
        }
    }

    /// The same in the words of the reference.
    fn told(&self) -> (Slot, Known) {
        let times = self.times();
        let slot = Slot {
            opens_at: at(0),
            due_at: at(0),
            late_at: times.late_at,
            missed_at: times.missed_at,
            closed: false,
        };
        let runs = self.runs().into_iter().map(|run| Run {
            id: run.run,
            started_at: run.started_at,
            finished: run.finished,
            retried: run.will_be_retried,
        });
        let known = Known {
            runs: runs.collect(),
            excused: self.excused,
            silence: self.silence.map(|(from, landed)| reference::Quiet {
                from: at(from),
                landed: landed.map_or(Timestamp::MAX, at),
            }),
            hold: self.hold.map(|(from, landed)| reference::Quiet {
                from: at(from),
                landed: at(landed),
            }),
        };
        (slot, known)
    }
}

#[test]
fn a_hundred_thousand_random_slots_are_judged_as_the_reference_says_until_their_deadline() {
    let config = Config {
        cases: 100_000,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let compared = runner.run(&case(), |case| {
        let (times, runs, around) = (case.times(), case.runs(), case.around());
        let (slot, known) = case.told();
        let judged = judge(&times, &runs, &around, at(case.now));
        let ought = state_of(times.maximum_run, &slot, &known, at(case.now));
        prop_assert_eq!(judged.state, ought);
        let later = at(case.now + case.later);
        if let Some(check_at) = judged.check_at {
            prop_assert!(
                check_at > at(case.now),
                "it would be judged again and again: {:?}",
                judged
            );
        }
        if judged.check_at.is_none_or(|check_at| later < check_at) {
            let then = state_of(times.maximum_run, &slot, &known, later);
            prop_assert_eq!(
                then,
                judged.state,
                "time alone changes it before its deadline: {:?}",
                judged
            );
        }
        Ok(())
    });
    compared.unwrap();
}
