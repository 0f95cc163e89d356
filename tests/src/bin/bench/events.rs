//! Events acknowledged, beside `pgbench` writing one durable row at the same concurrency into the same PostgreSQL.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use lastgood_tests::database::Psql;
use lastgood_tests::folder::Folder;
use lastgood_tests::process::run;
use lastgood_tests::reporter::{Reported, Reporter, now};
use lastgood_tests::server::Server;

use crate::figures::{Durations, count};

/// How long each measurement takes.
const SECONDS: u64 = 8;

/// An agent may send this much at once; then the next one of the same connection goes on.
const REQUESTS_PER_AGENT: usize = 550;

/// What is sent.
#[derive(Debug, Clone, Copy)]
enum Load {
    /// A heartbeat in each request.
    Heartbeats,
    /// The end of a run in each request, with everything the server makes of it.
    Runs,
    /// Fifty heartbeats in each request, as after a week away.
    Batches,
}

impl Load {
    fn events_per_request(self) -> usize {
        match self {
            Self::Heartbeats | Self::Runs => 1,
            Self::Batches => 50,
        }
    }
}

/// What was measured.
struct Measured {
    per_second: f64,
    latencies: Durations,
}

pub(crate) fn measure() {
    let server = Server::wishes().with("LASTGOOD_LOG", "warn").start();
    server.add_user("bench@example.com", "owner", None);
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
        "0 22 * * *",
    ]);
    let database = server.database();
    database
        .execute("create table bench_rows (id bigint generated always as identity primary key, body text not null)");
    println!("Events acknowledged per second over TLS with keep-alive, one PostgreSQL, {SECONDS} s each\n");
    println!("connections  what              events/s   pgbench/s   ratio   p50 ms   p99 ms");
    for connections in [1, 16, 64] {
        let rows = pgbench(&database, connections);
        for load in [Load::Heartbeats, Load::Runs, Load::Batches] {
            let measured = events(&server, load, connections);
            println!(
                "{connections:>11}  {:<16}  {:>8.0}   {rows:>9.0}   {:>5.2}   {:>6.2}   {:>6.2}",
                format!("{load:?}").to_lowercase(),
                measured.per_second,
                measured.per_second / rows,
                measured.latencies.percentile(50),
                measured.latencies.percentile(99),
            );
        }
    }
    println!();
}

/// Rows per second of `pgbench` with a transaction of one insert of a row as long as an event.
fn pgbench(database: &Psql, connections: usize) -> f64 {
    let folder = Folder::new();
    let body = "x".repeat(300);
    let script = folder.write(
        "insert.sql",
        format!("insert into bench_rows (body) values ('{body}');\n"),
    );
    let connections = connections.to_string();
    let mut arguments = database.arguments().to_vec();
    // psql names the database by a flag, pgbench by its last argument.
    let name = arguments.pop().expect("the database's name is last");
    arguments.pop();
    let seconds = SECONDS.to_string();
    let mut command = Command::new("pgbench");
    command
        .args(arguments)
        .args(["-n", "-M", "prepared", "-c", &connections, "-j", "2", "-T", &seconds]);
    let printed = run(command.arg("-f").arg(script).arg(name), "").succeeded();
    let line = printed.lines().find_map(|line| line.strip_prefix("tps = "));
    let rate = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    rate.unwrap_or_else(|| panic!("pgbench printed no rate: {printed}"))
}

fn events(server: &Server, load: Load, connections: usize) -> Measured {
    let per_connection = if connections == 1 { 24 } else { 8 };
    let address = server.address();
    let tokens = tokens(server, per_connection * connections);
    let start = Arc::new(Barrier::new(connections + 1));
    let stop = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = tokens
        .chunks(per_connection)
        .map(|tokens| {
            let reporters: Vec<_> = tokens.iter().map(|token| Reporter::enrol(&address, token)).collect();
            let (start, stop) = (Arc::clone(&start), Arc::clone(&stop));
            std::thread::spawn(move || report(reporters, load, &start, &stop))
        })
        .collect();
    start.wait();
    let began = Instant::now();
    std::thread::sleep(Duration::from_secs(SECONDS));
    stop.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for thread in threads {
        latencies.extend(thread.join().expect("a connection measures to its end"));
    }
    let seconds = began.elapsed().as_secs_f64();
    Measured {
        per_second: count(latencies.len() * load.events_per_request()) / seconds,
        latencies: Durations::of(latencies),
    }
}

/// Tokens for many agents at once, made as the server makes them.
fn tokens(server: &Server, number: usize) -> Vec<String> {
    let one = server.token("Bench");
    let known: lastgood_protocol::EnrolmentToken = one.parse().expect("it is a token");
    let mut tokens = Vec::new();
    let mut values = Vec::new();
    for _ in 0..number {
        let mut token = known.clone();
        let ids = [lastgood_tests::reporter::new_id(), lastgood_tests::reporter::new_id()];
        let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
        token.secret.copy_from_slice(&bytes);
        let hash = ring::digest::digest(&ring::digest::SHA256, &token.secret);
        let hex: String = hash
            .as_ref()
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        values.push(format!("('\\x{hex}'::bytea)"));
        tokens.push(token.to_string());
    }
    server.database().execute(&format!(
        "insert into enrolment_tokens (firm_id, token_id, practice_id, office_id, secret_hash, created_at, expires_at)
         select o.firm_id, gen_random_uuid(), o.practice_id, o.office_id, v.hash, now(), now() + interval '1 day'
         from offices o, (values {}) v (hash) where o.practice_id = (select practice_id from practices where name = 'Bench')",
        values.join(", ")
    ));
    tokens
}

fn report(mut reporters: Vec<Reporter>, load: Load, start: &Barrier, stop: &AtomicBool) -> Vec<Duration> {
    let mut latencies = Vec::new();
    let mut sent = 0;
    // The first request of each agent makes its connection, before the clock starts.
    for reporter in &mut reporters {
        let event = reporter.heartbeat();
        assert_eq!(
            reporter.deliver(std::slice::from_ref(&event)),
            [event.id],
            "an agent is heard"
        );
    }
    start.wait();
    while !stop.load(Ordering::Relaxed) {
        let turn = (sent / REQUESTS_PER_AGENT) % reporters.len();
        let reporter = reporters.get_mut(turn).expect("it is taken from their number");
        let events: Vec<_> = (0..load.events_per_request())
            .map(|_| match load {
                Load::Heartbeats | Load::Batches => reporter.heartbeat(),
                Load::Runs => {
                    let ago = SignedDuration::from_secs(700 + i64::try_from(sent).unwrap_or_default());
                    let run = Reported::ok("nightly", now() - ago);
                    reporter.event(now(), run.finished())
                }
            })
            .collect();
        let body = reporter.batch(&events);
        let began = Instant::now();
        let answer = reporter.send(&body).expect("the server answers");
        latencies.push(began.elapsed());
        assert_eq!(answer.status, 200, "{}", answer.text());
        sent += 1;
    }
    latencies
}
