//! `POST /agent/v1/enroll`: a one-use token and a public key become an agent.

use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use lastgood_protocol::{EnrolmentAnswer, EnrolmentRequest, ProblemClass};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::answer::{Refusal, read_json};
use super::gate::address_key;
use super::model::{FoundToken, Redemption, check_request};
use super::{AGENT_ENROLLED, ENROLMENT_REFUSED, db};
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Subject};
use crate::app::App;
use crate::audit;
use crate::db::Scope;
use crate::ids::{self, AgentId};
use crate::web::page::RequestIdentity;

/// Redeems a token.
pub(super) async fn enrol(
    State(app): State<App>,
    Extension(identity): Extension<RequestIdentity>,
    request: Request,
) -> Response {
    let now = app.clock.now();
    let address = address_key(&identity.address);
    if let Err(seconds) = app.gate.enrolments_refused.peek(&address, now) {
        return Refusal::slow_down(seconds).answer(now);
    }
    match redeem(&app, now, &identity, request).await {
        Ok(answer) => Json(answer).into_response(),
        Err(refusal) => {
            if refusal.class() != ProblemClass::Unavailable {
                app.gate.enrolments_refused.charge(&address, now);
            }
            refusal.answer(now)
        }
    }
}

async fn redeem(
    app: &App,
    now: Timestamp,
    identity: &RequestIdentity,
    request: Request,
) -> Result<EnrolmentAnswer, Refusal> {
    let body = read_json(request).await?;
    let request = parse(&body)?;
    let unknown = || {
        Refusal::new(
            ProblemClass::TokenUnknown,
            "The server does not know this enrolment token.",
        )
    };
    let secret = URL_SAFE_NO_PAD.decode(&request.secret).map_err(|_| unknown())?;
    let secret_hash = Sha256::digest(&secret);

    // Whoever loses a race looks once more, and finds what the winner left.
    for _ in 0..2 {
        let found = db::find_token(app, &secret_hash).await?.ok_or_else(unknown)?;
        let agent = match found.redemption(&request.public_key, now) {
            Redemption::Again(agent) => Some(agent),
            Redemption::Fresh => make_agent(app, now, identity, &found, &request).await?,
            Redemption::Used => return Err(refuse_used(app, now, identity, &found, &request).await?),
            Redemption::Expired => {
                let sentence = "This enrolment token has expired. Make a new one.";
                return Err(Refusal::new(ProblemClass::TokenExpired, sentence));
            }
            Redemption::Withdrawn => {
                let sentence = "This enrolment token was withdrawn. Make a new one.";
                return Err(Refusal::new(ProblemClass::TokenExpired, sentence));
            }
        };
        if let Some(agent) = agent {
            app.gate.remember(agent, request.public_key);
            return Ok(EnrolmentAnswer {
                agent: lastgood_protocol::AgentId(agent.0),
                practice: found.practice_name,
                office: found.office_name,
                server_time: now,
            });
        }
    }
    let sentence = "This key belongs to an agent already. Let the new agent make its own.";
    Err(Refusal::field("public_key", sentence))
}

fn parse(body: &[u8]) -> Result<EnrolmentRequest, Refusal> {
    let request: EnrolmentRequest = serde_json::from_slice(body).map_err(|error| {
        let refusal = Refusal::new(
            ProblemClass::Malformed,
            format!("The enrolment cannot be read: {error}."),
        );
        match error.classify() {
            serde_json::error::Category::Data => refusal.with_status(axum::http::StatusCode::UNPROCESSABLE_ENTITY),
            serde_json::error::Category::Io
            | serde_json::error::Category::Syntax
            | serde_json::error::Category::Eof => refusal,
        }
    })?;
    check_request(&request).map_err(|(field, message)| Refusal::field(field, message))?;
    Ok(request)
}

/// Makes the agent and marks the token used, or neither. `None` when somebody else was quicker, or the key is known.
async fn make_agent(
    app: &App,
    now: Timestamp,
    identity: &RequestIdentity,
    found: &FoundToken,
    request: &EnrolmentRequest,
) -> Result<Option<AgentId>, Refusal> {
    let agent: AgentId = ids::new(now);
    let silent_after = app.options.silent_after;
    let mut transaction = app.db.begin(Scope::Everything).await?;
    if !db::insert_agent(&mut transaction, now, agent, found, request, silent_after).await?
        || !db::use_token(&mut transaction, now, found, agent).await?
    {
        return Ok(None);
    }
    let actor = audit::Actor::Agent {
        firm: found.firm,
        agent,
        name: &request.hostname,
    };
    let entry = audit::Entry {
        action: AGENT_ENROLLED,
        practice: Some(found.practice),
        subject_kind: "agent",
        subject: Some(agent.0),
        subject_name: &request.hostname,
        details: json!({ "office": found.office_name, "platform": request.platform, "token": found.token }),
    };
    audit::record(&mut transaction, now, actor, origin(identity), entry).await?;
    transaction.commit().await?;
    app.changes.tell(found.firm);
    Ok(Some(agent))
}

/// A used token that turns up with another key may have been stolen: the firm is told.
async fn refuse_used(
    app: &App,
    now: Timestamp,
    identity: &RequestIdentity,
    found: &FoundToken,
    request: &EnrolmentRequest,
) -> Result<Refusal, Refusal> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let entry = audit::Entry {
        action: ENROLMENT_REFUSED,
        practice: Some(found.practice),
        subject_kind: "enrolment_token",
        subject: Some(found.token.0),
        subject_name: &request.hostname,
        details: json!({ "why": "token used before with another key" }),
    };
    let actor = audit::Actor::System { firm: found.firm };
    audit::record(&mut transaction, now, actor, origin(identity), entry).await?;
    let key = AlertKey {
        firm: found.firm,
        practice: found.practice,
        subject: Subject::practice(found.practice, &found.practice_name),
        kind: AlertKind::AgentProblem,
    };
    let facts = AlertFacts::AgentProblem {
        message: format!(
            "Somebody tried to enrol the machine {} from {} with an enrolment token that was used before. It was refused. \
             If that was not you, find out who has the token.",
            request.hostname, identity.address
        ),
        count: 1,
    };
    alerts::raise(app, &mut transaction, now, &key, now, &facts).await?;
    transaction.commit().await?;
    app.wake.dispatcher.notify_one();
    app.changes.tell(found.firm);
    let sentence = "This enrolment token was used already. Make a new one.";
    Ok(Refusal::new(ProblemClass::TokenUsed, sentence))
}

fn origin(identity: &RequestIdentity) -> audit::Origin<'_> {
    audit::Origin {
        address: &identity.address,
        request_id: &identity.request_id,
    }
}
