//! What every part of the running server shares, and its orderly start and stop of background work.

use std::collections::BTreeMap;
use std::future::Future;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::agents::Gate;
use crate::clock::Clock;
use crate::config::TrustedProxies;
use crate::db::Database;
use crate::expectations::Clocks;
use crate::ids::FirmId;
use crate::ingest::Committer;
use crate::notifications::Mailer;
use crate::users::password::Hashing;

/// How old the evaluator's last tick may be before every page says that evaluation has stopped.
pub const EVALUATOR_STALE_AFTER: SignedDuration = SignedDuration::from_secs(90);

/// The running application. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What [`App`] derefs to.
pub struct Shared {
    /// The database.
    pub db: Database,
    /// The present time.
    pub clock: Clock,
    /// Whether the present time can be believed.
    pub clocks: Clocks,
    /// What the settings say, as far as pages and workers need it.
    pub options: Options,
    /// Who wants to hear when a firm's pages change.
    pub changes: Changes,
    /// Ends a worker's wait early. A hint: each also looks by itself.
    pub wake: Wake,
    /// When the evaluator last finished a tick.
    pub pulse: Pulse,
    /// Commits received events, many agents' in one transaction.
    pub committer: Committer,
    /// What is remembered of agents between requests.
    pub gate: Gate,
    /// Sends mail, or files it.
    pub mailer: Mailer,
    /// Passwords at work: a few at a time.
    pub hashing: Hashing,
    tasks: TaskTracker,
    shutdown: CancellationToken,
}

/// Settings that pages and workers read while the server runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The state folder.
    pub state: PathBuf,
    /// The address people and agents use, without a slash at the end.
    pub public_url: String,
    /// SHA-256 of the certificate authority agents are to trust; empty when the server speaks no TLS.
    pub authority_pin: Option<[u8; 32]>,
    /// How long the first message about an alert is held, so that a better explanation can replace it.
    pub alert_hold: SignedDuration,
    /// After how long without a word a newly enrolled agent counts as silent.
    pub silent_after: SignedDuration,
    /// How long reports that were kept back, at an agent that was silent or while we were down, have to arrive before
    /// anything is declared missed. Longer than an agent's longest pause between two tries.
    pub landing: SignedDuration,
    /// How often the evaluator looks.
    pub evaluator_period: Duration,
    /// A session ends after this long without a request.
    pub session_idle: SignedDuration,
    /// A session ends after this long in any case.
    pub session_absolute: SignedDuration,
    /// Who may say in `X-Forwarded-For` whom a request is from.
    pub trusted_proxies: TrustedProxies,
    /// Whether `/metrics` answers.
    pub metrics: bool,
    /// Whether this is the demo, which says so on every page.
    pub demo: bool,
}

/// Ends a worker's wait early.
#[derive(Debug, Default)]
pub struct Wake {
    /// Events were committed to the inbox.
    pub projector: Notify,
    /// Messages were put into the outbox.
    pub dispatcher: Notify,
    /// Expectations changed, or something asks to be judged now.
    pub evaluator: Notify,
}

/// When the evaluator last finished a tick, in this process.
#[derive(Debug)]
pub struct Pulse(AtomicI64);

impl Pulse {
    /// Notes a finished tick.
    pub fn beat(&self, at: Timestamp) {
        self.0.store(at.as_microsecond(), Ordering::Release);
    }

    /// The last finished tick; `None` before the first.
    pub fn last(&self) -> Option<Timestamp> {
        match self.0.load(Ordering::Acquire) {
            i64::MIN => None,
            at => Timestamp::from_microsecond(at).ok(),
        }
    }

    /// Whether the evaluator is to be believed at `now`. Not after the clock went back either, until it has looked again.
    pub fn is_alive(&self, now: Timestamp) -> bool {
        self.last()
            .is_some_and(|last| now.duration_since(last).abs() < EVALUATOR_STALE_AFTER)
    }
}

/// Tells open pages of a firm that something changed. A page that missed a hint still refreshes by itself.
#[derive(Debug, Default)]
pub struct Changes(Mutex<BTreeMap<FirmId, broadcast::Sender<()>>>);

impl Changes {
    /// Tells everybody who looks at this firm.
    pub fn tell(&self, firm: FirmId) {
        let firms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = firms.get(&firm) {
            // An error means that nobody looks at the moment.
            drop(sender.send(()));
        }
    }

    /// Hears of this firm's changes from now on.
    pub fn listen(&self, firm: FirmId) -> broadcast::Receiver<()> {
        let mut firms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        firms.retain(|_, sender| sender.receiver_count() > 0);
        firms.entry(firm).or_insert_with(|| broadcast::channel(1).0).subscribe()
    }
}

impl App {
    /// An application over a migrated database. Nothing runs yet: see [`crate::worker::start`].
    pub fn new(db: Database, clock: Clock, options: Options, mailer: Mailer) -> Self {
        Self(Arc::new(Shared {
            committer: Committer::new(),
            gate: Gate::default(),
            db,
            clock,
            clocks: Clocks::default(),
            options,
            changes: Changes::default(),
            wake: Wake::default(),
            pulse: Pulse(AtomicI64::new(i64::MIN)),
            mailer,
            hashing: Hashing::default(),
            tasks: TaskTracker::new(),
            shutdown: CancellationToken::new(),
        }))
    }

    /// Runs `task` beside everything else; [`Self::stop`] waits for it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that spawns, so that stopping can wait"
    )]
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        tokio::spawn(self.tasks.track_future(task));
    }

    /// Cancelled when the server is to stop.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Tells all background work to stop and waits for it, then closes the database.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.db.close().await;
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
