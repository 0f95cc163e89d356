//! The `lastgood` command: one file per subcommand that belongs to no slice, one line here for each.

mod configuration;
mod database;
mod doctor;
mod error;
mod logging;
mod output;
pub mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use database::Opened;
pub use error::CommandError;
pub use output::Output;

use crate::clock::Clock;
use crate::config::{Settings, SettingsArgs};
use crate::{agents, demo, ingest, jobs, postgres, practices, users};

/// Knows what should have happened by when at the practices you look after, and says when it did not.
#[derive(Debug, Parser)]
#[command(name = "lastgood", version, max_term_width = 110)]
#[command(
    after_help = "Settings are flags, LASTGOOD_* variables or lines of the settings file; --help lists them all."
)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
    /// Print the result as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    settings: SettingsArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server until it is told to stop
    Serve,
    /// Run a firm with 24 practices and 90 days of history to look at, and one real agent
    Demo(demo::DemoArgs),
    /// Look into, dump or restore the database
    #[command(subcommand)]
    Db(postgres::command::DbCommand),
    /// Add people who may sign in
    #[command(subcommand)]
    User(users::command::UserCommand),
    /// Add practices
    #[command(subcommand)]
    Practice(practices::command::PracticeCommand),
    /// Add, list and explain backup jobs
    #[command(subcommand)]
    Job(jobs::command::JobCommand),
    /// Enrol agents, list them, stop listening to them
    #[command(subcommand)]
    Agent(agents::command::AgentCommand),
    /// Look at reports that could not be understood, and have them read again
    #[command(subcommand)]
    Inbox(ingest::inbox::command::InboxCommand),
    /// Say what is wrong with this installation, and what to do about it
    Doctor,
    /// Look at the settings
    #[command(subcommand)]
    Config(configuration::ConfigCommand),
}

/// Does what the command line says. 0: done. 1: not done, and one line on the error output says why. 2: the command line
/// is not understood.
pub fn run() -> ExitCode {
    let line = CommandLine::parse();
    let output = Output::new(line.json);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.fail(&CommandError::Refused(format!("threads cannot be started: {error}"))),
    };
    match runtime.block_on(perform(line.command, line.settings, output)) {
        Ok(code) => code,
        Err(error) => output.fail(&error),
    }
}

async fn perform(command: Command, settings: SettingsArgs, output: Output) -> Result<ExitCode, CommandError> {
    let settings = if matches!(command, Command::Demo(_)) {
        demo::settings(settings)?
    } else {
        Settings::load(settings)?
    };
    let now = Clock::system().now();
    logging::start(&settings, matches!(command, Command::Serve | Command::Demo(_)));
    match command {
        Command::Serve => serve::run(&settings, output).await?,
        Command::Demo(args) => demo::run(args, &settings, output).await?,
        Command::Db(command) => return Ok(postgres::command::run(command, &settings, now, output.is_json()).await?),
        Command::User(command) => users::command::run(command, &settings, output).await?,
        Command::Practice(command) => practices::command::run(command, &settings, output).await?,
        Command::Job(command) => jobs::command::run(command, &settings, output).await?,
        Command::Agent(command) => agents::command::run(command, &settings, output).await?,
        Command::Inbox(command) => ingest::inbox::command::run(command, &settings, output).await?,
        Command::Doctor => return doctor::run(&settings, output).await,
        Command::Config(command) => configuration::run(&command, &settings, output)?,
    }
    Ok(ExitCode::SUCCESS)
}
