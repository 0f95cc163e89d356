//! `lastgood-agent service`: the agent under Windows' service manager.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use clap::{Args, Subcommand};
use lastgood_protocol::EnrolmentToken;
use serde_json::json;
use tracing::Level;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

use super::log::LogFile;
use super::output::{Failure, Printer};
use super::run::{self, RunArguments};
use super::{Common, words};
use crate::config::ServiceEnvironment;
use crate::identity::Identity;
use crate::platform::{self, EventLog, Notice, service};
use crate::state::{StateFolder, write_durably};
use crate::{clock, enrolment};

/// Where a token waits for the service to enrol with it.
const TOKEN_FILE: &str = "enrolment-token";

/// How often the service looks whether it may begin, and tries to enrol.
const LOOK_AGAIN: Duration = Duration::from_secs(5);

/// The exit codes that the service manager and `sc query` show.
const CANNOT_BEGIN: u32 = 1;
const FAILED: u32 = 2;

#[derive(Debug, Subcommand)]
pub(super) enum ServiceCommand {
    /// Make the service, with recovery after failures and folders for administrators alone, and start it
    Install(InstallArguments),
    /// End the service and remove it; its configuration, key and unsent reports stay
    Uninstall,
    /// Set recovery, rights and the event log's source of a service that an installer made
    #[command(hide = true)]
    Configure(TokenArguments),
    /// What the service manager starts
    #[command(hide = true)]
    Run(RunArguments),
}

#[derive(Debug, Args)]
pub(super) struct InstallArguments {
    #[command(flatten)]
    token: TokenArguments,
    /// Do not start it yet
    #[arg(long)]
    no_start: bool,
}

#[derive(Debug, Args)]
pub(super) struct TokenArguments {
    /// The token from the server's agent page; the service enrols with it as soon as it reaches the server
    #[arg(long, env = "LASTGOOD_AGENT_TOKEN", hide_env_values = true)]
    token: Option<String>,
}

pub(super) fn run(common: Common, command: ServiceCommand, printer: Printer) -> Result<ExitCode, Failure> {
    match command {
        ServiceCommand::Install(arguments) => install(&common, &arguments, printer),
        ServiceCommand::Uninstall => uninstall(printer),
        ServiceCommand::Configure(arguments) => configure(&common, &arguments, printer),
        ServiceCommand::Run(arguments) => serve(common, arguments),
    }
}

fn install(common: &Common, arguments: &InstallArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let program = std::env::current_exe().map_err(as_administrator)?;
    service::install(&program).map_err(as_administrator)?;
    let missing = prepare(common, &arguments.token)?;
    if !arguments.no_start {
        service::start().map_err(as_administrator)?;
    }
    let state = if arguments.no_start {
        "installed"
    } else {
        "installed and started"
    };
    printer.result(
        with_missing(format!("The service {} is {state}.", service::NAME), &missing),
        &json!({ "service": service::NAME, "started": !arguments.no_start, "missing": missing }),
    );
    Ok(ExitCode::SUCCESS)
}

fn uninstall(printer: Printer) -> Result<ExitCode, Failure> {
    let was_there = service::uninstall().map_err(as_administrator)?;
    let text = if was_there {
        "The service ended and is removed. Its configuration, key and unsent reports stay in C:\\ProgramData\\Lastgood."
    } else {
        "There was no service."
    };
    printer.result(text, &json!({ "removed": was_there }));
    Ok(ExitCode::SUCCESS)
}

fn configure(common: &Common, arguments: &TokenArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let missing = prepare(common, arguments)?;
    printer.result(
        with_missing(format!("The service {} is configured.", service::NAME), &missing),
        &json!({ "service": service::NAME, "missing": missing }),
    );
    Ok(ExitCode::SUCCESS)
}

fn with_missing(text: String, missing: &[&str]) -> String {
    let missing = missing
        .iter()
        .map(|what| format!("This Windows does not offer {what}."));
    std::iter::once(text).chain(missing).collect::<Vec<_>>().join("\n")
}

/// Folders, rights, recovery; and the token, kept where only administrators and the service can read it.
fn prepare(common: &Common, arguments: &TokenArguments) -> Result<Vec<&'static str>, Failure> {
    let token = arguments
        .token
        .as_deref()
        // An installer that was given none says so with nothing.
        .filter(|token| !token.trim().is_empty())
        .map(str::parse::<EnrolmentToken>)
        .transpose()
        .map_err(|error| Failure::usage(error.to_string()))?;
    let config = platform::default_config_file();
    let folder = config.parent().unwrap_or(&config);
    let missing = service::configure(folder).map_err(as_administrator)?;
    let state = common.state();
    state.create().map_err(as_administrator)?;
    if token.is_some()
        && let Some(text) = &arguments.token
    {
        let sealed = platform::seal(text.trim().as_bytes()).map_err(as_administrator)?;
        write_durably(&state.file(TOKEN_FILE), &sealed).map_err(as_administrator)?;
    }
    Ok(missing)
}

fn as_administrator(error: std::io::Error) -> Failure {
    Failure::new(error.to_string()).with_remedy(words::AS_ADMINISTRATOR)
}

fn serve(common: Common, arguments: RunArguments) -> Result<ExitCode, Failure> {
    service::run(move || match begin(&common, &arguments) {
        Ok(()) => 0,
        Err(code) => code,
    })
    .map_err(|error| {
        Failure::new(format!("the service manager does not want this: {error}"))
            .with_remedy("To run the agent in this console: lastgood-agent run")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// The service's life, from its manager's order to begin to its last word. Answers its exit code.
fn begin(common: &Common, arguments: &RunArguments) -> Result<(), u32> {
    let state = common.state();
    let prepared = state
        .create()
        .and_then(|()| LogFile::in_folder(state.path()))
        .map_err(|error| {
            Failure::new(format!(
                "the state folder {} cannot be used: {error}",
                state.path().display()
            ))
        })
        .map(|file| {
            let writer = Mutex::new(file).and(EventLog.with_max_level(Level::WARN));
            run::log_to(writer, arguments.log);
        });
    if let Err(failure) = prepared {
        // There is no log of our own to say it in.
        EventLog::say(&failure.to_string());
        return Err(CANNOT_BEGIN);
    }
    let (sender, asked) = channel();
    platform::stop_requests(true, move || {
        // Nobody waits any more once the daemon has begun, which listens itself.
        let _unheard = sender.send(());
    })
    .map_err(|_| CANNOT_BEGIN)?;
    if !await_identity(&state, &asked) {
        return Ok(());
    }
    run::work(common, arguments).map_err(|failure| {
        tracing::error!("the agent ends: {failure}");
        FAILED
    })
}

/// Waits until the machine is enrolled, by hand or with the token that the installer left. Answers false when the
/// service was asked to end before.
fn await_identity(state: &StateFolder, asked: &Receiver<()>) -> bool {
    let mut said = String::new();
    loop {
        let what = match Identity::load(state) {
            Ok(Some(_)) => return true,
            Ok(None) => enrol(state),
            Err(error) => Err(format!("the agent's identity cannot be read: {error}")),
        };
        if let Err(problem) = what
            && problem != said
        {
            tracing::warn!("not enrolled: {problem}");
            said = problem;
        }
        // The service runs, it only has nothing to do: a start that hangs would hold up the machine's others.
        if let Err(error) = platform::notify(&ServiceEnvironment::default(), Notice::Ready) {
            tracing::warn!(%error, "the service manager could not be told");
        }
        match asked.recv_timeout(LOOK_AGAIN) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
}

fn enrol(state: &StateFolder) -> Result<(), String> {
    let file = state.file(TOKEN_FILE);
    let token = match std::fs::read(&file) {
        Ok(sealed) => platform::unseal(&sealed).map_err(|error| error.to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err("make a token on the server and run, as administrator: lastgood-agent enroll TOKEN".to_owned());
        }
        Err(error) => return Err(format!("the token cannot be read: {error}")),
    };
    let token: EnrolmentToken = String::from_utf8_lossy(&token)
        .parse()
        .map_err(|error: lastgood_protocol::EnrolmentTokenError| error.to_string())?;
    let identity = enrolment::enrol(&token, None, false, state, clock::wall()).map_err(|error| error.to_string())?;
    tracing::info!(practice = %identity.practice, server = %identity.server, "enrolled");
    std::fs::remove_file(&file).map_err(|error| format!("the token that was used stays behind: {error}"))
}
