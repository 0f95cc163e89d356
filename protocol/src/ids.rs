//! Identifiers that an agent makes or names. Those are hostile input until the server has checked them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// One enrolled agent. Given by the server at enrolment.
    AgentId
);
uuid_id!(
    /// One event. Made by the agent, the same over every retry: the server stores it once.
    EventId
);
uuid_id!(
    /// One execution of a job. Made by the agent when it starts.
    RunId
);
uuid_id!(
    /// One practised restore. Made by the agent.
    DrillId
);
uuid_id!(
    /// The identity written into a medium's marker file when it is registered.
    MarkerId
);

/// The name by which an agent's configuration and the server mean the same job, unique within a practice.
///
/// Lower-case letters, digits, `-` and `_`; 1 to 64 characters; begins with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct JobKey(String);

/// Why a text is not a [`JobKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a job key has 1 to 64 lower-case letters, digits, '-' or '_', and begins with a letter or digit")]
pub struct JobKeyError;

impl JobKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for JobKey {
    type Error = JobKeyError;

    fn try_from(text: String) -> Result<Self, JobKeyError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if begins_well && text.len() <= 64 && text.chars().all(allowed) {
            Ok(Self(text))
        } else {
            Err(JobKeyError)
        }
    }
}

impl FromStr for JobKey {
    type Err = JobKeyError;

    fn from_str(text: &str) -> Result<Self, JobKeyError> {
        Self::try_from(text.to_owned())
    }
}

impl From<JobKey> for String {
    fn from(key: JobKey) -> Self {
        key.0
    }
}

impl fmt::Display for JobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
