//! What the agent keeps of media between its starts: which are in the drive, and which were used when. Small, durable, and
//! changed under a lock, because the daemon, its runs and other commands all write it.

use std::io;

use jiff::Timestamp;
use lastgood_protocol::{MarkerId, MediumSighting};
use serde::{Deserialize, Serialize};

use crate::engine::rotation::Rotation;
use crate::state::{StateFolder, open_lock, read_json, write_durably};

const FILE: &str = "media.json";
const LOCK: &str = "media.lock";

/// Everything that is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Kept {
    /// The registered media and their use.
    pub(crate) rotation: Rotation,
    /// What is in the drives, as the server was told last.
    pub(crate) present: Vec<Present>,
}

/// A medium in a drive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Present {
    /// Since when, by the agent's clock.
    pub(crate) since: Timestamp,
    /// The medium, as it was seen then.
    pub(crate) medium: MediumSighting,
}

impl Present {
    /// What makes it the same medium.
    pub(crate) fn identity(&self) -> (&str, Option<MarkerId>) {
        identity(&self.medium)
    }
}

/// What makes a medium the same: its volume together with its marker.
pub(crate) fn identity(medium: &MediumSighting) -> (&str, Option<MarkerId>) {
    (&medium.volume, medium.marker)
}

/// The file.
#[derive(Debug, Clone)]
pub(crate) struct Ledger {
    state: StateFolder,
}

impl Ledger {
    /// The ledger in a state folder; nothing is made yet.
    pub(crate) fn in_folder(state: &StateFolder) -> Self {
        Self { state: state.clone() }
    }

    /// What is kept; nothing where it cannot be read, because no backup may fail for it.
    pub(crate) fn read(&self) -> Kept {
        match read_json(&self.state.file(FILE)) {
            Ok(kept) => kept.unwrap_or_default(),
            Err(error) => {
                tracing::warn!(%error, "what was known of the media cannot be read; it begins anew");
                Kept::default()
            }
        }
    }

    /// Changes what is kept. It is durable when this returns.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Kept) -> T) -> io::Result<T> {
        let lock = open_lock(&self.state.file(LOCK))?;
        lock.lock()?;
        let before = self.read();
        let mut kept = before.clone();
        let answer = change(&mut kept);
        if kept != before {
            write_durably(&self.state.file(FILE), &serde_json::to_vec(&kept)?)?;
        }
        drop(lock);
        Ok(answer)
    }
}
