//! Mail servers that are away, refuse, stay silent or are not who they should be.

use std::time::Duration;

use jiff::SignedDuration;

use super::sink::{Script, Sink};
use super::support::{
    all_receive, deliver, deliver_after, from, key, outbox, raise, recover, server, start, undelivered,
};
use crate::config::SmtpSecurity;
use crate::db::Scope;
use crate::notifications::Mailer;
use crate::testing::TestApp;

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn a_mail_server_that_was_away_for_hours_gets_everything_when_it_is_back() {
    let away = Sink::start(Script::default()).await;
    let (address, authority) = (away.address, away.authority.clone());
    let mut to_nobody = server(&away, SmtpSecurity::None);
    to_nobody.account = None;
    drop((away, authority));
    let test = TestApp::start_with(Mailer::smtp(to_nobody, from()).unwrap()).await;
    all_receive(&test).await;
    for number in 0..10 {
        raise(&test, &key(&test, number), "disk full").await;
    }
    for _ in 0..8 {
        deliver_after(&test, SignedDuration::from_mins(10)).await;
    }
    let silent = undelivered(&test).await;
    assert_eq!(silent.len(), 3, "after an hour the pages say whom nothing reaches");
    assert!(
        silent[0]
            .sentence
            .contains("10 messages about Harbor Counseling could not be delivered to"),
        "{}",
        silent[0].sentence
    );
    assert_eq!(outbox(&test).await.len(), 30, "no mail about mail that cannot leave");
    let back = Sink::start_at(
        address,
        Script {
            starttls: false,
            ..Script::default()
        },
    )
    .await;
    deliver_after(&test, HOUR).await;
    deliver_after(&test, MINUTE).await;
    assert_eq!(back.messages().len(), 30);
    assert!(undelivered(&test).await.is_empty());
}

#[tokio::test]
async fn one_refused_recipient_keeps_nobody_else_from_being_told() {
    let sink = Sink::start(Script::default()).await;
    sink.change(|script| {
        script
            .recipients
            .insert("rosa@example.test".to_owned(), "550 5.1.1 no such user".to_owned());
    });
    let test = start(&sink).await;
    all_receive(&test).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    assert_eq!(sink.messages().len(), 2);
    let open = undelivered(&test).await;
    assert_eq!(open.len(), 1);
    assert_eq!(
        open[0].headline,
        "Harbor Counseling: mail to rosa@example.test does not arrive"
    );
    assert!(open[0].sentence.contains("no such user"), "{}", open[0].sentence);
    deliver_after(&test, MINUTE).await;
    let failed = "Harbor Counseling: backup failed Mon 23 Nov, 09:00 (Records)";
    let about_rosa = "Harbor Counseling: mail to rosa@example.test does not arrive";
    let mut written = outbox(&test).await;
    written.sort();
    assert_eq!(
        written,
        [
            format!("delivered olivia {failed}"),
            format!("delivered olivia {about_rosa}"),
            format!("delivered theo {failed}"),
            format!("delivered theo {about_rosa}"),
            format!("waiting rosa {failed}"),
        ]
    );
    // Her mailbox is repaired: she reads it late, and the others that she does.
    sink.change(|script| script.recipients.clear());
    deliver_after(&test, HOUR).await;
    assert!(undelivered(&test).await.is_empty());
    deliver(&test).await;
    let written = outbox(&test).await;
    assert!(written.contains(&format!("delivered rosa {failed}")));
    assert!(
        written.contains(&"delivered theo Harbor Counseling: mail to rosa@example.test arrives again".to_owned()),
        "{written:#?}"
    );
    assert!(written.iter().all(|line| line.starts_with("delivered")), "{written:#?}");
}

#[tokio::test]
async fn a_server_that_says_later_is_asked_again() {
    let sink = Sink::start(Script::default()).await;
    sink.change(|script| {
        script
            .recipients
            .insert("olivia@example.test".to_owned(), "451 4.7.1 greylisted".to_owned());
    });
    let test = start(&sink).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    assert!(sink.messages().is_empty());
    assert!(undelivered(&test).await.is_empty(), "later is not never");
    let page = test.as_owner().get("/messages").await;
    page.assert_shows("greylisted").assert_shows("waiting");
    sink.change(|script| script.recipients.clear());
    deliver_after(&test, SignedDuration::from_secs(9)).await;
    assert!(sink.messages().is_empty(), "ten seconds were promised");
    deliver_after(&test, SignedDuration::from_secs(1)).await;
    assert_eq!(sink.messages().len(), 1);
}

#[tokio::test]
async fn a_refused_message_is_not_a_refused_server() {
    let sink = Sink::start(Script::default()).await;
    sink.change(|script| "554 5.7.1 looks like spam".clone_into(&mut script.answer));
    let test = start(&sink).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    assert_eq!(undelivered(&test).await.len(), 1);
    let page = test.as_owner().get("/alerts").await;
    page.assert_shows("mail to olivia@example.test does not arrive");
}

#[tokio::test]
async fn a_server_that_stays_silent_after_the_message_holds_up_nobody_else() {
    let sink = Sink::start(Script {
        silent_about: Some("olivia@example.test".to_owned()),
        ..Script::default()
    })
    .await;
    let mailer = Mailer::smtp(server(&sink, SmtpSecurity::StartTls), from()).unwrap();
    let test = TestApp::start_with(mailer.with_step_limit(Duration::from_millis(1500))).await;
    all_receive(&test).await;
    for number in 0..3 {
        raise(&test, &key(&test, number), "disk full").await;
    }
    deliver_after(&test, MINUTE).await;
    assert_eq!(sink.messages().len(), 6, "the other two have theirs");
    let page = test.as_owner().get("/messages?state=waiting").await;
    page.assert_shows("handing over the message: no answer within 1 s");
    sink.change(|script| script.silent_about = None);
    deliver_after(&test, MINUTE).await;
    assert_eq!(sink.messages().len(), 9);
}

#[tokio::test]
async fn nothing_is_said_without_protection() {
    let stripped = Sink::start(Script {
        starttls: false,
        ..Script::default()
    })
    .await;
    let test = start(&stripped).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    for session in stripped.sessions() {
        let said = String::from_utf8_lossy(&session.bytes).into_owned();
        assert!(
            !said.contains("AUTH") && !said.contains("MAIL") && !said.contains("Harbor"),
            "{said}"
        );
    }
    assert!(!stripped.sessions().is_empty());
    test.as_owner()
        .get("/messages")
        .await
        .assert_shows("STARTTLS is not supported on this server");
}

#[tokio::test]
async fn nothing_is_said_to_a_server_with_somebody_elses_certificate() {
    let (ours, theirs) = (
        Sink::start(Script::default()).await,
        Sink::start(Script::default()).await,
    );
    let mut impostor = server(&theirs, SmtpSecurity::StartTls);
    impostor.authority = Some(ours.authority.clone().into_bytes());
    let test = TestApp::start_with(Mailer::smtp(impostor, from()).unwrap()).await;
    raise(&test, &key(&test, 1), "disk full").await;
    deliver_after(&test, MINUTE).await;
    for session in theirs.sessions() {
        assert!(!session.protected);
        let said = String::from_utf8_lossy(&session.bytes).into_owned();
        assert!(!said.contains("AUTH") && !said.contains("MAIL"), "{said}");
    }
    test.as_owner().get("/messages").await.assert_shows("certificate");
}

#[tokio::test]
async fn what_cannot_be_delivered_for_three_days_is_given_up_and_shown() {
    let sink = Sink::start(Script::default()).await;
    sink.change(|script| "451 4.3.0 try later".clone_into(&mut script.answer));
    let test = start(&sink).await;
    raise(&test, &key(&test, 1), "disk full").await;
    for _ in 0..75 {
        deliver_after(&test, HOUR).await;
    }
    let failed = "failed olivia Harbor Counseling: backup failed Mon 23 Nov, 09:00 (Records)";
    assert_eq!(outbox(&test).await, [failed]);
    assert_eq!(undelivered(&test).await.len(), 1);
    // What comes later arrives, and says what she does not know.
    sink.change(|script| "250 queued".clone_into(&mut script.answer));
    recover(&test, &key(&test, 1)).await;
    deliver(&test).await;
    let messages = sink.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].contains("the only one"), "{}", messages[0]);
    assert!(undelivered(&test).await.is_empty());
}

#[tokio::test]
async fn a_stopping_server_gives_back_what_it_was_sending() {
    let sink = Sink::start(Script {
        silent_about: Some("olivia@example.test".to_owned()),
        ..Script::default()
    })
    .await;
    let mailer = Mailer::smtp(server(&sink, SmtpSecurity::StartTls), from()).unwrap();
    let test = TestApp::start_with(mailer).await;
    raise(&test, &key(&test, 1), "disk full").await;
    test.advance(MINUTE);
    let stop = async {
        while !sink
            .sessions()
            .iter()
            .any(|session| session.commands.contains(&"DATA".to_owned()))
        {
            tokio::task::yield_now().await;
        }
        test.app.shutdown().cancel();
    };
    let (sent, ()) = tokio::join!(
        crate::notifications::dispatch(&test.app, &crate::alerts::UndeliveredAlerts),
        stop
    );
    sent.unwrap();
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let state = sqlx::query_scalar!(r#"select state as "state: String" from notifications"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(state, "waiting", "the next one need not wait for the lease");
}
