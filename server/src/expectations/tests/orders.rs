//! The order in which reports arrive does not matter.

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use uuid::Uuid;

use super::stage::{Report, Stage};
use crate::alerts::AlertKind;
use crate::expectations::{JobState, SlotState};
use crate::ids::RunId;
use crate::runs::Outcome;

const EVERY_TWO_HOURS: &str = "0 */2 * * *";
const NEVER_SILENT: SignedDuration = SignedDuration::from_hours(24 * 30);

/// A run in minutes since its history began.
#[derive(Debug, Clone)]
struct Told {
    started: i64,
    took: Option<(i64, Outcome, bool)>,
    /// Its beginning is told too, by a message of its own.
    in_two: bool,
    /// Its end is told with the second delivery, not with the first.
    second: bool,
}

fn told() -> impl Strategy<Value = Told> {
    let outcome = prop_oneof![2 => Just(Outcome::Ok), 1 => Just(Outcome::Warning), 3 => Just(Outcome::Failed)];
    let took = prop::option::weighted(0.8, (0..90_i64, outcome, any::<bool>()));
    (0..700_i64, took, any::<bool>(), any::<bool>()).prop_map(|(started, took, in_two, second)| Told {
        started,
        took,
        in_two,
        second,
    })
}

/// What became of a job.
#[derive(Debug, PartialEq, Eq)]
struct Became {
    slots: Vec<(SlotState, bool, bool)>,
    alerts: Vec<AlertKind>,
    job: JobState,
}

async fn became(stage: &Stage) -> Became {
    let slots = stage.slots().await.into_iter();
    Became {
        slots: slots
            .map(|slot| (slot.state, slot.declared_missed, slot.reported_late))
            .collect(),
        alerts: stage.open_alerts().await,
        job: stage.job_state().await,
    }
}

/// The two deliveries of a history. `base` tells runs of several jobs apart and keeps their order.
fn deliveries(stage: &Stage, history: &[Told], base: u128) -> [Vec<Report>; 2] {
    let history_began = stage.test.now();
    let mut deliveries = [Vec::new(), Vec::new()];
    for (number, told) in (0_u128..).zip(history) {
        let started_at = history_began + SignedDuration::from_mins(told.started);
        let beginning = Report {
            run: RunId(Uuid::from_u128((base << 32) + number)),
            started_at,
            ended: None,
            will_be_retried: false,
        };
        if told.in_two || told.took.is_none() {
            deliveries[0].push(beginning);
        }
        if let Some((took, outcome, retried)) = told.took {
            deliveries[usize::from(told.second)].push(Report {
                ended: Some((started_at + SignedDuration::from_mins(took), outcome)),
                will_be_retried: retried && outcome == Outcome::Failed,
                ..beginning
            });
        }
    }
    deliveries
}

#[tokio::test]
async fn the_same_reports_in_any_order_give_the_same_slots_and_alerts() {
    const ORDERS: u128 = 4;
    let mut stage = Stage::with(EVERY_TWO_HOURS, NEVER_SILENT).await;
    let mut runner = TestRunner::deterministic();
    for history in 0..6 {
        let runs = prop::collection::vec(told(), 2..8)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut jobs = Vec::new();
        stage.end().await;
        for order in 0..ORDERS {
            stage.add(EVERY_TWO_HOURS, NEVER_SILENT).await;
            let mut both = deliveries(&stage, &runs, history * ORDERS + order + 1);
            if order > 0 {
                both = both.map(|told| Just(told).prop_shuffle().new_tree(&mut runner).unwrap().current());
            }
            jobs.push((stage.given, both));
        }
        for (delivery, hours) in [12, 5].into_iter().enumerate() {
            for _ in 0..hours {
                stage.test.advance(SignedDuration::from_hours(1));
                stage.look().await;
            }
            for (given, both) in &jobs {
                stage.given = *given;
                for report in &both[delivery] {
                    stage.report(*report).await;
                }
            }
            stage.look().await;
            let mut first = None;
            for (given, both) in &jobs {
                stage.given = *given;
                let found = became(&stage).await;
                let ought = first.get_or_insert_with(|| Became {
                    slots: found.slots.clone(),
                    alerts: found.alerts.clone(),
                    job: found.job,
                });
                assert_eq!(found, *ought, "of {runs:#?}\nin the order {both:#?}");
            }
        }
        for (given, _) in &jobs {
            stage.given = *given;
            stage.end().await;
        }
    }
}
