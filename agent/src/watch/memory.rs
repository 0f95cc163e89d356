//! What the watcher keeps of each job between two looks, and between two starts.

use std::io;

use jiff::Timestamp;
use lastgood_protocol::{JobKey, RunId};
use serde::{Deserialize, Serialize};

use crate::platform;
use crate::state::{StateFolder, read_json, write_durably};

/// What is kept of one watched job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Memory {
    /// How far a log file was read.
    pub(super) log: Option<LogPlace>,
    /// The last event of each channel that was looked at.
    pub(super) record: Option<u64>,
    /// The time of the last status that was seen.
    pub(super) status: Option<Timestamp>,
    /// The run that began and has not ended.
    pub(super) open: Option<Open>,
}

/// A run that began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) run: RunId,
    pub(super) started_at: Timestamp,
}

/// How far a log file was read, and how that file is known again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LogPlace {
    /// Bytes that were read, up to the end of a line.
    pub(super) offset: u64,
    /// How many bytes at the file's beginning the fingerprint is of.
    pub(super) fingerprinted: u64,
    /// A digest of them.
    pub(super) fingerprint: String,
}

impl Memory {
    /// Reads it; nothing yet is nothing seen.
    pub(super) fn load(state: &StateFolder, job: &JobKey) -> io::Result<Self> {
        Ok(read_json(&state.file("watch").join(format!("job-{job}.json")))?.unwrap_or_default())
    }

    /// Keeps it durably.
    pub(super) fn keep(&self, state: &StateFolder, job: &JobKey) -> io::Result<()> {
        let folder = state.file("watch");
        platform::create_private_folder(&folder)?;
        write_durably(&folder.join(format!("job-{job}.json")), &serde_json::to_vec(self)?)
    }
}
