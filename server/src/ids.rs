//! Newtype ids of everything the server stores, and the one place that makes new ones.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
        #[serde(transparent)]
        #[sqlx(transparent)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    )*};
}

ids! {
    /// An IT consultancy: the tenant.
    FirmId,
    /// A client of a firm.
    PracticeId,
    /// A place a practice works in.
    OfficeId,
    /// A span of days an office is closed.
    ClosureId,
    /// A person who signs in.
    UserId,
    /// One sign-in of a person on one browser.
    SessionId,
    /// One line of the audit log.
    EntryId,
    /// One enrolled agent.
    AgentId,
    /// One enrolment token.
    TokenId,
    /// One event, as its agent named it.
    EventId,
    /// One backup job.
    JobId,
    /// A rule that something must happen by a time.
    ExpectationId,
    /// One dated instance of an expectation.
    SlotId,
    /// One execution of a job, as its agent named it.
    RunId,
    /// One disk, tape or cartridge.
    MediumId,
    /// One practised restore, as its agent named it.
    DrillId,
    /// One job that an agent proposes.
    ProposalId,
    /// An open or closed problem.
    AlertId,
    /// One message to one recipient.
    NotificationId,
}

/// A new id: version 7 (RFC 9562), so that ids made later sort later and indexes stay compact.
pub fn new<Id: From<Uuid>>(now: Timestamp) -> Id {
    let milliseconds = u64::try_from(now.as_millisecond()).unwrap_or_default();
    Id::from(uuid::Builder::from_unix_timestamp_millis(milliseconds, &random()).into_uuid())
}

/// Bytes from the system's cryptographic source, for ids, tokens and salts.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has a source of randomness");
    bytes
}
