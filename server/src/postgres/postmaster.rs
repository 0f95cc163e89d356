//! The postmaster process: started by us, or left behind by a server that was killed and taken over.

use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use super::cluster::Cluster;
use super::error::PostgresError;
use super::program::Programs;

/// How long a fast shutdown may take before we insist.
const FAST_SHUTDOWN: Duration = Duration::from_mins(1);
const IMMEDIATE_SHUTDOWN: Duration = Duration::from_secs(15);

/// A running postmaster. Dropping it leaves the process running.
#[derive(Debug)]
pub(super) struct Postmaster {
    pub(super) pid: Pid,
    /// Names the process itself, not its number, which the kernel may give to another one.
    handle: Arc<AsyncFd<OwnedFd>>,
    /// Ours to collect, unless it was started by a server before us.
    child: Option<Child>,
}

impl Postmaster {
    /// Starts the postmaster in a process group of its own, so that Ctrl-C in a terminal reaches us first.
    pub(super) fn start(cluster: &Cluster, programs: &Programs) -> Result<Postmaster, PostgresError> {
        let log = || {
            cluster
                .log
                .open()
                .map(Stdio::from)
                .map_err(PostgresError::file("opening", &cluster.log.path))
        };
        let mut command = programs.command("postgres");
        command
            .args(cluster.arguments())
            .stdout(log()?)
            .stderr(log()?)
            .process_group(0);
        let failed = |problem: String| PostgresError::Program {
            program: "postgres".into(),
            problem,
        };
        let child = command
            .spawn()
            .map_err(|error| failed(format!("cannot be started: {error}")))?;
        let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let pid = pid.ok_or_else(|| failed("ended at once".to_owned()))?;
        Postmaster::by_pid(pid, Some(child)).map_err(|error| failed(format!("cannot be watched: {error}")))
    }

    /// The postmaster that works on this cluster now, if there is one. A `postmaster.pid` whose number meanwhile
    /// belongs to another process is removed, because PostgreSQL would take that process for a postmaster.
    pub(super) fn find(cluster: &Cluster) -> Result<Option<Postmaster>, PostgresError> {
        let file = cluster.data.join("postmaster.pid");
        let Ok(text) = std::fs::read_to_string(&file) else {
            return Ok(None);
        };
        let pid = text
            .lines()
            .next()
            .and_then(|line| line.trim().parse::<i32>().ok())
            .and_then(Pid::from_raw);
        // PostgreSQL itself handles a file without a number, and a number without a process.
        let Some(postmaster) = pid.and_then(|pid| Postmaster::by_pid(pid, None).ok()) else {
            return Ok(None);
        };
        if works_in(postmaster.pid, &cluster.data) {
            return Ok(Some(postmaster));
        }
        // Shared memory still in use by stray backends is found by PostgreSQL without this file.
        tracing::warn!(file = %file.display(), "removing the note of a postmaster that is gone");
        std::fs::remove_file(&file).map_err(PostgresError::file("removing", &file))?;
        Ok(None)
    }

    #[expect(
        deprecated,
        reason = "deprecated for handles that somebody else could close; this one is owned, and the successor is unsafe code"
    )]
    fn by_pid(pid: Pid, child: Option<Child>) -> std::io::Result<Postmaster> {
        let handle = AsyncFd::new(pidfd_open(pid, PidfdFlags::empty())?)?;
        Ok(Postmaster {
            pid,
            handle: Arc::new(handle),
            child,
        })
    }

    /// Resolves when the process has ended. Needs no access to the postmaster itself.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        let handle = Arc::clone(&self.handle);
        async move {
            // The kernel marks the handle readable at the process's end, and never before.
            handle.readable().await.map(|_| ()).unwrap_or_default();
        }
    }

    /// Collects the ended process and says how it ended.
    pub(super) async fn collect(&mut self) -> String {
        match &mut self.child {
            Some(child) => child
                .wait()
                .await
                .map_or_else(|error| error.to_string(), |status| status.to_string()),
            None => "how is not known, because it was not our child".to_owned(),
        }
    }

    /// Fast shutdown: connections are closed, everything is written, the process ends. Insists after a while.
    pub(super) async fn stop(&mut self) {
        for (signal, patience) in [
            (Signal::INT, FAST_SHUTDOWN),
            (Signal::QUIT, IMMEDIATE_SHUTDOWN),
            (Signal::KILL, IMMEDIATE_SHUTDOWN),
        ] {
            if pidfd_send_signal(self.handle.get_ref().as_fd(), signal).is_err() {
                // It has ended already.
                break;
            }
            if tokio::time::timeout(patience, self.ended()).await.is_ok() {
                break;
            }
            tracing::warn!(
                pid = self.pid.as_raw_nonzero().get(),
                ?signal,
                "PostgreSQL does not end"
            );
        }
        self.collect().await;
    }
}

/// Whether the process is a postmaster of this data folder: it works inside it, under PostgreSQL's name.
fn works_in(pid: Pid, data: &Path) -> bool {
    let process = format!("/proc/{}", pid.as_raw_nonzero());
    let (Ok(cwd), Ok(data)) = (std::fs::read_link(format!("{process}/cwd")), data.canonicalize()) else {
        return false;
    };
    let name = std::fs::read_to_string(format!("{process}/comm")).unwrap_or_default();
    cwd == data && name.trim() == "postgres"
}
