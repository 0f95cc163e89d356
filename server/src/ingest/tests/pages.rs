//! The pages about what was reported, as people of the cast see them.

use jiff::SignedDuration;
use lastgood_protocol::{
    DrillCheck, DrillId, DrillOutcome, DrillRecorded, DrillStep, Encryption, EventBody, MarkerId, MediumMoved,
    MediumRegistered, MediumSighting, StepOutcome,
};
use uuid::Uuid;

use super::machine::{Machine, start_committers};
use crate::ids;
use crate::ingest::project;
use crate::testing::TestApp;

fn sighting() -> MediumSighting {
    MediumSighting {
        volume: "5C21-9A77".to_owned(),
        marker: Some(MarkerId(Uuid::from_u128(9))),
        label: Some("Blue 1".to_owned()),
        size_bytes: Some(2_000_000_000_000),
        free_bytes: Some(700_000_000_000),
        file_system: Some("NTFS".to_owned()),
        removable: Some(true),
        encryption: Some(Encryption::BitLocker),
        copied_from: None,
    }
}

#[tokio::test]
async fn a_report_that_was_set_aside_is_shown_as_text_and_read_again() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let body = serde_json::to_string(&machine.batch(vec![machine.heartbeat()])).unwrap();
    let body = body.replace(
        "\"kind\":\"heartbeat\"",
        "\"kind\":\"tape_cleaned\",\"x\":\"<script>alert(1)</script>\"",
    );
    machine.send_body(body.into_bytes()).await.assert_status(200);
    project(&test.app).await.unwrap();
    let page = test.as_technician().get("/inbox").await;
    page.assert_status(200)
        .assert_shows("tape cleaned")
        .assert_shows("does not know reports of the kind tape_cleaned");
    page.assert_shows("<script>alert(1)</script>")
        .assert_hides("<script>alert");
    test.as_other_owner()
        .get("/inbox")
        .await
        .assert_shows("Nothing is set aside")
        .assert_hides("tape");

    let (_, retry) = page.body.split_once("action=\"/inbox/").unwrap();
    let retry = retry
        .split_once("action=\"/inbox/")
        .unwrap()
        .1
        .split_once('"')
        .unwrap()
        .0;
    let retry = format!("/inbox/{retry}");
    test.as_reader().post(&retry, &[]).await.assert_status(403);
    test.as_other_owner().post(&retry, &[]).await.assert_status(404);
    test.as_technician().post(&retry, &[]).await.assert_redirect("/inbox");
    test.as_technician()
        .get("/inbox")
        .await
        .assert_shows("Nothing is set aside");
    project(&test.app).await.unwrap();
    test.as_technician().get("/inbox").await.assert_shows("tape cleaned");
    test.as_other_owner()
        .post("/inbox/retry", &[])
        .await
        .assert_redirect("/inbox");
    test.as_technician().get("/inbox").await.assert_shows("tape cleaned");
    test.app.stop().await;
}

fn failed_drill(test: &TestApp) -> DrillRecorded {
    let at = test.now();
    DrillRecorded {
        drill: DrillId(ids::new(at)),
        job: Some("nightly".parse().unwrap()),
        backup: "4bba301e".to_owned(),
        backup_made_at: Some(at - SignedDuration::from_hours(9)),
        medium: Some(sighting()),
        started_at: at - SignedDuration::from_mins(41),
        finished_at: at,
        steps: vec![DrillStep {
            name: "Open the program".to_owned(),
            started_at: at - SignedDuration::from_mins(12),
            finished_at: at,
            outcome: StepOutcome::Failed,
        }],
        checks: vec![DrillCheck {
            what: "Yesterday's appointments are there".to_owned(),
            passed: false,
        }],
        outcome: DrillOutcome::Failed,
        performed_by: "Theo".to_owned(),
        notes: Some("The program's version was older".to_owned()),
    }
}

#[tokio::test]
async fn media_have_their_page() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    test.as_reader()
        .get("/media")
        .await
        .assert_shows("No medium was seen yet");
    let registered = MediumRegistered {
        label: "Blue 1".to_owned(),
        set: Some("Blue".to_owned()),
        registered_at: test.now(),
        medium: sighting(),
    };
    machine
        .deliver(&[machine.event(EventBody::MediumRegistered(registered))])
        .await;
    project(&test.app).await.unwrap();
    let media = test.as_reader().get("/media").await;
    media
        .assert_status(200)
        .assert_shows("Blue 1")
        .assert_shows("registered 5C21-9A77 NTFS")
        .assert_shows("encrypted by BitLocker, removable")
        .assert_shows("not known");
    let moved = MediumMoved {
        present: true,
        at: test.now(),
        medium: sighting(),
    };
    machine.deliver(&[machine.event(EventBody::MediumMoved(moved))]).await;
    project(&test.app).await.unwrap();
    let page = test.as_reader().get("/media").await;
    page.assert_shows("in the drive at harbor-server since");
    let practice = test.as_reader().get(&format!("/practices/{}", test.cast.harbor)).await;
    practice.assert_shows("in the drive at harbor-server since");
    let of_other = test
        .as_reader()
        .get(&format!("/media?practice={}", test.cast.lakeside))
        .await;
    of_other.assert_status(200).assert_hides("Blue 1");
    test.as_other_owner().get("/media").await.assert_hides("Blue 1");
    test.app.stop().await;
}

#[tokio::test]
async fn drills_have_their_pages() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let empty = test.as_reader().get("/drills").await;
    empty
        .assert_shows("No drill was recorded yet")
        .assert_shows("Harbor Counseling");
    let drill = failed_drill(&test);
    machine
        .deliver(&[machine.event(EventBody::DrillRecorded(Box::new(drill.clone())))])
        .await;
    project(&test.app).await.unwrap();

    let list = test.as_reader().get("/drills").await;
    list.assert_shows("Open the program; Yesterday's appointments are there")
        .assert_shows("41 min");
    list.assert_shows("the last one did not pass");
    let path = format!("/drills/{}", drill.drill);
    let page = test.as_reader().get(&path).await;
    page.assert_status(200)
        .assert_shows("Open the program failed Mon 23 Nov, 08:48 12 min");
    page.assert_shows("not as it should be")
        .assert_shows("The program's version was older")
        .assert_shows("nightly");
    for stranger in [test.as_other_owner(), test.as_viewer()] {
        stranger.get(&path).await.assert_status(404);
    }
    test.app.stop().await;
}
