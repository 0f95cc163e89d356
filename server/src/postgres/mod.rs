//! The server's own, private PostgreSQL: run from the machine's installed programs when no other database is given.
//! Its data, its socket and its log are in the state folder; it has no port and no password and can be reached only by
//! the user it runs as, and by root. Commands work beside a running server through the same socket.

mod account;
mod cluster;
pub mod command;
mod db;
pub mod dump;
mod error;
mod lock;
mod log;
mod postmaster;
mod program;
pub mod restore;
mod startup;
pub mod survey;
mod target;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use tokio::sync::Mutex;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_util::sync::CancellationToken;

pub use cluster::OWNER;
pub use error::PostgresError;
pub use lock::{Holder, StateLock};
pub use program::Programs;
pub use target::Target;

use crate::config::Settings;
use cluster::Cluster;
use db::Answer;
use lock::Claim;
use postmaster::Postmaster;
use startup::{adopt, find_programs, options, start_new};

/// The database of the private cluster.
pub const DATABASE: &str = "lastgood";

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// Receives lines about what is being done, for the terminal.
pub type Progress<'p> = &'p mut (dyn FnMut(&str) + Send);

/// What the private Postgres needs to know.
#[derive(Debug, Clone)]
pub struct Place {
    /// The state folder; made if it is missing.
    pub state: PathBuf,
    /// Folder of PostgreSQL's programs, if not where they usually are.
    pub bindir: Option<PathBuf>,
    /// The process's PATH.
    pub search_path: OsString,
}

impl From<&Settings> for Place {
    fn from(settings: &Settings) -> Place {
        Place {
            state: settings.state.clone(),
            bindir: settings.pg_bindir.clone(),
            search_path: settings.search_path.clone(),
        }
    }
}

/// A private Postgres that answers. Dropping it leaves the postmaster running; the next start takes it over.
#[derive(Debug)]
pub struct PrivatePostgres {
    cluster: Cluster,
    programs: Programs,
    /// `None` when it belongs to the server that runs beside this command.
    owned: Option<Owned>,
}

#[derive(Debug)]
struct Owned {
    postmaster: Mutex<Postmaster>,
    stopping: CancellationToken,
    lock: Mutex<Option<StateLock>>,
}

impl PrivatePostgres {
    /// Starts it, or takes over the postmaster that a killed server left behind. Refuses if another server uses the
    /// state folder. Makes the cluster and the database on the first start.
    pub async fn start(place: &Place, progress: Progress<'_>) -> Result<PrivatePostgres, PostgresError> {
        make_state(&place.state)?;
        let lock = StateLock::take(&place.state, Holder::Server).await?;
        PrivatePostgres::start_locked(place, lock, progress).await
    }

    /// For commands: uses the one of the running server, or starts it for as long as the command takes.
    pub async fn open(place: &Place, progress: Progress<'_>) -> Result<PrivatePostgres, PostgresError> {
        make_state(&place.state)?;
        match StateLock::claim(&place.state, Holder::Command).await? {
            Claim::Taken(lock) => PrivatePostgres::start_locked(place, lock, progress).await,
            Claim::Held {
                holder: Some(Holder::Server),
                pid,
            } => PrivatePostgres::join(place, pid).await,
            Claim::Held { pid, .. } => Err(in_use(&place.state, pid)),
        }
    }

    /// With the whole state folder to itself: refuses while a server runs.
    pub async fn open_alone(place: &Place, progress: Progress<'_>) -> Result<PrivatePostgres, PostgresError> {
        make_state(&place.state)?;
        let lock = StateLock::take(&place.state, Holder::Command).await?;
        PrivatePostgres::start_locked(place, lock, progress).await
    }

    async fn join(place: &Place, pid: Option<u32>) -> Result<PrivatePostgres, PostgresError> {
        let cluster = Cluster::in_state(&place.state);
        // The server may have begun a moment ago and still be making its cluster.
        let ready = async {
            let mut ticks = interval(Duration::from_millis(100));
            loop {
                ticks.tick().await;
                if let Answer::Ready = db::ask(&options(&cluster, OWNER, DATABASE)).await {
                    return;
                }
            }
        };
        timeout(Duration::from_secs(30), ready)
            .await
            .map_err(|_| in_use(&place.state, pid))?;
        let programs = find_programs(place, &cluster).await?;
        Ok(PrivatePostgres {
            cluster,
            programs,
            owned: None,
        })
    }

    async fn start_locked(
        place: &Place,
        lock: StateLock,
        progress: Progress<'_>,
    ) -> Result<PrivatePostgres, PostgresError> {
        let cluster = Cluster::in_state(&place.state);
        let programs = find_programs(place, &cluster).await?;
        if let Some(account) = &programs.account {
            account.check_way_to(&programs.bindir)?;
        }
        cluster.make_folders(programs.account.as_ref())?;
        cluster
            .log
            .bound()
            .map_err(PostgresError::file("shortening", &cluster.log.path))?;
        let postmaster = match adopt(&cluster, progress).await? {
            Some(postmaster) => postmaster,
            None => start_new(&cluster, &programs, progress).await?,
        };
        let owned = Owned {
            postmaster: Mutex::new(postmaster),
            stopping: CancellationToken::new(),
            lock: Mutex::new(Some(lock)),
        };
        Ok(PrivatePostgres {
            cluster,
            programs,
            owned: Some(owned),
        })
    }

    /// How to connect as `role` to the database `lastgood`.
    pub fn connect_options(&self, role: &str) -> PgConnectOptions {
        options(&self.cluster, role, DATABASE)
    }

    /// How to connect as the owner to the database from which others are made and renamed.
    fn maintenance_options(&self) -> PgConnectOptions {
        options(&self.cluster, OWNER, "postgres")
    }

    /// PostgreSQL's programs that fit this server.
    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// Folder of PostgreSQL's programs.
    pub fn bindir(&self) -> &Path {
        &self.programs.bindir
    }

    /// Folder of the socket.
    pub fn socket_dir(&self) -> &Path {
        &self.cluster.sockets
    }

    /// Folder of the data.
    pub fn data_dir(&self) -> &Path {
        &self.cluster.data
    }

    /// PostgreSQL's version as its programs state it.
    pub fn version(&self) -> &str {
        &self.programs.version
    }

    /// Whether it belongs to a server that runs beside this command.
    pub fn is_joined(&self) -> bool {
        self.owned.is_none()
    }

    /// The postmaster's process number; `None` when it belongs to another process.
    pub async fn pid(&self) -> Option<i32> {
        let postmaster = self.owned.as_ref()?.postmaster.lock().await;
        Some(postmaster.pid.as_raw_nonzero().get())
    }

    /// Starts the postmaster again whenever it ends, and keeps its log bounded, until `shutdown` or
    /// [`PrivatePostgres::stop`]. Connections made in between fail; the pool makes new ones by itself.
    pub async fn supervise(&self, shutdown: CancellationToken) {
        let Some(owned) = &self.owned else { return };
        let mut minutes = interval(Duration::from_mins(1));
        minutes.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut pause = FIRST_PAUSE;
        let mut started = Instant::now();
        loop {
            let ended = owned.postmaster.lock().await.ended();
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = owned.stopping.cancelled() => return,
                _ = minutes.tick() => {
                    if let Err(error) = self.cluster.log.bound() {
                        tracing::warn!(%error, "PostgreSQL's log cannot be shortened");
                    }
                    continue;
                }
                () = ended => {}
            }
            let how = owned.postmaster.lock().await.collect().await;
            if started.elapsed() > LONGEST_PAUSE {
                pause = FIRST_PAUSE;
            }
            tracing::error!(%how, "PostgreSQL ended; starting it again");
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = owned.stopping.cancelled() => return,
                () = sleep(pause) => {}
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            started = Instant::now();
            self.restart(owned).await;
        }
    }

    async fn restart(&self, owned: &Owned) {
        let mut postmaster = owned.postmaster.lock().await;
        // Checked under the lock: a stop that came meanwhile must not find a postmaster started behind its back.
        if owned.stopping.is_cancelled() {
            return;
        }
        match Postmaster::start(&self.cluster, &self.programs) {
            Ok(started) => *postmaster = started,
            Err(error) => tracing::error!(%error, "PostgreSQL cannot be started"),
        }
    }

    /// Fast shutdown, and the state folder is free again. Close the pools before. Nothing happens to one that belongs
    /// to another process.
    pub async fn stop(&self) {
        let Some(owned) = &self.owned else { return };
        owned.stopping.cancel();
        owned.postmaster.lock().await.stop().await;
        *owned.lock.lock().await = None;
    }
}

/// Makes the state folder. Root's is open for passing through, because PostgreSQL runs as somebody else; what is in it
/// is closed.
pub fn make_state(state: &Path) -> Result<(), PostgresError> {
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    cluster::make_folder(state, mode)
}

fn in_use(state: &Path, pid: Option<u32>) -> PostgresError {
    let holder = pid.map(|pid| format!(" (process {pid})")).unwrap_or_default();
    PostgresError::InUse {
        state: state.to_owned(),
        holder,
    }
}
