//! What a report may carry of what the tool printed: nothing unless the job asks for it and the run did not end well.

use lastgood_protocol::{Outcome, OutputTail};
use secrecy::SecretString;

use super::{Steps, read, read_secret};
use crate::config::{self, JobConfig, Tool};
use crate::exec::{Output, Tail};
use crate::redaction::{self, Printed, Redaction};
use crate::state::StateFolder;
use crate::tools::{self, Verdict};

/// A value that is taken for a secret only because of its variable's name is at least this long; a shorter one is a number or a
/// yes.
const SHORTEST_GUESSED: usize = 4;

const UNKNOWN_SECRET: &str =
    "the command's output is not reported: a secret that the job names could not be read, so it cannot be kept out";

/// What happens to the output of a command that is wrapped.
pub(super) fn passed_on(job: &JobConfig, command: &[String]) -> Output {
    if tools::has_summary(&job.tool, command) {
        Output::PassedOnAndKept
    } else if job.report_output.is_some() {
        Output::ErrorsPassedOnAndKept
    } else {
        Output::Inherited
    }
}

/// What is told of the output of a run that the agent made itself.
pub(super) fn of_run(steps: &Steps<'_>, command: &[String], verdict: &Verdict) -> Option<OutputTail> {
    let most = wanted(steps.job, verdict)?;
    let mut printed = steps.printed.take()?;
    if !tools::prints_messages(&steps.job.tool) {
        printed.stdout = Tail::default();
    }
    let mut secrets: Vec<SecretString> = steps.secrets.iter().map(|(_, secret)| secret.clone()).collect();
    secrets.extend(other_secrets(steps.job, command));
    redaction::tail(&printed, most, &Redaction::new(&secrets))
}

/// What is told of the output of a command that was wrapped.
///
/// # Errors
/// Why nothing is told: what is not known cannot be hidden.
pub(super) fn of_wrapped(
    job: &JobConfig,
    command: &[String],
    stdout: Tail,
    stderr: Tail,
    state: &StateFolder,
    verdict: &Verdict,
) -> Result<Option<OutputTail>, &'static str> {
    let Some(most) = wanted(job, verdict) else {
        return Ok(None);
    };
    let mut secrets = other_secrets(job, command);
    for secret in &job.secrets {
        secrets.push(read(&secret.source, state).map_err(|_| UNKNOWN_SECRET)?);
    }
    // An archiver that is wrapped may write the archive to its standard output.
    let stdout = if tools::is_archiver(&job.tool) {
        Tail::default()
    } else {
        stdout
    };
    Ok(redaction::tail(
        &Printed { stdout, stderr },
        most,
        &Redaction::new(&secrets),
    ))
}

fn wanted(job: &JobConfig, verdict: &Verdict) -> Option<usize> {
    job.report_output.filter(|_| verdict.outcome != Outcome::Ok)
}

/// The secrets that no `[job.environment]` holds: of the repository's password file, the command line and the agent's own
/// environment, which every tool inherits; and variables of the job that are named like one.
fn other_secrets(job: &JobConfig, command: &[String]) -> Vec<SecretString> {
    let mut secrets = redaction::given_secrets(command);
    if let Tool::Restic(tool) | Tool::Borg(tool) = &job.tool {
        // One that cannot be read failed the run before anything was started, or is the tool's to complain about.
        secrets.extend(tool.password_file.as_deref().and_then(|file| read_secret(file).ok()));
        secrets.extend(tool.repository.as_ref().and_then(|repository| password_in(repository)));
    }
    let own = job.environment.iter().cloned().chain(config::inherited_environment());
    let guessed = own.filter(|(name, value)| redaction::names_secret(name) && value.len() >= SHORTEST_GUESSED);
    secrets.extend(guessed.map(|(_, value)| SecretString::from(value)));
    secrets
}

/// The password of `rest:https://user:password@host/`.
fn password_in(repository: &str) -> Option<SecretString> {
    let (_, rest) = repository.split_once("://")?;
    let (_, password) = rest.rsplit_once('@')?.0.split_once(':')?;
    Some(password.to_owned().into())
}
