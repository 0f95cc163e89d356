//! A PostgreSQL that the test runs itself, so that it can be killed and started again.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

use crate::database::{Psql, programs};
use crate::folder::Folder;
use crate::process::{Process, run};
use crate::wait;

/// Who owns it.
const OWNER: &str = "owner";

/// A cluster that listens on a socket in its own folder.
#[derive(Debug)]
pub struct Cluster {
    folder: Folder,
    account: Option<(u32, u32)>,
    process: Option<Process>,
}

impl Cluster {
    /// A new cluster, running, with durable settings as in life.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn start() -> Self {
        let folder = Folder::new();
        let account = account();
        if let Some((uid, gid)) = account {
            chown(folder.path(), Some(uid), Some(gid)).expect("root may give away its folder");
        }
        let mut cluster = Self {
            folder,
            account,
            process: None,
        };
        let mut command = cluster.command("initdb");
        command.args([
            "-U",
            OWNER,
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "--data-checksums",
        ]);
        run(command.arg("-D").arg(cluster.data()), "").succeeded();
        cluster.run();
        run(
            Command::new("psql")
                .args(cluster.psql("postgres").arguments())
                .args(["-c", "create database lastgood"]),
            "",
        )
        .succeeded();
        cluster
    }

    /// Starts it again after [`Self::kill`], and waits until it takes connections.
    ///
    /// # Panics
    /// When it does not.
    pub fn run(&mut self) {
        wait::until("PostgreSQL to answer", || {
            let ended = self
                .process
                .as_mut()
                .is_none_or(|process| process.has_ended().is_some());
            if ended {
                // Processes of the one that was killed may still hold its memory for a moment.
                let mut command = self.command("postgres");
                command.arg("-D").arg(self.data()).args(["-c", "listen_addresses="]);
                command
                    .arg("-c")
                    .arg(format!("unix_socket_directories={}", self.folder.path().display()));
                self.process = Some(Process::start("postgres", &mut command));
            }
            self.psql("postgres").try_execute("select 1").ok()
        });
    }

    /// Kills the postmaster as a power cut would.
    ///
    /// # Panics
    /// When it is not running.
    pub fn kill(&mut self) {
        self.process.take().expect("it runs").kill();
    }

    /// How a server is told of it.
    pub fn url(&self) -> String {
        format!(
            "postgres://{OWNER}@localhost/lastgood?host={}",
            self.folder.path().display()
        )
    }

    /// Its database, as the owner sees it.
    pub fn database(&self) -> Psql {
        self.psql("lastgood")
    }

    /// One of its databases, as the owner sees it.
    pub fn psql(&self, database: &str) -> Psql {
        Psql::over(self.folder.path(), OWNER, database)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(programs().join(program));
        command.current_dir(self.folder.path());
        if let Some((uid, gid)) = self.account {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // Before its folder goes; "smart" shutdown would wait for clients.
        if let Some(process) = &self.process {
            process.signal(rustix::process::Signal::INT);
        }
        self.process = None;
    }
}

/// PostgreSQL refuses to run as root; its own account then.
fn account() -> Option<(u32, u32)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("there are users");
    let line = users
        .lines()
        .find(|line| line.starts_with("postgres:"))
        .expect("the account postgres comes with PostgreSQL");
    let mut numbers = line.split(':').skip(2).map_while(|number| number.parse().ok());
    numbers.next().zip(numbers.next())
}
