//! Closed days that change after slots were written.

use jiff::SignedDuration;

use super::db;
use super::stage::{Report, Stage};
use crate::alerts::AlertKind;
use crate::expectations::{SlotState, writing};
use crate::runs::Outcome;

const HALF_AN_HOUR: SignedDuration = SignedDuration::from_mins(30);

fn office(stage: &Stage) -> String {
    let cast = stage.test.cast;
    format!("/practices/{}/offices/{}", cast.harbor, cast.harbor_office)
}

async fn close(stage: &Stage, day: &str) {
    let session = stage.session().await;
    let fields = [("first_day", day), ("last_day", day), ("reason", "A holiday.")];
    let visitor = stage.test.visitor(Some(&session));
    let answer = visitor.post(&format!("{}/closures", office(stage)), &fields).await;
    answer.assert_redirect(&format!("{}/edit", office(stage)));
}

async fn open(stage: &Stage, day: &str) {
    let session = stage.session().await;
    let closure = db::closure(&mut stage.begin().await, &stage.given, day.parse().unwrap()).await;
    let visitor = stage.test.visitor(Some(&session));
    let path = format!("{}/closures/{closure}/remove", office(stage));
    let answer = visitor.post(&path, &[]).await;
    answer.assert_redirect(&format!("{}/edit", office(stage)));
}

#[tokio::test]
async fn a_holiday_added_after_its_slot_was_written_is_not_missed() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    let written = stage.slots().await.len();
    assert!(written >= 3, "the slots of the next days stand");
    close(&stage, "2026-11-24").await;
    stage.pass_until("2026-11-25T07:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed, SlotState::Excused]);
    let days = db::missed_days(&mut stage.begin().await, &stage.given).await;
    assert_eq!(days, ["2026-11-23"]);
}

#[tokio::test]
async fn a_holiday_that_is_taken_back_is_missed_like_any_day() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    close(&stage, "2026-11-23").await;
    stage.pass_until("2026-11-24T01:30:00Z").await;
    assert_eq!(stage.slots().await[0].state, SlotState::Excused);
    open(&stage, "2026-11-23").await;
    assert_eq!(stage.slots().await[0].state, SlotState::Waiting);
    stage.pass_until("2026-11-24T04:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Late]);
    stage.pass_until("2026-11-24T06:00:00Z").await;
    assert_eq!(stage.states().await, [SlotState::Missed]);
    assert_eq!(stage.open_alerts().await, [AlertKind::Missed]);
}

#[tokio::test]
async fn a_holiday_that_is_over_stays_one_and_one_that_is_added_changes_nothing_that_has_begun() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    close(&stage, "2026-11-23").await;
    stage.pass_until("2026-11-24T06:00:00Z").await;
    open(&stage, "2026-11-23").await;
    stage.pass_until("2026-11-25T01:30:00Z").await;
    assert_eq!(stage.slots().await[0].state, SlotState::Excused);
    assert!(stage.open_alerts().await.is_empty());
    let run = stage.run("2026-11-25T01:10:00Z", None);
    stage.report(run).await;
    close(&stage, "2026-11-24").await;
    assert_eq!(
        stage.slots().await[1].state,
        SlotState::Running,
        "evidence stands above the calendar"
    );
    let ended = Some(("2026-11-25T01:20:00Z".parse().unwrap(), Outcome::Ok));
    stage.report(Report { ended, ..run }).await;
    assert_eq!(stage.slots().await[1].state, SlotState::Ok);
}

#[tokio::test]
async fn a_holiday_known_before_its_slot_is_written_is_excused_and_one_taken_back_before_is_not() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    // Friday and Monday of the next week: further ahead than slots are written.
    close(&stage, "2026-11-30").await;
    close(&stage, "2026-12-01").await;
    open(&stage, "2026-12-01").await;
    stage.pass_until("2026-12-02T06:00:00Z").await;
    let states: Vec<_> = stage.slots().await.into_iter().map(|slot| slot.state).collect();
    let missed = [SlotState::Missed; 5];
    let excused = [SlotState::Excused; 3];
    assert_eq!(states[..5], missed, "Monday to Friday");
    assert_eq!(states[5..8], excused, "the weekend and the holiday");
    assert_eq!(states[8], SlotState::Missed);
}

/// The evaluator writes slots while somebody adds a holiday, and neither has committed: whoever comes second waits.
#[tokio::test]
async fn slots_that_are_being_written_while_a_holiday_is_added_are_excused() {
    let stage = Stage::with("0 22 * * *", HALF_AN_HOUR).await;
    stage.pass_until("2026-11-25T00:50:00Z").await;
    stage.test.advance(SignedDuration::from_mins(10));
    let known = stage.slots().await.len();
    let mut transaction = stage.begin().await;
    let (app, now) = (&stage.test.app, stage.test.now());
    writing::write_due(app, &mut transaction, now).await.unwrap();
    let waiting = async {
        while !db::somebody_waits(&mut stage.begin().await).await {
            tokio::task::yield_now().await;
        }
    };
    let closing = close(&stage, "2026-11-26");
    tokio::pin!(closing);
    tokio::select! {
        () = &mut closing => panic!("it did not wait"),
        () = waiting => {}
    }
    transaction.commit().await.unwrap();
    closing.await;
    assert_eq!(stage.slots().await[known].state, SlotState::Excused);
}
