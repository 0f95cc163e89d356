//! The log: lines for people or JSON, on the error output.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, Settings};

/// Starts the log of this process. A command other than the server says warnings only, unless the settings say more.
pub(super) fn start(settings: &Settings, serving: bool) {
    let filter = if serving || settings.log != "info" {
        settings.log.as_str()
    } else {
        "warn"
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let started = match settings.log_format {
        LogFormat::Text => log.with_target(false).try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    // A log that exists already is good enough: tests run several commands in one process.
    started.unwrap_or_default();
}
