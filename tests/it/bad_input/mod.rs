//! What nobody should send, over real TLS: each is answered with a clear 4xx, and the server is as well afterwards as before.

mod credentials;
mod messages;
mod wire;

use lastgood_tests::reporter::{Reporter, json};
use lastgood_tests::server::Server;
use lastgood_tests::wire::Answer;

const HARBOR: &str = "Harbor Counseling";

fn server() -> Server {
    let server = Server::start();
    server.add_user("olivia@northwind.example", "owner", None);
    server.add_practice(HARBOR);
    server
}

/// A server, and an agent that it believes.
fn scene() -> (Server, Reporter) {
    let server = server();
    let reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    (server, reporter)
}

/// Nothing was harmed: it is ready, nothing failed inside, and it stores the next honest report.
fn assert_well(server: &mut Server, reporter: &mut Reporter) {
    let event = reporter.heartbeat();
    assert_eq!(
        reporter.deliver(std::slice::from_ref(&event)),
        [event.id],
        "an honest report should be stored"
    );
    let said = server.process().said();
    for word in ["panicked", "ERROR"] {
        let line = said.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "the server should have nothing to complain about");
    }
}

fn assert_clear(what: &str, answer: &Answer, expected: &[u16]) {
    let (status, body) = (answer.status, answer.text());
    assert!(
        expected.contains(&status),
        "{what}: {status} and not {expected:?}: {body}"
    );
    let problem = json(answer);
    assert!(
        problem["message"].as_str().is_some_and(|message| message.len() > 10),
        "{what}: says nothing: {body}"
    );
    assert!(
        problem["class"].is_string() && problem["server_time"].is_string(),
        "{what}: is no problem of ours: {body}"
    );
}
