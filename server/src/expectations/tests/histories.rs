//! Random histories, played to the implementation on a real database and told to the reference, compared at every step.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use super::stage::{Report, Stage};
use crate::expectations::reference::{Event, Expected, Rule, Slot, expected};
use crate::expectations::slots::SlotKey;
use crate::expectations::{SlotState, excuses};
use crate::ids::{self, SlotId};
use crate::runs::Outcome;

const EVERY_TWO_HOURS: &str = "0 */2 * * *";
const SILENT_AFTER: SignedDuration = SignedDuration::from_mins(30);

/// One step of a history. Minutes are told from now.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// Time passes, and the agent is heard from or not.
    Pass { minutes: i64, heard: bool },
    /// Nobody evaluates for so long; what the agent kept back may arrive before anybody looks.
    Down { minutes: i64, kept: Option<(i64, Outcome)> },
    /// The agent says that a run began.
    Begin { ago: i64 },
    /// It says that one that it spoke of has ended.
    End {
        which: usize,
        outcome: Outcome,
        retried: bool,
    },
    /// It says for the first time of a run that has ended, maybe long ago.
    Tell {
        ago: i64,
        took: i64,
        outcome: Outcome,
        retried: bool,
    },
    /// It says something again.
    Repeat { which: usize },
    /// It says that a run began of which it has said that it ended.
    BeginAfterEnd { which: usize },
    /// A person excuses a slot, or takes that back.
    Excuse { which: usize },
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![3 => Just(Outcome::Ok), 1 => Just(Outcome::Warning), 3 => Just(Outcome::Failed)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (1..50_i64, prop::bool::weighted(0.7)).prop_map(|(minutes, heard)| Step::Pass { minutes, heard }),
        1 => (2..200_i64, prop::option::of((0..200_i64, outcome()))).prop_map(|(minutes, kept)| Step::Down { minutes, kept }),
        2 => (0..90_i64).prop_map(|ago| Step::Begin { ago }),
        2 => (0..9_usize, outcome(), any::<bool>()).prop_map(|(which, outcome, retried)| Step::End { which, outcome, retried }),
        3 => (0..300_i64, 0..60_i64, outcome(), any::<bool>())
            .prop_map(|(ago, took, outcome, retried)| Step::Tell { ago, took, outcome, retried }),
        1 => (0..9_usize).prop_map(|which| Step::Repeat { which }),
        1 => (0..9_usize).prop_map(|which| Step::BeginAfterEnd { which }),
        1 => (0..9_usize).prop_map(|which| Step::Excuse { which }),
    ]
}

/// A history as it is played.
struct Play<'a> {
    stage: &'a Stage,
    events: Vec<(Timestamp, Event)>,
    reports: Vec<Report>,
    rule: Rule,
}

impl<'a> Play<'a> {
    fn new(stage: &'a Stage) -> Self {
        let rule = Rule {
            began: stage.test.now(),
            maximum_run: SignedDuration::from_hours(4),
            no_success_after: SignedDuration::from_hours(6),
            silent_after: SILENT_AFTER,
            landing: stage.test.app.options.landing,
        };
        Self {
            stage,
            events: Vec::new(),
            reports: Vec::new(),
            rule,
        }
    }

    fn now(&self) -> Timestamp {
        self.stage.test.now()
    }

    fn note(&mut self, event: Event) {
        self.events.push((self.now(), event));
    }

    async fn look(&mut self) {
        self.stage.look().await;
        self.note(Event::Looked);
    }

    async fn take(&mut self, step: Step) {
        match step {
            Step::Pass { minutes, heard } => {
                self.stage.test.advance(SignedDuration::from_mins(minutes));
                if heard {
                    self.stage.hear().await;
                    self.note(Event::Heard);
                }
            }
            Step::Down { minutes, kept } => {
                self.stage.test.advance(SignedDuration::from_mins(minutes));
                if let Some((ago, outcome)) = kept {
                    let (took, retried) = (0, false);
                    let told = Step::Tell {
                        ago,
                        took,
                        outcome,
                        retried,
                    };
                    if let Some(report) = self.report_of(told) {
                        self.send(report).await;
                    }
                }
                self.stage.tick().await;
                self.note(Event::LookedAfterGap);
                return;
            }
            Step::Excuse { which } => self.excuse(which).await,
            Step::Begin { .. }
            | Step::End { .. }
            | Step::Tell { .. }
            | Step::Repeat { .. }
            | Step::BeginAfterEnd { .. } => {
                if let Some(report) = self.report_of(step) {
                    self.send(report).await;
                }
            }
        }
        self.look().await;
    }

    fn report_of(&self, step: Step) -> Option<Report> {
        let minutes_ago = |minutes| self.now() - SignedDuration::from_mins(minutes);
        let said = |which: usize| self.reports.get(which % self.reports.len().max(1)).copied();
        let new = |started_at| Report {
            run: ids::new(self.now()),
            started_at,
            ended: None,
            will_be_retried: false,
        };
        match step {
            Step::Begin { ago } => Some(new(minutes_ago(ago))),
            Step::End {
                which,
                outcome,
                retried,
            } => said(which).map(|report| Report {
                ended: Some((self.now(), outcome)),
                will_be_retried: retried && outcome == Outcome::Failed,
                ..report
            }),
            Step::Tell {
                ago,
                took,
                outcome,
                retried,
            } => Some(Report {
                ended: Some((minutes_ago(ago) + SignedDuration::from_mins(took.min(ago)), outcome)),
                will_be_retried: retried && outcome == Outcome::Failed,
                ..new(minutes_ago(ago))
            }),
            Step::Repeat { which } => said(which),
            Step::BeginAfterEnd { which } => said(which).map(|report| Report {
                ended: None,
                will_be_retried: false,
                ..report
            }),
            Step::Pass { .. } | Step::Down { .. } | Step::Excuse { .. } => None,
        }
    }

    async fn send(&mut self, report: Report) {
        self.stage.hear().await;
        self.note(Event::Heard);
        self.stage.report(report).await;
        self.note(Event::Report(
            report.run,
            report.started_at,
            report.ended,
            report.will_be_retried,
        ));
        self.reports.push(report);
    }

    async fn excuse(&mut self, which: usize) {
        let slots = self.stage.slots().await;
        let slot = &slots[which % slots.len()];
        let key = SlotKey {
            firm: self.stage.given.firm,
            slot: SlotId(slot.id),
        };
        let mut transaction = self.stage.begin().await;
        let (app, now) = (&self.stage.test.app, self.now());
        let given =
            match excuses::excuse(app, &mut transaction, now, key, "Theo", "The server is being replaced.").await {
                Ok(_) => true,
                Err(_) if excuses::undo(app, &mut transaction, now, key).await.is_ok() => false,
                Err(_) => return,
            };
        transaction.commit().await.unwrap();
        self.note(Event::Excused(slot.due_at, given));
    }

    /// What is stored, and what the reference says.
    async fn compare(&self, told: &[Step]) {
        let slots = self.stage.slots().await;
        let mut alerts = self.stage.open_alerts().await;
        alerts.sort_unstable();
        let found = Expected {
            slots: slots.iter().map(|slot| slot.state).collect(),
            alerts,
            job: self.stage.job_state().await,
        };
        let times: Vec<Slot> = slots
            .iter()
            .map(|slot| Slot {
                opens_at: slot.opens_at,
                due_at: slot.due_at,
                late_at: slot.late_at,
                missed_at: slot.missed_at,
                closed: slot.closed,
            })
            .collect();
        let ought = expected(&self.rule, &times, &self.events);
        assert_eq!(
            found,
            ought,
            "after {told:?}\nat {}\nwith {:#?}",
            self.now(),
            self.events
        );
        for (slot, times) in slots.iter().zip(&times) {
            let has_good_run = self.reports.iter().any(|report| {
                report.started_at >= times.opens_at && report.ended.is_some_and(|(_, outcome)| outcome == Outcome::Ok)
            });
            assert!(
                slot.state != SlotState::Ok || has_good_run,
                "a slot is ok and no run was: {slot:?}"
            );
        }
    }
}

async fn play_histories(count: usize, steps: usize) {
    let mut stage = Stage::with(EVERY_TWO_HOURS, SILENT_AFTER).await;
    let mut runner = TestRunner::deterministic();
    for _ in 0..count {
        let history = prop::collection::vec(step(), steps)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        stage.begin_again(EVERY_TWO_HOURS, SILENT_AFTER).await;
        let mut play = Play::new(&stage);
        play.look().await;
        for (done, step) in history.iter().enumerate() {
            play.take(*step).await;
            play.compare(&history[..=done]).await;
        }
    }
}

#[tokio::test]
async fn the_database_says_what_the_reference_says_at_every_step_of_random_histories() {
    play_histories(20, 30).await;
}
