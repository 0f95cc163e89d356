//! Finding and reading the configuration: the file, the rights on it, and what flags and variables say above it.

use std::io;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;

use super::build;
use super::file::RawConfig;
use super::{Config, ConfigProblem, ConfigProblems};
use crate::platform;

/// Settings from flags and variables; they count for more than the file.
#[derive(Debug, Clone, Default)]
pub(crate) struct Overrides {
    /// Between two heartbeats.
    pub(crate) heartbeat: Option<Duration>,
    /// The longest wait after failed deliveries.
    pub(crate) backoff_cap: Option<Duration>,
    /// How long a stopping agent waits for a backup.
    pub(crate) stop_wait: Option<Duration>,
}

/// What the service manager put into the environment.
#[cfg_attr(windows, expect(dead_code, reason = "systemd's, which Windows has not"))]
#[derive(Debug, Clone, Default)]
pub(crate) struct ServiceEnvironment {
    /// systemd's `NOTIFY_SOCKET`.
    pub(crate) notify_socket: Option<String>,
    /// systemd's `WATCHDOG_USEC`.
    pub(crate) watchdog_usec: Option<String>,
    /// systemd's `JOURNAL_STREAM`.
    pub(crate) journal_stream: Option<String>,
}

impl ServiceEnvironment {
    /// Reads it.
    #[expect(clippy::disallowed_methods, reason = "the configuration reads the environment")]
    pub(crate) fn read() -> Self {
        Self {
            notify_socket: std::env::var("NOTIFY_SOCKET").ok(),
            watchdog_usec: std::env::var("WATCHDOG_USEC").ok(),
            journal_stream: std::env::var("JOURNAL_STREAM").ok(),
        }
    }
}

/// The agent's own environment, which all that it starts inherits; the folder it was started in is left out.
pub(crate) fn inherited_environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .map(|(name, value)| {
            (
                name.to_string_lossy().into_owned(),
                value.to_string_lossy().into_owned(),
            )
        })
        .filter(|(name, _)| !["PWD", "OLDPWD"].contains(&name.as_str()))
        .collect()
}

/// Reads and checks the configuration. A file that is not there is a configuration without jobs, unless it was asked
/// for by name.
pub(crate) fn load(
    path: &Path,
    must_exist: bool,
    overrides: &Overrides,
    now: Timestamp,
) -> Result<Config, ConfigProblems> {
    let whole_file = |message: String, remedy: &str| {
        ConfigProblems(vec![ConfigProblem {
            file: path.to_path_buf(),
            line: None,
            message,
            remedy: remedy.to_owned(),
        }])
    };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => {
            return build::build(RawConfig::default(), None, "", overrides, now);
        }
        Err(error) => {
            return Err(whole_file(
                format!("the file cannot be read: {error}"),
                "Check that it is there and that you may read it, or name another with --config",
            ));
        }
    };
    match platform::others_can_write(path) {
        Ok(false) => {}
        Ok(true) => {
            return Err(whole_file(
                "others than administrators can change this file or its folder, and with it what the agent runs"
                    .to_owned(),
                platform::words::KEEP_FROM_CHANGE,
            ));
        }
        Err(error) => {
            return Err(whole_file(
                format!("it cannot be told who may change this file: {error}"),
                "Check the rights on the file and its folder",
            ));
        }
    }
    read(path, &text, overrides, now)
}

/// Reads the text of the configuration in `path`.
pub(crate) fn read(path: &Path, text: &str, overrides: &Overrides, now: Timestamp) -> Result<Config, ConfigProblems> {
    let raw: RawConfig = toml::from_str(text).map_err(|error| {
        ConfigProblems(vec![ConfigProblem {
            file: path.to_path_buf(),
            line: error.span().map(|span| line_of(text, &span)),
            message: error.message().lines().next().unwrap_or("it is not TOML").to_owned(),
            remedy: "Correct or remove it; `lastgood-agent check-config --help` shows a whole example".to_owned(),
        }])
    })?;
    build::build(raw, Some(path), text, overrides, now)
}

/// The line, from 1, on which `span` begins.
pub(super) fn line_of(text: &str, span: &Range<usize>) -> usize {
    text.bytes().take(span.start).filter(|&byte| byte == b'\n').count() + 1
}
