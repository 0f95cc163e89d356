//! A token becomes exactly one agent.

use futures_util::future::join_all;
use jiff::SignedDuration;
use lastgood_protocol::{AgentKey, EnrolmentAnswer, Problem, ProblemClass};

use super::machine::{post, redeem, token_secret};
use crate::db::Scope;
use crate::testing::{Answer, TestApp};

fn problem(answer: &Answer) -> ProblemClass {
    let problem: Problem = serde_json::from_str(&answer.body).unwrap();
    problem.class
}

async fn agents(test: &TestApp) -> i64 {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!(r#"select count(*) as "count!" from agents"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
}

async fn audited(test: &TestApp, action: &str) -> i64 {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_entries where action = $1"#,
        action
    )
    .fetch_one(&mut *transaction)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_token_makes_one_agent_and_its_answer_can_be_asked_for_again() {
    let test = TestApp::start().await;
    let secret = token_secret(&test).await;
    let key = AgentKey::generate().unwrap();
    let first = redeem(&test, &secret, &key, "harbor-server").await;
    let answer: EnrolmentAnswer = serde_json::from_str(&first.assert_status(200).body).unwrap();
    assert_eq!(
        (answer.practice.as_str(), answer.office.as_str()),
        ("Harbor Counseling", "Main office")
    );

    test.advance(SignedDuration::from_hours(30));
    let again = redeem(&test, &secret, &key, "harbor-server").await;
    let again: EnrolmentAnswer = serde_json::from_str(&again.assert_status(200).body).unwrap();
    assert_eq!(again.agent, answer.agent);
    assert_eq!((agents(&test).await, audited(&test, "agent.enrolled").await), (1, 1));
}

#[tokio::test]
async fn a_used_token_is_refused_to_another_key_and_told() {
    let test = TestApp::start().await;
    let secret = token_secret(&test).await;
    redeem(&test, &secret, &AgentKey::generate().unwrap(), "harbor-server")
        .await
        .assert_status(200);
    let thief = redeem(&test, &secret, &AgentKey::generate().unwrap(), "thief").await;
    thief.assert_status(403);
    assert_eq!(problem(&thief), ProblemClass::TokenUsed);
    assert_eq!(
        (agents(&test).await, audited(&test, "agent.enrolment_refused").await),
        (1, 1)
    );
}

#[tokio::test]
async fn a_token_ends_after_a_day() {
    let test = TestApp::start().await;
    let secret = token_secret(&test).await;
    test.advance(SignedDuration::from_hours(24));
    let late = redeem(&test, &secret, &AgentKey::generate().unwrap(), "harbor-server").await;
    assert_eq!(problem(late.assert_status(403)), ProblemClass::TokenExpired);
    let unknown = redeem(&test, "AAAA", &AgentKey::generate().unwrap(), "harbor-server").await;
    assert_eq!(problem(unknown.assert_status(403)), ProblemClass::TokenUnknown);
    assert_eq!(agents(&test).await, 0);
}

#[tokio::test]
async fn a_key_belongs_to_one_agent() {
    let test = TestApp::start().await;
    let key = AgentKey::generate().unwrap();
    redeem(&test, &token_secret(&test).await, &key, "harbor-server")
        .await
        .assert_status(200);
    let second = redeem(&test, &token_secret(&test).await, &key, "harbor-server").await;
    second.assert_status(422);
    assert_eq!(agents(&test).await, 1);
}

#[tokio::test]
async fn racing_redemptions_make_one_agent() {
    let test = TestApp::start().await;
    let secret = token_secret(&test).await;
    let keys: Vec<AgentKey> = (0..20).map(|_| AgentKey::generate().unwrap()).collect();
    let answers = join_all(keys.iter().map(|key| redeem(&test, &secret, key, "harbor-server"))).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    let used = answers.iter().filter(|answer| answer.status == 403).count();
    assert_eq!((won, used, agents(&test).await), (1, 19, 1));
}

#[tokio::test]
async fn an_enrolment_that_cannot_be_read_is_refused_and_too_many_are_slowed_down() {
    let test = TestApp::start().await;
    let good = r#"{"secret":"AAAA","public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA","hostname":"h","platform":"linux","agent_version":"1"}"#;
    let cases = [
        ("{", 400),
        ("[]", 422),
        ("{}", 422),
        (&good.replace("AAAAAAAAAAA\"", "\""), 422),
        (&good.replace("\"h\"", "\"\""), 422),
        (&good.replace("\"h\"", "\"a\\u0000b\""), 422),
        (&good.replace("\"h\"", "7"), 422),
        (&good.replace("linux", "plan9"), 422),
        (&good.replace("AAAA\",", "not base64!\","), 422),
        (good, 403),
    ];
    for (body, status) in cases {
        let answer = post(&test, "/agent/v1/enroll", None, body.as_bytes().to_vec()).await;
        answer.assert_status(status);
        problem(&answer);
    }
    for _ in cases.len()..30 {
        post(&test, "/agent/v1/enroll", None, Vec::new())
            .await
            .assert_status(400);
    }
    let slowed = post(&test, "/agent/v1/enroll", None, good.as_bytes().to_vec()).await;
    slowed.assert_status(429);
    assert!(slowed.header("retry-after").parse::<u64>().unwrap() > 0);
}
