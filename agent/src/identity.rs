//! Who the agent is: given at enrolment, kept in one file that is replaced as a whole.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use lastgood_protocol::{AgentId, AgentKey};
use serde::{Deserialize, Serialize};

use crate::platform;
use crate::state::{StateFolder, read_json, write_durably};

const FILE: &str = "identity.json";
const KEY_FILE: &str = "enrolment-key";

/// Who the agent is, whom it reports to and whom it trusts.
#[derive(Debug)]
pub(crate) struct Identity {
    /// Its id.
    pub(crate) agent: AgentId,
    /// The server's base address.
    pub(crate) server: String,
    /// The practice's name, as the server gave it.
    pub(crate) practice: String,
    /// The office's name, as the server gave it.
    pub(crate) office: String,
    /// What the agent is called, if somebody named it.
    pub(crate) name: Option<String>,
    /// When it was enrolled.
    pub(crate) enrolled_at: Timestamp,
    /// The only certificate authority that is trusted, as PEM; absent for a loopback server without TLS.
    pub(crate) authority: Option<String>,
    /// The agent's key.
    pub(crate) key: AgentKey,
}

/// What a person may see of an [`Identity`].
#[derive(Serialize, Deserialize)]
struct Stored {
    agent: AgentId,
    server: String,
    practice: String,
    office: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    enrolled_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    authority: Option<String>,
    key: String,
}

impl Identity {
    /// Reads it; `None` when the agent was never enrolled.
    pub(crate) fn load(state: &StateFolder) -> io::Result<Option<Self>> {
        let Some(stored) = read_json::<Stored>(&state.file(FILE))? else {
            return Ok(None);
        };
        Ok(Some(Self {
            agent: stored.agent,
            server: stored.server,
            practice: stored.practice,
            office: stored.office,
            name: stored.name,
            enrolled_at: stored.enrolled_at,
            authority: stored.authority,
            key: decode_key(&stored.key)?,
        }))
    }

    /// Keeps it, in place of another if there is one, and forgets the key that waited for it.
    pub(crate) fn keep(&self, state: &StateFolder) -> io::Result<()> {
        let stored = Stored {
            agent: self.agent,
            server: self.server.clone(),
            practice: self.practice.clone(),
            office: self.office.clone(),
            name: self.name.clone(),
            enrolled_at: self.enrolled_at,
            authority: self.authority.clone(),
            key: encode_key(&self.key)?,
        };
        write_durably(&state.file(FILE), &serde_json::to_vec_pretty(&stored)?)?;
        match std::fs::remove_file(state.file(KEY_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// The key to enrol with: made and kept before the first request, so that a lost answer can be asked for again with the
/// same key.
pub(crate) fn enrolment_key(state: &StateFolder) -> io::Result<AgentKey> {
    let path = state.file(KEY_FILE);
    if let Ok(text) = std::fs::read_to_string(&path)
        && let Ok(key) = decode_key(&text)
    {
        return Ok(key);
    }
    let key = AgentKey::generate().map_err(io::Error::other)?;
    write_durably(&path, encode_key(&key)?.as_bytes())?;
    Ok(key)
}

fn encode_key(key: &AgentKey) -> io::Result<String> {
    platform::seal(key.as_pkcs8()).map(|sealed| STANDARD.encode(sealed))
}

fn decode_key(text: &str) -> io::Result<AgentKey> {
    let sealed = STANDARD.decode(text.trim()).map_err(io::Error::other)?;
    let pkcs8 = platform::unseal(&sealed)?;
    AgentKey::from_pkcs8(&pkcs8).map_err(io::Error::other)
}
