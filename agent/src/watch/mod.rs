//! Watching what other software leaves of its backups: event logs, status files, log files, and reports posted to a port of
//! this machine. What is seen is reported as a run; a run seen twice has the same id, so that the server keeps it once.

mod duplicati;
pub(crate) mod event_log;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod listener;
pub(crate) mod log_file;
mod memory;
pub(crate) mod preview;
mod status_file;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use jiff::Timestamp;
use lastgood_protocol::{EventBody, Outcome, RunFacts, RunFinished, RunId, RunStarted, ToolIdentity};
use ring::digest;
use uuid::Builder;

use self::memory::{Memory, Open};
use crate::config::{Config, JobConfig, Watch};
use crate::spool::{Spool, SpoolError};
use crate::state::{LastRun, StateFolder};
use crate::{clock, ids, tools};

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(2);

/// How many looks at files go with one look at event logs, which starts a program.
const LOOKS_PER_EVENT_LOG: u64 = 30;

/// Something that another program left.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sighting {
    /// The same whenever the same thing is seen, and different for each run.
    pub(crate) identity: String,
    /// When it happened.
    pub(crate) at: Timestamp,
    /// The version of the program.
    pub(crate) version: Option<String>,
    /// What it says.
    pub(crate) what: What,
}

/// What a [`Sighting`] says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum What {
    /// A backup began.
    Started,
    /// A backup ended.
    Finished {
        /// When it began, where that is said.
        started: Option<Timestamp>,
        /// How it ended.
        outcome: Outcome,
        /// Why, when it is not ok.
        reason: Option<String>,
        /// Whether the program tries again by itself.
        will_be_retried: bool,
        /// What is known of it.
        facts: Box<RunFacts>,
    },
}

impl What {
    /// Whether both are ends of a backup that is known to have begun at one time.
    fn is_same_run(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Finished { started: Some(one), .. }, Self::Finished { started: Some(two), .. }) => one == two,
            _ => false,
        }
    }

    /// How bad it is: worse ends weigh more.
    fn weight(&self) -> u8 {
        match self {
            Self::Started => 0,
            Self::Finished { outcome, .. } => tools::weight(*outcome),
        }
    }

    /// The end of a backup of which nothing else is known.
    fn finished(outcome: Outcome, reason: Option<&str>) -> Self {
        Self::Finished {
            started: None,
            outcome,
            reason: reason.map(str::to_owned),
            will_be_retried: false,
            facts: Box::default(),
        }
    }
}

/// Watches until it is dropped.
#[derive(Debug)]
pub(crate) struct Watching {
    _alive: Sender<()>,
}

/// Begins to watch for the jobs that ask for it.
pub(crate) fn start(config: &Config, state: &StateFolder, spool: &Spool) -> io::Result<Watching> {
    let (alive, ended) = channel();
    let jobs: Vec<JobConfig> = config.jobs.iter().filter(|job| job.watch.is_some()).cloned().collect();
    if jobs.is_empty() {
        return Ok(Watching { _alive: alive });
    }
    let reporter = Reporter {
        state: state.clone(),
        spool: spool.clone(),
    };
    // A port that is taken keeps nothing else from being watched.
    if let Err(error) = listener::start(&jobs, &reporter) {
        tracing::error!(%error, "Duplicati's reports are not taken");
    }
    std::thread::Builder::new()
        .name("watch".to_owned())
        .spawn(move || look_again_and_again(&jobs, &reporter, &ended))?;
    Ok(Watching { _alive: alive })
}

fn look_again_and_again(jobs: &[JobConfig], reporter: &Reporter, ended: &Receiver<()>) {
    for look in 0_u64.. {
        for job in jobs {
            let at_event_log = look.is_multiple_of(LOOKS_PER_EVENT_LOG);
            if let Err(error) = look_at(job, reporter, at_event_log) {
                tracing::warn!(job = %job.key, %error, "what the job watches cannot be read");
            }
        }
        match ended.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn look_at(job: &JobConfig, reporter: &Reporter, at_event_log: bool) -> io::Result<()> {
    let mut memory = reporter.memory(job)?;
    let before = memory.clone();
    let sightings = match &job.watch {
        Some(Watch::EventLog(table)) if at_event_log => event_log::look(table, &mut memory)?,
        Some(Watch::StatusFile { file, profile }) => status_file::look(file, profile, &mut memory)?,
        Some(Watch::LogFile(log)) => log_file::look(log, &mut memory, clock::wall())?,
        Some(Watch::EventLog(_) | Watch::Duplicati { .. }) | None => return Ok(()),
    };
    for sighting in sightings {
        reporter.report(job, sighting, &mut memory).map_err(io::Error::other)?;
    }
    if memory != before {
        reporter.keep(job, &memory)?;
    }
    Ok(())
}

/// Makes reports of what is seen.
#[derive(Debug, Clone)]
struct Reporter {
    state: StateFolder,
    spool: Spool,
}

impl Reporter {
    fn memory(&self, job: &JobConfig) -> io::Result<Memory> {
        Memory::load(&self.state, &job.key)
    }

    fn keep(&self, job: &JobConfig, memory: &Memory) -> io::Result<()> {
        memory.keep(&self.state, &job.key)
    }

    /// Writes the report to the spool before anything is remembered: told twice is better than never.
    fn report(&self, job: &JobConfig, sighting: Sighting, memory: &mut Memory) -> Result<(), SpoolError> {
        let run = run_id(job, &sighting.identity);
        match sighting.what {
            What::Started => {
                let started = RunStarted {
                    run,
                    job: job.key.clone(),
                    started_at: sighting.at,
                    attempt: 1,
                };
                self.spool
                    .append(ids::event(), sighting.at, EventBody::RunStarted(started))?;
                memory.open = Some(Open {
                    run,
                    started_at: sighting.at,
                });
            }
            What::Finished {
                started,
                outcome,
                reason,
                will_be_retried,
                facts,
            } => {
                let open = memory.open.take();
                let run = open.map_or(run, |open| open.run);
                let started_at = open.map(|open| open.started_at).or(started).unwrap_or(sighting.at);
                let mut facts = *facts;
                facts.destination = job.destination;
                facts.destination_name.clone_from(&job.destination_name);
                tools::attest(&mut facts, job.claims);
                let finished = RunFinished {
                    run,
                    job: job.key.clone(),
                    started_at: started_at.min(sighting.at),
                    finished_at: sighting.at,
                    attempt: 1,
                    will_be_retried: will_be_retried && outcome == Outcome::Failed,
                    outcome,
                    reason,
                    exit_code: None,
                    tool: ToolIdentity {
                        name: job.tool_name().to_owned(),
                        version: sighting.version,
                    },
                    facts,
                    medium: None,
                    output: None,
                };
                self.remember(job, &finished);
                self.spool.append_finished(ids::event(), finished)?;
            }
        }
        Ok(())
    }

    /// For `status`.
    fn remember(&self, job: &JobConfig, finished: &RunFinished) {
        let last = LastRun {
            run: finished.run,
            started_at: finished.started_at,
            finished_at: finished.finished_at,
            outcome: finished.outcome,
            reason: finished.reason.clone(),
        };
        if let Err(error) = self.state.change_job(&job.key, |state| state.last = Some(last)) {
            tracing::warn!(job = %job.key, %error, "what is known of the job could not be kept");
        }
    }
}

/// The same id for the same run, however often it is seen.
fn run_id(job: &JobConfig, identity: &str) -> RunId {
    let text = format!("{}\n{identity}", job.key);
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let bytes: [u8; 16] = digest.as_ref().first_chunk().copied().expect("a SHA-256 has 32 bytes");
    RunId(Builder::from_random_bytes(bytes).into_uuid())
}

#[cfg(test)]
mod captured;
#[cfg(test)]
mod tests;
