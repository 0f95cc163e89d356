//! `POST /agent/v1/events`: who sends, whether they may, what can be stored; answered after the commit.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use jiff::Timestamp;
use lastgood_protocol::{BatchAnswer, EventAnswer, EventStatus, ProblemClass, PublicKey, TokenError};

use super::batch::{self, ReceivedBatch, RejectedEvent};
use super::committer::{NotStored, Submission, Verdict};
use crate::agents::answer::{Refusal, read_json};
use crate::agents::gate::address_key;
use crate::app::App;
use crate::ids::{AgentId, EventId};
use crate::web::page::RequestIdentity;

/// The longest token that is looked at.
const MOST_TOKEN_BYTES: usize = 4 * 1024;

/// Takes a batch of events.
pub(super) async fn deliver(
    State(app): State<App>,
    Extension(identity): Extension<RequestIdentity>,
    request: Request,
) -> Response {
    let now = app.clock.now();
    match take(&app, now, &identity, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => refusal.answer(now),
    }
}

async fn take(app: &App, now: Timestamp, identity: &RequestIdentity, request: Request) -> Result<BatchAnswer, Refusal> {
    let address = address_key(&identity.address);
    app.gate.unverified.peek(&address, now).map_err(Refusal::slow_down)?;
    let token = bearer(request.headers()).map(str::to_owned);
    let body = read_json(request).await?;
    let agent = authenticate(app, now, token.as_deref(), &body)
        .await
        .inspect_err(|refusal| {
            if refusal.class() != ProblemClass::Unavailable && refusal.class() != ProblemClass::Clock {
                app.gate.unverified.charge(&address, now);
            }
        })?;
    app.gate.requests.take(&agent, now).map_err(Refusal::slow_down)?;
    let batch = batch::read(&body)?;
    drop(body);
    store(app, now, agent, batch).await
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && token.len() < MOST_TOKEN_BYTES).then_some(token)
}

/// The agent whose key signed this body. An unknown agent and a revoked one look alike.
async fn authenticate(app: &App, now: Timestamp, token: Option<&str>, body: &Bytes) -> Result<AgentId, Refusal> {
    let unauthenticated = |what: &str| Refusal::new(ProblemClass::Unauthenticated, what);
    let token = token.ok_or_else(|| unauthenticated("The request is not signed with a token of an agent."))?;
    let claimed = PublicKey::claimed_agent(token).ok_or_else(|| unauthenticated("The token cannot be read."))?;
    let agent = AgentId(claimed.0);
    let key = if let Some(key) = app.gate.key(agent) {
        key
    } else {
        let key = crate::agents::key_of(app, agent).await?.ok_or_else(unknown_agent)?;
        app.gate.remember(agent, key);
        key
    };
    match key.verify(token, now, body) {
        Ok(_) => Ok(agent),
        Err(TokenError::Clock) => Err(Refusal::new(
            ProblemClass::Clock,
            "The token is not valid at this time. Sign again by the server's clock.",
        )),
        // Like an agent that there is not: who guesses ids learns nothing.
        Err(TokenError::Invalid) => Err(unknown_agent()),
        Err(TokenError::OtherBody) => Err(unauthenticated("The token signs another body.")),
    }
}

fn unknown_agent() -> Refusal {
    Refusal::new(
        ProblemClass::UnknownAgent,
        "The server knows no agent of this id and this key. If it should, enrol it anew with a token from the agent page.",
    )
}

async fn store(app: &App, now: Timestamp, agent: AgentId, batch: ReceivedBatch) -> Result<BatchAnswer, Refusal> {
    let mut places: Vec<Result<EventId, RejectedEvent>> = Vec::with_capacity(batch.events.len());
    let mut events = Vec::with_capacity(batch.events.len());
    for event in batch.events {
        places.push(event.as_ref().map(|event| event.id).map_err(Clone::clone));
        events.extend(event.ok());
    }
    if events.is_empty()
        && let Some(Err(first)) = places.first()
    {
        return Err(nothing_storable(first));
    }
    let submission = Submission {
        agent,
        received_at: now,
        sent_at: batch.sent_at,
        boot: batch.boot,
        agent_version: batch.agent_version,
        rejected_seqs: places.iter().filter_map(|place| place.as_ref().err()?.seq).collect(),
        events,
    };
    let committed = app
        .committer
        .commit(submission)
        .await
        .map_err(|why| refuse(app, agent, why))?;
    let mut verdicts = committed.verdicts.into_iter();
    let results = places.into_iter().map(|place| answer(place, &mut verdicts)).collect();
    Ok(BatchAnswer {
        server_time: app.clock.now(),
        results,
    })
}

fn answer(place: Result<EventId, RejectedEvent>, verdicts: &mut impl Iterator<Item = Verdict>) -> EventAnswer {
    let (id, status, flaw) = match place {
        Err(rejected) => (rejected.id, EventStatus::Rejected, Some(rejected.flaw)),
        Ok(id) => match verdicts.next() {
            Some(Verdict::Stored) => (Some(id), EventStatus::Stored, None),
            Some(Verdict::Duplicate) => (Some(id), EventStatus::Duplicate, None),
            Some(Verdict::Conflict) | None => (Some(id), EventStatus::Conflict, None),
        },
    };
    let (field, message) = flaw.map(|flaw| (flaw.field, flaw.message)).unzip();
    EventAnswer {
        id: id.map(|id| lastgood_protocol::EventId(id.0)),
        status,
        field,
        message,
    }
}

/// A batch of which nothing can ever be stored is refused as a whole, and blames its first event.
fn nothing_storable(first: &RejectedEvent) -> Refusal {
    let field = match first.flaw.field.as_str() {
        "" => "events[0]".to_owned(),
        field => format!("events[0].{field}"),
    };
    let message = format!("No event of this batch can be stored. {field}: {}.", first.flaw.message);
    Refusal::field(field, message)
}

fn refuse(app: &App, agent: AgentId, why: NotStored) -> Refusal {
    match why {
        NotStored::Full | NotStored::Unavailable => Refusal::unavailable(),
        NotStored::UnknownAgent => {
            app.gate.forget(agent);
            unknown_agent()
        }
        NotStored::Refused => Refusal::new(
            ProblemClass::Malformed,
            "The database does not take an event of this batch. It was logged.",
        )
        .with_status(StatusCode::UNPROCESSABLE_ENTITY),
    }
}
