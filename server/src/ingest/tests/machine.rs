//! An agent's side of the conversation, spoken by hand.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::http::{Method, Request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{
    AgentKey, Batch, BatchAnswer, ENROL_PATH, EVENTS_PATH, EnrolmentAnswer, EnrolmentRequest, EnrolmentToken, Event,
    EventBody, EventId, EventStatus, Heartbeat, VERSION,
};
use uuid::Uuid;

use crate::agents::{self, Place};
use crate::db::Scope;
use crate::ids::{self, AgentId};
use crate::testing::{Answer, TestApp};

/// One machine at a practice.
pub(crate) struct Machine<'t> {
    pub(crate) test: &'t TestApp,
    pub(crate) key: AgentKey,
    pub(crate) agent: AgentId,
    pub(crate) boot: Uuid,
    /// What its clock shows more than the server's.
    pub(crate) skew: SignedDuration,
    seq: AtomicU64,
}

/// The secret of a new token for Harbor Counseling, as an agent sends it.
pub(crate) async fn token_secret(test: &TestApp) -> String {
    let place = Place {
        firm: test.cast.northwind,
        practice: test.cast.harbor,
        office: test.cast.harbor_office,
    };
    token_secret_for(test, place).await
}

pub(crate) async fn token_secret_for(test: &TestApp, place: Place) -> String {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let made = agents::make_token(&test.app.options, &mut transaction, test.now(), &place, None)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    URL_SAFE_NO_PAD.encode(made.1.secret)
}

/// Redeems a token, as the machine `hostname` with this key.
pub(crate) async fn redeem(test: &TestApp, secret: &str, key: &AgentKey, hostname: &str) -> Answer {
    let request = EnrolmentRequest {
        secret: secret.to_owned(),
        public_key: key.public(),
        hostname: hostname.to_owned(),
        platform: "linux".to_owned(),
        agent_version: "0.1.0".to_owned(),
    };
    post(test, ENROL_PATH, None, serde_json::to_vec(&request).unwrap()).await
}

/// Posts JSON as an agent would.
pub(crate) async fn post(test: &TestApp, path: &str, token: Option<&str>, body: Vec<u8>) -> Answer {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    test.as_stranger().send(request, Body::from(body)).await
}

impl<'t> Machine<'t> {
    /// A machine at Harbor Counseling, enrolled.
    pub(crate) async fn enrolled(test: &'t TestApp) -> Self {
        let secret = token_secret(test).await;
        Self::with_token(test, &secret).await
    }

    /// A machine that redeems this token.
    pub(crate) async fn with_token(test: &'t TestApp, secret: &str) -> Self {
        let key = AgentKey::generate().unwrap();
        let answer = redeem(test, secret, &key, "harbor-server").await;
        answer.assert_status(200);
        let answer: EnrolmentAnswer = serde_json::from_str(&answer.body).unwrap();
        Self {
            test,
            key,
            agent: AgentId(answer.agent.0),
            boot: Uuid::from_u128(1),
            skew: SignedDuration::ZERO,
            seq: AtomicU64::new(1),
        }
    }

    /// A machine on which the word of a token was typed.
    pub(crate) async fn with_word(test: &'t TestApp, word: &EnrolmentToken) -> Self {
        Self::with_token(test, &URL_SAFE_NO_PAD.encode(word.secret)).await
    }

    /// What a new machine is answered to the word of a token.
    pub(crate) async fn try_word(test: &TestApp, word: &EnrolmentToken) -> Answer {
        let key = AgentKey::generate().unwrap();
        redeem(test, &URL_SAFE_NO_PAD.encode(word.secret), &key, "harbor-server").await
    }

    /// What its clock shows.
    pub(crate) fn clock(&self) -> Timestamp {
        self.test.now() + self.skew
    }

    /// A new event.
    pub(crate) fn event(&self, what: EventBody) -> Event {
        Event {
            id: EventId(ids::new(self.test.now())),
            seq: self.seq.fetch_add(1, Ordering::Relaxed),
            occurred_at: self.clock(),
            what,
        }
    }

    pub(crate) fn heartbeat(&self) -> Event {
        self.event(EventBody::Heartbeat(Heartbeat {
            spooled: 4,
            next_in_seconds: 60,
            jobs: Vec::new(),
        }))
    }

    pub(crate) fn batch(&self, events: Vec<Event>) -> Batch {
        Batch {
            protocol: VERSION,
            sent_at: self.clock(),
            boot: self.boot,
            agent_version: "0.1.0".to_owned(),
            events,
        }
    }

    pub(crate) fn sign(&self, body: &[u8]) -> String {
        let agent = lastgood_protocol::AgentId(self.agent.0);
        self.key
            .sign(agent, ids::new(self.test.now()), self.test.now(), body)
            .unwrap()
    }

    pub(crate) async fn send(&self, events: &[Event]) -> Answer {
        let body = serde_json::to_vec(&self.batch(events.to_vec())).unwrap();
        self.send_body(body).await
    }

    pub(crate) async fn send_body(&self, body: Vec<u8>) -> Answer {
        let token = self.sign(&body);
        post(self.test, EVENTS_PATH, Some(&token), body).await
    }

    /// Sends events and answers what became of each.
    pub(crate) async fn deliver(&self, events: &[Event]) -> Vec<EventStatus> {
        let answer = self.send(events).await;
        answer.assert_status(200);
        statuses(&answer)
    }
}

/// What became of each event.
pub(crate) fn statuses(answer: &Answer) -> Vec<EventStatus> {
    let answer: BatchAnswer = serde_json::from_str(&answer.body).unwrap();
    answer.results.iter().map(|result| result.status).collect()
}

/// Starts what commits events.
pub(crate) fn start_committers(test: &TestApp) {
    for _ in 0..2 {
        let app = test.app.clone();
        test.app.spawn(async move { crate::ingest::run_committer(&app).await });
    }
}

/// Does what only the owner of the tables may.
pub(crate) async fn as_owner(test: &TestApp, statements: &'static str) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::raw_sql("set local role none")
        .execute(&mut *transaction)
        .await
        .unwrap();
    sqlx::raw_sql(statements).execute(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
}
