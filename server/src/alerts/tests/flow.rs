//! An alert's life, and what its recipients read of it.

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Recovery, Subject, UndeliveredAlerts, open_for_firm};
use crate::db::Scope;
use crate::ids::JobId;
use crate::notifications::{self, Mailer};
use crate::testing::TestApp;

/// Mail becomes files; this reads them.
struct Mailbox {
    folder: tempfile::TempDir,
}

impl Mailbox {
    async fn start() -> (TestApp, Self) {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Mailer::files(
            folder.path().join("mail"),
            "Lastgood <lastgood@lastgood.test>".parse().unwrap(),
        );
        (TestApp::start_with(mailer).await, Self { folder })
    }

    /// The subjects of everything sent, in the order of sending, without their marks.
    async fn subjects(&self, test: &TestApp) -> Vec<String> {
        notifications::dispatch(&test.app, &UndeliveredAlerts).await.unwrap();
        let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
        let subjects = sqlx::query_scalar!(
            "select regexp_replace(subject, ' \\[LG-.*', '') from notifications where state = 'delivered' order by delivered_at, position"
        )
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
        let files = std::fs::read_dir(self.folder.path().join("mail")).map_or(0, Iterator::count);
        assert_eq!(files, subjects.len(), "one file per message");
        subjects.into_iter().map(Option::unwrap).collect()
    }
}

fn key(test: &TestApp) -> AlertKey {
    AlertKey {
        firm: test.cast.northwind,
        practice: test.cast.harbor,
        subject: Subject::job(JobId(Uuid::from_u128(1)), "Records"),
        kind: AlertKind::Missed,
    }
}

fn missed(test: &TestApp, day: i8) -> AlertFacts {
    AlertFacts::Missed {
        days: vec![date(2026, 11, day)],
        due_at: test.now(),
        last_good: None,
        never_reported: false,
    }
}

async fn raise(test: &TestApp, key: &AlertKey, facts: &AlertFacts) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let now = test.now();
    alerts::raise(&test.app, &mut transaction, now, key, now, facts)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

async fn recover(test: &TestApp, key: &AlertKey) -> bool {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let now: Timestamp = test.now();
    let recovery = Recovery {
        at: now,
        evidence: "Backup finished, 1.4 GB.".to_owned(),
    };
    let recovered = alerts::recover(&test.app, &mut transaction, now, key, &recovery)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    recovered
}

async fn history(test: &TestApp) -> Vec<String> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!("select what from alert_changes order by change_id")
        .fetch_all(&mut *transaction)
        .await
        .unwrap()
}

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
    let mut transaction = test.app.db.begin(Scope::Firm(test.cast.northwind)).await.unwrap();
    let open = open_for_firm(&mut transaction, test.cast.northwind).await.unwrap();
    assert_eq!(open.len(), 1);
    assert!(
        open[0].sentence.contains("3 nights missed: 20, 21 and 22 Nov"),
        "{}",
        open[0].sentence
    );
    drop(transaction);
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
