//! Whatever is sent: a clear 4xx in JSON, never a 5xx, and nothing stored.

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use lastgood_protocol::{AgentKey, EVENTS_PATH, MAX_BATCH_BYTES, Problem, ProblemClass};

use super::machine::{Machine, post, start_committers};
use crate::db::Scope;
use crate::ids;
use crate::testing::{Answer, TestApp};

async fn stored(test: &TestApp) -> i64 {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!(r#"select count(*) as "count!" from inbox"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
}

#[track_caller]
fn assert_problem(answer: &Answer, status: u16, class: ProblemClass) {
    answer.assert_status(status);
    assert!(answer.header("content-type").starts_with("application/json"));
    let problem: Problem = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(problem.class, class, "{}", problem.message);
    assert!(!problem.message.is_empty());
}

#[tokio::test]
async fn a_body_that_cannot_be_stored_is_refused() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let good = serde_json::to_string(&machine.batch(vec![machine.heartbeat()])).unwrap();
    let cases: [(String, u16); 10] = [
        (String::new(), 400),
        ("{\"protocol\":1".to_owned(), 400),
        ("{\"protocol\":\"\u{0}\"}".to_owned(), 400),
        ("7".to_owned(), 422),
        (good.replace("\"protocol\":1", "\"protocol\":\"one\""), 422),
        (good.replace("\"seq\":1", "\"seq\":1e400"), 422),
        (good.replace("\"seq\":1", "\"seq\":18446744073709551616"), 422),
        (
            good.replace("\"kind\":\"heartbeat\"", "\"kind\":\"heart\\u0000beat\""),
            422,
        ),
        (good.replace("\"spooled\":4", "\"spooled\":4,\"note\":\"\\ud800\""), 422),
        (good.replace("\"spooled\":4", "\"spooled\":4,\"spooled\":4"), 422),
    ];
    for (body, status) in cases {
        assert_problem(
            &machine.send_body(body.into_bytes()).await,
            status,
            ProblemClass::Malformed,
        );
    }
    let large = vec![b' '; MAX_BATCH_BYTES + 1];
    assert_problem(&machine.send_body(large).await, 413, ProblemClass::TooLarge);
    assert_eq!(stored(&test).await, 0);
    test.app.stop().await;
}

#[tokio::test]
async fn a_request_that_is_not_json_is_refused() {
    let test = TestApp::start().await;
    let machine = Machine::enrolled(&test).await;
    let body = serde_json::to_vec(&machine.batch(Vec::new())).unwrap();
    let headers = [
        vec![("content-type", "application/x-www-form-urlencoded")],
        vec![("content-type", "text/html")],
        vec![],
        vec![("content-type", "application/json"), ("content-encoding", "gzip")],
        vec![("content-type", "application/json"), ("content-encoding", "identity")],
    ];
    for headers in headers {
        let mut request = Request::builder().method(Method::POST).uri(EVENTS_PATH);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.header("authorization", format!("Bearer {}", machine.sign(&body)));
        let answer = test.as_stranger().send(request, Body::from(body.clone())).await;
        assert_problem(&answer, 415, ProblemClass::Malformed);
    }
}

#[tokio::test]
async fn only_the_agent_whose_key_signed_this_body_now_is_believed() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let other = Machine::enrolled(&test).await;
    let body = serde_json::to_vec(&machine.batch(vec![machine.heartbeat()])).unwrap();
    let good = machine.sign(&body);
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let none = format!("{}.{claims}.", encode(r#"{"typ":"JWT","alg":"none"}"#));
    let hs256 = format!("{}.{claims}.{signature}", encode(r#"{"typ":"JWT","alg":"HS256"}"#));
    let truncated = &good[..good.len() - 4];
    let long = format!("{header}.{claims}.{}", "A".repeat(5_000));
    let by_other = other.key.sign(
        lastgood_protocol::AgentId(machine.agent.0),
        ids::new(test.now()),
        test.now(),
        &body,
    );
    let for_other_body = machine.sign(b"{}");
    for token in [
        None,
        Some(""),
        Some("x"),
        Some("a.b.c"),
        Some(long.as_str()),
        Some(&for_other_body),
    ] {
        let answer = post(&test, EVENTS_PATH, token, body.clone()).await;
        assert_problem(&answer, 401, ProblemClass::Unauthenticated);
    }
    for token in [none.as_str(), &hs256, truncated, &by_other.unwrap()] {
        let answer = post(&test, EVENTS_PATH, Some(token), body.clone()).await;
        assert_problem(&answer, 401, ProblemClass::UnknownAgent);
    }
    let stranger = AgentKey::generate().unwrap();
    let unknown = stranger.sign(
        lastgood_protocol::AgentId(ids::new(test.now())),
        ids::new(test.now()),
        test.now(),
        &body,
    );
    let answer = post(&test, EVENTS_PATH, Some(&unknown.unwrap()), body.clone()).await;
    assert_problem(&answer, 401, ProblemClass::UnknownAgent);
    for minutes in [3, -3] {
        let at = test.now() + SignedDuration::from_mins(minutes);
        let token = machine
            .key
            .sign(lastgood_protocol::AgentId(machine.agent.0), ids::new(at), at, &body)
            .unwrap();
        let answer = post(&test, EVENTS_PATH, Some(&token), body.clone()).await;
        assert_problem(&answer, 401, ProblemClass::Clock);
    }
    assert_eq!(stored(&test).await, 0);
    post(&test, EVENTS_PATH, Some(&good), body.clone())
        .await
        .assert_status(200);
    assert_eq!(stored(&test).await, 1);
    let replayed = post(&test, EVENTS_PATH, Some(&good), body).await;
    assert_eq!(
        super::machine::statuses(replayed.assert_status(200)),
        [lastgood_protocol::EventStatus::Duplicate]
    );
    assert_eq!(stored(&test).await, 1);
    test.app.stop().await;
}

#[tokio::test]
async fn other_addresses_and_methods_answer_in_json_too() {
    let test = TestApp::start().await;
    for (method, path, status) in [
        (Method::GET, EVENTS_PATH, 405),
        (Method::DELETE, "/agent/v1/enroll", 405),
        (Method::POST, "/agent/v2/events", 404),
        (Method::GET, "/agent/", 404),
    ] {
        let request = Request::builder().method(method).uri(path);
        let answer = test.as_stranger().send(request, Body::empty()).await;
        assert_problem(&answer, status, ProblemClass::NotFound);
    }
}

#[tokio::test]
async fn an_agent_and_a_stranger_are_slowed_down() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    machine.send(&[]).await.assert_status(200);
    for _ in 1..600 {
        test.app.gate.requests.take(&machine.agent, test.now()).unwrap();
    }
    assert_problem(&machine.send(&[]).await, 429, ProblemClass::SlowDown);
    for _ in 0..120 {
        post(&test, EVENTS_PATH, None, Vec::new()).await.assert_status(401);
    }
    let slowed = post(&test, EVENTS_PATH, None, Vec::new()).await;
    assert_problem(&slowed, 429, ProblemClass::SlowDown);
    assert_eq!(slowed.header("retry-after"), "1");
    test.advance(SignedDuration::from_secs(2));
    machine.send(&[]).await.assert_status(200);
    test.app.stop().await;
}
