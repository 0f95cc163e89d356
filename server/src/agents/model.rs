//! What an agent and an enrolment token are, and the rules about them.

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{EnrolmentRequest, PublicKey};
use sha2::{Digest as _, Sha256};

use crate::ids::{AgentId, FirmId, OfficeId, PracticeId, TokenId};

/// How long an enrolment token can be used.
pub const TOKEN_VALID_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A difference between an agent's clock and ours that is worth a warning.
pub const SKEW_WARNING: SignedDuration = SignedDuration::from_mins(5);

/// How an agent stands, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AgentState {
    /// Not heard from within its time.
    Silent,
    /// Enrolled, and not heard from since.
    NeverHeard,
    /// Heard from in time.
    Reporting,
    /// Revoked: it is not listened to any more.
    Revoked,
}

impl AgentState {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::NeverHeard => "enrolled, not heard from yet",
            Self::Reporting => "reporting",
            Self::Revoked => "revoked",
        }
    }

    /// The word for it in JSON.
    pub fn key(self) -> &'static str {
        match self {
            Self::Silent => "silent",
            Self::NeverHeard => "never_heard",
            Self::Reporting => "reporting",
            Self::Revoked => "revoked",
        }
    }

    /// The name of its colour and shape in the style sheet.
    pub fn class(self) -> &'static str {
        match self {
            Self::Silent => "unknown",
            Self::NeverHeard => "waiting",
            Self::Reporting => "ok",
            Self::Revoked => "excused",
        }
    }
}

/// An agent as pages and commands show it.
#[derive(Debug, Clone)]
pub struct Agent {
    /// It.
    pub id: AgentId,
    /// Its practice.
    pub practice: PracticeId,
    /// The practice's name.
    pub practice_name: String,
    /// The office's name.
    pub office_name: String,
    /// The office's zone, in which its times are told.
    pub zone: String,
    /// The machine's name.
    pub name: String,
    /// Its key.
    pub public_key: Vec<u8>,
    /// `linux` or `windows`.
    pub platform: String,
    /// Its version.
    pub version: String,
    /// When it was enrolled.
    pub enrolled_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
    /// When it was last heard from.
    pub last_heard_at: Option<Timestamp>,
    /// Its clock minus ours.
    pub skew: Option<SignedDuration>,
    /// Events waiting at the practice, as of its last heartbeat.
    pub spooled: Option<i64>,
    /// Since when it counts as silent.
    pub silent_since: Option<Timestamp>,
}

impl Agent {
    /// How it stands.
    pub fn state(&self) -> AgentState {
        if self.revoked_at.is_some() {
            AgentState::Revoked
        } else if self.silent_since.is_some() {
            AgentState::Silent
        } else if self.last_heard_at.is_none() {
            AgentState::NeverHeard
        } else {
            AgentState::Reporting
        }
    }

    /// A sentence about its clock, when it is wrong by more than [`SKEW_WARNING`].
    pub fn skew_warning(&self) -> Option<String> {
        let skew = self.skew?;
        if skew.abs() <= SKEW_WARNING {
            return None;
        }
        let direction = if skew.is_negative() { "behind" } else { "ahead" };
        let by = crate::web::words::duration(skew.abs());
        Some(format!(
            "Its clock is {by} {direction}. Times it reports are corrected by that; set the machine's clock right."
        ))
    }

    /// The fingerprint of its key; see [`fingerprint`].
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.public_key)
    }
}

/// SHA-256 of a public key in groups of four hexadecimal digits.
pub fn fingerprint(public_key: &[u8]) -> String {
    let digest = Sha256::digest(public_key);
    let (pairs, _) = digest.as_chunks::<2>();
    let groups: Vec<String> = pairs
        .iter()
        .map(|pair| format!("{:04x}", u16::from_be_bytes(*pair)))
        .collect();
    groups.join(" ")
}

/// The agent whose report is being projected, and where it belongs.
#[derive(Debug, Clone)]
pub struct Reporter {
    /// The firm.
    pub firm: FirmId,
    /// The practice.
    pub practice: PracticeId,
    /// The office.
    pub office: OfficeId,
    /// It.
    pub agent: AgentId,
    /// Its name.
    pub name: String,
    /// Whether it counts as silent.
    pub is_silent: bool,
}

/// Where a new agent will belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The firm.
    pub firm: FirmId,
    /// The practice.
    pub practice: PracticeId,
    /// The office.
    pub office: OfficeId,
}

/// An office a new agent can belong to.
#[derive(Debug, Clone)]
pub(super) struct Office {
    /// It.
    pub(super) id: OfficeId,
    /// Its name.
    pub(super) name: String,
    /// Its zone.
    pub(super) zone: String,
}

/// An enrolment token as pages show it; its secret is not kept.
#[derive(Debug, Clone)]
pub struct Token {
    /// It.
    pub id: TokenId,
    /// Until when it can be used.
    pub expires_at: Timestamp,
    /// When it was withdrawn.
    pub withdrawn_at: Option<Timestamp>,
    /// The office the agent will belong to.
    pub office_name: String,
    /// The office's zone.
    pub zone: String,
    /// Who used it.
    pub agent: Option<EnrolledAgent>,
}

/// The agent that used a token.
#[derive(Debug, Clone)]
pub struct EnrolledAgent {
    /// It.
    pub agent: AgentId,
    /// Its name.
    pub name: String,
    /// When.
    pub enrolled_at: Timestamp,
    /// Its first report, received after that.
    pub first_report_at: Option<Timestamp>,
}

/// What a token that is redeemed turns out to be.
#[derive(Debug, Clone)]
pub(super) struct FoundToken {
    /// The firm.
    pub(super) firm: FirmId,
    /// It.
    pub(super) token: TokenId,
    /// The practice.
    pub(super) practice: PracticeId,
    /// The practice's name.
    pub(super) practice_name: String,
    /// The office.
    pub(super) office: OfficeId,
    /// The office's name.
    pub(super) office_name: String,
    /// Until when it can be used.
    pub(super) expires_at: Timestamp,
    /// When it was withdrawn.
    pub(super) withdrawn_at: Option<Timestamp>,
    /// The agent that used it, with its key, if that agent was not revoked since.
    pub(super) used_by: Option<(AgentId, Vec<u8>)>,
    /// Whether it was used at all.
    pub(super) used: bool,
}

/// What becomes of a token that is redeemed with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Redemption {
    /// It can be used.
    Fresh,
    /// The same key used it before: the answer was lost, here it is again.
    Again(AgentId),
    /// Another key used it before.
    Used,
    /// Too late.
    Expired,
    /// It was withdrawn.
    Withdrawn,
}

impl FoundToken {
    /// What becomes of it. That the same key gets the same answer comes first: a lost answer costs nothing.
    pub(super) fn redemption(&self, key: &PublicKey, now: Timestamp) -> Redemption {
        match &self.used_by {
            Some((agent, used_key)) if used_key == key.as_bytes() => Redemption::Again(*agent),
            _ if self.used => Redemption::Used,
            _ if self.withdrawn_at.is_some() => Redemption::Withdrawn,
            _ if now >= self.expires_at => Redemption::Expired,
            _ => Redemption::Fresh,
        }
    }
}

/// Checks what a new agent says of itself.
///
/// # Errors
/// The field that is wrong, and what is wrong with it.
pub(super) fn check_request(request: &EnrolmentRequest) -> Result<(), (&'static str, &'static str)> {
    let printable = |text: &str, most: usize| {
        !text.trim().is_empty() && text.chars().count() <= most && !text.chars().any(char::is_control)
    };
    if !printable(&request.hostname, 253) {
        return Err((
            "hostname",
            "A machine's name has 1 to 253 characters and no control characters.",
        ));
    }
    if !matches!(request.platform.as_str(), "linux" | "windows") {
        return Err(("platform", "The platform must be linux or windows."));
    }
    if !printable(&request.agent_version, 64) {
        return Err((
            "agent_version",
            "A version has 1 to 64 characters and no control characters.",
        ));
    }
    Ok(())
}
