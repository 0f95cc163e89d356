//! An alert's life, and what its recipients read of it.

use jiff::SignedDuration;

use super::support::{Mailbox, history, key, missed, raise, recover, the_open_alert};
use crate::alerts::{self, AlertKind, end_due_acknowledgements};
use crate::db::Scope;

#[tokio::test]
async fn misses_of_one_job_are_one_alert_with_all_its_days() {
    let (test, mailbox) = Mailbox::start().await;
    let key = key(&test);
    for day in [20, 21, 21, 22] {
        raise(&test, &key, &missed(&test, day)).await;
        test.advance(SignedDuration::from_mins(2));
        mailbox.subjects(&test).await;
    }
    assert_eq!(history(&test).await, ["opened", "repeated", "repeated"]);
    let open = the_open_alert(&test).await;
    assert!(
        open.sentence.contains("3 nights missed: 20, 21 and 22 Nov"),
        "{}",
        open.sentence
    );
    assert!(recover(&test, &key).await);
    assert_eq!(
        mailbox.subjects(&test).await,
        [
            "Harbor Counseling: no backup yet (Records)",
            "Harbor Counseling: backups are back, 3 nights missed (Records)"
        ]
    );
    assert!(!recover(&test, &key).await, "it is closed");
}

#[tokio::test]
async fn the_first_message_is_held_so_that_a_better_explanation_can_replace_it() {
    let (test, mailbox) = Mailbox::start().await;
    let key = key(&test);
    raise(&test, &key, &missed(&test, 20)).await;
    test.advance(SignedDuration::from_secs(59));
    assert!(mailbox.subjects(&test).await.is_empty());
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let replaced = alerts::replace(&test.app, &mut transaction, test.now(), &key, AlertKind::AgentSilent).await;
    assert!(replaced.unwrap());
    transaction.commit().await.unwrap();
    test.advance(SignedDuration::from_mins(5));
    assert!(mailbox.subjects(&test).await.is_empty());
    assert_eq!(history(&test).await, ["opened", "replaced"]);
}

#[tokio::test]
async fn a_problem_that_ended_before_its_message_was_sent_is_told_in_one_message() {
    let (test, mailbox) = Mailbox::start().await;
    let key = key(&test);
    raise(&test, &key, &missed(&test, 20)).await;
    test.advance(SignedDuration::from_secs(30));
    assert!(recover(&test, &key).await);
    assert!(mailbox.subjects(&test).await.is_empty(), "its time has not come");
    test.advance(SignedDuration::from_secs(30));
    assert_eq!(
        mailbox.subjects(&test).await,
        ["Harbor Counseling: no backup came Mon 23 Nov, 09:00–09:00, over now (Records)"]
    );
}

#[tokio::test]
async fn what_comes_and_goes_is_told_every_quarter_of_an_hour_at_most() {
    let (test, mailbox) = Mailbox::start().await;
    let key = key(&test);
    for _ in 0..40 {
        raise(&test, &key, &missed(&test, 20)).await;
        test.advance(SignedDuration::from_secs(45));
        mailbox.subjects(&test).await;
        recover(&test, &key).await;
        test.advance(SignedDuration::from_secs(45));
        mailbox.subjects(&test).await;
    }
    test.advance(SignedDuration::from_mins(15));
    let subjects = mailbox.subjects(&test).await;
    // One hour, and the quarter of an hour that the last message may wait.
    assert!(subjects.len() <= 6, "{subjects:#?}");
    let told: usize = subjects.iter().map(|subject| times(subject)).sum();
    assert_eq!(told, 40, "every one is counted in some message: {subjects:#?}");
    assert_eq!(history(&test).await.len(), 80, "the history keeps all of it");
}

/// How often a subject says that something came and went.
fn times(subject: &str) -> usize {
    match subject.split_once(" times since") {
        Some((before, _)) => before.rsplit(' ').next().unwrap().parse().unwrap(),
        None => 1,
    }
}

#[tokio::test]
async fn an_acknowledgement_that_ended_asks_again() {
    let (test, mailbox) = Mailbox::start().await;
    let key = key(&test);
    raise(&test, &key, &missed(&test, 20)).await;
    test.advance(SignedDuration::from_mins(2));
    mailbox.subjects(&test).await;
    let alert = the_open_alert(&test).await;
    let path = format!("/alerts/{}/acknowledge", alert.id);
    let fields = [("reason", "a disk is on its way"), ("until", "3_days")];
    test.as_technician()
        .post(&path, &fields)
        .await
        .assert_redirect(&format!("/alerts/{}", alert.id));
    end_due_acknowledgements(&test.app).await.unwrap();
    assert_eq!(
        mailbox.subjects(&test).await[1..],
        ["Harbor Counseling: Theo looks after: no backup yet (Records)"],
        "not yet"
    );
    test.advance(SignedDuration::from_hours(73));
    end_due_acknowledgements(&test.app).await.unwrap();
    assert_eq!(
        mailbox.subjects(&test).await[2],
        "Harbor Counseling: still open: no backup yet (Records)"
    );
    assert_eq!(
        history(&test).await,
        ["opened", "acknowledged", "acknowledgement_ended"]
    );
}
