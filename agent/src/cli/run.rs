//! `lastgood-agent run`

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use tracing::Level;
use tracing_subscriber::fmt::MakeWriter;

#[cfg(unix)]
use super::journal::Journal;
use super::output::Failure;
use super::{Common, duration};
use crate::config::{Overrides, ServiceEnvironment};
use crate::daemon;

#[derive(Debug, Args)]
pub(super) struct RunArguments {
    /// Time between two heartbeats; at least 1s [default: 1m]
    #[arg(long, env = "LASTGOOD_AGENT_HEARTBEAT", value_parser = duration, value_name = "TIME")]
    heartbeat: Option<Duration>,
    /// The longest wait between two tries to reach the server [default: 5m]
    #[arg(long, env = "LASTGOOD_AGENT_BACKOFF_CAP", value_parser = duration, value_name = "TIME")]
    backoff_cap: Option<Duration>,
    /// How long a backup that runs may go on when the agent is stopped [default: 20s]
    #[arg(long, env = "LASTGOOD_AGENT_STOP_WAIT", value_parser = duration, value_name = "TIME")]
    stop_wait: Option<Duration>,
    /// How much to log: error, warn, info, debug, trace
    #[arg(long, env = "LASTGOOD_AGENT_LOG", default_value = "info", value_name = "LEVEL")]
    pub(super) log: Level,
}

pub(super) fn run(common: &Common, arguments: &RunArguments) -> Result<ExitCode, Failure> {
    #[cfg(unix)]
    log_to(Journal::new(&ServiceEnvironment::read()), arguments.log);
    #[cfg(windows)]
    log_to(std::io::stderr, arguments.log);
    work(common, arguments)?;
    Ok(ExitCode::SUCCESS)
}

/// Sends what the agent logs there, down to this level.
pub(super) fn log_to(writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static, level: Level) {
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false)
        .init();
}

/// Runs the daemon until it is asked to stop.
pub(super) fn work(common: &Common, arguments: &RunArguments) -> Result<(), Failure> {
    let overrides = Overrides {
        heartbeat: arguments.heartbeat,
        backoff_cap: arguments.backoff_cap,
        stop_wait: arguments.stop_wait,
    };
    let config = common.config(&overrides)?;
    for warning in &config.warnings {
        tracing::warn!("{warning}");
    }
    daemon::run(config, common.state(), ServiceEnvironment::read())?;
    Ok(())
}
