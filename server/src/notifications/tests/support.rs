//! An application whose mail goes to a sink, and alerts to write about.

use std::time::Duration;

use jiff::SignedDuration;
use lettre::message::Mailbox;
use secrecy::SecretString;
use uuid::Uuid;

use super::sink::Sink;
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, OpenAlert, Recovery, Subject, UndeliveredAlerts};
use crate::config::SmtpSecurity;
use crate::db::Scope;
use crate::ids::{JobId, RunId};
use crate::notifications::{Mailer, SmtpServer, dispatch};
use crate::testing::TestApp;

pub(super) fn from() -> Mailbox {
    "Lastgood <lastgood@lastgood.test>".parse().unwrap()
}

pub(super) fn server(sink: &Sink, security: SmtpSecurity) -> SmtpServer {
    SmtpServer {
        host: sink.address.ip().to_string(),
        port: sink.address.port(),
        security,
        account: Some(("lastgood".to_owned(), SecretString::from("open sesame"))),
        authority: Some(sink.authority.clone().into_bytes()),
    }
}

/// An application that sends to this sink over STARTTLS.
pub(super) async fn start(sink: &Sink) -> TestApp {
    let mailer = Mailer::smtp(server(sink, SmtpSecurity::StartTls), from()).unwrap();
    // Long enough for a machine that does much else, short enough for a test.
    TestApp::start_with(mailer.with_step_limit(Duration::from_secs(5))).await
}

/// Everybody at the firm receives alerts: Olivia, Rosa and Theo.
pub(super) async fn all_receive(test: &TestApp) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!("update users set receives_alerts = true where practice_id is null")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

pub(super) fn key(test: &TestApp, number: u128) -> AlertKey {
    AlertKey {
        firm: test.cast.northwind,
        practice: test.cast.harbor,
        subject: Subject::job(JobId(Uuid::from_u128(number)), "Records"),
        kind: AlertKind::Failed,
    }
}

pub(super) async fn raise(test: &TestApp, key: &AlertKey, reason: &str) {
    let now = test.now();
    let facts = AlertFacts::Failed {
        run: RunId(Uuid::nil()),
        finished_at: now,
        reason: Some(reason.to_owned()),
        wanted_medium: None,
        in_a_row: 1,
        last_good: None,
    };
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    alerts::raise(&test.app, &mut transaction, now, key, now, &facts)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

pub(super) async fn recover(test: &TestApp, key: &AlertKey) {
    let now = test.now();
    let recovery = Recovery {
        at: now,
        evidence: "Backup finished.".to_owned(),
    };
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    assert!(
        alerts::recover(&test.app, &mut transaction, now, key, &recovery)
            .await
            .unwrap()
    );
    transaction.commit().await.unwrap();
}

/// Sends what is due.
pub(super) async fn deliver(test: &TestApp) {
    dispatch(&test.app, &UndeliveredAlerts).await.unwrap();
}

/// Moves the clock on and sends what is due then.
pub(super) async fn deliver_after(test: &TestApp, time: SignedDuration) {
    test.advance(time);
    deliver(test).await;
}

/// `state recipient subject`, in the order of writing.
pub(super) async fn outbox(test: &TestApp) -> Vec<String> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let rows = sqlx::query!(
        r#"select state as "state: String", split_part(recipient, '@', 1) as "who!",
             regexp_replace(subject, ' \[LG-.*', '') as "subject!" from notifications order by position"#
    )
    .fetch_all(&mut *transaction)
    .await
    .unwrap();
    rows.into_iter()
        .map(|row| format!("{} {} {}", row.state, row.who, row.subject))
        .collect()
}

/// The open alerts about mail that does not arrive.
pub(super) async fn undelivered(test: &TestApp) -> Vec<OpenAlert> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let open = alerts::open_for_firm(&mut transaction, test.cast.northwind)
        .await
        .unwrap();
    open.into_iter()
        .filter(|alert| alert.kind == AlertKind::Undelivered)
        .collect()
}

/// A header of a message, unfolded; empty where it has none.
pub(super) fn header(message: &str, name: &str) -> String {
    let head = message.split("\r\n\r\n").next().unwrap().replace("\r\n ", " ");
    let start = format!("{}:", name.to_ascii_lowercase());
    head.split("\r\n")
        .find(|line| line.to_ascii_lowercase().starts_with(&start))
        .map_or_else(String::new, |line| line[start.len()..].trim().to_owned())
}
