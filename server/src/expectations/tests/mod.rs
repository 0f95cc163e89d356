//! Stories of one job, told to the real implementation on a real database.

mod clocks;
mod closures;
mod db;
mod histories;
mod judging;
mod many;
mod orders;
mod stage;
mod trouble;

use jiff::SignedDuration;

use crate::alerts::AlertKind;
use crate::expectations::{JobState, SlotState};
use crate::runs::Outcome;
use stage::Stage;

const HALF_AN_HOUR: SignedDuration = SignedDuration::from_mins(30);

// The test begins on Monday 2026-11-23 at 09:00 in New York, 14:00 UTC. 22:00 there is 03:00 UTC on the next day; a run may
// begin from 01:00 UTC on, nothing is late at 04:00 and missed at 06:00.

#[tokio::test]
async fn silence_turns_late_then_missed_and_never_ok() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    assert_eq!(stage.job_state().await, JobState::NeverReported);
    stage.pass_until("2026-11-24T03:59:59Z").await;
    assert_eq!(stage.states().await, [SlotState::Waiting]);
    stage.pass_until("2026-11-24T04:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Late]);
    assert!(stage.open_alerts().await.is_empty(), "late is quiet");
    stage.pass_until("2026-11-24T06:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
    stage.pass_until("2026-11-25T06:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed, SlotState::Missed]);
    let days = db::missed_days(&mut stage.begin().await, &stage.given).await;
    assert_eq!(days, ["2026-11-23", "2026-11-24"], "the nights, not the mornings after");
}

#[tokio::test]
async fn an_early_run_fills_the_slot_it_belongs_to_and_no_other() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T01:30:00Z").await;
    let run = stage.run("2026-11-24T01:10:00Z", None);
    stage.report(run).await;
    assert_eq!(stage.states().await, [SlotState::Running]);
    let run = stage::Report {
        ended: Some(("2026-11-24T01:20:00Z".parse().unwrap(), Outcome::Ok)),
        ..run
    };
    stage.report(run).await;
    assert_eq!(stage.states().await, [SlotState::Ok]);
    assert_eq!(stage.job_state().await, JobState::Ok);
    stage.pass_until("2026-11-25T06:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Ok, SlotState::Missed]);
    assert_eq!(stage.job_state().await, JobState::Missed);
}

#[tokio::test]
async fn a_report_that_comes_late_fills_its_own_slot_and_says_so() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-25T07:00:00Z").await;
    let run = stage.run("2026-11-24T03:00:00Z", Some(("2026-11-24T03:30:00Z", Outcome::Ok)));
    stage.report(run).await;
    let slots = stage.slots().await;
    assert_eq!(slots[0].state, SlotState::Ok);
    assert!(slots[0].declared_missed && slots[0].reported_late);
    assert_eq!(slots[1].state, SlotState::Missed);
    assert_eq!(
        stage.open_alerts().await,
        [AlertKind::Missed],
        "the second night is still missing"
    );
    let run = stage.run("2026-11-25T03:00:00Z", Some(("2026-11-25T03:30:00Z", Outcome::Ok)));
    stage.report(run).await;
    assert!(stage.open_alerts().await.is_empty());
    assert_eq!(
        stage.closed_alerts().await,
        [(AlertKind::Missed, "evidence".to_owned())],
        "and not erased"
    );
}

#[tokio::test]
async fn a_failure_reported_late_explains_the_miss() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T07:00:00Z").await;
    let run = stage.run("2026-11-24T03:00:00Z", Some(("2026-11-24T03:30:00Z", Outcome::Failed)));
    stage.report(run).await;
    assert_eq!(stage.states().await, [SlotState::Failed]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Failed]);
    assert_eq!(
        stage.closed_alerts().await,
        [(AlertKind::Missed, "replaced".to_owned())]
    );
}

#[tokio::test]
async fn no_good_run_for_too_long_alerts_whatever_else_happened() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    for (day, next) in [("24", "25"), ("25", "26"), ("26", "27")] {
        stage.pass_until(&format!("2026-11-{day}T04:00:00Z")).await;
        let (began, ended) = (format!("2026-11-{day}T03:00:00Z"), format!("2026-11-{day}T03:30:00Z"));
        stage.report(stage.run(&began, Some((&ended, Outcome::Failed)))).await;
        assert_eq!(stage.open_alerts().await, [AlertKind::Failed], "{next}");
    }
    stage.pass_until("2026-11-26T14:00:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::Failed, AlertKind::NoSuccess]);
    stage
        .report(stage.run("2026-11-26T14:00:00Z", Some(("2026-11-26T14:10:00Z", Outcome::Warning))))
        .await;
    assert!(stage.open_alerts().await.is_empty(), "a backup was made");
}

#[tokio::test]
async fn a_run_that_is_made_up_for_late_is_no_late_report() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T13:00:00Z").await;
    let run = stage.run("2026-11-24T12:00:00Z", Some(("2026-11-24T12:30:00Z", Outcome::Ok)));
    stage.report(run).await;
    let slots = stage.slots().await;
    assert_eq!(slots[0].state, SlotState::Ok);
    assert!(slots[0].declared_missed && !slots[0].reported_late);
}

#[tokio::test]
async fn a_failure_that_will_be_retried_waits_for_the_window_to_end() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T03:30:00Z").await;
    let failed = stage.run("2026-11-24T03:00:00Z", Some(("2026-11-24T03:10:00Z", Outcome::Failed)));
    stage
        .report(stage::Report {
            will_be_retried: true,
            ..failed
        })
        .await;
    assert_eq!(stage.states().await, [SlotState::Running]);
    stage.pass_until("2026-11-24T04:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Late]);
    stage.pass_until("2026-11-24T06:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Failed]);
    let retry = stage.run("2026-11-24T06:01:00Z", Some(("2026-11-24T06:30:00Z", Outcome::Warning)));
    stage.report(retry).await;
    assert_eq!(stage.states().await, [SlotState::Warning]);
}

#[tokio::test]
async fn a_run_that_does_not_end_overruns() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T03:10:00Z").await;
    let run = stage.run("2026-11-24T03:00:00Z", None);
    stage.report(run).await;
    stage.pass_until("2026-11-24T06:50:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Running]);
    stage.pass_until("2026-11-24T07:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Overrun]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Overrun]);
    stage
        .report(stage::Report {
            ended: Some(("2026-11-24T07:00:00Z".parse().unwrap(), Outcome::Ok)),
            ..run
        })
        .await;
    assert!(stage.open_alerts().await.is_empty());
    assert_eq!(stage.states().await, [SlotState::Ok]);
}

#[tokio::test]
async fn an_agent_that_falls_silent_makes_misses_unknown_until_what_it_kept_has_landed() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T05:50:00Z").await;
    stage.pass_in_silence_until("2026-11-24T06:10:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed], "it is not silent yet");
    stage.pass_in_silence_until("2026-11-24T06:30:00Z").await;
    assert_eq!(
        stage.states().await,
        [SlotState::Unknown],
        "its last word was before the miss"
    );
    stage.pass_in_silence_until("2026-11-25T12:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Unknown, SlotState::Unknown]);
    stage.hear().await;
    let first = stage.run("2026-11-24T03:00:00Z", Some(("2026-11-24T03:30:00Z", Outcome::Ok)));
    stage.report(first).await;
    assert_eq!(stage.states().await, [SlotState::Ok, SlotState::Unknown]);
    assert!(stage.open_alerts().await.is_empty());
    stage.pass_until("2026-11-25T12:10:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Ok, SlotState::Missed]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
}

#[tokio::test]
async fn what_was_to_be_judged_while_we_were_down_waits_for_reports_to_land() {
    let stage = Stage::with("0 22 * * *", SignedDuration::from_hours(1)).await;
    stage.pass_until("2026-11-24T02:00:00Z").await;
    stage.be_down_until("2026-11-25T08:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::NotMonitored, SlotState::NotMonitored]);
    assert!(
        stage.open_alerts().await.is_empty(),
        "no alarm before reports could land"
    );
    let second = stage.run("2026-11-25T03:00:00Z", Some(("2026-11-25T03:30:00Z", Outcome::Ok)));
    stage.report(second).await;
    stage.pass_until("2026-11-25T08:10:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed, SlotState::Ok]);
}

#[tokio::test]
async fn a_run_that_came_while_slots_were_not_written_finds_its_slot_once_they_are() {
    let stage = Stage::with("0 22 * * *", SignedDuration::from_hours(1)).await;
    stage.pass_until("2026-11-24T02:00:00Z").await;
    stage.test.advance(SignedDuration::from_hours(24 * 10));
    let run = stage.run("2026-12-03T03:00:00Z", Some(("2026-12-03T03:30:00Z", Outcome::Ok)));
    stage.report(run).await;
    stage.be_down_until("2026-12-04T02:10:00Z").await;
    let good: Vec<_> = stage
        .slots()
        .await
        .into_iter()
        .filter(|slot| slot.state == SlotState::Ok)
        .map(|slot| slot.due_at.to_string())
        .collect();
    assert_eq!(good, ["2026-12-03T03:00:00Z"]);
}

#[tokio::test]
async fn an_excused_night_is_no_success_and_can_be_taken_back() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T06:00:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
    let slot = stage.slots().await[0].id;
    let path = format!("/slots/{slot}/excuse");
    let session = stage.session().await;
    let theo = || stage.test.visitor(Some(&session));
    theo()
        .get(&path)
        .await
        .assert_status(200)
        .assert_shows("Mon 23 Nov 2026");
    theo()
        .post(&path, &[("reason", " ")])
        .await
        .assert_status(422)
        .assert_shows("Reason is empty");
    let job = format!("/jobs/{}", stage.given.job);
    let reason = [("reason", "The server was replaced.")];
    theo().post(&path, &reason).await.assert_redirect(&job);
    assert_eq!(stage.slots().await[0].state, SlotState::Excused);
    assert!(stage.open_alerts().await.is_empty());
    theo().post(&path, &reason).await.assert_status(409);
    theo().post(&format!("{path}/undo"), &[]).await.assert_redirect(&job);
    assert_eq!(stage.states().await, [SlotState::Missed]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
    theo().post(&path, &reason).await.assert_redirect(&job);
    stage
        .report(stage.run("2026-11-24T03:00:00Z", Some(("2026-11-24T03:30:00Z", Outcome::Ok))))
        .await;
    assert_eq!(stage.states().await, [SlotState::Ok], "evidence stands above an excuse");
}

#[tokio::test]
async fn excusing_asks_for_a_fresh_sign_in_and_those_who_receive_alerts_are_told() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T06:00:00Z").await;
    let path = format!("/slots/{}/excuse", stage.slots().await[0].id);
    let session = stage.session().await;
    stage.test.advance(SignedDuration::from_mins(11));
    let reason = [("reason", "The server was replaced.")];
    let refused = stage.test.visitor(Some(&session)).post(&path, &reason).await;
    refused.assert_redirect("/sign-in/again?next=/");
    assert_eq!(stage.states().await, [SlotState::Missed]);
    let session = stage.session().await;
    let visitor = stage.test.visitor(Some(&session));
    visitor.post(&path, &reason).await.assert_status(303);
    assert_eq!(stage.states().await, [SlotState::Excused]);
    visitor
        .get("/messages")
        .await
        .assert_shows("Harbor Counseling: somebody changed what is watched");
}
