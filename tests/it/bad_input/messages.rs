//! Batches and events that are none, and times that cannot be.

use jiff::Timestamp;
use lastgood_protocol::EVENTS_PATH;
use lastgood_tests::reporter::{Reporter, json};
use serde_json::{Value, json};

use super::{assert_clear, assert_well, scene};

/// A good batch with one heartbeat, as JSON to be spoilt.
fn good(reporter: &mut Reporter) -> Value {
    let event = reporter.heartbeat();
    serde_json::from_slice(&reporter.batch(&[event])).unwrap()
}

#[test]
fn bodies_that_are_no_batches() {
    let (mut server, mut reporter) = scene();
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
    let (mut server, mut reporter) = scene();
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
fn times_of_agents_with_wrong_clocks_are_stored_and_harm_nobody() {
    let (mut server, mut reporter) = scene();
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
