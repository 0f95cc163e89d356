//! The daemon: carries out what the engine decides. One thread decides; each run has a thread of its own, and one
//! thread delivers.

mod deliver;
mod reports;
mod stop;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use lastgood_protocol::JobKey;

use crate::backup::{self, Attempt, Done, Unwritten};
use crate::client::{Client, ClientError};
use crate::clock::{self, Moment};
use crate::config::{Config, ServiceEnvironment};
use crate::engine::{Action, DeliveryPlan, Engine, Input, JobMemory, JobPlan, SkipReason};
use crate::exec::StopSwitch;
use crate::identity::Identity;
use crate::media;
use crate::platform::{self, Notice};
use crate::spool::{Spool, SpoolError};
use crate::state::{JobState, StateFolder};
use crate::tls::{self, TrustError};
use crate::watch::{self, Watching};
use deliver::{Courier, Errand};

/// How often the daemon looks at the clocks and into the spool, where other processes append.
const LOOK: Duration = Duration::from_secs(1);

/// How often runs are looked for whose process is gone.
const LOOK_FOR_BROKEN: Duration = Duration::from_mins(1);

/// How often reports that wait in memory are written to the spool again.
const WRITE_AGAIN: Duration = Duration::from_secs(10);

/// The most reports that are kept in memory while the spool cannot be written.
const MOST_UNWRITTEN: usize = 100;

/// Why the daemon does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DaemonError {
    /// No identity.
    #[error("this machine is not enrolled: make a token on the server and run `lastgood-agent enroll TOKEN`")]
    NotEnrolled,
    /// Another daemon.
    #[error("another lastgood-agent runs with the state folder {0}")]
    AlreadyRunning(std::path::PathBuf),
    /// The state folder.
    #[error("the state folder {folder} cannot be used: {source}")]
    State {
        /// The folder.
        folder: std::path::PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The certificate authority.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The server's address.
    #[error(transparent)]
    Client(#[from] ClientError),
}

enum Message {
    Stop,
    RunEnded { job: JobKey, done: Box<Done> },
    Delivery(Input),
}

struct Daemon {
    config: Config,
    state: StateFolder,
    spool: Spool,
    service: ServiceEnvironment,
    engine: Engine,
    sender: Sender<Message>,
    errands: Sender<Errand>,
    running: BTreeMap<JobKey, StopSwitch>,
    unwritten: Vec<Unwritten>,
    unwritten_lost: u64,
    look_for_broken_at: Duration,
    write_again_at: Duration,
    notify_at: Duration,
}

/// Runs until it is asked to stop.
pub(crate) fn run(config: Config, state: StateFolder, service: ServiceEnvironment) -> Result<(), DaemonError> {
    let state_error = |source| DaemonError::State {
        folder: state.path().to_path_buf(),
        source,
    };
    state.create().map_err(state_error)?;
    let identity = Identity::load(&state)
        .map_err(state_error)?
        .ok_or(DaemonError::NotEnrolled)?;
    let _lock = state
        .lock_daemon()
        .map_err(state_error)?
        .ok_or_else(|| DaemonError::AlreadyRunning(state.path().to_path_buf()))?;
    let spool = state.spool(config.spool)?;
    let trust = identity.authority.as_deref().map(tls::trust).transpose()?;
    let client = Client::new(&identity.server, trust)?;
    tracing::info!(
        server = %identity.server,
        practice = %identity.practice,
        jobs = config.jobs.len(),
        "lastgood-agent {} begins",
        env!("CARGO_PKG_VERSION")
    );

    let (sender, messages) = channel();
    let (errands, errand_list) = channel();
    let stop_sender = sender.clone();
    platform::stop_requests(true, move || {
        // The daemon may have ended already.
        let _unheard = stop_sender.send(Message::Stop);
    })
    .map_err(state_error)?;
    let courier = Courier::new(client, identity, spool.clone(), state.clone(), &config).map_err(state_error)?;
    let courier_sender = sender.clone();
    std::thread::Builder::new()
        .name("deliver".to_owned())
        .spawn(move || {
            courier.work(&errand_list, |input| {
                courier_sender.send(Message::Delivery(input)).is_ok()
            });
        })
        .map_err(state_error)?;

    // Its threads end with this.
    let _watching = watch_all(&config, &state, &spool);
    let now = clock::now();
    let engine = Engine::new(
        plans(&config),
        delivery_plan(&config),
        |key| memory(&state.job(key)),
        now,
    );
    let mut daemon = Daemon {
        config,
        state,
        spool,
        service,
        engine,
        sender,
        errands,
        running: BTreeMap::new(),
        unwritten: Vec::new(),
        unwritten_lost: 0,
        look_for_broken_at: Duration::ZERO,
        write_again_at: Duration::ZERO,
        notify_at: Duration::ZERO,
    };
    daemon.report_broken_off(now);
    daemon.notify(Notice::Ready);
    daemon.work(&messages);
    daemon.end(&messages);
    Ok(())
}

/// Backups are made also when what other software leaves, or what is in the drives, cannot be watched.
fn watch_all(config: &Config, state: &StateFolder, spool: &Spool) -> Option<Watching> {
    if let Err(error) = media::watch(config, state, spool) {
        tracing::error!(%error, "it is not noticed when a medium comes or goes");
    }
    watch::start(config, state, spool)
        .inspect_err(|error| tracing::error!(%error, "nothing is watched"))
        .ok()
}

fn plans(config: &Config) -> Vec<JobPlan> {
    config
        .jobs
        .iter()
        .map(|job| JobPlan {
            key: job.key.clone(),
            schedule: job.schedule.clone(),
            attempts: job.attempts,
            retry_delay: job.retry_delay,
            catch_up: job.catch_up,
        })
        .collect()
}

fn delivery_plan(config: &Config) -> DeliveryPlan {
    DeliveryPlan {
        heartbeat: config.heartbeat,
        backoff_cap: config.backoff_cap,
    }
}

fn memory(state: &JobState) -> Option<JobMemory> {
    state.anchor.map(|anchor| JobMemory {
        anchor,
        retry: state.retry,
    })
}

impl Daemon {
    fn work(&mut self, messages: &Receiver<Message>) {
        loop {
            let input = match messages.recv_timeout(LOOK) {
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(Message::RunEnded { job, done }) => self.run_ended(job, *done),
                Ok(Message::Delivery(input)) => input,
                Err(RecvTimeoutError::Timeout) => Input::Tick,
            };
            let now = clock::now();
            self.look_around(now);
            self.step(input, now);
            match self.spool.count() {
                Ok(count) => self.step(Input::SpoolHolds(count), now),
                Err(error) => tracing::warn!(%error, "the spool cannot be counted"),
            }
        }
    }

    /// What is due by the clock alone.
    fn look_around(&mut self, now: Moment) {
        if now.steady >= self.look_for_broken_at {
            self.look_for_broken_at = now.steady.saturating_add(LOOK_FOR_BROKEN);
            self.report_broken_off(now);
        }
        if now.steady >= self.write_again_at {
            self.write_again_at = now.steady.saturating_add(WRITE_AGAIN);
            self.write_unwritten(now);
        }
        if let Some(period) = platform::watchdog_period(&self.service)
            && now.steady >= self.notify_at
        {
            self.notify_at = now.steady.saturating_add(period.saturating_sub(LOOK));
            self.notify(Notice::Watchdog);
        }
    }

    fn step(&mut self, input: Input, now: Moment) {
        for action in self.engine.step(input, now) {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::StartRun {
                job,
                attempt,
                may_retry,
            } => {
                let attempt = Attempt {
                    number: attempt,
                    may_retry,
                };
                self.start(&job, attempt);
            }
            Action::Skipped { job, due, why } => {
                let why = match why {
                    SkipReason::StillRunning => "the run before still goes on",
                    SkipReason::TooLate => "this machine was off or asleep for too long",
                };
                tracing::warn!(%job, %due, "not started: {why}");
            }
            Action::Remember { job, memory } => self.keep(&job, |state| {
                state.anchor = Some(memory.anchor);
                state.retry = memory.retry;
            }),
            Action::Deliver { heartbeat } => {
                if self.errands.send(Errand { heartbeat }).is_err() {
                    tracing::error!("the thread that delivers is gone");
                }
            }
        }
    }

    fn start(&mut self, key: &JobKey, attempt: Attempt) {
        let Some(job) = self.config.job(key).cloned() else {
            return;
        };
        tracing::info!(job = %key, attempt = attempt.number, "the backup begins");
        let stop = StopSwitch::default();
        self.running.insert(key.clone(), stop.clone());
        let (spool, state) = (self.spool.clone(), self.state.clone());
        let sender = self.sender.clone();
        let work = move || {
            let done = Box::new(backup::perform(&job, attempt, &spool, &state, &stop));
            // The report is in the spool; a daemon that is gone has nothing to do about it.
            let _unheard = sender.send(Message::RunEnded { job: job.key, done });
        };
        if let Err(error) = std::thread::Builder::new().name(format!("run-{key}")).spawn(work) {
            tracing::error!(job = %key, %error, "the backup could not be started");
            self.running.remove(key);
            let now = clock::now();
            self.step(
                Input::RunEnded {
                    job: key.clone(),
                    retry: true,
                },
                now,
            );
        }
    }

    fn run_ended(&mut self, job: JobKey, done: Done) -> Input {
        self.running.remove(&job);
        let finished = &done.finished;
        let outcome = finished.outcome;
        tracing::info!(%job, ?outcome, reason = finished.reason.as_deref(), "the backup ended");
        self.keep_last(finished);
        let retry = finished.will_be_retried;
        if let Some(unwritten) = done.unwritten {
            tracing::error!(error = %unwritten.error, "the report waits in memory");
            if self.unwritten.len() < MOST_UNWRITTEN {
                self.unwritten.push(*unwritten);
            } else {
                self.unwritten_lost += 1;
            }
        }
        Input::RunEnded { job, retry }
    }

    fn keep(&self, job: &JobKey, change: impl FnOnce(&mut JobState)) {
        if let Err(error) = self.state.change_job(job, change) {
            tracing::warn!(%job, %error, "what is known of the job could not be kept");
        }
    }

    fn notify(&self, notice: Notice) {
        if let Err(error) = platform::notify(&self.service, notice) {
            tracing::warn!(%error, "the service manager could not be told");
        }
    }
}
