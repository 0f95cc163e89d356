//! Resident memory of the server and of an agent that have worked for a while.

use lastgood_tests::agent::Machine;
use lastgood_tests::reporter::Reporter;
use lastgood_tests::server::Server;
use lastgood_tests::wait;

use crate::figures::mebibytes;
use crate::today::fill;

pub(crate) fn measure() {
    let mut server = Server::wishes().with("LASTGOOD_LOG", "warn").start();
    server.add_user("bench@example.com", "owner", None);
    fill(&server);
    server.add_practice("Bench");
    server.operate(&[
        "job",
        "add",
        "--practice",
        "Bench",
        "--key",
        "nightly",
        "--name",
        "Nightly",
        "--cron",
        "* * * * *",
    ]);
    let machine = Machine::new("bench");
    machine.enrol(&server.token("Bench"));
    machine
        .configure("[[job]]\nkey = \"nightly\"\ntool = \"command\"\ncommand = [\"true\"]\nschedule = \"* * * * *\"\n");
    let agent = machine.start();
    let mut visitor = server.visitor("bench@example.com");
    let mut reporter = Reporter::enrol(&server.address(), &server.token("Bench"));
    for _ in 0..200 {
        assert_eq!(visitor.get("/").status, 200);
        let event = reporter.heartbeat();
        assert_eq!(reporter.deliver(std::slice::from_ref(&event)).len(), 1);
    }
    wait::until_within(2 * wait::PATIENCE, "a run of the agent", || {
        (server.database().number("select count(*) from runs") > 0).then_some(())
    });
    println!(
        "Resident memory: server {:.1} MiB (10,000 jobs, 200 visits and reports), agent {:.1} MiB",
        mebibytes(server.process().resident()),
        mebibytes(agent.resident())
    );
}
