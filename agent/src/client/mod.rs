//! Talking to the server: requests with a time limit, answers with a size limit, no redirects, nothing decompressed.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use lastgood_protocol::{
    AgentId, AgentKey, Batch, BatchAnswer, ENROL_PATH, EVENTS_PATH, EnrolmentAnswer, EnrolmentRequest,
    MAX_ANSWER_BYTES, Problem, ProblemClass,
};
use rustls::ClientConfig;
use serde::de::DeserializeOwned;
use ureq::config::Config;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::{ConnectProxyConnector, Connector as _, TcpConnector};
use ureq::{Agent, Body, http};
use uuid::Uuid;

use crate::tls::TlsConnector;

/// A whole request and answer.
const WHOLE: Duration = Duration::from_mins(1);

/// Making the connection.
const CONNECT: Duration = Duration::from_secs(15);

/// Why the server did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    /// The address is none that may be used.
    #[error("{0}")]
    Address(String),
    /// No answer.
    #[error("the server cannot be reached: {0}")]
    Unreachable(String),
    /// It answered, and said no.
    #[error("{}", .problem.message)]
    Refused {
        /// What it said.
        problem: Problem,
        /// How long it asked to wait.
        retry_after: Option<Duration>,
    },
    /// It answered something that is no answer of ours.
    #[error("what answered is not a Lastgood server, or a broken one ({0})")]
    NotOurs(String),
    /// The request could not be signed or written.
    #[error("the request could not be signed")]
    Signing,
}

impl ClientError {
    /// How long the server asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            Self::Address(_) | Self::Unreachable(_) | Self::NotOurs(_) | Self::Signing => None,
        }
    }

    /// The class of the server's refusal.
    pub(crate) fn class(&self) -> Option<ProblemClass> {
        match self {
            Self::Refused { problem, .. } => Some(problem.class),
            Self::Address(_) | Self::Unreachable(_) | Self::NotOurs(_) | Self::Signing => None,
        }
    }
}

/// A connection to one server.
#[derive(Debug)]
pub(crate) struct Client {
    http: Agent,
    base: String,
    /// What is added to the agent's clock to get the server's.
    offset: SignedDuration,
}

impl Client {
    /// A client of the server at `base`. Plain `http` is for the same machine's loopback only.
    pub(crate) fn new(base: &str, trust: Option<Arc<ClientConfig>>) -> Result<Self, ClientError> {
        let loopback = check_address(base)?;
        let mut config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(WHOLE))
            .timeout_connect(Some(CONNECT))
            .max_response_header_size(16 * 1024)
            .accept_encoding("identity")
            .user_agent(concat!("lastgood-agent/", env!("CARGO_PKG_VERSION")));
        if loopback {
            config = config.proxy(None);
        }
        let connector =
            ().chain(ConnectProxyConnector::default())
                .chain(TcpConnector::default())
                .chain(TlsConnector(trust));
        Ok(Self {
            http: Agent::with_parts(config.build(), connector, DefaultResolver::default()),
            base: base.trim_end_matches('/').to_owned(),
            offset: SignedDuration::ZERO,
        })
    }

    /// Redeems an enrolment token.
    pub(crate) fn enrol(&self, request: &EnrolmentRequest) -> Result<EnrolmentAnswer, ClientError> {
        let body = serde_json::to_vec(request).map_err(|_| ClientError::Signing)?;
        self.post(ENROL_PATH, None, &body)
    }

    /// Delivers a batch. A server that cannot accept the token's time tells its own, and is asked once more with that.
    /// `jti` makes the random part of a token.
    pub(crate) fn deliver(
        &mut self,
        agent: AgentId,
        key: &AgentKey,
        batch: &Batch,
        jti: impl Fn() -> Uuid,
    ) -> Result<BatchAnswer, ClientError> {
        let body = serde_json::to_vec(batch).map_err(|_| ClientError::Signing)?;
        let send = |offset: SignedDuration| -> Result<BatchAnswer, ClientError> {
            let now = batch.sent_at.saturating_add(offset).unwrap_or(batch.sent_at);
            let token = key.sign(agent, jti(), now, &body).map_err(|_| ClientError::Signing)?;
            self.post(EVENTS_PATH, Some(&token), &body)
        };
        match send(self.offset) {
            Err(ClientError::Refused { problem, .. }) if problem.class == ProblemClass::Clock => {
                let offset = problem.server_time.duration_since(batch.sent_at);
                let answer = send(offset);
                self.offset = offset;
                answer
            }
            other => other,
        }
    }

    fn post<T: DeserializeOwned>(&self, path: &str, token: Option<&str>, body: &[u8]) -> Result<T, ClientError> {
        let mut request = self
            .http
            .post(format!("{}{path}", self.base))
            .header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let mut answer = request.send(body).map_err(|error| unreachable(&error))?;
        let status = answer.status();
        let retry_after = retry_after(&answer);
        let text = answer
            .body_mut()
            .with_config()
            .limit(MAX_ANSWER_BYTES)
            .read_to_vec()
            .map_err(|error| {
                if matches!(error, ureq::Error::BodyExceedsLimit(_)) {
                    ClientError::NotOurs("its answer is too long".to_owned())
                } else {
                    unreachable(&error)
                }
            })?;
        if status.is_success() {
            return serde_json::from_slice(&text)
                .map_err(|_| ClientError::NotOurs(format!("status {status}, unreadable answer")));
        }
        match serde_json::from_slice::<Problem>(&text) {
            Ok(problem) => Err(ClientError::Refused { problem, retry_after }),
            Err(_) => Err(ClientError::NotOurs(format!("status {status}"))),
        }
    }
}

/// Checks a server's address; answers whether it is this machine's loopback.
pub(crate) fn check_address(base: &str) -> Result<bool, ClientError> {
    let wrong = |what: &str| ClientError::Address(format!("the server's address '{base}' {what}"));
    let uri: http::Uri = base.parse().map_err(|_| wrong("cannot be read"))?;
    let host = uri.host().ok_or_else(|| wrong("names no host"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if uri.path().len() > 1 || uri.query().is_some() || base.contains('@') {
        return Err(wrong("must be https://, a host and perhaps a port, and no more"));
    }
    let loopback = host == "localhost"
        || host
            .parse()
            .is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    match uri.scheme_str() {
        Some("https") => Ok(loopback),
        Some("http") if loopback => Ok(true),
        Some("http") => Err(wrong(
            "is not protected: plain http is only for a server on the same machine",
        )),
        _ => Err(wrong("must begin with https://")),
    }
}

fn unreachable(error: &ureq::Error) -> ClientError {
    let text = error.to_string();
    let hint = if text.contains("UnknownIssuer") || text.contains("BadSignature") {
        "it does not show the certificate authority that this agent trusts; somebody may be in between"
    } else if text.contains("NotValidYet") || text.contains("Expired") {
        "its certificate is not valid at this time; check this machine's clock"
    } else if text.contains("NotValidForName") {
        "its certificate is for another name"
    } else {
        return ClientError::Unreachable(text);
    };
    ClientError::Unreachable(format!("{hint} ({text})"))
}

/// `Retry-After` in seconds (RFC 9110, 10.2.3). The form with a date is not used by our server and not read.
fn retry_after(answer: &http::Response<Body>) -> Option<Duration> {
    let seconds: u64 = answer
        .headers()
        .get("retry-after")?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
