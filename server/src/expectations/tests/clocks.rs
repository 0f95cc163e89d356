//! Time that does not simply pass: downtimes, clocks that jump, and reports that cross with the evaluator's look.

use jiff::SignedDuration;

use super::stage::Stage;
use crate::alerts::AlertKind;
use crate::expectations::SlotState;
use crate::expectations::slots::{self, SlotKey};
use crate::ids::SlotId;
use crate::runs::Outcome;

const NIGHTLY: &str = "0 22 * * *";
const HALF_AN_HOUR: SignedDuration = SignedDuration::from_mins(30);

#[tokio::test]
async fn a_report_that_arrives_after_a_downtime_before_the_first_look_declares_nothing() {
    let stage = Stage::with(NIGHTLY, SignedDuration::from_hours(24 * 30)).await;
    stage.pass_until("2026-11-26T13:00:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
    // The limit of three days passes while we are down. What the agent kept comes in the order in which it happened.
    stage.test.advance(SignedDuration::from_hours(2));
    let failed = stage.run("2026-11-26T13:10:00Z", Some(("2026-11-26T13:20:00Z", Outcome::Failed)));
    stage.report(failed).await;
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed, AlertKind::Failed]);
    let good = stage.run("2026-11-26T13:40:00Z", Some(("2026-11-26T13:50:00Z", Outcome::Ok)));
    stage.report(good).await;
    stage.tick().await;
    stage.pass_until("2026-11-26T16:00:00Z").await;
    assert!(stage.open_alerts().await.is_empty());
    let told = super::db::told(&mut stage.begin().await, AlertKind::NoSuccess).await;
    assert_eq!(told, (0, 0), "there was a good run all the while");
}

#[tokio::test]
async fn no_success_is_told_after_a_downtime_once_reports_had_time_to_land() {
    let stage = Stage::with(NIGHTLY, SignedDuration::from_hours(24 * 30)).await;
    stage.pass_until("2026-11-26T13:00:00Z").await;
    stage.test.advance(SignedDuration::from_hours(2));
    let failed = stage.run("2026-11-26T13:10:00Z", Some(("2026-11-26T13:20:00Z", Outcome::Failed)));
    stage.report(failed).await;
    stage.tick().await;
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed, AlertKind::Failed]);
    stage.pass_until("2026-11-26T15:10:00Z").await;
    assert_eq!(
        stage.open_alerts().await,
        [AlertKind::Missed, AlertKind::Failed, AlertKind::NoSuccess]
    );
}

#[tokio::test]
async fn a_slot_that_became_unknown_while_its_agent_was_heard_again_is_judged_when_its_reports_have_landed() {
    let stage = Stage::with(NIGHTLY, HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T05:00:00Z").await;
    stage.pass_in_silence_until("2026-11-24T05:59:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::AgentSilent]);
    stage.test.advance(SignedDuration::from_mins(1));
    let key = SlotKey {
        firm: stage.given.firm,
        slot: SlotId(stage.slots().await[0].id),
    };
    // The evaluator finds the agent silent, and the agent is heard from before that is committed.
    let mut transaction = stage.begin().await;
    let (app, now) = (&stage.test.app, stage.test.now());
    slots::judge_anew(app, &mut transaction, now, &[key], &[])
        .await
        .unwrap();
    stage.hear().await;
    transaction.commit().await.unwrap();
    assert_eq!(stage.states().await, [SlotState::Unknown]);
    stage.pass_until("2026-11-24T06:09:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Unknown], "its reports may still come");
    stage.pass_until("2026-11-24T06:10:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_declares_nothing_and_delays_nothing() {
    let stage = Stage::with(NIGHTLY, HALF_AN_HOUR).await;
    stage.pass_until("2026-11-24T02:00:00Z").await;
    let ahead = SignedDuration::from_hours(6);
    stage.test.advance(ahead);
    stage.tick().await;
    assert_eq!(stage.states().await, [SlotState::NotMonitored]);
    assert!(stage.open_alerts().await.is_empty(), "neither a miss nor a silence");
    stage.hear().await;
    stage.test.advance(SignedDuration::from_mins(5) - ahead);
    stage.tick().await;
    assert!(stage.states().await.is_empty(), "its time has not come");
    // The agent was heard in the future: it is silent half an hour after the clock is right again, and not six hours later.
    stage.pass_in_silence_until("2026-11-24T02:30:00Z").await;
    assert!(stage.open_alerts().await.is_empty());
    stage.pass_in_silence_until("2026-11-24T02:35:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::AgentSilent]);
    stage.pass_until("2026-11-24T05:59:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Late]);
    stage.pass_until("2026-11-24T06:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed], "at its time");
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
}

#[tokio::test]
async fn a_clock_that_goes_back_by_hours_keeps_what_was_told_and_goes_on_judging() {
    let stage = Stage::with(NIGHTLY, SignedDuration::from_hours(24 * 30)).await;
    stage.pass_until("2026-11-24T07:00:00Z").await;
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
    stage.test.advance(SignedDuration::from_hours(-5));
    assert!(
        !stage.test.app.pulse.is_alive(stage.test.now()),
        "a look in the future proves nothing"
    );
    stage.tick().await;
    assert_eq!(stage.test.app.pulse.last(), Some(stage.test.now()));
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed], "it was told");
    // A gap is noticed by the clock that is right now, not only when it is as late again as it was.
    stage.pass_until("2026-11-24T02:30:00Z").await;
    stage.be_down_until("2026-11-25T06:30:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed, SlotState::NotMonitored]);
    stage.pass_until("2026-11-25T06:40:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed, SlotState::Missed]);
}
