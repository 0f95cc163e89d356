//! What is sent, once, in order, however dispatchers come and go.

use jiff::SignedDuration;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::sink::{Script, Sink};
use super::support::{all_receive, deliver, deliver_after, from, header, key, outbox, raise, recover, server, start};
use crate::alerts::UndeliveredAlerts;
use crate::config::SmtpSecurity;
use crate::db::Scope;
use crate::notifications::dispatcher::{note, send, take};
use crate::notifications::{Mailer, dispatch};
use crate::testing::TestApp;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

#[tokio::test]
async fn a_message_goes_to_everybody_who_receives_alerts_under_its_own_id() {
    let sink = Sink::start(Script::default()).await;
    let test = start(&sink).await;
    all_receive(&test).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver(&test).await;
    assert!(sink.sessions().is_empty(), "it is held for a minute");
    deliver_after(&test, MINUTE).await;
    let messages = sink.messages();
    let mut recipients: Vec<String> = messages.iter().map(|message| header(message, "To")).collect();
    recipients.sort();
    assert_eq!(
        recipients,
        ["olivia@example.test", "rosa@example.test", "theo@example.test"]
    );
    let mut ids: Vec<String> = messages.iter().map(|message| header(message, "Message-ID")).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
    for session in sink.sessions() {
        assert!(session.protected);
        assert!(session.commands.contains(&"STARTTLS".to_owned()));
    }
    assert!(messages[0].contains("The tool said: disk full."), "{}", messages[0]);
    assert!(
        header(&messages[0], "Subject")
            .starts_with("Harbor Counseling: backup failed Mon 23 Nov, 09:00 (Records) [LG-")
    );
}

#[tokio::test]
async fn tls_from_the_first_byte_and_an_account_work_too() {
    let sink = Sink::start(Script {
        implicit_tls: true,
        ..Script::default()
    })
    .await;
    let mailer = Mailer::smtp(server(&sink, SmtpSecurity::Tls), from()).unwrap();
    assert!(
        !format!("{mailer:?}").contains("sesame"),
        "a mailer's Debug shows no secret"
    );
    let test = TestApp::start_with(mailer).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    assert_eq!(
        outbox(&test).await,
        ["delivered olivia Harbor Counseling: backup failed Mon 23 Nov, 09:00 (Records)"]
    );
    // "\0lastgood\0open sesame" in Base64.
    let signed_in = "AUTH PLAIN AGxhc3Rnb29kAG9wZW4gc2VzYW1l".to_owned();
    assert!(sink.sessions()[0].commands.contains(&signed_in));
}

#[tokio::test]
async fn the_end_answers_the_beginning() {
    let sink = Sink::start(Script::default()).await;
    let test = start(&sink).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    recover(&test, &key(&test, 1)).await;
    deliver(&test).await;
    let messages = sink.messages();
    assert_eq!(messages.len(), 2);
    let first = header(&messages[0], "Message-ID");
    assert_eq!(header(&messages[1], "In-Reply-To"), first);
    assert_eq!(header(&messages[1], "References"), first);
    let mark = |message: &String| header(message, "Subject").rsplit_once(" [LG-").unwrap().1.to_owned();
    assert_eq!(mark(&messages[0]), mark(&messages[1]));
}

#[tokio::test]
async fn a_dispatcher_that_dies_loses_nothing_and_a_late_one_changes_nothing() {
    let sink = Sink::start(Script::default()).await;
    let test = start(&sink).await;
    raise(&test, &key(&test, 1), "disk full").await;
    test.advance(MINUTE);
    // This dispatcher takes the message and is stopped before, while or after it sends it.
    let dead = Uuid::from_u128(1);
    let taken = take(&test.app, dead, 4).await.unwrap();
    assert_eq!(taken.len(), 1);
    let sent = send(&test.app, &taken[0]).await;
    deliver_after(&test, SignedDuration::from_secs(119)).await;
    assert_eq!(sink.messages().len(), 1, "its lease holds for two minutes");
    deliver_after(&test, SignedDuration::from_secs(2)).await;
    let messages = sink.messages();
    assert_eq!(messages.len(), 2, "then another dispatcher sends it");
    assert_eq!(header(&messages[0], "Message-ID"), header(&messages[1], "Message-ID"));
    // The first one wakes up and believes that it failed: nobody listens any more.
    let failed = Err(crate::notifications::mailer::SendError {
        problem: "the machine slept".to_owned(),
        refused: true,
    });
    assert!(sent.is_ok());
    note(&test.app, &UndeliveredAlerts, dead, &taken[0], failed)
        .await
        .unwrap();
    note(&test.app, &UndeliveredAlerts, dead, &taken[0], sent)
        .await
        .unwrap();
    assert_eq!(
        outbox(&test).await,
        ["delivered olivia Harbor Counseling: backup failed Mon 23 Nov, 09:00 (Records)"]
    );
    assert!(super::support::undelivered(&test).await.is_empty());
}

#[tokio::test]
async fn two_dispatchers_send_each_message_once() {
    let sink = Sink::start(Script::default()).await;
    let test = start(&sink).await;
    for number in 0..20 {
        raise(&test, &key(&test, number), "disk full").await;
    }
    test.advance(MINUTE);
    let (one, other) = tokio::join!(
        dispatch(&test.app, &UndeliveredAlerts),
        dispatch(&test.app, &UndeliveredAlerts)
    );
    one.unwrap();
    other.unwrap();
    let mut ids: Vec<String> = sink
        .messages()
        .iter()
        .map(|message| header(message, "Message-ID"))
        .collect();
    ids.sort();
    let all = ids.len();
    ids.dedup();
    assert_eq!((ids.len(), all), (20, 20));
}

#[tokio::test]
async fn the_end_waits_while_the_beginning_is_being_sent() {
    let sink = Sink::start(Script::default()).await;
    let test = start(&sink).await;
    raise(&test, &key(&test, 1), "disk full").await;
    test.advance(MINUTE);
    let lease = Uuid::from_u128(1);
    let taken = take(&test.app, lease, 4).await.unwrap();
    recover(&test, &key(&test, 1)).await;
    deliver(&test).await;
    assert!(
        sink.messages().is_empty(),
        "nobody reads of an end whose beginning is not there"
    );
    let sent = send(&test.app, &taken[0]).await;
    note(&test.app, &UndeliveredAlerts, lease, &taken[0], sent)
        .await
        .unwrap();
    deliver(&test).await;
    assert_eq!(
        outbox(&test).await,
        [
            "delivered olivia Harbor Counseling: backup failed Mon 23 Nov, 09:00 (Records)",
            "delivered olivia Harbor Counseling: the backup works again (Records)"
        ]
    );
    assert_eq!(
        header(&sink.messages()[1], "In-Reply-To"),
        header(&sink.messages()[0], "Message-ID")
    );
}

#[tokio::test]
async fn without_a_mail_server_messages_become_whole_files() {
    let folder = tempfile::tempdir().unwrap();
    let mail = folder.path().join("mail");
    let test = TestApp::start_with(Mailer::files(mail.clone(), from())).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    let files: Vec<_> = std::fs::read_dir(&mail)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 1, "and nothing unfinished beside it");
    assert_eq!(files[0].extension().unwrap(), "eml");
    let message = std::fs::read_to_string(&files[0]).unwrap();
    assert_eq!(header(&message, "To"), "olivia@example.test");
    assert!(message.contains("The tool said: disk full."));
}

#[tokio::test]
async fn what_waits_for_somebody_who_left_goes_to_those_who_are_there() {
    let sink = Sink::start(Script::default()).await;
    let test = start(&sink).await;
    raise(&test, &key(&test, 1), "disk full").await;
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!(
        "update users set receives_alerts = user_id <> $1, disabled_at = case when user_id = $1 then $2::timestamptz end
         where practice_id is null",
        test.cast.olivia.0,
        test.now().to_sqlx() as jiff_sqlx::Timestamp,
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    deliver_after(&test, MINUTE).await;
    let failed = "Harbor Counseling: backup failed Mon 23 Nov, 09:00 (Records)";
    assert_eq!(
        outbox(&test).await,
        [
            format!("withdrawn olivia {failed}"),
            format!("delivered rosa {failed}"),
            format!("delivered theo {failed}")
        ]
    );
    recover(&test, &key(&test, 1)).await;
    deliver(&test).await;
    let over = "Harbor Counseling: the backup works again (Records)";
    let written = outbox(&test).await;
    assert_eq!(
        written[3..],
        [format!("delivered rosa {over}"), format!("delivered theo {over}")]
    );
}
