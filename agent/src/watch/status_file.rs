//! resticprofile's status file: its documentation, "Status file": `profiles.NAME.backup` with `success`, `time`, `error`, counts.
//! Tested on files as users published them, cut after the backup, and on one made after that page.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use jiff::Timestamp;
use lastgood_protocol::{Basis, Knowledge, Outcome, RunFacts};
use serde::Deserialize;

use super::memory::Memory;
use super::preview::{Entry, Preview};
use super::{Sighting, What};
use crate::tools::claim;

/// The largest file that is read, in bytes.
const LARGEST: u64 = 4 * 1024 * 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Status {
    profiles: BTreeMap<String, Profile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Profile {
    backup: Option<Backup>,
}

#[derive(Debug, Deserialize)]
struct Backup {
    success: bool,
    time: Timestamp,
    #[serde(default)]
    error: String,
    /// What restic complained of.
    #[serde(default)]
    stderr: String,
    /// Seconds.
    #[serde(default)]
    duration: i64,
    files_new: Option<u64>,
    files_changed: Option<u64>,
    files_total: Option<u64>,
    bytes_added: Option<u64>,
    bytes_total: Option<u64>,
}

impl Backup {
    /// restic's complaints, and that it left something out: `success` is true then, too, and `error` empty.
    fn has_complaints(&self) -> bool {
        let complains = |line: &str| {
            ["error:", "warning:"].iter().any(|start| {
                line.get(..start.len())
                    .is_some_and(|begin| begin.eq_ignore_ascii_case(start))
            })
        };
        self.stderr.lines().any(|line| complains(line.trim_start()))
    }

    /// Without `extended-status` every count is 0, however much was saved.
    fn is_counted(&self) -> bool {
        [self.files_total, self.bytes_total]
            .iter()
            .flatten()
            .any(|&count| count > 0)
    }
}

pub(super) fn look(file: &Path, profile: &str, memory: &mut Memory) -> io::Result<Vec<Sighting>> {
    let text = match text_of(file) {
        Ok(text) => text,
        // Before the first backup there is none.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // While it is being written it may be cut; then the next look reads it.
    let Some(sighting) = read(&text, profile) else {
        return Ok(Vec::new());
    };
    if memory.status == Some(sighting.at) {
        return Ok(Vec::new());
    }
    memory.status = Some(sighting.at);
    Ok(vec![sighting])
}

/// The profile's last backup, or what the file says instead.
pub(super) fn preview(file: &Path, profile: &str) -> io::Result<Preview> {
    let text = text_of(file)?;
    if let Some(sighting) = read(&text, profile) {
        let entry = Entry {
            at: Some(sighting.at),
            left: format!("the last backup of profile '{profile}'"),
            counts: Some(sighting.what),
        };
        return Ok(Preview {
            entries: vec![entry],
            note: None,
        });
    }
    let note = match serde_json::from_str::<Status>(&text) {
        Err(error) => format!("The file cannot be read as a status file of resticprofile: {error}"),
        Ok(status) if status.profiles.contains_key(profile) => {
            format!("The file says nothing yet of a backup of profile '{profile}'")
        }
        Ok(status) => {
            let names: Vec<String> = status.profiles.into_keys().collect();
            format!("The file has no profile '{profile}', only: {}", names.join(", "))
        }
    };
    Ok(Preview {
        entries: Vec::new(),
        note: Some(note),
    })
}

fn text_of(file: &Path) -> io::Result<String> {
    if fs::metadata(file)?.len() > LARGEST {
        return Err(io::Error::other("the status file is too large to be one"));
    }
    fs::read_to_string(file)
}

/// The last backup of a profile.
pub(super) fn read(text: &str, profile: &str) -> Option<Sighting> {
    let mut status: Status = serde_json::from_str(text).ok()?;
    let backup = status.profiles.remove(profile)?.backup?;
    let (outcome, reason) = if backup.success && backup.error.is_empty() && !backup.has_complaints() {
        (Outcome::Ok, None)
    } else if backup.success && backup.error.is_empty() {
        let sentence = "A backup was made, but restic could not read everything.";
        (Outcome::Warning, Some(sentence))
    } else if backup.success {
        (Outcome::Warning, Some("A backup was made, but resticprofile warned."))
    } else {
        (Outcome::Failed, Some("resticprofile could not make the backup."))
    };
    let always = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    let counted = |count: Option<u64>| count.filter(|_| backup.is_counted());
    let facts = RunFacts {
        bytes_processed: counted(backup.bytes_total),
        bytes_added: counted(backup.bytes_added),
        files_total: counted(backup.files_total),
        files_new: counted(backup.files_new),
        files_changed: counted(backup.files_changed),
        full: always,
        encrypted: always,
        ..RunFacts::default()
    };
    let took = jiff::SignedDuration::from_secs(backup.duration.clamp(0, 7 * 86_400));
    Some(Sighting {
        identity: format!("status {}", backup.time),
        at: backup.time,
        version: None,
        what: What::Finished {
            started: backup.time.checked_sub(took).ok(),
            outcome,
            reason: reason.map(str::to_owned),
            will_be_retried: false,
            facts: Box::new(facts),
        },
    })
}
