//! What is read of a batch, without a database.

use axum::http::StatusCode;
use jiff::Timestamp;
use proptest::prelude::*;
use uuid::Uuid;

use crate::ingest::batch::{self, ReceivedEvent, RejectedEvent};
use crate::ingest::check::{MOST_CHARACTERS, MOST_DEPTH};
use crate::ingest::continuity::{self, Break, Known};

const ID: &str = "0193588a-7b1c-7000-8000-000000000001";

fn batch_of(event: &str) -> String {
    format!(
        r#"{{"protocol":1,"sent_at":"2026-11-23T14:00:00Z","boot":"{ID}","agent_version":"0.1.0","events":[{event}]}}"#
    )
}

fn event_with(field: &str, value: &str) -> String {
    let mut fields = vec![
        ("id", format!("\"{ID}\"")),
        ("seq", "7".to_owned()),
        ("occurred_at", "\"2026-11-23T13:59:00Z\"".to_owned()),
        ("kind", "\"heartbeat\"".to_owned()),
        ("body", r#"{"spooled":3,"next_in_seconds":60,"jobs":[]}"#.to_owned()),
    ];
    fields.retain(|(name, _)| *name != field);
    fields.push((field, value.to_owned()));
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

fn read_one(event: &str) -> Result<ReceivedEvent, RejectedEvent> {
    batch::read(batch_of(event).as_bytes()).unwrap().events.pop().unwrap()
}

#[test]
fn an_event_is_kept_as_it_was_received() {
    let text = event_with("later", r#"{ "a":[1, 2.5e3 ,null] }"#);
    let event = read_one(&text).unwrap();
    assert_eq!(
        (event.text.as_str(), event.seq, event.spooled),
        (text.as_str(), 7, Some(3))
    );
}

#[test]
fn an_event_of_a_later_version_is_kept() {
    let event = read_one(&event_with("kind", r#""key_custody_confirmed""#)).unwrap();
    assert_eq!((event.kind.as_str(), event.spooled), ("key_custody_confirmed", None));
}

#[test]
fn what_can_never_be_stored_is_rejected_by_field() {
    let deep = format!("{}1{}", "[".repeat(MOST_DEPTH), "]".repeat(MOST_DEPTH));
    let very_deep = format!("{}{}", "[".repeat(7_000), "]".repeat(7_000));
    let long = format!("\"{}\"", "x".repeat(MOST_CHARACTERS + 1));
    let cases = [
        ("seq", "-1", "seq"),
        ("seq", "18446744073709551616", "seq"),
        ("seq", "9223372036854775808", "seq"),
        ("seq", "1e400", "seq"),
        ("seq", "7.5", "seq"),
        ("seq", "\"7\"", "seq"),
        ("id", "\"17\"", "id"),
        ("id", "null", "id"),
        ("occurred_at", "\"1970-01-01T00:00:00Z\"", "occurred_at"),
        ("occurred_at", "\"9999-12-31T00:00:00Z\"", "occurred_at"),
        ("occurred_at", "\"yesterday\"", "occurred_at"),
        ("occurred_at", "1763900000", "occurred_at"),
        ("kind", "\"Heartbeat\"", "kind"),
        ("kind", "\"\"", "kind"),
        ("kind", "\"run-started\"", "kind"),
        ("body", r#"{"note":"a\u0000b"}"#, "body.note"),
        ("body", r#"{"note":"a\r\nBcc: x"}"#, "body.note"),
        ("body", r#"{"note":"a\u009bb"}"#, "body.note"),
        ("body", r#"{"note":"\ud800"}"#, "body.note"),
        ("body", r#"{"notes":["x",{"y":"\u001b[2J"}]}"#, "body.notes[1].y"),
        ("body", r#"{"a":1,"a":2}"#, "body.a"),
        ("body", r#"{"a":{"b":1,"c":2,"b":3}}"#, "body.a.b"),
        ("body", r#"{"facts":{"bytes_added":1e400}}"#, "body.facts.bytes_added"),
        ("body", &deep, "body[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"),
        ("body", &very_deep, "body[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]"),
        ("body", &long, "body"),
    ];
    for (field, value, blamed) in cases {
        let rejected = read_one(&event_with(field, value)).expect_err(value);
        assert_eq!(rejected.flaw.field, blamed, "{value}: {}", rejected.flaw.message);
        assert!(!rejected.flaw.message.is_empty());
        if field != "id" {
            assert_eq!(rejected.id.unwrap().to_string(), ID, "{value}");
        }
    }
}

#[test]
fn an_event_that_is_too_large_or_no_object_is_rejected() {
    let large = event_with("body", &format!("[{}0]", "0,".repeat(8_192)));
    assert_eq!(read_one(&large).unwrap_err().flaw.message, "is larger than 16 KiB");
    for other in ["7", "null", "[]", "\"x\"", "{}"] {
        assert_eq!(read_one(other).unwrap_err().id, None);
    }
    let missing = event_with("body", "{}").replace(",\"body\":{}", "");
    assert_eq!(read_one(&missing).unwrap_err().flaw.field, "body");
}

#[test]
fn a_batch_that_cannot_be_read_is_refused_as_a_whole() {
    let good = batch_of(&event_with("seq", "7"));
    let cases = [
        (String::new(), 400),
        ("{".to_owned(), 400),
        ("\u{feff}{}".to_owned(), 400),
        (format!("{good}x"), 400),
        ("[]".to_owned(), 422),
        ("{}".to_owned(), 422),
        (good.replace("\"protocol\":1", "\"protocol\":0"), 422),
        (good.replace("\"protocol\":1", "\"protocol\":-1"), 422),
        (good.replace("\"protocol\":1", "\"protocol\":1,\"protocol\":1"), 422),
        (good.replace("2026-11-23T14:00:00Z", "2126-11-23T14:00:00Z"), 422),
        (good.replace("2026-11-23T14:00:00Z", "-009999-01-01T00:00:00Z"), 422),
        (good.replace("\"0.1.0\"", "\"0.1\\u0000\""), 422),
        (good.replace("\"events\":[", "\"events\":7,\"more\":["), 422),
        (batch_of(&vec!["0"; 101].join(",")), 413),
    ];
    for (body, status) in cases {
        let refusal = batch::read(body.as_bytes()).expect_err(&body);
        let answer = refusal.answer(Timestamp::UNIX_EPOCH);
        assert_eq!(answer.status(), StatusCode::from_u16(status).unwrap(), "{body}");
    }
    assert!(batch::read(b"\xff\xfe{\x00}\x00").is_err());
}

proptest! {
    #[test]
    fn nothing_that_is_sent_panics(body in ".{0,200}", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(batch::read(body.as_bytes()));
        drop(batch::read(&bytes));
        drop(batch::read(batch_of(&body).as_bytes()));
        drop(batch::read(batch_of(&event_with("body", &body)).as_bytes()));
    }

    #[test]
    fn what_is_kept_has_no_control_characters(note in any::<String>()) {
        let body = serde_json::json!({ "note": note }).to_string();
        let kept = read_one(&event_with("body", &body)).is_ok();
        prop_assert_eq!(kept, !note.chars().any(char::is_control) && note.chars().count() <= MOST_CHARACTERS);
    }

    #[test]
    fn numbers_that_count_up_by_one_are_no_break(last in 0_i64..1000, counts in proptest::collection::vec(1_i64..20, 1..10)) {
        let boot = Uuid::nil();
        let mut known = Known { last_seq: last, last_boot: Some(boot) };
        for count in counts {
            let stored: Vec<i64> = (1..=count).map(|step| known.last_seq + step).collect();
            prop_assert_eq!(continuity::judge(known, boot, &stored, &[]), None);
            known.last_seq += count;
        }
    }
}

#[test]
fn a_gap_and_a_step_back_are_told_apart() {
    let (boot, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let known = Known {
        last_seq: 10,
        last_boot: Some(boot),
    };
    assert_eq!(continuity::judge(known, boot, &[11, 14], &[]), Some(Break::Gap(2)));
    assert_eq!(continuity::judge(known, boot, &[11, 13], &[12]), None);
    assert_eq!(continuity::judge(known, boot, &[15], &[]), Some(Break::Gap(4)));
    let back = |other_boot| {
        Some(Break::Back {
            from: 10,
            to: 8,
            other_boot,
        })
    };
    assert_eq!(continuity::judge(known, boot, &[8, 9], &[]), back(false));
    assert_eq!(continuity::judge(known, other, &[8, 11], &[]), back(true));
    assert_eq!(continuity::judge(known, other, &[], &[]), None);
    let new = Known {
        last_seq: 0,
        last_boot: None,
    };
    assert_eq!(continuity::judge(new, boot, &[5, 6], &[]), None);
}
