//! The server is killed while agents report.

use std::time::Duration;

use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::Reporter;
use lastgood_tests::wait;

use super::Load;
use crate::journeys::{HARBOR, add_daily_job, northwind};

#[test]
fn a_server_killed_between_commit_and_answer_loses_nothing_and_doubles_nothing() {
    let mail = MailServer::start();
    let mut server = northwind(&mail);
    add_daily_job(&server, "nightly");
    let reporters: Vec<_> = (0..6)
        .map(|_| Reporter::enrol(&server.address(), &server.token(HARBOR)))
        .collect();
    let load = Load::begin(reporters);
    for round in 0..12_u64 {
        let before = load.acknowledged();
        wait::until("reports to flow", || (load.acknowledged() > before + 20).then_some(()));
        // At another moment of the work each time.
        std::thread::sleep(Duration::from_micros(137 * round * round));
        server.process().kill();
        server.run();
    }
    let before = load.acknowledged();
    wait::until("reports to flow again", || {
        (load.acknowledged() > before + 20).then_some(())
    });
    let broken_off = load.statuses().get(&0).copied().unwrap_or_default();
    assert!(broken_off > 0, "some requests were cut off: {:?}", load.statuses());
    let database = server.database();
    load.end(&database);
    wait::until_none_left("everything to be projected", || {
        database.number("select count(*) from inbox where state = 'received'")
    });
    let (events, runs) = (
        database.number("select count(*) from inbox where kind = 'run_finished'"),
        database.number("select count(*) from runs"),
    );
    assert_eq!(runs, events, "one report is one run");
    assert_eq!(
        database.number("select count(*) from inbox where state = 'set_aside'"),
        0
    );
}
