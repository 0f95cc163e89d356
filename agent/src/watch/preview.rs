//! What a job's program has left up to now, and how it counts. Nothing is remembered and nothing is reported, so that it can be asked
//! before anything is relied on: of some products no entry of a real machine has been seen by those who wrote the readers.

use std::io;

use jiff::Timestamp;

use super::{What, event_log, log_file, status_file};
use crate::config::Watch;

/// What was found, the newest first.
#[derive(Debug, Default)]
pub(crate) struct Preview {
    /// Each thing that was left.
    pub(crate) entries: Vec<Entry>,
    /// What else is there where nothing is that counts, and what to do.
    pub(crate) note: Option<String>,
}

/// One thing that was left.
#[derive(Debug)]
pub(crate) struct Entry {
    /// When it happened; a log's line says it in no form that is understood.
    pub(crate) at: Option<Timestamp>,
    /// The thing itself, such as an entry's source and number or a log's line.
    pub(crate) left: String,
    /// What it counts as; `None` when it says nothing of a backup.
    pub(crate) counts: Option<What>,
}

/// Looks back over the newest things a program left, at most so many.
pub(crate) fn preview(watch: &Watch, most: usize) -> io::Result<Preview> {
    match watch {
        Watch::EventLog(table) => event_log::preview(table, most),
        Watch::StatusFile { file, profile } => status_file::preview(file, profile),
        Watch::LogFile(log) => log_file::preview(log, most),
        Watch::Duplicati { port, .. } => Ok(Preview {
            note: Some(format!(
                "Duplicati leaves nothing here. It posts each report to http://127.0.0.1:{port}/ while the agent runs; make a backup, then see: lastgood-agent status"
            )),
            ..Preview::default()
        }),
    }
}
