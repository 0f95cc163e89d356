//! An agent without a machine: signs and sends what a test wants said, at any time of its own, by the protocol alone.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{
    AgentId, AgentKey, Batch, BatchAnswer, DrillRecorded, ENROL_PATH, EVENTS_PATH, EnrolmentAnswer, EnrolmentRequest,
    EnrolmentToken, Event, EventBody, EventId, EventStatus, Heartbeat, JobKey, MediumSighting, Outcome, RunFacts,
    RunFinished, RunId, ToolIdentity, VERSION,
};
use serde_json::Value;
use uuid::Uuid;

use crate::wire::{Address, Answer, Connection};

/// An enrolled agent.
#[derive(Debug)]
pub struct Reporter {
    /// Who the server says it is.
    pub id: AgentId,
    key: AgentKey,
    address: Address,
    boot: Uuid,
    seq: u64,
    connection: Option<Connection>,
}

/// A run to report.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The job.
    pub job: String,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took.
    pub took: SignedDuration,
    /// How it ended.
    pub outcome: Outcome,
    /// The medium it wrote to.
    pub medium: Option<MediumSighting>,
}

impl Reported {
    /// A run that went well and took ten minutes.
    pub fn ok(job: &str, started_at: Timestamp) -> Self {
        Self {
            job: job.to_owned(),
            started_at,
            took: SignedDuration::from_mins(10),
            outcome: Outcome::Ok,
            medium: None,
        }
    }

    /// The same run, ended like this.
    #[must_use]
    pub fn ended(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// The same run, which took this long.
    #[must_use]
    pub fn taking(mut self, took: SignedDuration) -> Self {
        self.took = took;
        self
    }

    /// The same run, on this medium.
    #[must_use]
    pub fn on(mut self, medium: &MediumSighting) -> Self {
        self.medium = Some(medium.clone());
        self
    }

    /// What an agent says of it.
    ///
    /// # Panics
    /// When the job's key is none.
    pub fn finished(&self) -> EventBody {
        let failed = self.outcome != Outcome::Ok;
        EventBody::RunFinished(Box::new(RunFinished {
            run: RunId(new_id()),
            job: key_of(&self.job),
            started_at: self.started_at,
            finished_at: self.started_at + self.took,
            attempt: 1,
            will_be_retried: false,
            outcome: self.outcome,
            reason: failed.then(|| "The repository could not be opened.".to_owned()),
            exit_code: Some(i64::from(failed)),
            tool: ToolIdentity {
                name: "restic".to_owned(),
                version: Some("0.14.0".to_owned()),
            },
            facts: RunFacts {
                bytes_processed: Some(1_400_000_000),
                bytes_added: Some(12_000_000),
                files_total: Some(4_210),
                ..RunFacts::default()
            },
            medium: self.medium.clone(),
            output: None,
        }))
    }
}

/// A job's key.
///
/// # Panics
/// When the text is none.
pub fn key_of(job: &str) -> JobKey {
    job.parse().unwrap_or_else(|error| panic!("'{job}': {error}"))
}

/// A new random id.
///
/// # Panics
/// When the system has no randomness.
pub fn new_id() -> Uuid {
    let mut bytes = [0; 16];
    let random = ring::rand::SystemRandom::new();
    ring::rand::SecureRandom::fill(&random, &mut bytes).expect("the system has a source of randomness");
    uuid::Builder::from_random_bytes(bytes).into_uuid()
}

/// The present time.
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Redeems an enrolment token with a new key, as it would be posted.
///
/// # Panics
/// When the text is no token.
pub fn enrolment(token: &str, key: &AgentKey) -> EnrolmentRequest {
    let token: EnrolmentToken = token.parse().expect("it is a token");
    EnrolmentRequest {
        secret: URL_SAFE_NO_PAD.encode(token.secret),
        public_key: key.public(),
        hostname: "reporter".to_owned(),
        platform: "linux".to_owned(),
        agent_version: "0.1.0".to_owned(),
    }
}

impl Reporter {
    /// Enrols with a token.
    ///
    /// # Panics
    /// When it is refused.
    pub fn enrol(address: &Address, token: &str) -> Self {
        let key = AgentKey::generate().expect("a key can be made");
        let request = serde_json::to_vec(&enrolment(token, &key)).expect("it is JSON");
        let answer = post(address, ENROL_PATH, None, &request).expect("the server answers");
        assert!(
            (200..300).contains(&answer.status),
            "not enrolled: {} {}",
            answer.status,
            answer.text()
        );
        let enrolled: EnrolmentAnswer = serde_json::from_slice(&answer.body).expect("it is the answer to an enrolment");
        Self {
            id: enrolled.agent,
            key,
            address: address.clone(),
            boot: new_id(),
            seq: 0,
            connection: None,
        }
    }

    /// The next event of this agent.
    pub fn event(&mut self, occurred_at: Timestamp, what: EventBody) -> Event {
        self.seq += 1;
        Event {
            id: EventId(new_id()),
            seq: self.seq,
            occurred_at,
            what,
        }
    }

    /// A sign of life.
    pub fn heartbeat(&mut self) -> Event {
        let heartbeat = Heartbeat {
            spooled: 0,
            next_in_seconds: 60,
            jobs: Vec::new(),
        };
        self.event(now(), EventBody::Heartbeat(heartbeat))
    }

    /// These events as one batch, sent now.
    ///
    /// # Panics
    /// Never: it is JSON.
    pub fn batch(&self, events: &[Event]) -> Vec<u8> {
        let batch = Batch {
            protocol: VERSION,
            sent_at: now(),
            boot: self.boot,
            agent_version: "0.1.0".to_owned(),
            events: events.to_vec(),
        };
        serde_json::to_vec(&batch).expect("a batch is JSON")
    }

    /// A token that signs this body now.
    pub fn sign(&self, body: &[u8]) -> String {
        self.sign_at(body, now())
    }

    /// A token that signs this body at another time.
    ///
    /// # Panics
    /// Never: the key is good.
    pub fn sign_at(&self, body: &[u8], at: Timestamp) -> String {
        self.key.sign(self.id, new_id(), at, body).expect("the key signs")
    }

    /// Sends a body, signed, over a connection that is kept.
    pub fn send(&mut self, body: &[u8]) -> io::Result<Answer> {
        let token = self.sign(body);
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.address.connect()?,
        };
        let answer = post_over(&mut connection, &self.address, EVENTS_PATH, Some(&token), body)?;
        if answer.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Sends events and returns those that the server acknowledged. An error and an answer other than 200 acknowledge none.
    pub fn deliver(&mut self, events: &[Event]) -> Vec<EventId> {
        let Ok(answer) = self.send(&self.batch(events)) else {
            return Vec::new();
        };
        let Ok(BatchAnswer { results, .. }) = serde_json::from_slice(&answer.body) else {
            return Vec::new();
        };
        let acknowledged = results.into_iter().filter(|result| result.status.is_acknowledged());
        if answer.status == 200 {
            acknowledged.filter_map(|result| result.id).collect()
        } else {
            Vec::new()
        }
    }

    /// Says something that must be stored.
    ///
    /// # Panics
    /// When it is not.
    pub fn say(&mut self, occurred_at: Timestamp, what: EventBody) {
        let event = self.event(occurred_at, what);
        let answer = self.send(&self.batch(&[event])).expect("the server answers");
        assert_eq!(answer.status, 200, "{}", answer.text());
        let results: BatchAnswer = serde_json::from_slice(&answer.body).expect("it is an answer");
        assert_eq!(
            results.results.first().map(|result| result.status),
            Some(EventStatus::Stored),
            "{}",
            answer.text()
        );
    }

    /// Reports a run, at its end.
    pub fn report(&mut self, run: &Reported) {
        self.say(run.started_at + run.took, run.finished());
    }

    /// Reports a drill.
    pub fn drilled(&mut self, drill: DrillRecorded) {
        self.say(drill.finished_at, EventBody::DrillRecorded(Box::new(drill)));
    }

    /// Sends a body with this token, or without, over a connection of its own.
    pub fn post_raw(&self, path: &str, token: Option<&str>, body: &[u8]) -> io::Result<Answer> {
        post(&self.address, path, token, body)
    }

    /// Where it reports to.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Forgets its connection.
    pub fn hang_up(&mut self) {
        self.connection = None;
    }
}

/// Posts JSON over a connection of its own.
pub fn post(address: &Address, path: &str, token: Option<&str>, body: &[u8]) -> io::Result<Answer> {
    post_over(&mut address.connect()?, address, path, token, body)
}

/// Posts JSON.
pub fn post_over(
    connection: &mut Connection,
    address: &Address,
    path: &str,
    token: Option<&str>,
    body: &[u8],
) -> io::Result<Answer> {
    let authority = address.authority();
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Host", authority.as_str()), ("Content-Type", "application/json")];
    if let Some(bearer) = &bearer {
        headers.push(("Authorization", bearer));
    }
    connection.request("POST", path, &headers, body)
}

/// The answer's body as JSON; null when it is none.
pub fn json(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}
