//! One process a state folder: an advisory lock that the kernel releases with its holder, however that ends.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};

use super::error::PostgresError;

/// How long a command or a server waits for a command that is still at work.
const PATIENCE: Duration = Duration::from_secs(30);

/// Its name in the state folder.
const FILE: &str = "lastgood.lock";

/// What kind of process holds the state folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// `lastgood serve` or `demo`: stays until it is stopped; commands work beside it.
    Server,
    /// A command at work while no server runs: gone in a moment.
    Command,
}

/// The right to work in a state folder. Released when dropped.
#[derive(Debug)]
pub struct StateLock {
    _file: File,
}

/// What came of asking for the lock.
pub(super) enum Claim {
    Taken(StateLock),
    /// Held by that process, as far as its note in the lock file can be read.
    Held {
        holder: Option<Holder>,
        pid: Option<u32>,
    },
}

impl StateLock {
    /// Takes the lock of the folder, which must exist. A command that is still at work is waited for; a server is not.
    pub async fn take(state: &Path, holder: Holder) -> Result<StateLock, PostgresError> {
        match StateLock::claim(state, holder).await? {
            Claim::Taken(lock) => Ok(lock),
            Claim::Held { pid, .. } => Err(PostgresError::InUse {
                state: state.to_owned(),
                holder: pid.map(|pid| format!(" (process {pid})")).unwrap_or_default(),
            }),
        }
    }

    /// Whether anybody ever took the lock of this folder.
    pub(super) fn is_noted(state: &Path) -> bool {
        state.join(FILE).exists()
    }

    pub(super) async fn claim(state: &Path, holder: Holder) -> Result<Claim, PostgresError> {
        let path = state.join(FILE);
        let failed = |doing| PostgresError::file(doing, &path);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed("opening"))?;
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut note = String::new();
            file.rewind().map_err(failed("reading"))?;
            Read::by_ref(&mut file)
                .take(100)
                .read_to_string(&mut note)
                .map_err(failed("reading"))?;
            let (pid, other) = read_note(&note);
            if other != Some(Holder::Command) || tokio::time::Instant::now() > deadline {
                return Ok(Claim::Held { holder: other, pid });
            }
            // The kernel offers no way to wait for a lock that can also be given up.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let kind = if holder == Holder::Server { "server" } else { "command" };
        file.set_len(0).map_err(failed("writing"))?;
        file.rewind().map_err(failed("writing"))?;
        writeln!(file, "{} {kind}", std::process::id()).map_err(failed("writing"))?;
        Ok(Claim::Taken(StateLock { _file: file }))
    }
}

fn read_note(note: &str) -> (Option<u32>, Option<Holder>) {
    let mut words = note.split_whitespace();
    let pid = words.next().and_then(|word| word.parse().ok());
    let holder = match words.next() {
        Some("server") => Some(Holder::Server),
        // No note yet: the holder is writing it, or has just died; look again.
        Some("command") | None => Some(Holder::Command),
        Some(_) => None,
    };
    (pid, holder)
}
