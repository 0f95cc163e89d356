//! Requests that are not as they should be, down to the bytes.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use lastgood_protocol::{ENROL_PATH, EVENTS_PATH};
use lastgood_tests::wire::Answer;

use super::{assert_clear, assert_well, scene};

/// What it is, method, path, headers, and the statuses it may be answered with.
type Request<'a> = (&'a str, &'a str, &'a str, Vec<(&'a str, &'a str)>, &'a [u16]);

/// A 4xx, or a connection that is no more; not silence.
fn assert_refused_or_closed(what: &str, answered: io::Result<Answer>) {
    match answered {
        Ok(answer) => assert!(
            (400..500).contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.text()
        ),
        Err(error) => assert!(
            matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            ),
            "{what}: neither answered nor closed: {error}"
        ),
    }
}

#[test]
fn requests_that_are_not_as_they_should_be() {
    let (mut server, mut reporter) = scene();
    let address = server.address();
    let authority = address.authority();
    let event = reporter.heartbeat();
    let body = reporter.batch(&[event]);
    let bearer = format!("Bearer {}", reporter.sign(&body));
    let json_type = ("Content-Type", "application/json");
    let host = ("Host", authority.as_str());
    let signed = ("Authorization", bearer.as_str());
    let table: Vec<Request<'_>> = vec![
        ("no content type", "POST", EVENTS_PATH, vec![host, signed], &[415]),
        (
            "a form",
            "POST",
            EVENTS_PATH,
            vec![host, signed, ("Content-Type", "application/x-www-form-urlencoded")],
            &[415],
        ),
        (
            "compressed",
            "POST",
            EVENTS_PATH,
            vec![host, signed, json_type, ("Content-Encoding", "gzip")],
            &[415],
        ),
        ("a GET", "GET", EVENTS_PATH, vec![host, signed], &[404, 405]),
        ("a PUT", "PUT", EVENTS_PATH, vec![host, signed, json_type], &[404, 405]),
        ("a DELETE", "DELETE", EVENTS_PATH, vec![host, signed], &[404, 405]),
        (
            "another version",
            "POST",
            "/agent/v2/events",
            vec![host, signed, json_type],
            &[404],
        ),
        (
            "a path upwards",
            "POST",
            "/agent/v1/../v1/events",
            vec![host, signed, json_type],
            &[404],
        ),
        (
            "a path with NUL",
            "POST",
            "/agent/v1/%00",
            vec![host, signed, json_type],
            &[404],
        ),
        (
            "a long path",
            "POST",
            "/agent/v1/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            vec![host, signed, json_type],
            &[404],
        ),
    ];
    for (what, method, path, headers, expected) in table {
        let body: &[u8] = if method == "GET" { b"" } else { &body };
        let answer = address
            .connect()
            .unwrap()
            .request(method, path, &headers, body)
            .unwrap();
        assert_clear(what, &answer, expected);
    }
    assert_well(&mut server, &mut reporter);
}

#[test]
fn a_hundred_megabytes_are_refused_without_being_kept() {
    let (mut server, mut reporter) = scene();
    let address = server.address();
    let before = server.process().resident();
    let most = Duration::from_secs(30);
    for path in [EVENTS_PATH, ENROL_PATH, "/sign-in"] {
        for chunked in [false, true] {
            let mut connection = address.connect().unwrap();
            let length = if chunked {
                "Transfer-Encoding: chunked".to_owned()
            } else {
                format!("Content-Length: {}", 100 << 20)
            };
            let kind = if path == "/sign-in" {
                "application/x-www-form-urlencoded"
            } else {
                "application/json"
            };
            let head = format!(
                "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nSec-Fetch-Site: same-origin\r\nAuthorization: Bearer x.y.z\r\n{length}\r\n\r\n",
                address.authority()
            );
            connection.send(head.as_bytes()).unwrap();
            let megabyte = vec![b' '; 1 << 20];
            let began = Instant::now();
            for _ in 0..100 {
                let sent = if chunked {
                    connection
                        .send(b"100000\r\n")
                        .and_then(|()| connection.send(&megabyte))
                        .and_then(|()| connection.send(b"\r\n"))
                } else {
                    connection.send(&megabyte)
                };
                if sent.is_err() {
                    break;
                }
            }
            // A server that closed before everything was sent may have its answer lost with the reset.
            assert_refused_or_closed(path, connection.answer());
            assert!(began.elapsed() < most, "{path} took too long to refuse");
        }
    }
    let grown = server.process().resident().saturating_sub(before) >> 20;
    assert!(grown < 32, "the server grew by {grown} MiB");
    assert_well(&mut server, &mut reporter);
}

#[test]
fn lies_about_lengths_and_half_requests() {
    let (mut server, mut reporter) = scene();
    let address = server.address();
    let host = address.authority();
    let table = [
        (
            "two lengths",
            format!(
                "POST {EVENTS_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nContent-Length: 20\r\n\r\n{{}}"
            ),
        ),
        (
            "a negative length",
            format!("POST {EVENTS_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n{{}}"),
        ),
        (
            "a length in words",
            format!("POST {EVENTS_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: many\r\n\r\n{{}}"),
        ),
        (
            "a length beyond numbers",
            format!("POST {EVENTS_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 99999999999999999999\r\n\r\n{{}}"),
        ),
        (
            "length and chunks",
            format!(
                "POST {EVENTS_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /readyz HTTP/1.1\r\nHost: {host}\r\n\r\n"
            ),
        ),
        (
            "chunks that are none",
            format!(
                "POST {EVENTS_PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n{{}}\r\n"
            ),
        ),
        ("no HTTP", "HELO practice.example\r\n\r\n".to_owned()),
        (
            "a header of 1 MB",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {}\r\n\r\n", "x".repeat(1 << 20)),
        ),
        (
            "10,000 headers",
            format!("GET / HTTP/1.1\r\nHost: {host}\r\n{}\r\n", "A: b\r\n".repeat(10_000)),
        ),
        (
            "a space before the colon",
            format!("GET / HTTP/1.1\r\nHost : {host}\r\n\r\n"),
        ),
    ];
    for (what, bytes) in table {
        let mut connection = address.connect().unwrap();
        connection.send(bytes.as_bytes()).unwrap_or_default();
        assert_refused_or_closed(what, connection.answer());
        let second = connection.answer();
        assert!(second.is_err(), "{what}: one request must not become two: {second:?}");
    }
    assert_well(&mut server, &mut reporter);
}

#[test]
fn a_slow_head_is_cut_off_and_keeps_nobody_waiting() {
    let (mut server, mut reporter) = scene();
    let address = server.address();
    let mut slow: Vec<_> = (0..50).map(|_| address.connect().unwrap()).collect();
    for connection in &mut slow {
        connection.send(b"GET / HTTP/1.1\r\nHost: loc").unwrap();
    }
    let began = Instant::now();
    assert_well(&mut server, &mut reporter);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "an honest report waits for nobody"
    );
    for connection in &mut slow {
        connection.set_patience(Duration::from_secs(40)).unwrap();
        let answer = connection.answer();
        let cut_off = answer.as_ref().map_or_else(
            |error| !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            |answer| answer.status == 408,
        );
        assert!(cut_off, "a head that does not end is not waited for: {answer:?}");
    }
    assert!(
        began.elapsed() < Duration::from_secs(40),
        "all of them were cut off in time"
    );
}
