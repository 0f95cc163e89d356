//! Tokens and enrolments of others, of yesterday and of nobody.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use lastgood_protocol::{AgentKey, ENROL_PATH, EVENTS_PATH};
use lastgood_tests::reporter::{Reporter, enrolment, json, now, post};
use serde_json::{Value, json};

use super::{HARBOR, assert_clear, assert_well, scene, server};

#[test]
fn tokens_of_others_of_yesterday_and_of_nobody() {
    let (mut server, mut reporter) = scene();
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
