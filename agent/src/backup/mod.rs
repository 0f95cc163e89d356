//! One run of one job, from its start to its report in the spool: by the daemon, or wrapped around a command that another
//! scheduler starts.

mod guard;
mod output;
mod progress;
mod scratch;
mod steps;
mod wrapped;

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::time::Instant;

use jiff::Timestamp;
use lastgood_protocol::{
    Basis, Encryption, EventId, Knowledge, MediumSighting, Outcome, OutputTail, RunFinished, ToolIdentity,
};
use secrecy::SecretString;

use crate::config::{JobConfig, SecretSource, Tool};
use crate::copy::{self, Server};
use crate::exec::StopSwitch;
use crate::media::{Ledger, Seen};
use crate::secrets::Secrets;
use crate::spool::{RunRecord, RunTicket, Spool, SpoolError};
use crate::state::StateFolder;
use crate::tools::{self, Verdict};
use crate::{clock, ids, media, verify};
use guard::Refusal;
pub(crate) use progress::{Phase, Progress, Underway, underway};
pub(crate) use scratch::Scratch;
pub(crate) use steps::Steps;
pub(crate) use wrapped::wrap;

const NO_MEDIUM: &str = "No medium is connected where the job writes to, so no backup was made.";
const NO_SECRET: &str = "A password or key that the job needs could not be read from its file.";
const NO_KEPT_SECRET: &str = "A secret that the job names is not kept on this machine: lastgood-agent secret set.";
const BROKEN_OFF: &str = "The backup was broken off: the agent or the machine went down while it ran.";

/// Which try of a job this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Attempt {
    /// 1 for the first.
    pub(crate) number: u32,
    /// Whether a failure is followed by another.
    pub(crate) may_retry: bool,
}

/// A report that could not be written to the spool.
#[derive(Debug)]
pub(crate) struct Unwritten {
    /// The id it has.
    pub(crate) event: EventId,
    /// The report.
    pub(crate) finished: RunFinished,
    /// Why.
    pub(crate) error: SpoolError,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Done {
    /// The report.
    pub(crate) finished: RunFinished,
    /// The report, if the spool did not take it.
    pub(crate) unwritten: Option<Box<Unwritten>>,
}

/// Runs a job by itself, as the configuration says.
pub(crate) fn perform(
    job: &JobConfig,
    attempt: Attempt,
    spool: &Spool,
    state: &StateFolder,
    stop: &StopSwitch,
) -> Done {
    let run = Run::begin(job, attempt, tools::backup_command(job), spool, state);
    match run.prepare(stop) {
        Ok(steps) => {
            let verdict = run.carry_out(&steps);
            let output = output::of_run(&steps, &run.command, &verdict);
            let may_retry = attempt.may_retry && !steps.stopped.get();
            run.report(verdict, output, may_retry)
        }
        Err(refusal) => run.report(refusal.verdict(), None, attempt.may_retry),
    }
}

fn medium_of(job: &JobConfig) -> Option<Seen> {
    job.medium.as_deref().and_then(|path| media::look(path).ok())
}

/// The report of a run whose process is gone.
pub(crate) fn broken_off(record: &RunRecord, now: Timestamp) -> RunFinished {
    RunFinished {
        run: record.run,
        job: record.job.clone(),
        started_at: record.started_at,
        finished_at: now.max(record.started_at),
        attempt: record.attempt,
        will_be_retried: false,
        outcome: Outcome::Failed,
        reason: Some(BROKEN_OFF.to_owned()),
        exit_code: None,
        tool: record.tool.clone(),
        facts: lastgood_protocol::RunFacts::default(),
        medium: None,
        output: None,
    }
}

struct Run<'a> {
    job: &'a JobConfig,
    spool: &'a Spool,
    record: RunRecord,
    ticket: Option<RunTicket>,
    unrecorded: Option<SpoolError>,
    command: Vec<String>,
    /// Seen when the run began: it may be pulled out before it ends.
    medium: Option<Seen>,
    state: &'a StateFolder,
    progress: Progress,
    began: Instant,
}

impl<'a> Run<'a> {
    fn begin(
        job: &'a JobConfig,
        attempt: Attempt,
        command: Vec<String>,
        spool: &'a Spool,
        state: &'a StateFolder,
    ) -> Self {
        let record = RunRecord {
            run: ids::run(),
            job: job.key.clone(),
            started_at: clock::wall(),
            attempt: attempt.number,
            tool: ToolIdentity {
                name: job.tool.name().to_owned(),
                version: tools::version(&job.tool, &command),
            },
            finish_event: ids::event(),
        };
        let progress = Progress::new(state, &record);
        let (ticket, unrecorded) = match spool.begin_run(record.clone(), ids::event()) {
            Ok(ticket) => (Some(ticket), None),
            Err(error) => (None, Some(error)),
        };
        Self {
            job,
            spool,
            record,
            ticket,
            unrecorded,
            command,
            medium: medium_of(job),
            state,
            progress,
            began: Instant::now(),
        }
    }

    fn prepare<'b>(&'b self, stop: &'b StopSwitch) -> Result<Steps<'b>, Refusal> {
        let ledger = Ledger::in_folder(self.state);
        guard::check(self.job, self.medium.as_ref(), &ledger, self.record.started_at)?;
        if self.job.medium.is_some() && self.medium.is_none() {
            return Err(NO_MEDIUM.into());
        }
        let mut environment = tools::environment(&self.job.tool);
        environment.extend(self.job.environment.iter().cloned());
        let mut secrets = Vec::new();
        for secret in &self.job.secrets {
            secrets.push((secret.name.clone(), read(&secret.source, self.state)?));
        }
        if let Tool::Borg(tool) = &self.job.tool
            && let Some(file) = &tool.password_file
        {
            secrets.push(("BORG_PASSPHRASE".to_owned(), read_secret(file)?));
        }
        Ok(Steps {
            job: self.job,
            run: self.record.run,
            began: self.began,
            stop,
            progress: &self.progress,
            environment,
            secrets,
            stopped: Cell::new(false),
            printed: RefCell::new(None),
        })
    }

    /// Copy, backup, check, and reading back, as far as the job has them.
    fn carry_out(&self, steps: &Steps<'_>) -> Verdict {
        let process = self.job.copy.as_ref().and_then(|step| step.process.as_deref());
        let database = process.map_or(Server::Unknown, copy::server);
        let copied = self.job.copy.as_ref().map(|step| {
            steps.enter(Phase::Copying);
            copy::perform(step, steps)
        });
        let mut verdict = self.back_up_and_check(steps);
        if let Some(copied) = &copied {
            copy::judge(copied, &mut verdict);
        }
        // Without a good copy the rest is still read back: what is known is worth knowing.
        let before = verify::Before {
            copy: copied.map(|copied| copied.files).filter(|files| !files.is_empty()),
            database_ran: database.runs(),
        };
        verify::after(steps, before, &mut verdict);
        verdict.facts.database_started_at = database.started_at();
        verdict
    }

    fn back_up_and_check(&self, steps: &Steps<'_>) -> Verdict {
        let missing = self.missing_sources();
        let started = clock::wall();
        self.progress.enter(Phase::BackingUp, started);
        let ended = match steps.execute(self.command.clone()) {
            Ok(ended) => ended,
            Err(error) => return tools::not_started(&error),
        };
        let mut verdict = tools::read(&self.job.tool, &self.command, &ended, missing);
        tools::measure(&self.job.tool, &self.command, started, &mut verdict);
        let commands = [
            tools::check_command(&self.job.tool, &self.command, &verdict),
            tools::read_back_command(&self.job.tool, &verdict),
        ];
        for command in commands.into_iter().flatten() {
            if verdict.outcome == Outcome::Failed {
                break;
            }
            self.progress.enter(Phase::Checking, clock::wall());
            match steps.execute(command) {
                Ok(ended) => tools::read_check(&self.job.tool, &ended, &mut verdict),
                Err(_) => tools::check_not_started(&mut verdict),
            }
        }
        verdict
    }

    fn missing_sources(&self) -> usize {
        match &self.job.tool {
            Tool::Restic(tool) | Tool::Borg(tool) => tool
                .paths
                .iter()
                .filter(|path| std::fs::symlink_metadata(path).is_err())
                .count(),
            Tool::Program(_) | Tool::Command { .. } => 0,
        }
    }

    fn report(self, mut verdict: Verdict, output: Option<OutputTail>, may_retry: bool) -> Done {
        verdict.facts.destination = self.job.destination;
        verdict.facts.destination_name.clone_from(&self.job.destination_name);
        tools::attest(&mut verdict.facts, self.job.claims);
        // Its free space after the backup says more than before.
        let seen = medium_of(self.job).or(self.medium);
        let medium = seen.as_ref().map(Seen::sighting);
        let record = self.record;
        if verdict.outcome != Outcome::Failed {
            claim_encryption(&mut verdict, medium.as_ref());
            note_use(
                self.job,
                seen.as_ref(),
                &Ledger::in_folder(self.state),
                record.started_at,
            );
        }
        let finished = RunFinished {
            run: record.run,
            job: record.job.clone(),
            started_at: record.started_at,
            finished_at: clock::wall().max(record.started_at),
            attempt: record.attempt,
            will_be_retried: may_retry && verdict.outcome == Outcome::Failed,
            outcome: verdict.outcome,
            reason: verdict.reason,
            exit_code: verdict.exit_code,
            tool: record.tool.clone(),
            facts: verdict.facts,
            medium,
            output,
        };
        let event = record.finish_event;
        let written = match self.ticket {
            Some(ticket) => self.spool.finish_run(ticket, finished.clone()),
            None => self.spool.append_finished(event, finished.clone()),
        };
        let unwritten = written.err().map(|error| {
            Box::new(Unwritten {
                event,
                finished: finished.clone(),
                error,
            })
        });
        Done { finished, unwritten }
    }
}

/// A backup that is not encrypted itself is so on a medium that is.
fn claim_encryption(verdict: &mut Verdict, medium: Option<&MediumSighting>) {
    let is_encrypted = match medium.and_then(|medium| medium.encryption) {
        Some(Encryption::Luks | Encryption::BitLocker | Encryption::Other) => true,
        Some(Encryption::Unencrypted) | None => false,
    };
    if is_encrypted && !verdict.facts.encrypted.is_some_and(|claim| claim.holds) {
        verdict.facts.encrypted = Some(tools::claim(true, Knowledge::Measured, Basis::EncryptedMedium));
    }
}

/// For the rotation: on which medium the job made a backup on this day.
fn note_use(job: &JobConfig, medium: Option<&Seen>, ledger: &Ledger, started_at: Timestamp) {
    let Some(marker) = medium.and_then(|medium| medium.marker.as_ref()) else {
        return;
    };
    let day = job.days.day_of(started_at);
    let noted = ledger.change(|kept| kept.rotation.use_on(marker.id, &marker.name(), &job.key, day));
    if let Err(error) = noted {
        tracing::warn!(job = %job.key, %error, "it could not be kept which medium the backup is on");
    }
}

fn read(source: &SecretSource, state: &StateFolder) -> Result<SecretString, &'static str> {
    match source {
        SecretSource::File(file) => read_secret(file),
        SecretSource::Kept(name) => match Secrets::in_folder(state).read(name) {
            Ok(Some(secret)) => Ok(secret),
            Ok(None) | Err(_) => Err(NO_KEPT_SECRET),
        },
    }
}

fn read_secret(file: &Path) -> Result<SecretString, &'static str> {
    let text = std::fs::read_to_string(file).map_err(|_| NO_SECRET)?;
    Ok(SecretString::from(text.trim_end_matches(['\r', '\n']).to_owned()))
}
