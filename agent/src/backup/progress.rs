//! How far a run is, for `status`: a small file for as long as it runs. It need not survive a power cut, no backup fails for it, and
//! one that a kill left behind is not believed.

use std::cell::RefCell;
use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use jiff::Timestamp;
use lastgood_protocol::{JobKey, RunId};
use serde::{Deserialize, Serialize};

use crate::platform;
use crate::spool::{RunRecord, Spool};
use crate::state::{StateFolder, read_json};

const FOLDER: &str = "underway";

/// What a run does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    /// The running database is copied.
    Copying,
    /// The backup tool works.
    BackingUp,
    /// What it made is checked.
    Checking,
    /// The list of what the backup contains is read.
    ReadingBack,
    /// A sample is restored and compared with the source.
    Comparing,
}

impl Phase {
    /// What it does, as a person reads it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Copying => "copying the database",
            Self::BackingUp => "backing up",
            Self::Checking => "checking what was made",
            Self::ReadingBack => "reading the backup back",
            Self::Comparing => "restoring a sample and comparing it",
        }
    }
}

/// A run that is not over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Underway {
    /// Its job.
    pub(crate) job: JobKey,
    /// It.
    pub(crate) run: RunId,
    /// When it began, by the agent's clock.
    pub(crate) started_at: Timestamp,
    /// What it does.
    pub(crate) phase: Phase,
    /// Since when.
    pub(crate) since: Timestamp,
}

/// Tells how far one run is, until it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    folder: PathBuf,
    underway: RefCell<Underway>,
}

impl Progress {
    /// Of a run that begins now; nothing is told yet.
    pub(super) fn new(state: &StateFolder, record: &RunRecord) -> Self {
        Self {
            folder: state.file(FOLDER),
            underway: RefCell::new(Underway {
                job: record.job.clone(),
                run: record.run,
                started_at: record.started_at,
                phase: Phase::BackingUp,
                since: record.started_at,
            }),
        }
    }

    /// What the run does.
    pub(super) fn phase(&self) -> Phase {
        self.underway.borrow().phase
    }

    /// Tells what the run does from now on.
    pub(crate) fn enter(&self, phase: Phase, now: Timestamp) {
        let mut underway = self.underway.borrow_mut();
        (underway.phase, underway.since) = (phase, now);
        let tell = || -> io::Result<()> {
            platform::create_private_folder(&self.folder)?;
            let incoming = self.folder.join(format!("{}.new", underway.run));
            platform::private_file(&incoming)?.write_all(&serde_json::to_vec(&*underway)?)?;
            platform::replace_file(&incoming, &self.folder.join(format!("{}.json", underway.run)))
        };
        // On a full disk nobody can be told, and the backup goes on.
        let _untold = tell();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let file = self.folder.join(format!("{}.json", self.underway.borrow().run));
        let _gone = fs::remove_file(file);
    }
}

/// The runs of this machine that are not over, oldest first. What a kill left behind is removed.
pub(crate) fn underway(state: &StateFolder, spool: &Spool) -> Vec<Underway> {
    let Ok(entries) = fs::read_dir(state.file(FOLDER)) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Ok(Some(underway)) = read_json::<Underway>(&path) else {
            continue;
        };
        if spool.is_running(underway.run) {
            found.push(underway);
        } else {
            let _gone = fs::remove_file(&path);
        }
    }
    found.sort_unstable_by_key(|underway| underway.started_at);
    found
}
