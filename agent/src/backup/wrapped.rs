//! A run of a command that another scheduler starts.

use std::io::ErrorKind;

use lastgood_protocol::OutputTail;

use super::{Attempt, Phase, Run, guard, medium_of, output};
use crate::config::JobConfig;
use crate::exec::{self, Invocation, OnStop, StopSwitch};
use crate::media::Ledger;
use crate::spool::Spool;
use crate::state::StateFolder;
use crate::tools::{self, Verdict};
use crate::{clock, ids};

/// What `exec` ends with when the job's rule keeps the command from beginning: `EX_TEMPFAIL` of sysexits(3), try again later.
const KEPT_BACK: i64 = 75;

/// Runs a command that another scheduler starts, its input, output and exit code untouched. Monitoring never keeps a
/// backup from running: whatever is wrong with it only makes `note` say so. A rule of the administrator about the medium does.
pub(crate) fn wrap(
    job: &JobConfig,
    command: Vec<String>,
    spool: Option<&Spool>,
    state: &StateFolder,
    stop: &StopSwitch,
    mut note: impl FnMut(String),
) -> i64 {
    let invocation = Invocation {
        command: command.clone(),
        on_stop: OnStop::PassOn,
        ..Invocation::default()
    };
    let output = output::passed_on(job, &command);
    let attempt = Attempt {
        number: 1,
        may_retry: false,
    };
    let started = clock::wall();
    let run = spool.map(|spool| Run::begin(job, attempt, command.clone(), spool, state));
    let id = run.as_ref().map_or_else(ids::run, |run| run.record.run);
    let medium = run.as_ref().map_or_else(|| medium_of(job), |run| run.medium.clone());
    if let Err(refusal) = guard::check(job, medium.as_ref(), &Ledger::in_folder(state), started) {
        note(refusal.reason.clone());
        report_wrapped(run, refusal.verdict(), None, note);
        return KEPT_BACK;
    }
    if let Some(run) = &run {
        run.progress.enter(Phase::BackingUp, clock::wall());
    }
    let result = exec::run(&invocation, id, output, job.timeout, stop);
    let (code, verdict, told) = match result {
        Ok(ended) => {
            let mut verdict = tools::read(&job.tool, &command, &ended, 0);
            tools::measure(&job.tool, &command, started, &mut verdict);
            let told = output::of_wrapped(job, &command, ended.stdout, ended.stderr, state, &verdict);
            (ended.code, verdict, told)
        }
        Err(error) => {
            let code = if error.kind() == ErrorKind::NotFound { 127 } else { 126 };
            note(format!("the command could not be started: {error}"));
            (code, tools::not_started(&error), Ok(None))
        }
    };
    let told = told.unwrap_or_else(|reason| {
        note(reason.to_owned());
        None
    });
    report_wrapped(run, verdict, told, note);
    code
}

fn report_wrapped(run: Option<Run<'_>>, verdict: Verdict, output: Option<OutputTail>, mut note: impl FnMut(String)) {
    let Some(run) = run else { return };
    if let Some(error) = &run.unrecorded {
        note(error.to_string());
    }
    if let Some(unwritten) = run.report(verdict, output, false).unwritten {
        note(format!("the run is not reported: {}", unwritten.error));
    }
}
