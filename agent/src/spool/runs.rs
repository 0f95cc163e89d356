//! Runs that have begun and are not reported yet, so that one that a kill or a power cut ended is reported all the same.
//!
//! The process that runs a backup holds a lock on its record; a record that nobody holds is a run that was interrupted.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lastgood_protocol::{EventBody, EventId, JobKey, RunFinished, RunId, RunStarted, ToolIdentity};
use serde::{Deserialize, Serialize};

use super::{Appended, RUNS, Spool, SpoolError};
use crate::platform;

/// A run that has begun.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// The run.
    pub(crate) run: RunId,
    /// The job it is a run of.
    pub(crate) job: JobKey,
    /// When it began, by the agent's clock.
    pub(crate) started_at: Timestamp,
    /// Which try.
    pub(crate) attempt: u32,
    /// The tool, as far as it is known at the start.
    pub(crate) tool: ToolIdentity,
    /// The id that the report of its end will have, whoever writes it.
    pub(crate) finish_event: EventId,
}

/// Held by the process that runs the backup, for as long as it runs.
#[derive(Debug)]
pub(crate) struct RunTicket {
    /// What was recorded.
    pub(crate) record: RunRecord,
    _lock: Option<File>,
}

/// A run whose process is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InterruptedRun {
    /// What was recorded when it began.
    pub(crate) record: RunRecord,
}

impl Spool {
    /// Records that a run begins and appends the event that says so. A full disk does not stop a backup: then the run is
    /// only reported when it ends.
    pub(crate) fn begin_run(&self, record: RunRecord, start_event: EventId) -> Result<RunTicket, SpoolError> {
        let started = EventBody::RunStarted(RunStarted {
            run: record.run,
            job: record.job.clone(),
            started_at: record.started_at,
            attempt: record.attempt,
        });
        let lock = {
            let _held = self.hold()?;
            match self.write_run_record(&record) {
                Ok(lock) => Some(lock),
                Err(error) if platform::is_disk_full(&error) => None,
                Err(error) => return Err(self.error(error)),
            }
        };
        self.append(start_event, record.started_at, started)?;
        Ok(RunTicket { record, _lock: lock })
    }

    /// Appends the report of a run's end and forgets its record.
    pub(crate) fn finish_run(&self, ticket: RunTicket, finished: RunFinished) -> Result<Appended, SpoolError> {
        let id = ticket.record.finish_event;
        self.finish(&ticket.record, id, finished)
    }

    /// Appends the report of a run whose start could not be recorded.
    pub(crate) fn append_finished(&self, id: EventId, finished: RunFinished) -> Result<Appended, SpoolError> {
        let at = finished.finished_at;
        self.append(id, at, EventBody::RunFinished(Box::new(finished)))
    }

    /// Reports a run that was interrupted.
    pub(crate) fn finish_interrupted(
        &self,
        run: &InterruptedRun,
        finished: RunFinished,
    ) -> Result<Appended, SpoolError> {
        self.finish(&run.record, run.record.finish_event, finished)
    }

    fn finish(&self, record: &RunRecord, id: EventId, finished: RunFinished) -> Result<Appended, SpoolError> {
        let mut held = self.hold()?;
        let at = finished.finished_at;
        let appended = self.append_held(&mut held, id, at, EventBody::RunFinished(Box::new(finished)))?;
        self.forget(record.run).map_err(|source| self.error(source))?;
        Ok(appended)
    }

    /// The runs whose process is gone and whose end nobody reported. Those whose report waits already are forgotten.
    pub(crate) fn interrupted_runs(&self) -> Result<Vec<InterruptedRun>, SpoolError> {
        let _held = self.hold()?;
        let found = || -> io::Result<Vec<InterruptedRun>> {
            let reported: Vec<EventId> = self
                .names()?
                .iter()
                .map(|name| name.id)
                .chain(self.reserve.read().iter().map(|(_, event, _)| event.id))
                .collect();
            let mut found = Vec::new();
            for entry in fs::read_dir(self.folder.join(RUNS))? {
                let path = entry?.path();
                let Some(record) = read_unheld(&path)? else { continue };
                if reported.contains(&record.finish_event) {
                    self.forget(record.run)?;
                } else {
                    found.push(InterruptedRun { record });
                }
            }
            found.sort_unstable_by_key(|run| run.record.started_at);
            Ok(found)
        };
        found().map_err(|source| self.error(source))
    }

    /// Whether a process runs this now.
    pub(crate) fn is_running(&self, run: RunId) -> bool {
        File::open(run_path(&self.folder, run))
            .is_ok_and(|record| matches!(record.try_lock(), Err(TryLockError::WouldBlock)))
    }

    fn write_run_record(&self, record: &RunRecord) -> io::Result<File> {
        let path = run_path(&self.folder, record.run);
        let incoming = path.with_extension("new");
        let mut file = platform::private_file(&incoming)?;
        file.write_all(&serde_json::to_vec(record)?)?;
        file.sync_all()?;
        // Open for reading alone while the backup runs, so that it keeps no disk from being made read-only.
        let held = File::open(&incoming)?;
        held.lock()?;
        drop(file);
        platform::replace_file(&incoming, &path)?;
        platform::sync_folder(&self.folder.join(RUNS))?;
        Ok(held)
    }

    fn forget(&self, run: RunId) -> io::Result<()> {
        match fs::remove_file(run_path(&self.folder, run)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) if platform::is_disk_full(&error) => Ok(()),
            other => other,
        }
    }
}

/// Forgets a run before the report of its end leaves the spool, so that its end is never reported twice.
pub(super) fn forget_reported(folder: &Path, what: &EventBody) -> io::Result<()> {
    let EventBody::RunFinished(finished) = what else {
        return Ok(());
    };
    let path = run_path(folder, finished.run);
    match fs::remove_file(&path) {
        Ok(()) => platform::sync_folder(&folder.join(RUNS)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

fn run_path(folder: &Path, run: RunId) -> PathBuf {
    folder.join(RUNS).join(format!("{run}.run"))
}

/// The record in a file that no process holds. What cannot be read was never confirmed, and is removed.
fn read_unheld(path: &Path) -> io::Result<Option<RunRecord>> {
    let mut file = File::open(path)?;
    if file.try_lock().is_err() {
        return Ok(None);
    }
    let whole = path.extension().is_some_and(|extension| extension == "run");
    // Through the handle that holds the lock: on Windows nobody else may read what is locked, not even this process.
    let mut text = Vec::new();
    file.read_to_end(&mut text)?;
    let record = serde_json::from_slice(&text).ok().filter(|_| whole);
    if record.is_none() {
        fs::remove_file(path)?;
    }
    Ok(record)
}
