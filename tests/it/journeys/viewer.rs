//! The manager of a practice signs in: their own practice in plain words, and nothing else.

use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::{Reported, Reporter, now};
use lastgood_tests::wait;

use super::{HARBOR, LAKESIDE, OLIVIA, add_daily_job, northwind, shown};

#[test]
fn a_practice_viewer_sees_their_own_practice_and_nothing_else() {
    let mail = MailServer::start();
    let server = northwind(&mail);
    server.add_user("vera@harbor.example", "practice_viewer", Some(HARBOR));
    let job = add_daily_job(&server, "nightly");
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    reporter.report(&Reported::ok("nightly", now() - jiff::SignedDuration::from_mins(15)));
    wait::until("the run", || {
        (server.database().number("select count(*) from runs") == 1).then_some(())
    });
    let lakeside = server
        .database()
        .value(&format!("select practice_id from practices where name = '{LAKESIDE}'"));

    let mut vera = server.visitor("vera@harbor.example");
    let page = vera.follow("/");
    let text = shown(&page);
    assert!(text.contains(HARBOR), "{text}");
    assert!(
        !page.text().contains(LAKESIDE) && !page.text().contains(OLIVIA),
        "nothing of others: {text}"
    );
    for path in [
        "/practices",
        "/alerts",
        "/agents",
        "/people",
        "/messages",
        "/audit",
        &format!("/practices/{lakeside}"),
        &format!("/jobs/{job}/edit"),
    ] {
        assert_eq!(vera.get(path).status, 404, "{path} does not exist for a viewer");
    }
    let nobody = lastgood_tests::visitor::Visitor::new(&server.address()).get("/practice");
    assert_eq!(
        (
            nobody.status,
            nobody.header("location").unwrap().starts_with("/sign-in")
        ),
        (303, true)
    );
}
