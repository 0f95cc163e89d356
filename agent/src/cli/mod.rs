//! The commands. Each prints for a person, or with `--json` for a script, and ends with 0 when all is well, 1 when
//! something is wrong, 2 when the command line is.

mod check_config;
mod discover;
mod drill;
mod enroll;
mod exec;
#[cfg(unix)]
mod journal;
#[cfg(any(windows, test))]
mod log;
mod media;
mod output;
mod preview;
mod run;
mod secret;
#[cfg(windows)]
mod service;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use lastgood_protocol::JobKey;

use crate::clock;
use crate::config::{self, Config, ConfigProblems, Overrides};
use crate::platform::{self, words};
use crate::state::StateFolder;
use output::{Failure, Printer};

/// The program on one machine at a practice: runs or watches its backups and reports what it measured.
#[derive(Debug, Parser)]
#[command(name = "lastgood-agent", version, max_term_width = 100, after_help = words::FIRST_STEPS)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Args)]
struct Common {
    #[arg(long, help = words::CONFIG_HELP, global = true, env = "LASTGOOD_AGENT_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[arg(long, help = words::STATE_HELP, global = true, env = "LASTGOOD_AGENT_STATE", value_name = "FOLDER")]
    state: Option<PathBuf>,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make this machine an agent of a practice, with the one-use token that the server shows
    Enroll(enroll::EnrollArguments),
    /// Run the daemon: start jobs when they are due, deliver reports, send heartbeats
    Run(run::RunArguments),
    /// Install, remove or be the service of this machine
    #[cfg(windows)]
    #[command(subcommand)]
    Service(service::ServiceCommand),
    /// Run a backup command that another scheduler starts, and report how it ended
    ///
    /// The command keeps its input, output and exit code. Whatever is wrong with the monitoring, the command runs.
    /// Only the job's own rule about its medium keeps it from beginning; then this ends with 75.
    #[command(
        after_help = "Example, in a crontab:\n  0 22 * * *  lastgood-agent exec nightly -- restic backup --json /srv/practice"
    )]
    Exec(exec::ExecArguments),
    /// Register the disks, tapes and cartridges that a practice rotates
    #[command(subcommand)]
    Media(media::MediaCommand),
    /// Record practised restores
    #[command(subcommand)]
    Drill(drill::DrillCommand),
    /// Keep the passwords and keys that jobs need, so that the configuration only names them
    #[command(subcommand)]
    Secret(secret::SecretCommand),
    /// Look for backups that this machine makes already, and propose them as jobs
    #[command(after_help = discover::WHAT_IS_LOOKED_AT)]
    Discover(discover::DiscoverArguments),
    /// Show what the software that a job watches has left up to now, and how each of it would count; reports nothing
    #[command(after_help = preview::WHAT_IT_IS_FOR)]
    Preview(preview::PreviewArguments),
    /// Say in one screen what the agent does, what waits, what is wrong and what to do; ends with 1 if something is
    Status,
    /// Check the configuration and name file, line and remedy for everything wrong
    #[command(after_help = check_config::EXAMPLE)]
    CheckConfig,
}

/// The command line, for its manual page and the shells' completions.
pub fn command() -> clap::Command {
    <Cli as clap::CommandFactory>::command()
}

/// Runs the command line; the exit code is the process's.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let printer = Printer::new(cli.common.json);
    let result = match cli.command {
        Command::Enroll(arguments) => enroll::run(&cli.common, &arguments, printer),
        Command::Run(arguments) => run::run(&cli.common, &arguments),
        #[cfg(windows)]
        Command::Service(command) => service::run(cli.common, command, printer),
        Command::Exec(arguments) => return exec::run(&cli.common, arguments),
        Command::Media(command) => media::run(&cli.common, &command, printer),
        Command::Drill(command) => drill::run(&cli.common, command, printer),
        Command::Secret(command) => secret::run(&cli.common, &command, printer),
        Command::Discover(arguments) => discover::run(&cli.common, &arguments, printer),
        Command::Preview(arguments) => preview::run(&cli.common, &arguments, printer),
        Command::Status => Ok(status::run(&cli.common, printer)),
        Command::CheckConfig => Ok(check_config::run(&cli.common, printer)),
    };
    result.unwrap_or_else(|failure| {
        printer.failure(&failure);
        ExitCode::from(failure.exit_code())
    })
}

impl Common {
    fn state(&self) -> StateFolder {
        StateFolder::at(self.state.clone().unwrap_or_else(platform::default_state_folder))
    }

    fn config(&self, overrides: &Overrides) -> Result<Config, ConfigProblems> {
        let path = self.config.clone().unwrap_or_else(platform::default_config_file);
        config::load(&path, self.config.is_some(), overrides, clock::wall())
    }

    /// The spool, bounded as the configuration says where it can be read.
    fn spool(&self) -> Result<crate::spool::Spool, Failure> {
        let limits = self
            .config(&Overrides::default())
            .map(|config| config.spool)
            .unwrap_or_default();
        let state = self.state();
        state.create().map_err(|error| {
            Failure::new(format!(
                "the state folder {} cannot be used: {error}",
                state.path().display()
            ))
            .with_remedy(words::AS_ADMINISTRATOR)
        })?;
        state
            .spool(limits)
            .map_err(|error| Failure::new(error.to_string()).with_remedy(words::AS_ADMINISTRATOR))
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    config::parse_duration(text).ok_or_else(|| "write a length of time such as 30s, 10m or 4h".to_owned())
}

fn job_key(text: &str) -> Result<JobKey, String> {
    text.parse()
        .map_err(|error: lastgood_protocol::JobKeyError| error.to_string())
}

/// The configuration that `check-config --help` shows.
#[cfg(all(test, unix))]
pub(crate) fn example_configuration() -> String {
    let (_, after_first_line) = check_config::EXAMPLE.split_once('\n').expect("the example has lines");
    let (example, _) = after_first_line.rsplit_once("\n\n").expect("a sentence follows it");
    example.to_owned()
}
