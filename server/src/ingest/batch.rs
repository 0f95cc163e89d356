//! Reading a batch: what can be stored as received, and what can never be.

use axum::http::StatusCode;
use jiff::Timestamp;
use lastgood_protocol::{Heartbeat, MAX_BATCH_EVENTS, MAX_EVENT_BYTES, ProblemClass};
use serde::Deserialize;
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::check::{Fields, Flaw, check};
use crate::agents::answer::Refusal;
use crate::ids::EventId;

/// A batch as it was received.
#[derive(Debug)]
pub(super) struct ReceivedBatch {
    /// The agent's clock when it sent the batch.
    pub(super) sent_at: Timestamp,
    /// Which start of its machine it was sent in.
    pub(super) boot: Uuid,
    /// The agent's version.
    pub(super) agent_version: String,
    /// Its events, each readable or not.
    pub(super) events: Vec<Result<ReceivedEvent, RejectedEvent>>,
}

/// An event that can be stored.
#[derive(Debug, Clone)]
pub(super) struct ReceivedEvent {
    /// Its id.
    pub(super) id: EventId,
    /// Its number.
    pub(super) seq: i64,
    /// Its kind, known to this server or not.
    pub(super) kind: String,
    /// When it happened, by the agent's clock.
    pub(super) occurred_at: Timestamp,
    /// Its whole JSON text, as received.
    pub(super) text: String,
    /// SHA-256 of that text.
    pub(super) hash: [u8; 32],
    /// What a heartbeat says about events waiting in the spool; nothing for any other event.
    pub(super) spooled: Option<i64>,
}

/// An event that can never be stored as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RejectedEvent {
    /// Its id, if that could be read.
    pub(super) id: Option<EventId>,
    /// Its number, if that could be read.
    pub(super) seq: Option<i64>,
    /// What is wrong with it.
    pub(super) flaw: Flaw,
}

/// Reads the body of a request.
pub(super) fn read(body: &[u8]) -> Result<ReceivedBatch, Refusal> {
    let unreadable = |what: String| Refusal::new(ProblemClass::Malformed, what);
    let text = std::str::from_utf8(body).map_err(|_| unreadable("The body is not UTF-8.".to_owned()))?;
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| {
        let refusal = unreadable(format!("The body cannot be read: {error}."));
        if error.is_data() {
            refusal.with_status(StatusCode::UNPROCESSABLE_ENTITY)
        } else {
            refusal
        }
    })?;
    let wrong = |flaw: Flaw| Refusal::field(&flaw.field, format!("{}: {}.", flaw.field, flaw.message));
    read_fields(&fields).map_err(wrong)?.ok_or_else(|| {
        let most = format!("A batch carries at most {MAX_BATCH_EVENTS} events.");
        Refusal::new(ProblemClass::TooLarge, most)
    })
}

fn read_fields(fields: &Fields<'_>) -> Result<Option<ReceivedBatch>, Flaw> {
    let protocol: u32 = fields.read("protocol")?;
    if protocol == 0 {
        return Err(Flaw::new("protocol", "versions begin with 1"));
    }
    let agent_version: String = fields.read("agent_version")?;
    if agent_version.is_empty() || agent_version.len() > 64 || agent_version.chars().any(char::is_control) {
        return Err(Flaw::new(
            "agent_version",
            "must have 1 to 64 characters and no control characters",
        ));
    }
    let events = fields.raw("events")?;
    let events: Vec<&RawValue> =
        serde_json::from_str(events.get()).map_err(|error| Flaw::new("events", error.to_string()))?;
    if events.len() > MAX_BATCH_EVENTS {
        return Ok(None);
    }
    Ok(Some(ReceivedBatch {
        sent_at: plausible("sent_at", fields.read("sent_at")?)?,
        boot: fields.read("boot")?,
        agent_version,
        events: events.into_iter().map(|event| read_event(event.get())).collect(),
    }))
}

fn read_event(text: &str) -> Result<ReceivedEvent, RejectedEvent> {
    storable(text).map_err(|flaw| {
        #[derive(Deserialize)]
        struct Id {
            id: EventId,
        }
        #[derive(Deserialize)]
        struct Seq {
            seq: i64,
        }
        RejectedEvent {
            id: serde_json::from_str::<Id>(text).ok().map(|read| read.id),
            seq: serde_json::from_str::<Seq>(text)
                .ok()
                .map(|read| read.seq)
                .filter(|seq| *seq >= 0),
            flaw,
        }
    })
}

fn storable(text: &str) -> Result<ReceivedEvent, Flaw> {
    if text.len() > MAX_EVENT_BYTES {
        return Err(Flaw::new("", format!("is larger than {} KiB", MAX_EVENT_BYTES / 1024)));
    }
    check(text)?;
    let fields: Fields<'_> = serde_json::from_str(text).map_err(|error| Flaw::new("", error.to_string()))?;
    let kind: String = fields.read("kind")?;
    let begins_and_goes_on = |c: char| c.is_ascii_lowercase() || c == '_';
    if kind.is_empty() || kind.len() > 40 || !kind.chars().all(begins_and_goes_on) {
        return Err(Flaw::new("kind", "must have 1 to 40 characters of a-z and _"));
    }
    let seq: u64 = fields.read("seq")?;
    let body = fields.raw("body")?;
    Ok(ReceivedEvent {
        id: fields.read("id")?,
        seq: i64::try_from(seq).map_err(|_| Flaw::new("seq", format!("must not be larger than {}", i64::MAX)))?,
        occurred_at: plausible("occurred_at", fields.read("occurred_at")?)?,
        spooled: if kind == "heartbeat" { spooled(body) } else { None },
        kind,
        text: text.to_owned(),
        hash: Sha256::digest(text.as_bytes()).into(),
    })
}

/// A time that a machine with a very wrong clock may still say, and that every calculation with it survives.
fn plausible(name: &str, at: Timestamp) -> Result<Timestamp, Flaw> {
    const YEAR_2000: i64 = 946_684_800;
    const YEAR_2100: i64 = 4_102_444_800;
    if (YEAR_2000..YEAR_2100).contains(&at.as_second()) {
        Ok(at)
    } else {
        Err(Flaw::new(name, "must lie between the years 2000 and 2100"))
    }
}

/// What a heartbeat says about events waiting in the spool; nothing for one that this server does not understand.
fn spooled(body: &RawValue) -> Option<i64> {
    let heartbeat: Heartbeat = serde_json::from_str(body.get()).ok()?;
    Some(i64::try_from(heartbeat.spooled).unwrap_or(i64::MAX))
}
