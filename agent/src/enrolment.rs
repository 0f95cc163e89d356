//! Enrolment: a one-use token becomes an identity.

use std::io;

use jiff::Timestamp;
use lastgood_protocol::{EnrolmentRequest, EnrolmentToken, ProblemClass};

use crate::client::{Client, ClientError, check_address};
use crate::identity::{self, Identity};
use crate::platform;
use crate::state::StateFolder;
use crate::tls::{self, FoundAuthority, TrustError};

/// Why the agent is not enrolled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnrolError {
    /// It was enrolled before.
    #[error("this machine already reports to {server} for {practice}; to enrol it anew add --replace")]
    AlreadyEnrolled {
        /// The server.
        server: String,
        /// The practice.
        practice: String,
    },
    /// The token is for a server on another machine but says nothing about its certificate.
    #[error("the token names no certificate authority for {0}: make a new token on the server")]
    NoPin(String),
    /// The state folder cannot be used.
    #[error(
        "the state folder {folder} cannot be used: {source}. {}",
        platform::words::AS_ADMINISTRATOR
    )]
    State {
        /// The folder.
        folder: std::path::PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// No safe connection.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The server said no, or nothing.
    #[error("{what}")]
    Server {
        /// What happened and what to do.
        what: String,
        /// The cause.
        source: ClientError,
    },
}

/// Enrols this machine with a token. A lost answer costs nothing: the same call again uses the same key.
pub(crate) fn enrol(
    token: &EnrolmentToken,
    name: Option<String>,
    replace: bool,
    state: &StateFolder,
    now: Timestamp,
) -> Result<Identity, EnrolError> {
    let state_error = |source| EnrolError::State {
        folder: state.path().to_path_buf(),
        source,
    };
    state.create().map_err(state_error)?;
    // One that cannot be read cannot be used either; --replace is the way out.
    match Identity::load(state) {
        Ok(Some(known)) if !replace => {
            return Err(EnrolError::AlreadyEnrolled {
                server: known.server,
                practice: known.practice,
            });
        }
        Err(error) if !replace => return Err(state_error(error)),
        Ok(_) | Err(_) => {}
    }

    let loopback = check_address(&token.server).map_err(explain)?;
    let found = FoundAuthority::default();
    let trust = match token.authority_pin {
        Some(pin) => Some(tls::trust_pinned(pin, found.clone())?),
        None if loopback && token.server.starts_with("http://") => None,
        None => return Err(EnrolError::NoPin(token.server.clone())),
    };

    let key = identity::enrolment_key(state).map_err(state_error)?;
    let request = EnrolmentRequest {
        secret: secret_text(token),
        public_key: key.public(),
        hostname: name.clone().unwrap_or_else(platform::hostname),
        platform: platform::NAME.to_owned(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let answer = Client::new(&token.server, trust)
        .and_then(|client| client.enrol(&request))
        .map_err(explain)?;
    let identity = Identity {
        agent: answer.agent,
        server: token.server.clone(),
        practice: answer.practice,
        office: answer.office,
        name,
        enrolled_at: now,
        authority: found.pem(),
        key,
    };
    identity.keep(state).map_err(state_error)?;
    Ok(identity)
}

fn secret_text(token: &EnrolmentToken) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(token.secret)
}

fn explain(source: ClientError) -> EnrolError {
    let what = match source.class() {
        Some(ProblemClass::TokenUnknown) => {
            "The server does not know this token. Check that the whole word was copied, or make a new one there.".into()
        }
        Some(ProblemClass::TokenUsed) => {
            "This token was used already, by another machine or an earlier enrolment. Make a new one on the server."
                .into()
        }
        Some(ProblemClass::TokenExpired) => {
            "This token has expired or was withdrawn. Make a new one on the server; it is valid for 24 hours.".into()
        }
        Some(ProblemClass::SlowDown) => "The server asks to wait. Try again in a few minutes.".into(),
        Some(ProblemClass::Unavailable) => {
            "The server cannot store anything at the moment. Try the same command again in a few minutes.".into()
        }
        Some(ProblemClass::NotFound) => {
            "What answers at this address is no Lastgood server that takes agents. Check the server's address.".into()
        }
        Some(
            ProblemClass::Malformed
            | ProblemClass::TooLarge
            | ProblemClass::Unauthenticated
            | ProblemClass::Clock
            | ProblemClass::UnknownAgent,
        ) => format!("The server refused the enrolment: {source}. Agent and server may be of versions too far apart."),
        None => format!("Not enrolled: {source}. Nothing was used up; the same command can be tried again."),
    };
    EnrolError::Server { what, source }
}
