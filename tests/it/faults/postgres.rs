//! PostgreSQL is killed while agents report, and comes back.

use lastgood_tests::cluster::Cluster;
use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::Reporter;
use lastgood_tests::server::Server;
use lastgood_tests::wait;

use super::Load;
use crate::journeys::{HARBOR, OLIVIA};

#[test]
fn a_killed_database_is_a_503_and_then_everything_goes_on_without_a_restart() {
    let mail = MailServer::start();
    let mut cluster = Cluster::start();
    let mut server = Server::wishes().on_database(&cluster.url()).mailing(&mail).start();
    server.add_user(OLIVIA, "owner", None);
    server.add_practice(HARBOR);
    server.operate(&[
        "job",
        "add",
        "--practice",
        HARBOR,
        "--key",
        "nightly",
        "--name",
        "Nightly",
        "--cron",
        "0 22 * * *",
    ]);
    let pid = server.process().pid();
    let reporters: Vec<_> = (0..4)
        .map(|_| Reporter::enrol(&server.address(), &server.token(HARBOR)))
        .collect();
    let load = Load::begin(reporters);
    for _ in 0..5 {
        let before = load.acknowledged();
        wait::until("reports to flow", || (load.acknowledged() > before + 20).then_some(()));
        let refused = load.statuses().get(&503).copied().unwrap_or_default();
        cluster.kill();
        wait::until("a 503", || {
            (load.statuses().get(&503).copied().unwrap_or_default() > refused).then_some(())
        });
        let page = server.visitor_without_session().get("/readyz");
        assert_eq!(page.status, 503, "it says that it cannot be relied on: {}", page.text());
        assert_eq!(
            server.visitor_without_session().get("/healthz").status,
            200,
            "and that it is there"
        );
        cluster.run();
    }
    server.wait_until_ready();
    assert_eq!(server.process().pid(), pid, "nobody restarted the server");
    load.end(&cluster.database());
}
