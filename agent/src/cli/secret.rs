//! `lastgood-agent secret set | list | remove`

use std::io::{self, IsTerminal as _, Read as _};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use secrecy::SecretString;
use secrecy::zeroize::{Zeroize as _, Zeroizing};
use serde_json::json;

use super::Common;
use super::output::{Failure, Printer, say_to_person};
use crate::platform::{self, words};
use crate::secrets::{LARGEST, SecretName, Secrets};

#[derive(Debug, Subcommand)]
pub(super) enum SecretCommand {
    /// Keep a secret: typed without being shown, or read from standard input
    #[command(after_help = EXAMPLE)]
    Set(Name),
    /// List the names of those that are kept
    List,
    /// Forget a secret
    Remove(Name),
}

const EXAMPLE: &str = "In agent.toml a variable then names it:
  [job.environment]
  RESTIC_PASSWORD = \"secret:restic\"

Example:
  lastgood-agent secret set restic < /root/restic-password";

#[derive(Debug, Args)]
pub(super) struct Name {
    /// What it is called: lower-case letters, digits, '-' and '_'
    name: SecretName,
}

pub(super) fn run(common: &Common, command: &SecretCommand, printer: Printer) -> Result<ExitCode, Failure> {
    let state = common.state();
    let secrets = Secrets::in_folder(&state);
    match command {
        SecretCommand::Set(Name { name }) => {
            let secret = read()?;
            let kept = state.create().and_then(|()| secrets.keep(name, &secret));
            kept.map_err(|error| {
                Failure::new(format!("the secret could not be kept: {error}")).with_remedy(words::AS_ADMINISTRATOR)
            })?;
            let text = format!("Kept. A job's [job.environment] names it as \"secret:{name}\".");
            printer.result(text, &json!({ "secret": name.to_string(), "kept": true }));
        }
        SecretCommand::List => {
            let names = secrets.names().map_err(unreadable)?;
            let names: Vec<String> = names.iter().map(SecretName::to_string).collect();
            let text = if names.is_empty() {
                "No secret is kept. Keep one with: lastgood-agent secret set NAME".to_owned()
            } else {
                names.join("\n")
            };
            printer.result(text, &json!({ "secrets": names }));
        }
        SecretCommand::Remove(Name { name }) => {
            if !secrets.remove(name).map_err(unreadable)? {
                return Err(Failure::new(format!("no secret '{name}' is kept"))
                    .with_remedy("lastgood-agent secret list names those that are"));
            }
            printer.result("Forgotten.", &json!({ "secret": name.to_string(), "kept": false }));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn unreadable(error: io::Error) -> Failure {
    Failure::new(format!("the secrets cannot be read: {error}")).with_remedy(words::AS_ADMINISTRATOR)
}

/// The secret without the line's end that an editor or a terminal adds.
fn read() -> Result<SecretString, Failure> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(LARGEST + 1));
    let most = u64::try_from(LARGEST + 1).unwrap_or(u64::MAX);
    if io::stdin().is_terminal() {
        say_to_person("The secret (it is not shown):");
        let line = platform::read_hidden_line();
        say_to_person("\n");
        let mut line = line.map_err(|error| Failure::new(format!("the secret could not be read: {error}")))?;
        bytes.extend_from_slice(line.as_bytes());
        line.zeroize();
    } else {
        io::stdin().lock().take(most).read_to_end(&mut bytes)?;
    }
    if bytes.len() > LARGEST {
        return Err(Failure::new(format!("a secret has at most {LARGEST} bytes")));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::new("the secret is no text in UTF-8"))?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.contains('\0') {
        return Err(Failure::new("the secret is empty, or holds a NUL"));
    }
    Ok(SecretString::from(text))
}
