//! Where the agent's log goes when no service manager listens to what it prints: a file beside its state, kept small.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// How large the file may grow before it becomes the old one, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The log file, and the one before it.
#[derive(Debug)]
pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    written: u64,
}

impl LogFile {
    /// Goes on with `agent.log` in this folder.
    pub(super) fn in_folder(folder: &Path) -> io::Result<Self> {
        let path = folder.join("agent.log");
        let file = open(&path)?;
        let written = file.metadata()?.len();
        Ok(Self { path, file, written })
    }
}

fn open(path: &Path) -> io::Result<File> {
    File::options().append(true).create(true).open(path)
}

impl Write for LogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.written >= LARGEST {
            // One that cannot be put aside goes on growing rather than being silent.
            if std::fs::rename(&self.path, self.path.with_extension("log.old")).is_ok() {
                self.file = open(&self.path)?;
            }
            self.written = 0;
        }
        let length = self.file.write(bytes)?;
        self.written = self.written.saturating_add(u64::try_from(length).unwrap_or(u64::MAX));
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;

    use super::LogFile;

    #[test]
    fn what_was_logged_before_is_kept_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let megabyte = vec![b'x'; 1024 * 1024];
        for first in [b"first\n", b"again\n", b"newer\n"] {
            let mut log = LogFile::in_folder(folder.path()).expect("writable");
            log.write_all(first).expect("writable");
            log.write_all(&megabyte).expect("writable");
        }
        let read = |name| fs::read(folder.path().join(name)).expect("readable");
        assert!(read("agent.log").starts_with(b"newer\n"));
        assert!(read("agent.log.old").starts_with(b"again\n"));
        assert_eq!(fs::read_dir(folder.path()).expect("readable").count(), 2);
    }
}
