//! Resident memory of the server that has worked for a while.

use lastgood_tests::reporter::Reporter;
use lastgood_tests::server::Server;

use crate::figures::mebibytes;
use crate::today::fill;

pub(crate) fn measure() {
    let mut server = Server::wishes().with("LASTGOOD_LOG", "warn").start();
    server.add_user("bench@example.com", "owner", None);
    fill(&server);
    server.add_practice("Bench");
    let mut visitor = server.visitor("bench@example.com");
    let mut reporter = Reporter::enrol(&server.address(), &server.token("Bench"));
    for _ in 0..200 {
        assert_eq!(visitor.get("/").status, 200);
        let event = reporter.heartbeat();
        assert_eq!(reporter.deliver(std::slice::from_ref(&event)).len(), 1);
    }
    println!(
        "Resident memory of the server: {:.1} MiB (10,000 jobs, 200 visits and reports)\n",
        mebibytes(server.process().resident())
    );
}
