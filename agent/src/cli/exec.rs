//! `lastgood-agent exec JOB -- CMD …`

use std::process::ExitCode;

use clap::Args;
use lastgood_protocol::JobKey;

use super::output::note;
use super::{Common, job_key};
use crate::backup;
use crate::config::{JobConfig, Overrides};
use crate::exec::StopSwitch;
use crate::{platform, tools};

#[derive(Debug, Args)]
pub(super) struct ExecArguments {
    /// The job's key, as on the server
    #[arg(value_parser = job_key)]
    job: JobKey,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<String>,
}

pub(super) fn run(common: &Common, arguments: ExecArguments) -> ExitCode {
    let job = job(common, &arguments);
    let spool = match common
        .state()
        .create()
        .map_err(|error| error.to_string())
        .and_then(|()| {
            let limits = common
                .config(&Overrides::default())
                .map(|config| config.spool)
                .unwrap_or_default();
            common.state().spool(limits).map_err(|error| error.to_string())
        }) {
        Ok(spool) => Some(spool),
        Err(error) => {
            note(&format!("the run is not reported: {error}"));
            None
        }
    };
    let stop = StopSwitch::default();
    let on_stop = stop.clone();
    if let Err(error) = platform::stop_requests(false, move || on_stop.stop()) {
        note(&format!("the command is not ended with the agent: {error}"));
    }
    let state = common.state();
    let code = backup::wrap(&job, arguments.command, spool.as_ref(), &state, &stop, |message| {
        note(&message);
    });
    platform::end_with(code)
}

/// The job as configured; a configuration that cannot be read, or does not name it, must not keep a backup from running.
fn job(common: &Common, arguments: &ExecArguments) -> JobConfig {
    let unnamed = || JobConfig::unnamed(arguments.job.clone(), tools::recognise(&arguments.command));
    match common.config(&Overrides::default()) {
        Ok(config) => config.job(&arguments.job).cloned().unwrap_or_else(unnamed),
        Err(problems) => {
            note(&problems.to_string());
            unnamed()
        }
    }
}
