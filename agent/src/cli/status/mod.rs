//! `lastgood-agent status`: one screen.

mod media;

use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp, Unit};
use lastgood_protocol::Outcome;
use serde::Serialize;

use super::Common;
use super::check_config::next;
use super::output::{Printer, outcome_word};
use crate::backup::{self, Underway};
use crate::clock;
use crate::config::{Config, Overrides};
use crate::identity::Identity;
use crate::media::Ledger;
use crate::platform::words;
use crate::state::{DeliveryState, LastRun, StateFolder};
use media::MediumStatus;

#[derive(Debug, Default, Serialize)]
struct Status {
    agent: Option<AgentStatus>,
    running: bool,
    delivery: DeliveryState,
    spooled: usize,
    set_aside: usize,
    jobs: Vec<JobStatus>,
    to_do: Vec<String>,
    wrong: Vec<Wrong>,
}

#[derive(Debug, Serialize)]
struct AgentStatus {
    id: String,
    name: Option<String>,
    practice: String,
    office: String,
    server: String,
    enrolled_at: Timestamp,
}

#[derive(Debug, Serialize)]
struct JobStatus {
    key: String,
    next: Option<String>,
    last: Option<LastRun>,
    underway: Option<Underway>,
    #[serde(flatten)]
    medium: MediumStatus,
    medium_missing: bool,
}

#[derive(Debug, Serialize)]
struct Wrong {
    what: String,
    next_step: String,
}

impl Status {
    fn wrong(&mut self, what: impl Into<String>, next_step: impl Into<String>) {
        self.wrong.push(Wrong {
            what: what.into(),
            next_step: next_step.into(),
        });
    }
}

pub(super) fn run(common: &Common, printer: Printer) -> ExitCode {
    let state = common.state();
    let now = clock::wall();
    let mut status = Status::default();
    look_at_identity(&state, &mut status);
    match common.config(&Overrides::default()) {
        Ok(config) => look_at_jobs(common, &config, &state, now, &mut status),
        Err(problems) => {
            for problem in problems.0 {
                status.wrong(
                    problem.to_string(),
                    format!("Correct the file, then: {}", words::RESTART_SERVICE),
                );
            }
        }
    }
    look_at_spool(common, &state, &mut status);
    look_at_delivery(&state, now, &mut status);
    printer.result(text(&status, now), &status);
    if status.wrong.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn look_at_identity(state: &StateFolder, status: &mut Status) {
    match Identity::load(state) {
        Ok(Some(identity)) => {
            status.agent = Some(AgentStatus {
                id: identity.agent.to_string(),
                name: identity.name,
                practice: identity.practice,
                office: identity.office,
                server: identity.server,
                enrolled_at: identity.enrolled_at,
            });
        }
        Ok(None) => status.wrong(
            "This machine is not enrolled.",
            "Make a token on the server and run: lastgood-agent enroll TOKEN",
        ),
        Err(error) => status.wrong(
            format!(
                "The agent's identity in {} cannot be read: {error}.",
                state.path().display()
            ),
            format!("{}; if it stays, enrol again with --replace", words::AS_ADMINISTRATOR),
        ),
    }
    match state.lock_daemon() {
        Ok(None) => status.running = true,
        Ok(Some(_)) => status.wrong("The agent is not running.", words::START_SERVICE),
        Err(_) if status.agent.is_none() => {}
        Err(error) => status.wrong(
            format!("It cannot be told whether the agent runs: {error}."),
            words::AS_ADMINISTRATOR,
        ),
    }
}

fn look_at_jobs(common: &Common, config: &Config, state: &StateFolder, now: Timestamp, status: &mut Status) {
    let kept = Ledger::in_folder(state).read();
    // Looking must not make a spool where there is none.
    let spool = state.path().join("spool").is_dir().then(|| common.spool());
    let underway = match spool {
        Some(Ok(spool)) => backup::underway(state, &spool),
        Some(Err(_)) | None => Vec::new(),
    };
    for job in &config.jobs {
        let last = state.job(&job.key).last;
        if let Some(last) = last.as_ref().filter(|last| last.outcome == Outcome::Failed) {
            let reason = last.reason.clone().unwrap_or_else(|| "It failed.".to_owned());
            status.wrong(
                format!("The last run of '{}' failed: {reason}", job.key),
                format!(
                    "See its page on the server, or: {}",
                    words::search_log(job.key.as_str())
                ),
            );
        }
        let medium = media::look(job, &kept, now, status).unwrap_or_default();
        status.jobs.push(JobStatus {
            key: job.key.to_string(),
            next: next(job),
            last,
            underway: underway.iter().find(|underway| underway.job == job.key).cloned(),
            medium_missing: job.medium.is_some() && medium.medium.is_none(),
            medium,
        });
    }
    for warning in &config.warnings {
        status.wrong(warning.to_string(), "Correct the file");
    }
}

fn look_at_spool(common: &Common, state: &StateFolder, status: &mut Status) {
    if !state.path().join("spool").is_dir() {
        return;
    }
    let counted = common
        .spool()
        .and_then(|spool| Ok((spool.count()?, spool.quarantined())));
    match counted {
        Ok((spooled, set_aside)) => {
            status.spooled = spooled;
            status.set_aside = set_aside;
        }
        Err(_) => status.wrong(
            "The spool cannot be read.",
            format!("{}; check that the disk is not full", words::AS_ADMINISTRATOR),
        ),
    }
}

fn look_at_delivery(state: &StateFolder, now: Timestamp, status: &mut Status) {
    status.delivery = state.delivery();
    let Some(enrolled_at) = status.agent.as_ref().map(|agent| agent.enrolled_at) else {
        return;
    };
    if let Some(problem) = status.delivery.problem.clone() {
        status.wrong(
            format!("The last delivery failed: {problem}."),
            "Nothing is lost: it waits in the spool and is tried again by itself. Check the network and the server's address",
        );
    }
    if let Some(since) = status.delivery.silent_since(enrolled_at, now) {
        status.wrong(
            format!(
                "The server has not acknowledged anything for more than a day, not since {}.",
                ago(since, now)
            ),
            "Check the network of this machine, and ask whoever runs the server",
        );
    }
}

fn text(status: &Status, now: Timestamp) -> String {
    let mut lines = Vec::new();
    if let Some(agent) = &status.agent {
        let name = agent.name.clone().unwrap_or_else(crate::platform::hostname);
        lines.push(format!("{name} at {}, {}", agent.practice, agent.office));
        lines.push(format!("Reports to    {}", agent.server));
    }
    lines.push(format!(
        "Agent         {}",
        if status.running { "running" } else { "not running" }
    ));
    let acknowledged = status
        .delivery
        .last_acknowledged
        .map_or_else(|| "never".to_owned(), |at| ago(at, now));
    lines.push(format!("Server heard  {acknowledged}"));
    let aside = if status.set_aside > 0 {
        format!(", {} set aside", status.set_aside)
    } else {
        String::new()
    };
    lines.push(format!(
        "Waiting       {} to deliver{aside}",
        count(status.spooled, "report", "reports")
    ));
    lines.push(String::new());
    if status.jobs.is_empty() {
        lines.push("No jobs are configured here.".to_owned());
    }
    for job in &status.jobs {
        let last = job.last.as_ref().map_or_else(
            || "not yet run here".to_owned(),
            |last| format!("{} {}", outcome_word(last.outcome), ago(last.finished_at, now)),
        );
        let next = job
            .next
            .clone()
            .unwrap_or_else(|| "when its own scheduler starts it".to_owned());
        lines.push(format!("{:<13} last: {last}; next: {next}", job.key));
        if let Some(underway) = &job.underway {
            let (doing, since) = (underway.phase.words(), ago(underway.since, now));
            let began = ago(underway.started_at, now);
            lines.push(format!("{:<13} now: {doing}, since {since}; the run began {began}", ""));
        }
        for line in job.medium.lines(now) {
            lines.push(format!("{:<13} {line}", ""));
        }
    }
    lines.push(String::new());
    lines.extend(status.to_do.iter().map(|step| format!("> {step}")));
    if status.wrong.is_empty() {
        lines.push("Nothing is wrong.".to_owned());
    }
    for wrong in &status.wrong {
        lines.push(format!("! {}", wrong.what));
        lines.push(format!("  {}.", wrong.next_step.trim_end_matches('.')));
    }
    lines.join("\n")
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let passed = now.duration_since(at).max(SignedDuration::ZERO);
    let unit = if passed < SignedDuration::from_mins(2) {
        Unit::Second
    } else {
        Unit::Minute
    };
    let rounded = passed.round(unit).unwrap_or(passed);
    format!("{rounded:#} ago")
}
