//! `lastgood-agent enroll TOKEN`

use std::process::ExitCode;

use clap::Args;
use lastgood_protocol::EnrolmentToken;
use serde_json::json;

use super::Common;
use super::output::{Failure, Printer};
use crate::{clock, enrolment, platform};

#[derive(Debug, Args)]
pub(super) struct EnrollArguments {
    /// The token from the server's agent page: one word that begins with lgenroll1_
    #[arg(env = "LASTGOOD_AGENT_TOKEN", hide_env_values = true)]
    token: String,
    /// What to call this machine on the server [default: its host name]
    #[arg(long)]
    name: Option<String>,
    /// Enrol anew although this machine is enrolled; it gets a new key and a new identity
    #[arg(long)]
    replace: bool,
}

pub(super) fn run(common: &Common, arguments: &EnrollArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let token: EnrolmentToken = arguments
        .token
        .parse()
        .map_err(|error: lastgood_protocol::EnrolmentTokenError| Failure::usage(error.to_string()))?;
    let state = common.state();
    let identity = enrolment::enrol(&token, arguments.name.clone(), arguments.replace, &state, clock::wall())?;
    let text = format!(
        "Enrolled at {} ({}).\nThis machine now reports to {}.\n\nNext: {}",
        identity.practice,
        identity.office,
        identity.server,
        platform::words::AFTER_ENROLMENT
    );
    let value = json!({
        "agent": identity.agent,
        "practice": identity.practice,
        "office": identity.office,
        "server": identity.server,
        "state": state.path(),
    });
    printer.result(text, &value);
    Ok(ExitCode::SUCCESS)
}
