//! What the tests of alerts share: mail that becomes files, and alerts that come and go.

use jiff::civil::date;
use uuid::Uuid;

use crate::alerts::{
    self, AlertFacts, AlertKey, AlertKind, OpenAlert, Recovery, Subject, UndeliveredAlerts, open_for_firm,
};
use crate::db::Scope;
use crate::ids::JobId;
use crate::notifications::{self, Mailer};
use crate::testing::TestApp;

/// Mail becomes files; this reads them.
pub(super) struct Mailbox {
    folder: tempfile::TempDir,
}

impl Mailbox {
    pub(super) async fn start() -> (TestApp, Self) {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Mailer::files(
            folder.path().join("mail"),
            "Lastgood <lastgood@lastgood.test>".parse().unwrap(),
        );
        (TestApp::start_with(mailer).await, Self { folder })
    }

    /// The subjects of everything sent, in the order of sending, without their marks.
    pub(super) async fn subjects(&self, test: &TestApp) -> Vec<String> {
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

pub(super) fn key(test: &TestApp) -> AlertKey {
    AlertKey {
        firm: test.cast.northwind,
        practice: test.cast.harbor,
        subject: Subject::job(JobId(Uuid::from_u128(1)), "Records"),
        kind: AlertKind::Missed,
    }
}

pub(super) fn missed(test: &TestApp, day: i8) -> AlertFacts {
    AlertFacts::Missed {
        days: vec![date(2026, 11, day)],
        due_at: test.now(),
        last_good: None,
        never_reported: false,
    }
}

pub(super) async fn raise(test: &TestApp, key: &AlertKey, facts: &AlertFacts) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let now = test.now();
    alerts::raise(&test.app, &mut transaction, now, key, now, facts)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

pub(super) async fn recover(test: &TestApp, key: &AlertKey) -> bool {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let now = test.now();
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

pub(super) async fn history(test: &TestApp) -> Vec<String> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!("select what from alert_changes order by change_id")
        .fetch_all(&mut *transaction)
        .await
        .unwrap()
}

/// The one open alert of the firm.
pub(super) async fn the_open_alert(test: &TestApp) -> OpenAlert {
    let mut transaction = test.app.db.begin(Scope::Firm(test.cast.northwind)).await.unwrap();
    let mut open = open_for_firm(&mut transaction, test.cast.northwind).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(open.len(), 1);
    open.remove(0)
}
