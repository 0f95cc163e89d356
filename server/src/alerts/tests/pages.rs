//! The pages of alerts and messages, as people use them.

use jiff::SignedDuration;
use jiff::civil::date;

use super::support::{Mailbox, history, key, missed, raise, the_open_alert};
use crate::alerts::{AlertFacts, AlertKind};
use crate::db::Scope;
use crate::testing::TestApp;

async fn audited(test: &TestApp) -> Vec<String> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!(
        "select action from audit_entries where subject_kind in ('alert', 'user') order by at, entry_id"
    )
    .fetch_all(&mut *transaction)
    .await
    .unwrap()
}

#[tokio::test]
async fn the_list_says_why_it_is_empty_and_who_is_missing() {
    let test = TestApp::start().await;
    let page = test.as_reader().get("/alerts").await;
    page.assert_status(200)
        .assert_shows("No alert is open.")
        .assert_hides("Nobody receives these alerts");
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!("update users set receives_alerts = false")
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let page = test.as_reader().get("/alerts").await;
    page.assert_shows("Nobody receives these alerts by mail. Ask an owner");
    test.as_owner()
        .get("/messages")
        .await
        .assert_shows("Nobody receives alerts by mail. Choose somebody");
}

#[tokio::test]
async fn acknowledging_asks_for_a_reason_and_an_end_and_can_be_undone() {
    let (test, _mailbox) = Mailbox::start().await;
    raise(&test, &key(&test), &missed(&test, 20)).await;
    let alert = the_open_alert(&test).await;
    let acknowledge = format!("/alerts/{}/acknowledge", alert.id);
    let undo = format!("/alerts/{}/acknowledgement/undo", alert.id);
    let page = format!("/alerts/{}", alert.id);
    let theo = test.as_technician();
    let refused = theo.post(&acknowledge, &[("reason", " "), ("until", "tomorrow")]).await;
    refused.assert_status(422).assert_shows("Reason is empty. Fill it in.");
    let refused = theo
        .post(&acknowledge, &[("reason", "on it"), ("until", "for_ever")])
        .await;
    refused
        .assert_status(422)
        .assert_shows("Until is not one of the choices.");
    let refused = theo
        .post(&acknowledge, &[("reason", "on it"), ("until", "next_backup")])
        .await;
    refused
        .assert_status(422)
        .assert_shows("Until cannot be the next backup");
    theo.post(&undo, &[]).await.assert_status(409);
    let done = theo
        .post(
            &acknowledge,
            &[("reason", "a disk is on its way"), ("until", "tomorrow")],
        )
        .await;
    done.assert_redirect(&page);
    let shown = test.as_reader().get(&page).await;
    shown
        .assert_status(200)
        .assert_shows("Theo looks after it until Tue 24 Nov, 09:00 EST: a disk is on its way")
        .assert_hides("Take the acknowledgement back");
    test.as_reader()
        .get("/alerts?state=acknowledged")
        .await
        .assert_shows("Theo looks after it until Tue 24 Nov, 09:00 EST")
        .assert_shows("Mon 23 Nov, 09:00 EST");
    test.advance(SignedDuration::from_secs(1));
    theo.post(&undo, &[]).await.assert_redirect(&page);
    test.as_reader()
        .get("/alerts?state=acknowledged")
        .await
        .assert_shows("No alert is like that.");
    assert_eq!(
        history(&test).await,
        ["opened", "acknowledged", "acknowledgement_undone"]
    );
    assert_eq!(
        audited(&test).await,
        ["alert.acknowledged", "alert.acknowledgement_undone"]
    );
}

#[tokio::test]
async fn the_others_are_told_who_looks_after_an_alert_and_when_nobody_does() {
    let (test, mailbox) = Mailbox::start().await;
    raise(&test, &key(&test), &missed(&test, 20)).await;
    test.advance(SignedDuration::from_mins(2));
    let alert = the_open_alert(&test).await;
    let page = format!("/alerts/{}", alert.id);
    let (acknowledge, undo) = (format!("{page}/acknowledge"), format!("{page}/acknowledgement/undo"));
    let form = [("reason", "a disk is on its way"), ("until", "tomorrow")];
    test.as_technician()
        .post(&acknowledge, &form)
        .await
        .assert_redirect(&page);
    assert_eq!(
        mailbox.subjects(&test).await[1],
        "Harbor Counseling: Theo looks after: no backup yet (Records)"
    );
    let shown = test.as_reader().get(&page).await;
    let (_, rest) = shown.body.split_once("/messages/").unwrap();
    let message = test.as_reader().get(&format!("/messages/{}", &rest[..36])).await;
    message
        .assert_shows("olivia@example.test")
        .assert_shows("until Tue 24 Nov, 09:00 EST")
        .assert_shows("The reason: a disk is on its way");
    test.advance(SignedDuration::from_secs(1));
    test.as_technician().post(&undo, &[]).await.assert_redirect(&page);
    assert_eq!(
        mailbox.subjects(&test).await[2],
        "Harbor Counseling: nobody looks after: no backup yet (Records)"
    );
    // Olivia alone receives alerts: when she does it, nobody has to be told.
    test.as_owner().post(&acknowledge, &form).await.assert_redirect(&page);
    assert_eq!(mailbox.subjects(&test).await.len(), 3);
}

#[tokio::test]
async fn closing_by_hand_needs_words_and_those_who_were_told_read_them() {
    let (test, mailbox) = Mailbox::start().await;
    raise(&test, &key(&test), &missed(&test, 20)).await;
    test.advance(SignedDuration::from_mins(2));
    mailbox.subjects(&test).await;
    let alert = the_open_alert(&test).await;
    let close = format!("/alerts/{}/close", alert.id);
    let refused = test.as_technician().post(&close, &[("resolution", "")]).await;
    refused.assert_status(422).assert_shows("Resolution is empty.");
    let fields = [("resolution", "The machine was retired.")];
    let page = format!("/alerts/{}", alert.id);
    test.as_technician().post(&close, &fields).await.assert_redirect(&page);
    test.as_technician().post(&close, &fields).await.assert_status(409);
    let shown = test.as_technician().get(&page).await;
    shown
        .assert_shows("by Theo: The machine was retired.")
        .assert_hides("Close the alert");
    assert_eq!(
        mailbox.subjects(&test).await[1],
        "Harbor Counseling: Theo closed: no backup yet (Records)"
    );
    test.as_reader().get("/alerts").await.assert_shows("No alert is open.");
    test.as_reader()
        .get("/alerts?state=closed")
        .await
        .assert_shows("no backup yet (Records)");
}

#[tokio::test]
async fn who_may_not_change_or_see_an_alert_cannot() {
    let (test, _mailbox) = Mailbox::start().await;
    raise(&test, &key(&test), &missed(&test, 20)).await;
    let alert = the_open_alert(&test).await;
    let page = format!("/alerts/{}", alert.id);
    for action in ["acknowledge", "acknowledgement/undo", "close"] {
        let path = format!("{page}/{action}");
        let fields = [("reason", "x"), ("until", "tomorrow"), ("resolution", "x")];
        test.as_reader().post(&path, &fields).await.assert_status(403);
        test.as_viewer().post(&path, &fields).await.assert_status(404);
        test.as_other_owner().post(&path, &fields).await.assert_status(404);
    }
    test.as_other_owner()
        .get(&page)
        .await
        .assert_status(404)
        .assert_hides("Harbor");
    test.as_viewer().get(&page).await.assert_status(404);
    test.as_other_owner()
        .get("/alerts?state=all")
        .await
        .assert_hides("Harbor");
    test.as_reader()
        .get(&page)
        .await
        .assert_status(200)
        .assert_hides("Acknowledge</button>");
    assert_eq!(history(&test).await, ["opened"]);
}

#[tokio::test]
async fn addresses_that_are_not_ours_are_answered_and_not_a_fault() {
    let test = TestApp::start().await;
    for query in [
        "state=x",
        "kind=x",
        "practice=x",
        "after=x",
        "after=1.9223372036854775807.x",
        "after=1.2.3",
        "state=%00",
    ] {
        let page = test.as_reader().get(&format!("/alerts?{query}")).await;
        page.assert_status(422).assert_shows("is not one of ours");
    }
    for query in ["state=x", "before=x", "before=99999999999999999999", "recipient=%00"] {
        test.as_reader()
            .get(&format!("/messages?{query}"))
            .await
            .assert_status(422);
    }
    for path in [
        "/alerts/x",
        "/alerts/00000000-0000-0000-0000-000000000000",
        "/messages/x",
        "/messages/x/html",
    ] {
        test.as_reader().get(path).await.assert_status(404);
    }
}

#[tokio::test]
async fn the_worst_stands_first_and_a_long_list_has_pages() {
    let (test, _mailbox) = Mailbox::start().await;
    for number in 0..60_u128 {
        let mut key = key(&test);
        key.subject.id = uuid::Uuid::from_u128(number);
        key.subject.name = format!("job {number:02}");
        let facts = if number == 0 {
            missed(&test, 20)
        } else {
            key.kind = AlertKind::SameMedium;
            AlertFacts::SameMedium {
                label: "A".to_owned(),
                first: date(2026, 11, 19),
                second: date(2026, 11, 20),
            }
        };
        raise(&test, &key, &facts).await;
        test.advance(SignedDuration::from_millis(1));
    }
    let first = test.as_reader().get("/alerts").await;
    let shown = first.text();
    let worst = shown.find("job 00").unwrap();
    assert!(
        worst < shown.find("job 59").unwrap(),
        "missed stands before the medium, however old"
    );
    first.assert_hides("job 05)").assert_shows("Older");
    let (_, rest) = first
        .body
        .split_once("rel=\"next\"")
        .map(|(before, _)| before.rsplit_once("href=\"").unwrap())
        .unwrap();
    let next = rest.trim_end_matches(['"', ' ']).replace("&#38;", "&");
    let second = test.as_reader().get(&next).await;
    second
        .assert_status(200)
        .assert_shows("job 05)")
        .assert_hides("job 59)")
        .assert_hides("job 00)");
}

#[tokio::test]
async fn a_message_is_shown_as_it_was_sent() {
    let (test, mailbox) = Mailbox::start().await;
    raise(&test, &key(&test), &missed(&test, 20)).await;
    test.advance(SignedDuration::from_mins(2));
    mailbox.subjects(&test).await;
    let alert = the_open_alert(&test).await;
    let page = test.as_reader().get(&format!("/alerts/{}", alert.id)).await;
    let (_, rest) = page.body.split_once("/messages/").unwrap();
    let message = &rest[..36];
    let shown = test.as_reader().get(&format!("/messages/{message}")).await;
    shown
        .assert_shows("Auto-Submitted: auto-generated")
        .assert_shows("Message-ID: <")
        .assert_shows("1 night missed: 20 Nov")
        .assert_shows("delivered");
    let html = test.as_reader().get(&format!("/messages/{message}/html")).await;
    html.assert_status(200).assert_shows("Open this alert");
    assert!(
        html.header("content-security-policy")
            .starts_with("sandbox; default-src 'none'")
    );
    for path in [format!("/messages/{message}"), format!("/messages/{message}/html")] {
        test.as_other_owner().get(&path).await.assert_status(404);
        test.as_viewer().get(&path).await.assert_status(404);
    }
}

#[tokio::test]
async fn an_owner_can_see_whether_mail_arrives() {
    let (test, mailbox) = Mailbox::start().await;
    test.as_technician()
        .post("/messages/test", &[])
        .await
        .assert_status(403);
    test.as_owner()
        .post("/messages/test", &[])
        .await
        .assert_redirect("/messages");
    assert_eq!(
        mailbox.subjects(&test).await,
        ["Test message from Lastgood for Northwind IT"]
    );
    let page = test.as_owner().get("/messages").await;
    page.assert_shows("olivia@example.test")
        .assert_shows("No mail server is set up: messages become files in");
    assert_eq!(audited(&test).await, ["mail.tested"]);
}
