//! What nobody should send, over real TLS: each is answered with a clear 4xx, and the server is as well afterwards as before.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{AgentKey, ENROL_PATH, EVENTS_PATH};
use lastgood_tests::reporter::{Reporter, enrolment, json, now, post};
use lastgood_tests::server::Server;
use lastgood_tests::wire::Answer;
use serde_json::{Value, json};

const HARBOR: &str = "Harbor Counseling";

/// What it is, method, path, headers, and the statuses it may be answered with.
type Request<'a> = (&'a str, &'a str, &'a str, Vec<(&'a str, &'a str)>, &'a [u16]);

fn server() -> Server {
    let server = Server::start();
    server.add_user("olivia@northwind.example", "owner", None);
    server.add_practice(HARBOR);
    server
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

/// A good batch with one heartbeat, as JSON to be spoilt.
fn good(reporter: &mut Reporter) -> Value {
    let event = reporter.heartbeat();
    serde_json::from_slice(&reporter.batch(&[event])).unwrap()
}

#[test]
fn bodies_that_are_no_batches() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut table: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("nothing", Vec::new(), &[400]),
        ("not JSON", b"backup was fine".to_vec(), &[400]),
        ("half a batch", b"{\"protocol\": 1, \"events\": [".to_vec(), &[400]),
        ("a number", b"42".to_vec(), &[400, 422]),
        ("a list", b"[]".to_vec(), &[400, 422]),
        ("null", b"null".to_vec(), &[400, 422]),
        ("no fields", b"{}".to_vec(), &[422]),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec(), &[400]),
        ("UTF-16", "{\u{0}}\u{0}".bytes().collect(), &[400]),
        ("not UTF-8", b"{\"protocol\": \"\xff\xfe\"}".to_vec(), &[400]),
        ("a NUL byte", b"{\"protocol\": 1\0}".to_vec(), &[400]),
        ("NaN", b"{\"protocol\": NaN}".to_vec(), &[400]),
        ("1e400", b"{\"protocol\": 1e400}".to_vec(), &[400, 422]),
        ("100,000 deep", deep.into_bytes(), &[400, 422]),
        ("trailing words", b"{} and more".to_vec(), &[400]),
        ("300 KB", vec![b' '; 300 * 1024], &[413]),
    ];
    let spoil: [(&str, &str, Value); 12] = [
        ("protocol as text", "/protocol", json!("one")),
        ("protocol 0", "/protocol", json!(0)),
        ("protocol -1", "/protocol", json!(-1)),
        ("protocol 2^64", "/protocol", json!(18_446_744_073_709_551_615_u64)),
        ("sent_at as number", "/sent_at", json!(7)),
        ("sent_at in the year 9999", "/sent_at", json!("9999-12-30T22:00:00Z")),
        ("sent_at before time", "/sent_at", json!("-009999-01-02T01:59:59Z")),
        ("boot is no id", "/boot", json!("yesterday")),
        ("a version with a line feed", "/agent_version", json!("0.1\n0")),
        ("a version of 100 KB", "/agent_version", json!("x".repeat(100_000))),
        ("events as text", "/events", json!("none")),
        ("null events", "/events", Value::Null),
    ];
    for (what, pointer, value) in spoil {
        let mut batch = good(&mut reporter);
        *batch.pointer_mut(pointer).unwrap() = value;
        table.push((what, serde_json::to_vec(&batch).unwrap(), &[422]));
    }
    let heartbeat = good(&mut reporter)["events"][0].clone();
    let mut crowded = good(&mut reporter);
    crowded["events"] = json!(vec![heartbeat; 101]);
    table.push(("101 events", serde_json::to_vec(&crowded).unwrap(), &[413]));

    for (what, body, expected) in table {
        let answer = reporter
            .post_raw(EVENTS_PATH, Some(&reporter.sign(&body)), &body)
            .unwrap();
        assert_clear(what, &answer, expected);
    }
    assert_well(&mut server, &mut reporter);
}

#[test]
fn events_that_are_none_are_rejected_one_by_one_and_name_their_field() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    let table: [(&str, &str, Value); 10] = [
        ("id", "/id", json!("not an id")),
        ("seq", "/seq", json!(-1)),
        ("seq", "/seq", json!(9_223_372_036_854_775_808_u64)),
        ("seq", "/seq", json!("1")),
        ("occurred_at", "/occurred_at", json!("yesterday")),
        ("occurred_at", "/occurred_at", json!("1970-01-01T00:00:00Z")),
        ("kind", "/kind", json!("Robert'); drop table inbox; --")),
        ("kind", "/kind", Value::Null),
        ("body", "/body/note", json!("a NUL \u{0} inside")),
        ("body", "/body/note", json!("x".repeat(5_000))),
    ];
    for (field, pointer, value) in table {
        let mut batch = good(&mut reporter);
        batch["events"][0]["body"]["note"] = json!("");
        *batch["events"][0].pointer_mut(pointer).unwrap() = value.clone();
        let fine = good(&mut reporter)["events"][0].clone();
        batch["events"].as_array_mut().unwrap().push(fine.clone());
        let answer = reporter.send(&serde_json::to_vec(&batch).unwrap()).unwrap();
        assert_eq!(answer.status, 200, "{field} = {value}: {}", answer.text());
        let results = json(&answer)["results"].clone();
        assert_eq!(results[0]["status"], "rejected", "{field} = {value}: {results}");
        let named = results[0]["field"].as_str().unwrap_or_default();
        assert!(named.starts_with(field), "{field} = {value}: {results}");
        assert_eq!(
            (&results[1]["status"], &results[1]["id"]),
            (&json!("stored"), &fine["id"]),
            "its neighbour is stored"
        );
    }
    assert_well(&mut server, &mut reporter);
}

#[test]
fn requests_that_are_not_as_they_should_be() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
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
fn tokens_of_others_of_yesterday_and_of_nobody() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    let other = Reporter::enrol(&server.address(), &server.token(HARBOR));
    let event = reporter.heartbeat();
    let body = reporter.batch(&[event]);
    let good = reporter.sign(&body);
    let parts: Vec<&str> = good.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let other_token = other.sign(&body);
    let foreign = other_token.rsplit('.').next().unwrap();
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap());
    let with_header = |header: Value| format!("{}.{}.{}", encode(&header), parts[1], parts[2]);
    let with_claim = |name: &str, value: Value| {
        let mut claims = claims.clone();
        claims[name] = value;
        format!("{}.{}.{}", parts[0], encode(&claims), parts[2])
    };
    let stranger = AgentKey::generate().unwrap();
    let unknown = lastgood_protocol::AgentId(lastgood_tests::reporter::new_id());
    let sign_as = |key: &AgentKey, agent| {
        key.sign(agent, lastgood_tests::reporter::new_id(), now(), &body)
            .unwrap()
    };
    let hours = |hours| now() + SignedDuration::from_hours(hours);
    let public = URL_SAFE_NO_PAD.encode(AgentKey::generate().unwrap().public().as_bytes());
    let table: Vec<(&str, Option<String>)> = vec![
        ("no token", None),
        ("an empty one", Some(String::new())),
        ("words", Some("let me in".to_owned())),
        ("two parts", Some(format!("{}.{}", parts[0], parts[1]))),
        ("four parts", Some(format!("{good}.more"))),
        ("no signature", Some(format!("{}.{}.", parts[0], parts[1]))),
        (
            "alg none",
            Some(format!(
                "{}.{}.",
                encode(&json!({"alg": "none", "typ": "JWT"})),
                parts[1]
            )),
        ),
        ("alg None", Some(with_header(json!({"alg": "None"})))),
        ("alg HS256", Some(with_header(json!({"alg": "HS256", "typ": "JWT"})))),
        ("alg RS256", Some(with_header(json!({"alg": "RS256"})))),
        (
            "a key of its own",
            Some(with_header(
                json!({"alg": "EdDSA", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": public}}),
            )),
        ),
        (
            "a key from elsewhere",
            Some(with_header(
                json!({"alg": "EdDSA", "jku": "https://evil.example/keys", "kid": "../../etc/passwd"}),
            )),
        ),
        ("signed by a stranger", Some(sign_as(&stranger, reporter.id))),
        (
            "with another agent's signature",
            Some(format!("{}.{}.{foreign}", parts[0], parts[1])),
        ),
        ("from an unknown agent", Some(sign_as(&stranger, unknown))),
        (
            "for another audience",
            Some(with_claim("aud", json!("lastgood/browser"))),
        ),
        ("from another issuer", Some(with_claim("iss", json!("evil")))),
        ("for somebody else", Some(with_claim("sub", json!(other.id)))),
        ("exp as text", Some(with_claim("exp", json!("tomorrow")))),
        ("exp without end", Some(with_claim("exp", json!(9_999_999_999_i64)))),
        ("no exp", Some(with_claim("exp", Value::Null))),
        ("of yesterday", Some(reporter.sign_at(&body, hours(-24)))),
        ("of tomorrow", Some(reporter.sign_at(&body, hours(24)))),
        ("for another body", Some(reporter.sign(b"{}"))),
        ("20 KB long", Some("x".repeat(20_000))),
    ];
    for (what, token) in table {
        let answer = reporter.post_raw(EVENTS_PATH, token.as_deref(), &body).unwrap();
        assert!(
            [401, 431].contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.text()
        );
    }
    assert_eq!(
        server.database().number("select count(*) from inbox"),
        0,
        "none of it was stored"
    );
    let answer = reporter
        .post_raw(EVENTS_PATH, Some(&reporter.sign_at(&body, hours(-24))), &body)
        .unwrap();
    assert_eq!(
        json(&answer)["class"],
        "clock",
        "a wrong clock is told from a wrong key"
    );
    assert_well(&mut server, &mut reporter);
}

#[test]
fn enrolments_that_are_none_or_come_twice() {
    let mut server = server();
    let address = server.address();
    let token = server.token(HARBOR);
    let key = AgentKey::generate().unwrap();
    let request = serde_json::to_vec(&enrolment(&token, &key)).unwrap();
    let first = post(&address, ENROL_PATH, None, &request).unwrap();
    assert_eq!(first.status, 200, "{}", first.text());

    let again = post(&address, ENROL_PATH, None, &request).unwrap();
    assert_eq!(
        json(&again)["agent"],
        json(&first)["agent"],
        "a lost answer costs nothing: the same key is the same agent"
    );

    let thief = serde_json::to_vec(&enrolment(&token, &AgentKey::generate().unwrap())).unwrap();
    let answer = post(&address, ENROL_PATH, None, &thief).unwrap();
    assert_clear("a replay by somebody else", &answer, &[403]);
    assert_eq!(json(&answer)["class"], "token_used");
    assert_eq!(server.database().number("select count(*) from agents"), 1);
    let alerts = server
        .database()
        .number("select count(*) from alerts where closed_at is null");
    assert_eq!(alerts, 1, "a replayed token is something to be told of");

    let mut unknown: Value = serde_json::from_slice(&thief).unwrap();
    unknown["secret"] = json!(URL_SAFE_NO_PAD.encode([7; 32]));
    let answer = post(&address, ENROL_PATH, None, &serde_json::to_vec(&unknown).unwrap()).unwrap();
    assert_clear("an unknown token", &answer, &[403]);
    assert_eq!(json(&answer)["class"], "token_unknown");

    let expiring = server.token(HARBOR);
    server
        .database()
        .execute("update enrolment_tokens set expires_at = now() - interval '1 second' where used_at is null");
    let late = serde_json::to_vec(&enrolment(&expiring, &AgentKey::generate().unwrap())).unwrap();
    let answer = post(&address, ENROL_PATH, None, &late).unwrap();
    assert_clear("a token of the day before yesterday", &answer, &[403]);
    assert_eq!(json(&answer)["class"], "token_expired");

    for (what, pointer, value) in [
        ("a name with NUL", "/hostname", json!("harbor\u{0}")),
        ("a name of 10 KB", "/hostname", json!("x".repeat(10_000))),
        ("a key that is none", "/public_key", json!("AAAA")),
        ("a platform of numbers", "/platform", json!(11)),
        ("a secret of numbers", "/secret", json!(11)),
    ] {
        let mut request: Value = serde_json::from_slice(&late).unwrap();
        *request.pointer_mut(pointer).unwrap() = value;
        let answer = post(&address, ENROL_PATH, None, &serde_json::to_vec(&request).unwrap()).unwrap();
        assert_clear(what, &answer, &[400, 422, 403]);
    }
    let mut reporter = Reporter::enrol(&address, &server.token(HARBOR));
    assert_well(&mut server, &mut reporter);
}

#[test]
fn a_hundred_megabytes_are_refused_without_being_kept() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
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
            match connection.answer() {
                Ok(answer) => assert!(
                    (400..500).contains(&answer.status),
                    "{path}: {} {}",
                    answer.status,
                    answer.text()
                ),
                Err(error) => assert!(
                    matches!(
                        error.kind(),
                        ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
                    ),
                    "{path}: {error}"
                ),
            }
            assert!(began.elapsed() < most, "{path} took too long to refuse");
        }
    }
    let grown = server.process().resident().saturating_sub(before) >> 20;
    assert!(grown < 32, "the server grew by {grown} MiB");
    assert_well(&mut server, &mut reporter);
}

#[test]
fn lies_about_lengths_and_half_requests() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
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
        match connection.answer() {
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
        let second = connection.answer();
        assert!(second.is_err(), "{what}: one request must not become two: {second:?}");
    }
    assert_well(&mut server, &mut reporter);
}

#[test]
fn a_slow_head_is_cut_off_and_keeps_nobody_waiting() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
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

#[test]
fn forms_that_no_browser_sends() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    let mut owner = server.visitor("olivia@northwind.example");
    let table = [
        ("no form at all", "", "application/x-www-form-urlencoded"),
        ("JSON", "{\"email\": \"x\"}", "application/json"),
        (
            "not UTF-8",
            "email=%ff%fe&password=%80",
            "application/x-www-form-urlencoded",
        ),
        (
            "a NUL",
            "email=a%00b&password=c%00d",
            "application/x-www-form-urlencoded",
        ),
        (
            "half an escape",
            "email=%&password=%2",
            "application/x-www-form-urlencoded",
        ),
        (
            "a field twice",
            "email=a&email=b&password=c",
            "application/x-www-form-urlencoded",
        ),
    ];
    let changes = lastgood::routes::table();
    let changes = changes
        .iter()
        .filter(|route| route.method == "POST" && !route.path.starts_with("/agent/"));
    let mut calls = 0;
    for route in changes.filter(|route| route.path != "/sign-out") {
        let path = fill(route.path);
        for (what, body, kind) in table {
            let headers = [
                ("Content-Type", kind),
                ("Sec-Fetch-Site", "same-origin"),
                ("Accept", "text/html"),
            ];
            let answer = owner.send("POST", &path, &headers, body);
            // A route without fields may do what it does; a fresh sign-in may be asked for first.
            assert!(
                answer.status < 500,
                "{path}: {what}: {} {}",
                answer.status,
                answer.text()
            );
            calls += 1;
        }
    }
    assert!(calls > 10, "the route table has forms");
    assert_well(&mut server, &mut reporter);
}

/// A path with ids that belong to nothing.
fn fill(path: &str) -> String {
    path.split('/')
        .map(|part| {
            if part.starts_with('{') {
                "019350a0-0000-7000-8000-000000000000"
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn times_of_agents_with_wrong_clocks_are_stored_and_harm_nobody() {
    let mut server = server();
    let mut reporter = Reporter::enrol(&server.address(), &server.token(HARBOR));
    for at in [
        "2000-01-01T00:00:00Z",
        "2023-11-23T00:00:00Z",
        "2029-11-23T00:00:00Z",
        "2099-12-31T23:59:59Z",
    ] {
        let at: Timestamp = at.parse().unwrap();
        let mut event = reporter.heartbeat();
        event.occurred_at = at;
        assert_eq!(reporter.deliver(std::slice::from_ref(&event)), [event.id], "{at}");
    }
    assert_well(&mut server, &mut reporter);
}
