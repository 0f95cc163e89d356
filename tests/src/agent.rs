//! The real `lastgood-agent` on a machine of a practice.

use std::path::PathBuf;
use std::process::Command;

use crate::folder::Folder;
use crate::process::{Ended, Process, run};
use crate::programs;

/// A practice's machine: the agent's state and settings, and something to back up.
#[derive(Debug)]
pub struct Machine {
    folder: Folder,
    name: String,
    program: PathBuf,
    variables: Vec<(String, String)>,
}

impl Machine {
    /// A machine with some files that are worth keeping.
    pub fn new(name: &str) -> Self {
        let folder = Folder::new();
        for number in 0..20 {
            folder.write(
                &format!("practice/letters/{number}.txt"),
                format!("Letter {number}\n").repeat(200),
            );
        }
        folder.write("practice/accounts.db", vec![7; 300_000]);
        let machine = Self {
            folder,
            name: name.to_owned(),
            program: programs::agent(),
            variables: Vec::new(),
        };
        machine.configure("");
        machine
    }

    /// Its files.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// What is backed up.
    pub fn practice(&self) -> PathBuf {
        self.folder.join("practice")
    }

    /// Writes the agent's settings: short waits, then `jobs`.
    pub fn configure(&self, jobs: &str) {
        let settings = format!("heartbeat = \"1s\"\nbackoff_cap = \"1s\"\nstop_wait = \"5s\"\n{jobs}");
        self.folder.secret("agent.toml", &settings);
    }

    /// With this build of the agent.
    #[must_use]
    pub fn running(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// One more variable for the agent and what it starts.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Makes a restic repository and its password file.
    ///
    /// # Panics
    /// When restic cannot.
    pub fn make_restic_repository(&self) {
        let password = self.folder.secret("restic-password", "the right password\n");
        let mut command = Command::new("restic");
        command
            .arg("init")
            .arg("--repo")
            .arg(self.folder.join("restic"))
            .arg("--password-file")
            .arg(password);
        run(self.at_home(&mut command), "").succeeded();
    }

    /// Makes an encrypted borg repository and its passphrase file.
    ///
    /// # Panics
    /// When borg cannot.
    pub fn make_borg_repository(&self) {
        self.folder.secret("borg-passphrase", "the right passphrase\n");
        let mut command = Command::new("borg");
        command
            .args(["init", "--encryption", "repokey-blake2"])
            .arg(self.folder.join("borg"));
        command.env("BORG_PASSPHRASE", "the right passphrase");
        run(self.at_home(&mut command), "").succeeded();
    }

    fn at_home<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command
            .env("HOME", self.folder.path())
            .env("XDG_CACHE_HOME", self.folder.join("cache"))
    }

    /// The agent with this machine's state and settings.
    pub fn agent(&self) -> Command {
        let mut command = Command::new(&self.program);
        self.at_home(&mut command);
        command
            .arg("--config")
            .arg(self.folder.join("agent.toml"))
            .arg("--state")
            .arg(self.folder.join("agent"));
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of the agent to its end.
    pub fn run(&self, arguments: &[&str]) -> Ended {
        run(self.agent().args(arguments), "")
    }

    /// Enrols the agent.
    ///
    /// # Panics
    /// When it is refused.
    pub fn enrol(&self, token: &str) {
        self.run(&["enroll", token, "--name", &self.name]).succeeded();
    }

    /// Starts the agent as the service does.
    pub fn start(&self) -> Process {
        Process::start("agent", self.agent().arg("run"))
    }
}
