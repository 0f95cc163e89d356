//! Agents whose line breaks at any moment of a request.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::SignedDuration;
use lastgood_protocol::EVENTS_PATH;
use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::{Reported, Reporter, now};
use lastgood_tests::wait;

use super::assert_stored_once;
use crate::journeys::{HARBOR, add_daily_job, northwind};

/// Requests of each agent that are cut off.
const CUTS: u64 = 150;

#[test]
fn clients_that_go_away_at_any_moment_leave_no_half_done_work() {
    let mail = MailServer::start();
    let mut server = northwind(&mail);
    add_daily_job(&server, "nightly");
    let agents: Vec<_> = (0..4_u64)
        .map(|number| {
            let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
            std::thread::spawn(move || {
                let mut events = Vec::new();
                for cut in 0..CUTS {
                    let run = Reported::ok("nightly", now() - SignedDuration::from_mins(30 + i64::try_from(cut).unwrap()));
                    let event = reporter.event(now(), run.finished());
                    let body = reporter.batch(std::slice::from_ref(&event));
                    events.push(event);
                    let address = reporter.address();
                    let head = format!(
                        "POST {EVENTS_PATH} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n",
                        address.authority(),
                        reporter.sign(&body),
                        body.len()
                    );
                    let mut connection = address.connect().unwrap();
                    let mut request = head.into_bytes();
                    request.extend_from_slice(&body);
                    // Sometimes in the middle of the request, mostly at some moment of the server's work.
                    let sent = if cut % 5 == 0 { request.len() * 2 / 3 } else { request.len() };
                    connection.send(&request[..sent]).unwrap();
                    std::thread::sleep(Duration::from_micros((cut * 97 + number * 41) % 6_000));
                    connection.reset();
                }
                (reporter, events)
            })
        })
        .collect();
    let mut acknowledged = BTreeSet::new();
    let mut all = 0;
    for agent in agents {
        let (mut reporter, events) = agent.join().unwrap();
        all += events.len();
        // What an agent does with what was not acknowledged.
        for batch in events.chunks(50) {
            acknowledged.extend(wait::until("the server to take it", || {
                Some(reporter.deliver(batch)).filter(|taken| taken.len() == batch.len())
            }));
        }
    }
    assert_eq!(acknowledged.len(), all, "in the end everything is acknowledged");
    let database = server.database();
    assert_stored_once(&database, &acknowledged);
    let idle = "select count(*) from pg_stat_activity where state like 'idle in transaction%' and now() - state_change > interval '2 seconds'";
    assert_eq!(database.number(idle), 0, "no transaction is left open");
    let said = server.process().said();
    assert!(!said.contains("panicked"), "{said}");
}
