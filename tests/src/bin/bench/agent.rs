//! What the agent costs a practice's machine: the program as it is handed out, at rest and during a backup, and how fast it tells
//! what it kept while the server was away.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use lastgood_tests::agent::Machine;
use lastgood_tests::programs::root;
use lastgood_tests::server::Server;
use lastgood_tests::wait;

use crate::figures::{count, mebibytes};

/// How long it is watched at rest.
const REST: Duration = Duration::from_mins(3);

/// Runs that are kept while the server is away, with two events each.
const RUNS: usize = 1_000;

pub(crate) fn measure() {
    let program = root().join("target/release-small/lastgood-agent");
    assert!(program.exists(), "{} is not built: make bench", program.display());
    let sizes = [
        ("Linux", program.clone()),
        ("Windows", root().join("target/packages/lastgood-agent.exe")),
    ];
    for (system, path) in sizes {
        if let Ok(found) = path.metadata() {
            println!("Size of the agent for {system}: {:.2} MiB", mebibytes(found.len()));
        }
    }
    let mut server = Server::wishes().with("LASTGOOD_LOG", "warn").start();
    server.add_user("bench@example.com", "owner", None);
    server.add_practice("Bench");
    rest_and_work(&server, program.clone());
    drain(&mut server, program);
    println!();
}

fn machine(server: &Server, program: PathBuf, name: &str, jobs: &str) -> Machine {
    let machine = Machine::new(name).running(program);
    machine.enrol(&server.token("Bench"));
    // Its own heartbeat, of a minute, and not that of the tests.
    machine.folder().secret("agent.toml", jobs);
    machine
}

fn rest_and_work(server: &Server, program: PathBuf) {
    let machine = machine(server, program, "bench", "");
    machine.make_restic_repository();
    let path = |name: &str| machine.folder().join(name).display().to_string();
    let job = format!(
        "[[job]]\nkey = \"nightly\"\ntool = \"restic\"\nrepository = {:?}\npaths = [{:?}]\npassword_file = {:?}\nschedule = \"* * * * *\"\n",
        path("restic"),
        path("practice"),
        path("restic-password")
    );
    let at_rest = machine.start();
    wait::until_within(wait::PATIENCE, "the agent to be heard", || {
        (server
            .database()
            .number("select count(*) from agents where last_heard_at is not null")
            > 0)
        .then_some(())
    });
    let (before, began) = (at_rest.processor_time(), Instant::now());
    std::thread::sleep(REST);
    let worked = at_rest.processor_time().saturating_sub(before);
    let share = worked.as_secs_f64() / began.elapsed().as_secs_f64();
    println!(
        "Agent at rest: {:.1} MiB resident, {:.2} s of a processor in an hour",
        mebibytes(at_rest.resident()),
        share * 3600.0
    );
    drop(at_rest);
    machine.folder().secret("agent.toml", &job);
    let working = machine.start();
    wait::until_within(2 * wait::PATIENCE, "two backups with restic", || {
        (server
            .database()
            .number("select count(*) from runs where outcome = 'ok'")
            > 1)
        .then_some(())
    });
    println!(
        "Agent that backed up with restic: at most {:.1} MiB resident",
        mebibytes(working.most_resident())
    );
}

fn drain(server: &mut Server, program: PathBuf) {
    let machine = machine(server, program, "drained", "");
    let before = server.database().number("select count(*) from inbox");
    let filled = Instant::now();
    for _ in 0..RUNS {
        machine.run(&["exec", "nightly", "--", "true"]);
    }
    let each = filled.elapsed().as_secs_f64() / count(RUNS);
    let began = Instant::now();
    let _agent = machine.start();
    let wanted = before + i64::try_from(2 * RUNS).unwrap_or(i64::MAX);
    wait::until_within(2 * wait::PATIENCE, "everything that was kept", || {
        (server.database().number("select count(*) from inbox") >= wanted).then_some(())
    });
    println!(
        "Agent with {} events in its spool: {:.0} a second acknowledged; each run was kept durably in {:.1} ms",
        2 * RUNS,
        count(2 * RUNS) / began.elapsed().as_secs_f64(),
        each * 1000.0
    );
}
