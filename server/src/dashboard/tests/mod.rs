//! The pages through the front door.

mod db;

use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use futures_util::StreamExt as _;
use jiff::SignedDuration;
use jiff::civil::date;

use self::db::Seeded;
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Subject};
use crate::db::Scope;
use crate::testing::TestApp;

async fn seeded() -> (TestApp, Seeded) {
    let test = TestApp::start().await;
    let seeded = db::job(&test, test.cast.harbor, test.cast.harbor_office, "Records").await;
    (test, seeded)
}

async fn miss(test: &TestApp, seeded: Seeded) {
    let key = AlertKey {
        firm: test.cast.northwind,
        practice: test.cast.harbor,
        subject: Subject::job(seeded.job, "Records"),
        kind: AlertKind::Missed,
    };
    let facts = AlertFacts::Missed {
        days: vec![date(2026, 11, 21), date(2026, 11, 22)],
        due_at: test.now(),
        last_good: None,
        never_reported: false,
    };
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    alerts::raise(&test.app, &mut transaction, test.now(), &key, test.now(), &facts)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn a_new_firm_is_told_what_comes_next() {
    let test = TestApp::start().await;
    let page = test.as_owner().get("/").await;
    page.assert_status(200)
        .assert_shows("No backup job yet.")
        .assert_shows("2 practices have no agent.");
    assert!(page.body.contains("<title>Today · Lastgood</title>"));
    test.as_viewer()
        .get("/practice")
        .await
        .assert_status(200)
        .assert_shows("No backup is set up here yet. Ask Northwind IT what is planned.");
}

#[tokio::test]
async fn the_page_that_matters_most_is_empty() {
    let (test, _) = seeded().await;
    let page = test.as_reader().get("/").await;
    page.assert_status(200)
        .assert_shows("All is well.")
        .assert_shows("Last judged 0 s ago.")
        .assert_hides("What happened");
}

#[tokio::test]
async fn trouble_is_said_first_and_acknowledged_trouble_last() {
    let (test, seeded) = seeded().await;
    miss(&test, seeded).await;
    let page = test.as_technician().get("/").await;
    page.assert_shows("1 of 2 practices needs you.")
        .assert_shows("Harbor Counseling")
        .assert_shows("No good backup ever came.")
        .assert_shows("2 nights")
        .assert_shows("Mon 16 Nov: missed")
        .assert_shows("Acknowledge");
    assert!(page.body.contains("<title>(1) Today · Lastgood</title>"));
    assert!(page.body.contains("icons/trouble.svg"));
    // Who may not change anything is not offered to.
    test.as_reader()
        .get("/")
        .await
        .assert_status(200)
        .assert_hides("#acknowledge");

    db::acknowledge(&test).await;
    let page = test.as_technician().get("/").await;
    page.assert_shows("All is well.")
        .assert_shows("Acknowledged 1")
        .assert_shows("Theo: New disk on Tuesday, until Mon 23 Nov, 10:00 EST");
}

#[tokio::test]
async fn what_is_late_or_complained_is_shown_without_an_alert() {
    let (test, seeded) = seeded().await;
    db::job_state(&test, seeded.job, "warning").await;
    test.as_owner()
        .get("/")
        .await
        .assert_shows("1 of 2 practices needs you.")
        .assert_shows("A backup was made, and the tool complained.");
}

#[tokio::test]
async fn nothing_is_well_while_nothing_is_judged() {
    let (test, seeded) = seeded().await;
    test.advance(SignedDuration::from_mins(5));
    let job = format!("/jobs/{}", seeded.job);
    let practice = format!("/practices/{}", test.cast.harbor);
    for path in ["/", &job, &practice] {
        let page = test.as_owner().get(path).await;
        page.assert_shows("Nothing can be said at the moment.")
            .assert_shows("Evaluation stopped 5 min ago.");
        assert!(page.body.contains(r#"role="alert""#));
    }
    let own = test.as_viewer().get("/practice").await;
    own.assert_shows("Nothing can be said at the moment.")
        .assert_shows("Evaluation stopped 5 min ago.");
}

#[tokio::test]
async fn a_practice_shows_its_jobs_and_their_five_weeks() {
    let (test, seeded) = seeded().await;
    miss(&test, seeded).await;
    let page = test.as_reader().get(&format!("/practices/{}", test.cast.harbor)).await;
    page.assert_status(200)
        .assert_shows("1 problem needs you. The job is well.")
        .assert_shows("Sun 22 Nov: ok")
        .assert_shows("Thu 19 Nov: excused")
        .assert_shows("Sat 21 Nov: unknown")
        .assert_shows("Mon 19 Oct: nothing expected")
        .assert_shows("Sun 22 Nov, 23:12 EST, 1.4 GB, a disk that stays in place")
        .assert_shows("America/New_York; closed on Saturday and Sunday")
        .assert_hides("Lakeside Clinic");
    assert!(page.body.contains(&format!(r#"href="/runs/{}""#, seeded.run)));
    assert_eq!(page.body.matches(r#"<a class="day "#).count(), 35);
}

#[tokio::test]
async fn a_job_tells_what_is_expected_and_what_came() {
    let (test, seeded) = seeded().await;
    let path = format!("/jobs/{}", seeded.job);
    let page = test.as_technician().get(&path).await;
    page.assert_status(200)
        .assert_shows("The last run finished Sun 22 Nov, 23:12.")
        .assert_shows("Mon 23 Nov, 22:30 EST")
        .assert_shows("4 h after it was due")
        .assert_shows("Excused by Theo: Power was off")
        .assert_shows("Size of the last 1 run: always 1.4 GB, last 1.4 GB.")
        .assert_shows("Duration of the last 1 run: always 41 min, last 41 min.");
    // From a day on: that day first, and nothing newer.
    let older = test.as_technician().get(&format!("{path}?day=2026-11-18")).await;
    older
        .assert_shows("Wed 18 Nov, 22:30")
        .assert_shows("Newer")
        .assert_hides("Thu 19 Nov, 22:30");
    for nonsense in ["?day=yesterday", "?before=1", "?day=99999-01-01", "?before=&day="] {
        test.as_technician()
            .get(&format!("{path}{nonsense}"))
            .await
            .assert_status(422);
    }
    for extreme in [
        "?day=9999-12-31",
        "?day=-009999-01-01",
        "?before=-009999-01-02T01:59:59Z",
    ] {
        test.as_technician()
            .get(&format!("{path}{extreme}"))
            .await
            .assert_status(200);
    }
}

#[tokio::test]
async fn a_run_says_how_each_thing_is_known() {
    let (test, seeded) = seeded().await;
    let page = test.as_reader().get(&format!("/runs/{}", seeded.run)).await;
    page.assert_status(200)
        .assert_shows("Finished Sun 22 Nov, 23:12.")
        .assert_shows("2026-11-22 22:31:00 EST")
        .assert_shows("Encrypted yes configured")
        .assert_shows("Verified after writing no measured")
        .assert_shows("Compared with the source not known")
        .assert_shows("Files in the backup 48,613 measured");
}

#[tokio::test]
async fn a_viewer_reads_plain_words_of_one_practice_alone() {
    let (test, seeded) = seeded().await;
    test.as_viewer().get("/").await.assert_redirect("/practice");
    miss(&test, seeded).await;
    let page = test.as_viewer().get("/practice").await;
    page.assert_status(200)
        .assert_shows("Backups at Harbor Counseling")
        .assert_shows("1 matter is open. Northwind IT has been told.")
        .assert_shows("Records: no backup has come yet.")
        .assert_shows("Northwind IT was told Mon 23 Nov, 09:00.")
        .assert_shows("1 night missed")
        .assert_hides("Lakeside")
        .assert_hides("/jobs/")
        .assert_hides("/alerts");
    test.as_owner()
        .get(&format!("/practices/{}/report", test.cast.harbor))
        .await
        .assert_status(200)
        .assert_shows("Records: no backup has come yet.");
    test.as_other_viewer()
        .get("/practice")
        .await
        .assert_hides("Harbor")
        .assert_hides("Records");
}

#[tokio::test]
async fn when_the_database_server_was_last_started_is_said_where_the_practice_looks() {
    let (test, seeded) = seeded().await;
    let practice = format!("/practices/{}", test.cast.harbor);
    let report = format!("{practice}/report");
    let words = "Database server last started";
    test.as_reader().get(&practice).await.assert_hides(words);
    test.as_viewer().get("/practice").await.assert_hides(words);
    // The run ended Sun 22 Nov, 23:12 in New York.
    db::database_started(&test, seeded.run, "2026-11-22T07:00:00Z").await;
    let said = async |told: &str| {
        test.as_reader().get(&practice).await.assert_shows(told);
        test.as_owner().get(&report).await.assert_shows(told);
        test.as_viewer().get("/practice").await.assert_shows(told);
    };
    said("Database server last started Sun 22 Nov, 03:00").await;
    test.as_viewer().get("/practice").await.assert_hides("not restarted");
    db::database_started(&test, seeded.run, "2026-11-19T07:00:00Z").await;
    said("Database server last started Thu 19 Nov, 03:00").await;
    said("not restarted for 3 days").await;
    test.as_other_viewer().get("/practice").await.assert_hides(words);
    for nonsense in ["tomorrow", "-009999-01-02T01:59:59Z", ""] {
        db::database_started(&test, seeded.run, nonsense).await;
        test.as_viewer()
            .get("/practice")
            .await
            .assert_status(200)
            .assert_hides(words);
    }
}

#[tokio::test]
async fn what_is_not_yours_is_not_there() {
    let (test, seeded) = seeded().await;
    let paths = [
        format!("/practices/{}", test.cast.harbor),
        format!("/practices/{}/report", test.cast.harbor),
        format!("/jobs/{}", seeded.job),
        format!("/runs/{}", seeded.run),
    ];
    for path in &paths {
        test.as_viewer().get(path).await.assert_status(404);
        test.as_other_owner().get(path).await.assert_status(404);
        test.as_stranger().get(path).await.assert_status(303);
    }
    for path in ["/practices/", "/jobs/", "/runs/"] {
        for id in [db::nobody().to_string(), "not-an-id".to_owned()] {
            test.as_owner().get(&format!("{path}{id}")).await.assert_status(404);
        }
    }
    test.as_owner().get("/practice").await.assert_status(404);
}

/// What a page hears, as long as it comes within two seconds.
async fn heard(stream: &mut BodyDataStream) -> Option<String> {
    let next = tokio::time::timeout(Duration::from_secs(20), stream.next()).await;
    let bytes = next.expect("the stream should say something").map(Result::unwrap)?;
    Some(String::from_utf8(bytes.to_vec()).unwrap())
}

async fn listen(test: &TestApp) -> BodyDataStream {
    let answer = test.as_reader().open(Request::get("/live")).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    answer.into_body().into_data_stream()
}

#[tokio::test]
async fn an_open_page_hears_of_changes_once_a_second_at_most() {
    let test = TestApp::start().await;
    let mut stream = listen(&test).await;
    assert_eq!(heard(&mut stream).await.unwrap(), "event: alive\ndata:\n\n");
    for _ in 0..50 {
        test.app.changes.tell(test.cast.northwind);
    }
    test.app.changes.tell(test.cast.other);
    assert_eq!(heard(&mut stream).await.unwrap(), "event: changed\ndata:\n\n");
    let began = tokio::time::Instant::now();
    test.app.changes.tell(test.cast.northwind);
    assert_eq!(heard(&mut stream).await.unwrap(), "event: changed\ndata:\n\n");
    assert!(began.elapsed() > Duration::from_millis(900));
    test.app.shutdown().cancel();
    assert_eq!(heard(&mut stream).await, None);
}

#[tokio::test]
async fn an_open_page_hears_nothing_more_once_its_session_has_ended() {
    let test = TestApp::start().await;
    let mut stream = listen(&test).await;
    assert!(heard(&mut stream).await.is_some());
    db::end_sessions(&test).await;
    assert_eq!(heard(&mut stream).await, None);
}

#[tokio::test]
async fn the_colours_chosen_are_rendered_by_the_server() {
    let test = TestApp::start().await;
    let answer = test
        .as_owner()
        .post("/theme", &[("theme", "dark"), ("next", "/practices")])
        .await;
    answer.assert_redirect("/practices");
    assert!(answer.header("set-cookie").starts_with("lastgood-theme=dark; Path=/;"));
    let page = test
        .as_stranger()
        .send(
            Request::get("/nowhere").header("cookie", "lastgood-theme=dark"),
            Body::empty(),
        )
        .await;
    assert!(page.body.contains(r#"data-theme="dark""#));
    test.as_owner()
        .post("/theme", &[("theme", "purple"), ("next", "/")])
        .await
        .assert_status(422);
    test.as_owner()
        .post("/theme", &[("theme", "light"), ("next", "https://evil.example")])
        .await
        .assert_redirect("/");
}

#[tokio::test]
async fn a_page_left_open_does_not_keep_its_session_alive() {
    let test = TestApp::start().await;
    for _ in 0..5 {
        test.advance(SignedDuration::from_mins(11));
        test.app.pulse.beat(test.now());
        let request = Request::get("/").header("hx-request", "true");
        test.as_owner().send(request, Body::empty()).await.assert_status(200);
    }
    test.advance(SignedDuration::from_mins(11));
    let request = Request::get("/").header("hx-request", "true");
    test.as_owner()
        .send(request, Body::empty())
        .await
        .assert_redirect("/sign-in?next=/");
}
