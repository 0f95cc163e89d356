//! The postmaster's own log: one file, and the one before it.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How large the log may grow, in bytes, before it becomes the former one.
const LARGEST: u64 = 8 * 1024 * 1024;

/// `$STATE/pg/log/postgres.log`.
#[derive(Debug, Clone)]
pub(super) struct Log {
    pub(super) path: PathBuf,
}

impl Log {
    /// Opened so that every write goes to the end, wherever that is by then.
    pub(super) fn open(&self) -> std::io::Result<File> {
        OpenOptions::new()
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&self.path)
    }

    /// Where the next line will stand.
    pub(super) fn end(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Copies a log that has grown too large aside and empties it. The postmaster keeps its open file, so the file
    /// cannot be replaced; a line written in between is lost.
    pub(super) fn bound(&self) -> std::io::Result<()> {
        if self.end() < LARGEST {
            return Ok(());
        }
        let former = self.path.with_extension("log.1");
        let copy = self.path.with_extension("log.copy");
        std::fs::copy(&self.path, &copy)?;
        std::fs::rename(&copy, &former)?;
        OpenOptions::new().write(true).open(&self.path)?.set_len(0)
    }

    /// The last lines written since `start`, for an error message.
    pub(super) fn tail(&self, start: u64) -> String {
        let text = read_from(&self.path, start.max(self.end().saturating_sub(4096))).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .get(lines.len().saturating_sub(8)..)
            .unwrap_or_default()
            .join("\n")
    }
}

fn read_from(path: &Path, start: u64) -> std::io::Result<String> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
