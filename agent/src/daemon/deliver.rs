//! Delivering: a batch from the spool, signed and sent; what the server acknowledged, and only that, leaves the spool.

use std::io;
use std::sync::mpsc::Receiver;

use lastgood_protocol::{
    Batch, EventBody, Heartbeat, JobKey, MAX_BATCH_BYTES, MAX_BATCH_EVENTS, ProblemClass, VERSION,
};
use uuid::Uuid;

use crate::client::{Client, ClientError};
use crate::config::Config;
use crate::engine::Input;
use crate::identity::Identity;
use crate::spool::{Appended, Spool, SpoolError, Waiting};
use crate::state::{DeliveryState, StateFolder};
use crate::{clock, ids, platform};

/// Room in a batch for what is not events.
const ENVELOPE_BYTES: usize = 4096;

/// What the courier is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Errand {
    /// Whether a heartbeat is due.
    pub(super) heartbeat: bool,
}

/// Carries batches to the server.
#[derive(Debug)]
pub(super) struct Courier {
    client: Client,
    identity: Identity,
    spool: Spool,
    state: StateFolder,
    boot: Uuid,
    heartbeat_seconds: u32,
    jobs: Vec<JobKey>,
    /// Halved while the server cannot read what it is sent, until the event that it is about stands alone.
    most: usize,
    known: DeliveryState,
}

enum Failure {
    Client(ClientError),
    Spool(SpoolError),
    /// The server took the batch and acknowledged nothing of it.
    NothingAcknowledged,
}

struct Delivered {
    remaining: usize,
    heartbeat: bool,
}

impl Courier {
    pub(super) fn new(
        client: Client,
        identity: Identity,
        spool: Spool,
        state: StateFolder,
        config: &Config,
    ) -> io::Result<Self> {
        Ok(Self {
            client,
            identity,
            spool,
            known: state.delivery(),
            state,
            boot: platform::boot_id()?,
            heartbeat_seconds: u32::try_from(config.heartbeat.as_secs()).unwrap_or(u32::MAX),
            jobs: config.jobs.iter().map(|job| job.key.clone()).collect(),
            most: MAX_BATCH_EVENTS,
        })
    }

    /// Does errands until there are no more, or nobody wants to hear of them.
    pub(super) fn work(mut self, errands: &Receiver<Errand>, tell: impl Fn(Input) -> bool) {
        while let Ok(errand) = errands.recv() {
            let result = self.deliver(errand);
            self.keep(&result);
            let input = match result {
                Ok(delivered) => Input::Delivered {
                    remaining: delivered.remaining,
                    heartbeat: delivered.heartbeat,
                },
                Err(failure) => Input::DeliveryFailed {
                    retry_after: match &failure {
                        Failure::Client(error) => error.retry_after(),
                        Failure::Spool(_) | Failure::NothingAcknowledged => None,
                    },
                    random: ids::random_u64(),
                },
            };
            if !tell(input) {
                return;
            }
        }
    }

    fn deliver(&mut self, errand: Errand) -> Result<Delivered, Failure> {
        let heartbeat = errand.heartbeat && self.add_heartbeat();
        let now = clock::wall();
        if let Err(error) = self.spool.report_troubles(now, ids::event) {
            tracing::warn!(%error, "what went wrong with the spool could not be reported yet");
        }
        let waiting = self
            .spool
            .waiting(self.most, MAX_BATCH_BYTES - ENVELOPE_BYTES)
            .map_err(Failure::Spool)?;
        let batch = Batch {
            protocol: VERSION,
            sent_at: clock::wall(),
            boot: self.boot,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            events: waiting.iter().map(|waiting| waiting.event.clone()).collect(),
        };
        let answer = self
            .client
            .deliver(self.identity.agent, &self.identity.key, &batch, ids::uuid);
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) => {
                self.narrow(&error, &waiting).map_err(Failure::Spool)?;
                return Err(Failure::Client(error));
            }
        };
        let settled = self.spool.settle(&waiting, &answer.results).map_err(Failure::Spool)?;
        if settled.unasked > 0 {
            tracing::warn!(
                count = settled.unasked,
                "the server answered about events that were not sent; ignored"
            );
        }
        if !waiting.is_empty() && settled.acknowledged + settled.refused == 0 {
            return Err(Failure::NothingAcknowledged);
        }
        self.most = (self.most * 2).min(MAX_BATCH_EVENTS);
        Ok(Delivered {
            remaining: self.spool.count().map_err(Failure::Spool)?,
            heartbeat,
        })
    }

    /// Appends a heartbeat unless one waits already, which says as much. Answers whether the rhythm is kept: a heartbeat
    /// that found no room is replaced by the batch itself, empty or not.
    fn add_heartbeat(&self) -> bool {
        match self.spool.holds_heartbeat() {
            Ok(true) => return false,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "the spool cannot be read");
                return true;
            }
        }
        let heartbeat = EventBody::Heartbeat(Heartbeat {
            spooled: u64::try_from(self.spool.count().unwrap_or_default()).unwrap_or(u64::MAX),
            next_in_seconds: self.heartbeat_seconds,
            jobs: self.jobs.clone(),
        });
        match self.spool.append(ids::event(), clock::wall(), heartbeat) {
            Ok(Appended::Stored | Appended::Reserved | Appended::Dropped) => {}
            Err(error) => tracing::warn!(%error, "the heartbeat could not be written"),
        }
        true
    }

    /// When the server cannot read a batch, its half is tried next time; an event that stands alone is set aside.
    fn narrow(&mut self, error: &ClientError, waiting: &[Waiting]) -> Result<(), SpoolError> {
        let unreadable = matches!(error.class(), Some(ProblemClass::Malformed | ProblemClass::TooLarge));
        if !unreadable {
            return Ok(());
        }
        match waiting {
            [] => {}
            [alone] => {
                tracing::error!(id = %alone.event.id, "the server cannot read this event; set aside");
                self.spool.refuse(alone)?;
            }
            several => self.most = several.len() / 2,
        }
        Ok(())
    }

    fn keep(&mut self, result: &Result<Delivered, Failure>) {
        let now = clock::wall();
        self.known.last_attempt = Some(now);
        let problem = match result {
            Ok(_) => {
                self.known.last_acknowledged = Some(now);
                None
            }
            Err(Failure::Client(error)) => Some(explain(error)),
            Err(Failure::Spool(error)) => Some(error.to_string()),
            Err(Failure::NothingAcknowledged) => {
                Some("the server took a batch and acknowledged nothing of it".to_owned())
            }
        };
        if problem != self.known.problem {
            if let Some(problem) = &problem {
                tracing::warn!("not delivered: {problem}");
            } else {
                tracing::info!("the server can be reached again");
            }
        }
        if let Some(since) = self.known.warn_of_silence(self.identity.enrolled_at, now) {
            tracing::warn!(%since, "the server has not acknowledged anything for more than 24 hours; check the network of this machine");
        }
        self.known.problem = problem;
        if let Err(error) = self.state.keep_delivery(&self.known) {
            tracing::warn!(%error, "what is known of the delivery could not be kept");
        }
    }
}

fn explain(error: &ClientError) -> String {
    match error.class() {
        Some(ProblemClass::UnknownAgent) => {
            "the server does not know this agent, or it was revoked there; enrol it again with --replace".to_owned()
        }
        Some(ProblemClass::Unauthenticated) => {
            "the server does not accept this agent's signature; enrol it again with --replace".to_owned()
        }
        Some(
            ProblemClass::Malformed
            | ProblemClass::TooLarge
            | ProblemClass::Clock
            | ProblemClass::TokenUnknown
            | ProblemClass::TokenUsed
            | ProblemClass::TokenExpired
            | ProblemClass::SlowDown
            | ProblemClass::Unavailable
            | ProblemClass::NotFound,
        )
        | None => error.to_string(),
    }
}
