//! Enrolment: a one-use token carries all that a new agent needs to find the right server and nobody else.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AgentId, PublicKey};

/// What is written before an enrolment token's content, so that it is recognised wherever it turns up.
const PREFIX: &str = "lgenroll1_";

/// A one-use token bound to one practice and office. Printed as one word; `Debug` does not show its secret.
#[derive(Clone, PartialEq, Eq)]
pub struct EnrolmentToken {
    /// The server's base address, `https://host:port`.
    pub server: String,
    /// SHA-256 over the DER of the certificate authority the agent is to trust, and no other.
    /// Absent only for a server on the same machine's loopback without TLS.
    pub authority_pin: Option<[u8; 32]>,
    /// 256 random bits. The server keeps only their SHA-256.
    pub secret: [u8; 32],
}

#[derive(Serialize, Deserialize)]
struct Content {
    u: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    s: String,
}

/// Why a text is not an [`EnrolmentToken`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is not an enrolment token: copy the whole word beginning with lgenroll1_ from the agent page")]
pub struct EnrolmentTokenError;

impl fmt::Display for EnrolmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content = Content {
            u: self.server.clone(),
            p: self.authority_pin.map(|pin| URL_SAFE_NO_PAD.encode(pin)),
            s: URL_SAFE_NO_PAD.encode(self.secret),
        };
        let json = serde_json::to_vec(&content).map_err(|_| fmt::Error)?;
        write!(f, "{PREFIX}{}", URL_SAFE_NO_PAD.encode(json))
    }
}

impl fmt::Debug for EnrolmentToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrolmentToken")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl FromStr for EnrolmentToken {
    type Err = EnrolmentTokenError;

    fn from_str(text: &str) -> Result<Self, EnrolmentTokenError> {
        let parsed = || -> Option<Self> {
            let json = URL_SAFE_NO_PAD.decode(text.trim().strip_prefix(PREFIX)?).ok()?;
            let content: Content = serde_json::from_slice(&json).ok()?;
            let authority_pin = match content.p {
                Some(pin) => Some(URL_SAFE_NO_PAD.decode(pin).ok()?.try_into().ok()?),
                None => None,
            };
            let secret = URL_SAFE_NO_PAD.decode(content.s).ok()?.try_into().ok()?;
            Some(Self {
                server: content.u,
                authority_pin,
                secret,
            })
        };
        parsed().ok_or(EnrolmentTokenError)
    }
}

/// What an agent posts to [`crate::ENROL_PATH`]. Only the public half of its key leaves the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentRequest {
    /// The token's secret, base64url without padding.
    pub secret: String,
    /// The agent's public key. The same token and key again give the same answer, so a lost answer costs nothing.
    pub public_key: PublicKey,
    /// The machine's name.
    pub hostname: String,
    /// `linux` or `windows`.
    pub platform: String,
    /// The agent's version.
    pub agent_version: String,
}

/// What the server answers to an enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolmentAnswer {
    /// Who the agent is from now on.
    pub agent: AgentId,
    /// The practice's name, to show to whoever enrols.
    pub practice: String,
    /// The office's name.
    pub office: String,
    /// The server's clock.
    pub server_time: Timestamp,
}
