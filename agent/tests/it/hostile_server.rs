//! Servers that are not what they should be: nothing they answer is trusted beyond what it must be, and nothing that
//! waits is lost.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use lastgood_protocol::{
    AgentProblemKind, BatchAnswer, EnrolmentToken, EventAnswer, EventBody, EventId, EventStatus, Problem, ProblemClass,
    TOKEN_LIFETIME,
};

use crate::machine::{Machine, Running, wait_for};
use crate::server::{Authority, Reply, Request, Server, answering, enrolled, json, problem, public_key};

const SOON: Duration = Duration::from_secs(15);

fn taking() -> impl Fn(&Request) -> Reply {
    answering(|_| EventStatus::Stored)
}

fn deliveries(server: &Server) -> Vec<Request> {
    server
        .requests()
        .into_iter()
        .filter(|request| request.path == lastgood_protocol::EVENTS_PATH)
        .collect()
}

/// A machine enrolled at a server, with one report in its spool.
fn enrolled_machine(authority: &Authority) -> (Machine, Server) {
    let server = Server::honest(authority, taking());
    let machine = Machine::new();
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    assert_eq!(
        machine
            .run(&["exec", "nightly", "--", "sh", "-c", "exit 3"])
            .status
            .code(),
        Some(3)
    );
    (machine, server)
}

fn refuses_to_enrol(machine: &Machine, token: &str) -> String {
    let said = machine.fail(&["enroll", token]);
    assert!(!machine.state().join("identity.json").exists(), "{said}");
    said
}

#[test]
fn an_honest_server_enrols_and_the_secrets_are_private() {
    let authority = Authority::new();
    let server = Server::honest(&authority, taking());
    let machine = Machine::new();
    let said = machine.succeed(&["enroll", &server.token(authority.pin()), "--name", "reception"]);
    assert!(said.contains("Harbor Counseling"), "{said}");
    let mode = |path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(machine.state().join("identity.json")), 0o600);
    assert_eq!(mode(machine.state().to_path_buf()), 0o700);
    assert!(!machine.state().join("enrolment-key").exists());

    let again = machine.fail(&["enroll", &server.token(authority.pin())]);
    assert!(again.contains("--replace"), "{again}");
    machine.succeed(&["enroll", &server.token(authority.pin()), "--replace"]);
    let keys: Vec<_> = server.requests().iter().map(public_key).collect();
    assert_ne!(keys[0], keys[1], "a new identity has a new key");
}

#[test]
fn nobody_but_the_holder_of_the_pinned_authority_hears_the_secret() {
    let (right, other) = (Authority::new(), Authority::new());
    let machine = Machine::new();
    let impostors = [
        Server::honest(&other, taking()),
        Server::showing(&other, &right, "127.0.0.1", taking()),
        Server::showing(&right, &right, "practice.example", taking()),
    ];
    for server in &impostors {
        refuses_to_enrol(&machine, &server.token(right.pin()));
        assert_eq!(server.requests().len(), 0, "something was said to an impostor");
    }
}

#[test]
fn a_token_cannot_lead_out_of_tls() {
    let machine = Machine::new();
    let tokens = [
        ("http://192.0.2.1:8080", Some([0; 32])),
        ("http://192.0.2.1:8080", None),
        ("https://192.0.2.1", None),
        ("ftp://127.0.0.1", None),
        ("https://good.example@127.0.0.1", Some([0; 32])),
    ];
    for (server, authority_pin) in tokens {
        let token = EnrolmentToken {
            server: server.to_owned(),
            authority_pin,
            secret: [7; 32],
        };
        refuses_to_enrol(&machine, &token.to_string());
    }
    let said = machine.fail(&["enroll", "lgenroll1_nonsense"]);
    assert!(said.contains("not an enrolment token"), "{said}");
}

#[test]
fn a_lost_answer_is_asked_for_again_with_the_same_key() {
    let authority = Authority::new();
    let server = Server::honest(&authority, |_| Reply::Nothing);
    let machine = Machine::new();
    let said = refuses_to_enrol(&machine, &server.token(authority.pin()));
    assert!(said.contains("can be tried again"), "{said}");
    let before = server.requests().len();
    server.answer_with(taking());
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    let keys: Vec<_> = server.requests().iter().map(public_key).collect();
    assert!(before >= 1 && keys.iter().all(|key| *key == keys[0]));
}

#[test]
fn each_refusal_of_a_token_says_what_to_do() {
    let authority = Authority::new();
    let server = Server::honest(&authority, taking());
    let machine = Machine::new();
    let cases = [
        (404, ProblemClass::TokenUnknown, "whole word"),
        (409, ProblemClass::TokenUsed, "used already"),
        (410, ProblemClass::TokenExpired, "expired"),
        (429, ProblemClass::SlowDown, "few minutes"),
        (503, ProblemClass::Unavailable, "few minutes"),
        (404, ProblemClass::NotFound, "address"),
        (400, ProblemClass::Malformed, "versions"),
    ];
    for (status, class, word) in cases {
        server.answer_with(move |_| problem(status, class));
        let said = refuses_to_enrol(&machine, &server.token(authority.pin()));
        assert!(said.contains(word), "{class:?}: {said}");
    }
}

#[test]
fn nonsense_redirects_and_floods_do_not_enrol() {
    let authority = Authority::new();
    let elsewhere = Server::honest(&authority, taking());
    let server = Server::honest(&authority, taking());
    let machine = Machine::new();
    let location = format!("location: {}/agent/v1/enroll\r\n", elsewhere.url());
    for (status, headers, body) in [
        (307, location.clone(), String::new()),
        (308, location, String::new()),
        (200, String::new(), "<html>Welcome to the hotel</html>".to_owned()),
        (200, String::new(), "{\"agent\":7}".to_owned()),
        (200, String::new(), "[".repeat(60_000)),
        (502, String::new(), "Bad gateway".to_owned()),
        (
            200,
            "content-encoding: gzip\r\n".to_owned(),
            "\u{1f}nonsense".to_owned(),
        ),
    ] {
        server.answer_with(move |_| Reply::Text(status, headers.clone(), body.clone()));
        refuses_to_enrol(&machine, &server.token(authority.pin()));
    }
    server.answer_with(|_| Reply::Endless);
    let said = refuses_to_enrol(&machine, &server.token(authority.pin()));
    assert!(said.contains("too long"), "{said}");
    assert_eq!(elsewhere.requests().len(), 0, "a redirect was followed");
}

#[test]
fn answers_about_events_that_were_not_sent_are_ignored() {
    let authority = Authority::new();
    let (machine, server) = enrolled_machine(&authority);
    server.answer_with(|_| {
        let results = (0..50)
            .map(|number| EventAnswer {
                id: Some(EventId(uuid::Uuid::from_u128(number))),
                status: EventStatus::Stored,
                field: None,
                message: None,
            })
            .collect();
        json(
            200,
            &BatchAnswer {
                server_time: jiff::Timestamp::now(),
                results,
            },
        )
    });
    let _agent = machine.start();
    wait_for("three deliveries", SOON, || {
        (deliveries(&server).len() >= 3).then_some(())
    });
    assert_eq!(machine.finished().len(), 1, "the report still waits");
    server.answer_with(taking());
    wait_for("an empty spool", SOON, || machine.events().is_empty().then_some(()));
}

#[test]
fn whatever_a_broken_server_answers_the_spool_stays_and_is_delivered_later() {
    let authority = Authority::new();
    let (machine, server) = enrolled_machine(&authority);
    let before = machine.finished();
    let _agent = machine.start();
    let answers: [fn() -> Reply; 8] = [
        || Reply::Text(200, String::new(), "{\"server_time\":1,\"results\":\"all\"}".to_owned()),
        || Reply::Text(200, String::new(), "\u{0}".repeat(100)),
        || Reply::Text(302, "location: https://127.0.0.1:1/\r\n".to_owned(), String::new()),
        || Reply::Text(500, String::new(), "<html>".to_owned()),
        || Reply::Endless,
        || Reply::Nothing,
        || problem(403, ProblemClass::UnknownAgent),
        enrolled,
    ];
    for answer in answers {
        let seen = deliveries(&server).len();
        server.answer_with(move |_| answer());
        wait_for("two more deliveries", SOON, || {
            (deliveries(&server).len() >= seen + 2).then_some(())
        });
        assert_eq!(machine.finished(), before);
    }
    let status = machine.fail(&["status"]);
    assert!(status.contains("Nothing is lost"), "{status}");
    server.answer_with(taking());
    wait_for("an empty spool", SOON, || machine.events().is_empty().then_some(()));
    machine.succeed(&["status"]);
    assert_eq!(machine.quarantined(), 0);
}

/// What a server that was taken over might try: orders, paths, addresses, and plain noise.
fn orders(number: u32, request: &Request) -> Reply {
    let ids: Vec<String> = request
        .batch()
        .events
        .iter()
        .map(|event| event.id.to_string())
        .collect();
    let text = |body: serde_json::Value| Reply::Text(200, String::new(), body.to_string());
    let now = jiff::Timestamp::now();
    match number % 6 {
        0 => text(serde_json::json!({
            "server_time": now, "results": [], "command": ["sh", "-c", "touch /tmp/lastgood-owned"], "exec": "touch /tmp/lastgood-owned",
            "jobs": [{ "key": "nightly", "command": ["touch", "/tmp/lastgood-owned"] }], "update": "https://127.0.0.1:1/agent.exe",
        })),
        1 => text(serde_json::json!({
            "server_time": now,
            "results": [{ "id": "../../../../tmp/lastgood-owned", "status": "rejected" }, { "id": ids, "status": "stored" }],
        })),
        2 => text(serde_json::json!({
            "server_time": "9999-12-31T23:59:59Z",
            "results": [{ "id": ids.first(), "status": "run", "field": "/etc/passwd", "message": "; touch /tmp/lastgood-owned" }],
        })),
        3 => Reply::Text(301, "location: file:///etc/passwd\r\n".to_owned(), String::new()),
        4 => Reply::Text(
            503,
            "retry-after: 99999999999999999999\r\n".to_owned(),
            "[".repeat(50_000),
        ),
        // Noise, the same at each run: every byte there is, in another order each time.
        _ => {
            let noise = (0..4_000).filter_map(|place| char::from_u32(place * (number + 7) % 251));
            Reply::Text(200, String::new(), noise.collect())
        }
    }
}

/// The files that a traced process opened to write, made, renamed or removed, and the programs that it started.
fn touched(trace: &str) -> (Vec<String>, usize) {
    let succeeded = |line: &&str| !line.contains(" = -1 ");
    let paths = trace
        .lines()
        .filter(succeeded)
        .filter(|line| {
            !line.contains("openat") || ["O_WRONLY", "O_RDWR", "O_CREAT"].iter().any(|how| line.contains(how))
        })
        .filter(|line| !line.contains("execve"))
        .flat_map(|line| {
            line.split('"')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect();
    let started = trace
        .lines()
        .filter(succeeded)
        .filter(|line| line.contains("execve("))
        .count();
    (paths, started)
}

#[test]
fn whatever_a_hostile_server_orders_nothing_is_started_and_nothing_outside_the_state_is_touched() {
    let authority = Authority::new();
    let (machine, server) = enrolled_machine(&authority);
    let before = machine.finished();
    let number = AtomicU32::new(0);
    server.answer_with(move |request| orders(number.fetch_add(1, Ordering::Relaxed), request));
    let calls = "trace=execve,execveat,openat,open,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,link,linkat,symlink,symlinkat";
    let trace = machine.path("trace");
    let log = fs::File::create(machine.path("log")).expect("writable");
    let traced = Command::new("strace")
        .args(["-f", "-qq", "-s", "4096", "-e", calls, "-o"])
        .arg(&trace)
        // Killing strace would leave what it traces.
        .args(["setpriv", "--pdeathsig", "KILL"])
        .arg(Machine::program())
        .args(machine.arguments())
        .arg("run")
        .env("HOME", machine.path("home"))
        .stderr(log)
        .spawn();
    let _agent = Running(traced.expect("strace can be started"));
    wait_for("every order twice", Duration::from_mins(1), || {
        (deliveries(&server).len() >= 12).then_some(())
    });
    server.answer_with(|_| Reply::Endless);
    let seen = deliveries(&server).len();
    wait_for("two answers of a gigabyte", SOON, || {
        (deliveries(&server).len() >= seen + 2).then_some(())
    });
    let seen = deliveries(&server).len();
    let (is_first, honest) = (AtomicBool::new(true), taking());
    server.answer_with(move |request| {
        if is_first.swap(false, Ordering::Relaxed) {
            Reply::Dripping
        } else {
            honest(request)
        }
    });
    wait_for("an answer that does not end", SOON, || {
        (deliveries(&server).len() > seen).then_some(())
    });
    assert_eq!(machine.finished(), before, "the spool is as it was");
    wait_for(
        "an empty spool, once that answer is given up",
        Duration::from_mins(2),
        || machine.events().is_empty().then_some(()),
    );
    let (paths, started) = touched(&fs::read_to_string(&trace).expect("a trace"));
    assert_eq!(started, 2, "setpriv and the agent");
    let state = machine.state().to_str().expect("a plain path").to_owned();
    let foreign: Vec<&String> = paths.iter().filter(|path| !path.starts_with(&state)).collect();
    assert!(paths.len() > 10 && foreign.is_empty(), "{foreign:?}");
}

#[test]
fn an_impostor_after_enrolment_gets_nothing() {
    let (right, other) = (Authority::new(), Authority::new());
    let (machine, _server) = enrolled_machine(&right);
    let impostor = Server::honest(&other, taking());
    let identity = machine.state().join("identity.json");
    let mut kept: serde_json::Value = serde_json::from_slice(&fs::read(&identity).expect("there")).expect("JSON");
    kept["server"] = impostor.url().into();
    fs::write(&identity, kept.to_string()).expect("writable");
    let _agent = machine.start();
    wait_for("a refusal", SOON, || {
        machine.log().contains("certificate authority").then_some(())
    });
    assert_eq!(impostor.requests().len(), 0);
    assert_eq!(machine.finished().len(), 1);
}

#[test]
fn what_the_server_refuses_for_good_is_set_aside_and_said() {
    let authority = Authority::new();
    let (machine, server) = enrolled_machine(&authority);
    server.answer_with(answering(|event| match &event.what {
        EventBody::RunStarted(_) => EventStatus::Conflict,
        EventBody::RunFinished(_) => EventStatus::Rejected,
        _ => EventStatus::Stored,
    }));
    let _agent = machine.start();
    let reported = wait_for("the report of it", SOON, || {
        deliveries(&server)
            .iter()
            .flat_map(|request| request.batch().events)
            .find_map(|event| match event.what {
                EventBody::AgentProblem(problem) => Some(problem),
                _ => None,
            })
    });
    assert_eq!((reported.kind, reported.count), (AgentProblemKind::EventsRejected, 2));
    assert_eq!(machine.quarantined(), 2);
}

#[test]
fn one_event_that_the_server_cannot_read_does_not_hold_the_others() {
    let authority = Authority::new();
    let (machine, server) = enrolled_machine(&authority);
    for number in 0..6 {
        let job = if number == 3 { "poison" } else { "fine" };
        machine.run(&["exec", job, "--", "true"]);
    }
    let accept = answering(|_| EventStatus::Stored);
    server.answer_with(move |request| {
        if String::from_utf8_lossy(&request.body).contains("\"poison\"") {
            return problem(400, ProblemClass::Malformed);
        }
        accept(request)
    });
    let _agent = machine.start();
    wait_for("an empty spool", Duration::from_mins(1), || {
        (machine.events().is_empty() && machine.quarantined() >= 2).then_some(())
    });
    assert_eq!(machine.quarantined(), 2, "its start and its end");
}

#[test]
fn a_wrong_clock_is_corrected_by_the_server_s_word_and_not_hidden() {
    let authority = Authority::new();
    let (machine, server) = enrolled_machine(&authority);
    let key = public_key(&server.requests()[0]);
    let accept = answering(|_| EventStatus::Stored);
    let ahead = jiff::SignedDuration::from_hours(24 * 400);
    server.answer_with(move |request| {
        let server_time = jiff::Timestamp::now().checked_add(ahead).expect("in range");
        let token = request.token.as_deref().expect("it is signed");
        if key.verify(token, server_time, &request.body).is_ok() {
            return accept(request);
        }
        json(
            401,
            &Problem {
                class: ProblemClass::Clock,
                message: "the token is not valid at this time".to_owned(),
                field: None,
                server_time,
            },
        )
    });
    let _agent = machine.start();
    wait_for("an empty spool", SOON, || machine.events().is_empty().then_some(()));
    let requests = deliveries(&server);
    let skew = jiff::Timestamp::now().duration_since(requests[1].batch().sent_at);
    assert!(skew.unsigned_abs() < TOKEN_LIFETIME, "it tells its own clock as it is");
    wait_for("more deliveries", SOON, || {
        (deliveries(&server).len() >= 4).then_some(())
    });
    let refused = requests.iter().filter(|request| {
        key.verify(
            request.token.as_deref().expect("signed"),
            jiff::Timestamp::now(),
            &request.body,
        )
        .is_ok()
    });
    assert_eq!(refused.count(), 1, "the correction is kept");
}

#[test]
fn a_server_that_asks_to_wait_is_left_in_peace() {
    let authority = Authority::new();
    let (machine, server) = enrolled_machine(&authority);
    server.answer_with(|_| {
        let Reply::Text(status, _, body) = problem(429, ProblemClass::SlowDown) else {
            unreachable!("a problem is a text");
        };
        Reply::Text(status, "retry-after: 600\r\n".to_owned(), body)
    });
    let _agent = machine.start();
    wait_for("a delivery", SOON, || (!deliveries(&server).is_empty()).then_some(()));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(deliveries(&server).len(), 1);
}
