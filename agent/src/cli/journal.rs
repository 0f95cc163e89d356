//! What the agent logs under systemd: each line begins with its level as sd-daemon(3) has it, so that the journal keeps
//! warnings as warnings. Elsewhere the lines stay as they are.

use std::io::{self, Write};
use std::os::unix::fs::MetadataExt as _;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;

use crate::config::ServiceEnvironment;

/// Standard error, which the journal may read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Journal {
    reads_levels: bool,
}

impl Journal {
    /// As the service manager set it up: `JOURNAL_STREAM` names the device and inode of what the journal reads.
    pub(super) fn new(environment: &ServiceEnvironment) -> Self {
        let stream = std::fs::metadata("/dev/stderr").map(|status| format!("{}:{}", status.dev(), status.ino()));
        Self {
            reads_levels: environment.journal_stream.is_some() && environment.journal_stream == stream.ok(),
        }
    }
}

/// One line of the log.
#[derive(Debug)]
pub(super) struct Line {
    level: &'static str,
}

impl<'a> MakeWriter<'a> for Journal {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { level: "" }
    }

    fn make_writer_for(&'a self, metadata: &Metadata<'_>) -> Line {
        let level = match *metadata.level() {
            Level::ERROR => "<3>",
            Level::WARN => "<4>",
            Level::INFO => "<6>",
            Level::DEBUG | Level::TRACE => "<7>",
        };
        Line {
            level: if self.reads_levels { level } else { "" },
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = [self.level.as_bytes(), bytes].concat();
        io::stderr().lock().write_all(&line)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
