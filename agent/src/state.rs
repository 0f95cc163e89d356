//! The state folder: what the agent keeps between its starts, and the lock that lets only one daemon use it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{JobKey, Outcome, RunId};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::platform;
use crate::spool::{Limits, Spool, SpoolError};

const DAEMON_LOCK: &str = "daemon.lock";

/// The state folder.
#[derive(Debug, Clone)]
pub(crate) struct StateFolder {
    path: PathBuf,
}

/// Held by the one daemon that uses a state folder.
#[derive(Debug)]
pub(crate) struct DaemonLock {
    _file: File,
}

/// What is kept of one job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct JobState {
    /// Everything due up to here was dealt with.
    pub(crate) anchor: Option<Timestamp>,
    /// The try that is to follow a failed one.
    pub(crate) retry: Option<u32>,
    /// The last run that ended.
    pub(crate) last: Option<LastRun>,
}

/// The last run of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LastRun {
    /// The run.
    pub(crate) run: RunId,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// When it ended.
    pub(crate) finished_at: Timestamp,
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// Why, when not ok.
    pub(crate) reason: Option<String>,
}

/// What is known of the delivery.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct DeliveryState {
    /// When the server last acknowledged something.
    pub(crate) last_acknowledged: Option<Timestamp>,
    /// When the agent last tried.
    pub(crate) last_attempt: Option<Timestamp>,
    /// What was wrong the last time; `None` when it went well.
    pub(crate) problem: Option<String>,
    /// When this machine was last told that the server is silent.
    pub(crate) warned: Option<Timestamp>,
}

/// After how long without an acknowledgement the agent says so on its own machine, and how long until it says so again.
const SILENT: SignedDuration = SignedDuration::from_hours(24);

impl DeliveryState {
    /// Since when the server has acknowledged nothing, where that is longer than a day; for an agent that was never
    /// answered, since it was enrolled.
    pub(crate) fn silent_since(&self, enrolled_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let since = self
            .last_acknowledged
            .map_or(enrolled_at, |acknowledged| acknowledged.max(enrolled_at));
        (now.duration_since(since) > SILENT).then_some(since)
    }

    /// The same, once a day and no more: who is told it is remembered. A clock that was set back does not keep it quiet.
    pub(crate) fn warn_of_silence(&mut self, enrolled_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
        let Some(since) = self.silent_since(enrolled_at, now) else {
            self.warned = None;
            return None;
        };
        let told = self.warned.is_some_and(|warned| {
            let passed = now.duration_since(warned);
            SignedDuration::ZERO <= passed && passed < SILENT
        });
        if told {
            return None;
        }
        self.warned = Some(now);
        Some(since)
    }
}

impl StateFolder {
    /// The state folder at this place; nothing is made yet.
    pub(crate) fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the folder when it is not there.
    pub(crate) fn create(&self) -> io::Result<()> {
        platform::create_private_folder(&self.path)?;
        // Made while there is room: a full disk must not keep the daemon from starting.
        open_lock(&self.path.join(DAEMON_LOCK)).map(|_| ())
    }

    /// Opens the spool in it.
    pub(crate) fn spool(&self, limits: Limits) -> Result<Spool, SpoolError> {
        Spool::open(&self.path.join("spool"), limits)
    }

    /// Takes the daemon's lock; `None` when another daemon holds it.
    pub(crate) fn lock_daemon(&self) -> io::Result<Option<DaemonLock>> {
        let file = open_lock(&self.path.join(DAEMON_LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(DaemonLock { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A file in the folder.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// What is kept of a job; the default when nothing can be read, because no backup may fail for it.
    pub(crate) fn job(&self, key: &JobKey) -> JobState {
        read_json(&self.job_file(key)).ok().flatten().unwrap_or_default()
    }

    /// Changes what is kept of a job.
    pub(crate) fn change_job(&self, key: &JobKey, change: impl FnOnce(&mut JobState)) -> io::Result<()> {
        platform::create_private_folder(&self.path.join("jobs"))?;
        let mut state = self.job(key);
        change(&mut state);
        write_durably(&self.job_file(key), &serde_json::to_vec(&state)?)
    }

    /// What is known of the delivery.
    pub(crate) fn delivery(&self) -> DeliveryState {
        read_json(&self.file("delivery.json"))
            .ok()
            .flatten()
            .unwrap_or_default()
    }

    /// Keeps what is known of the delivery.
    pub(crate) fn keep_delivery(&self, state: &DeliveryState) -> io::Result<()> {
        // Only `status` reads it: it need not survive a power cut, and heartbeats should not cost a flush more.
        let path = self.file("delivery.json");
        let incoming = path.with_extension("new");
        platform::private_file(&incoming)?.write_all(&serde_json::to_vec(state)?)?;
        platform::replace_file(&incoming, &path)
    }

    fn job_file(&self, key: &JobKey) -> PathBuf {
        // The prefix keeps a job called `con` or `nul` from naming a device on Windows.
        self.path.join("jobs").join(format!("job-{key}.json"))
    }
}

/// Opens a file to be locked, making it when it is not there. It is open for reading alone, so that it keeps no disk
/// from being made read-only.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            drop(platform::private_file(path)?);
            File::open(path)
        }
        other => other,
    }
}

/// Writes a file that only its owner can read, so that after a power cut either the old or the new content stands.
pub(crate) fn write_durably(path: &Path, content: &[u8]) -> io::Result<()> {
    let incoming = path.with_extension("new");
    let mut file = platform::private_file(&incoming)?;
    file.write_all(content)?;
    file.sync_all()?;
    drop(file);
    platform::replace_file(&incoming, path)?;
    match path.parent() {
        Some(folder) => platform::sync_folder(folder),
        None => Ok(()),
    }
}

/// Reads a JSON file; `None` when it is not there.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(io::Error::other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::DeliveryState;

    fn hour(hours: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hours)
    }

    #[test]
    fn a_silent_server_is_told_once_a_day_until_it_answers() {
        let enrolled = hour(0);
        let mut state = DeliveryState::default();
        let mut told = Vec::new();
        for now in 1..=80 {
            if now == 50 {
                state.last_acknowledged = Some(hour(50));
            }
            told.extend(state.warn_of_silence(enrolled, hour(now)).map(|since| (now, since)));
        }
        assert_eq!(told, [(25, hour(0)), (49, hour(0)), (75, hour(50))]);
    }

    #[test]
    fn an_agent_that_was_never_answered_is_silent_since_it_was_enrolled() {
        let state = DeliveryState::default();
        assert_eq!(state.silent_since(hour(0), hour(24)), None);
        assert_eq!(state.silent_since(hour(0), hour(25)), Some(hour(0)));
        // Enrolled anew, long after the last word of the server before.
        let state = DeliveryState {
            last_acknowledged: Some(hour(1)),
            ..DeliveryState::default()
        };
        assert_eq!(state.silent_since(hour(90), hour(100)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_keep_it_quiet() {
        let mut state = DeliveryState {
            warned: Some(hour(500)),
            ..DeliveryState::default()
        };
        assert_eq!(state.warn_of_silence(hour(0), hour(30)), Some(hour(0)));
        assert_eq!(state.warn_of_silence(hour(0), hour(31)), None);
    }
}
