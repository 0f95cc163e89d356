//! What goes wrong with judging itself: rows that cannot be read, rules that cannot be followed, two evaluators at once.

use jiff::SignedDuration;

use super::db;
use super::stage::Stage;
use crate::alerts::AlertKind;
use crate::app::App;
use crate::expectations::{SlotState, evaluate_at};
use crate::notifications::Mailer;
use crate::runs::Outcome;

const NIGHTLY: &str = "0 22 * * *";
/// An hour after the first miss.
const SILENT_NEXT_MORNING: SignedDuration = SignedDuration::from_hours(17);
const NEVER_SILENT: SignedDuration = SignedDuration::from_hours(24 * 30);

#[tokio::test]
async fn a_slot_that_cannot_be_judged_keeps_no_other_from_it_and_is_told_until_it_can() {
    let mut stage = Stage::with(NIGHTLY, NEVER_SILENT).await;
    let poisoned = stage.given;
    stage.add(NIGHTLY, NEVER_SILENT).await;
    let sound = stage.given;
    stage.tick().await;
    let mut transaction = stage.begin().await;
    db::poison_slot(&mut transaction, &poisoned, None).await;
    transaction.commit().await.unwrap();

    stage.pass_until("2026-11-24T06:00:00Z").await;
    assert_eq!(
        stage.states().await,
        [SlotState::Missed],
        "the other job's night is told"
    );
    assert_eq!(
        db::open_alerts(&mut stage.begin().await, &sound).await,
        [AlertKind::Missed]
    );
    assert_eq!(
        db::open_alerts(&mut stage.begin().await, &poisoned).await,
        [AlertKind::AgentProblem]
    );
    assert_eq!(
        stage.test.app.pulse.last(),
        Some(stage.test.now()),
        "the evaluator is alive"
    );
    assert_eq!(
        db::told(&mut stage.begin().await, AlertKind::AgentProblem).await,
        (1, 1),
        "once"
    );

    let mut transaction = stage.begin().await;
    db::poison_slot(&mut transaction, &poisoned, Some("2026-11-24T06:00:00Z")).await;
    transaction.commit().await.unwrap();
    stage.given = poisoned;
    stage.pass_until("2026-11-24T07:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
    assert_eq!(
        stage.closed_alerts().await,
        [(AlertKind::AgentProblem, "evidence".to_owned())]
    );
}

#[tokio::test]
async fn a_report_for_a_slot_that_could_not_be_judged_shows_that_it_can_again() {
    let stage = Stage::with(NIGHTLY, NEVER_SILENT).await;
    let mut transaction = stage.begin().await;
    db::poison_slot(&mut transaction, &stage.given, None).await;
    transaction.commit().await.unwrap();
    stage.pass_until("2026-11-24T04:00:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::AgentProblem]);
    let mut transaction = stage.begin().await;
    db::poison_slot(&mut transaction, &stage.given, Some("2026-11-24T06:00:00Z")).await;
    transaction.commit().await.unwrap();
    let run = stage.run("2026-11-24T03:00:00Z", Some(("2026-11-24T03:30:00Z", Outcome::Ok)));
    stage.report(run).await;
    assert!(stage.open_alerts().await.is_empty());
    assert_eq!(stage.states().await, [SlotState::Ok]);
}

#[tokio::test]
async fn a_rule_that_cannot_be_followed_is_told_until_it_can() {
    let stage = Stage::with(NIGHTLY, NEVER_SILENT).await;
    let mut transaction = stage.begin().await;
    db::set_cron(&mut transaction, &stage.given, "at night", stage.test.now()).await;
    transaction.commit().await.unwrap();
    stage.pass_until("2026-11-24T02:00:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::AgentProblem]);
    let run = stage.run("2026-11-24T01:30:00Z", Some(("2026-11-24T01:40:00Z", Outcome::Ok)));
    stage.report(run).await;
    assert_eq!(
        stage.open_alerts().await,
        [AlertKind::AgentProblem],
        "a run does not mend the rule"
    );
    let mut transaction = stage.begin().await;
    db::set_cron(&mut transaction, &stage.given, NIGHTLY, stage.test.now()).await;
    transaction.commit().await.unwrap();
    stage.look().await;
    assert!(stage.open_alerts().await.is_empty());
    assert_eq!(
        stage.closed_alerts().await,
        [(AlertKind::AgentProblem, "evidence".to_owned())]
    );
}

#[tokio::test]
async fn a_job_without_success_is_told_beside_one_that_cannot_be_judged() {
    let mut stage = Stage::with(NIGHTLY, NEVER_SILENT).await;
    let poisoned = stage.given;
    stage.add(NIGHTLY, NEVER_SILENT).await;
    let sound = stage.given;
    stage.given = poisoned;
    stage.pass_until("2026-11-24T03:40:00Z").await;
    let run = stage.run("2026-11-24T03:00:00Z", Some(("2026-11-24T03:30:00Z", Outcome::Ok)));
    stage.report(run).await;
    let mut transaction = stage.begin().await;
    db::poison_runs(&mut transaction, &poisoned, None).await;
    transaction.commit().await.unwrap();

    stage.pass_until("2026-11-27T04:00:00Z").await;
    let open = db::open_alerts(&mut stage.begin().await, &sound).await;
    assert_eq!(open, [AlertKind::Missed, AlertKind::NoSuccess]);
    assert_eq!(stage.open_alerts().await, [AlertKind::AgentProblem]);
    assert_eq!(stage.test.app.pulse.last(), Some(stage.test.now()));

    let mut transaction = stage.begin().await;
    db::poison_runs(&mut transaction, &poisoned, Some("2026-11-24T03:30:00Z")).await;
    transaction.commit().await.unwrap();
    stage.pass_until("2026-11-27T06:00:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed, AlertKind::NoSuccess]);
}

#[tokio::test]
async fn two_evaluators_on_one_database_tell_everything_once() {
    const JOBS: i64 = 25;
    let mut stage = Stage::with(NIGHTLY, SILENT_NEXT_MORNING).await;
    for _ in 1..JOBS {
        stage.add(NIGHTLY, SILENT_NEXT_MORNING).await;
    }
    let first = &stage.test.app;
    let second = App::new(
        first.db.clone(),
        first.clock.clone(),
        first.options.clone(),
        Mailer::default(),
    );
    // Until the next morning, when every night was missed and every agent is silent.
    for _ in 0..40 {
        stage.test.advance(SignedDuration::from_mins(30));
        let now = stage.test.now();
        let mut transaction = stage.begin().await;
        db::note_alive(&mut transaction, now).await;
        transaction.commit().await.unwrap();
        let (one, other) = tokio::join!(evaluate_at(first, now), evaluate_at(&second, now));
        one.unwrap();
        other.unwrap();
    }
    let mut transaction = stage.begin().await;
    assert_eq!(db::doubled(&mut transaction).await, (0, 0, 0));
    assert_eq!(db::told(&mut transaction, AlertKind::Missed).await, (JOBS, JOBS));
    assert_eq!(db::told(&mut transaction, AlertKind::AgentSilent).await, (JOBS, JOBS));
}
