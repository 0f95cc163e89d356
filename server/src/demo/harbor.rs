//! The real agent at Harbor Counseling: backs up a real folder with real restic every minute, and the folder changes.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;
use tokio::process::{Child, Command};

use super::files;
use super::random::Dice;
use crate::app::App;

/// The key of its job.
pub(super) const JOB: &str = "documents";

/// The name of its machine.
const MACHINE: &str = "harbor-frontdesk";

/// How often the folder changes.
const CHANGE: Duration = Duration::from_secs(40);

/// How long an agent that is told to stop may take.
const STOP: Duration = Duration::from_secs(20);

/// A machine of Harbor Counseling, in a folder of its own.
#[derive(Debug, Clone)]
pub(super) struct Machine {
    folder: PathBuf,
    agent: PathBuf,
}

/// Why the agent cannot be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum MachineError {
    /// A program is not there.
    #[error("{program} cannot be started: {error}. {remedy}")]
    Program {
        /// The program.
        program: String,
        /// What the system says.
        error: io::Error,
        /// What to do.
        remedy: &'static str,
    },
    /// A program did not do what it was asked.
    #[error("{program} failed: {said}")]
    Failed {
        /// The program.
        program: String,
        /// Its last words.
        said: String,
    },
    /// A file could not be written.
    #[error("the files of the demo's machine cannot be written: {0}")]
    Files(#[from] io::Error),
}

impl Machine {
    /// The machine in `folder`, with the agent that lies beside this program.
    pub(super) fn at(folder: PathBuf) -> io::Result<Self> {
        let agent = std::env::current_exe()?.with_file_name("lastgood-agent");
        Ok(Self { folder, agent })
    }

    /// Whether it was set up before.
    pub(super) fn is_enrolled(&self) -> bool {
        self.folder.join("enrolled").exists()
    }

    /// Makes the folder with documents, the repository and the settings, and enrols the agent.
    pub(super) async fn set_up(&self, token: &str, now: Timestamp) -> Result<(), MachineError> {
        files::make_folder(&self.folder)?;
        for number in 0..24 {
            self.write_document(number, now)?;
        }
        let password = self.folder.join("restic-password");
        files::write(&password, b"a demo keeps no secrets\n")?;
        let repository = self.folder.join("repository");
        if !repository.join("config").exists() {
            let mut restic = command(Path::new("restic"));
            restic
                .arg("init")
                .arg("--repo")
                .arg(&repository)
                .arg("--password-file")
                .arg(&password);
            restic.env("XDG_CACHE_HOME", self.folder.join("cache"));
            finish(restic, "Install it with: apt-get install restic").await?;
        }
        files::write(
            &self.folder.join("agent.toml"),
            self.settings(&repository, &password).as_bytes(),
        )?;
        let mut enroll = self.agent();
        enroll.args(["enroll", token, "--name", MACHINE, "--replace"]);
        finish(enroll, "Build it with: cargo build").await?;
        files::write(&self.folder.join("enrolled"), b"")?;
        Ok(())
    }

    fn settings(&self, repository: &Path, password: &Path) -> String {
        // A string of TOML's; the demo's folders have no quotes in their names.
        let text = |path: &Path| format!("\"{}\"", path.display());
        format!(
            "heartbeat = \"20s\"\n\n[[job]]\nkey = \"{JOB}\"\ntool = \"restic\"\nschedule = \"* * * * *\"\ntimeout = \"10m\"\n\
             destination = \"disk\"\nrepository = {}\npaths = [{}]\npassword_file = {}\n",
            text(repository),
            text(&self.documents()),
            text(password),
        )
    }

    fn documents(&self) -> PathBuf {
        self.folder.join("documents")
    }

    fn write_document(&self, number: i64, now: Timestamp) -> io::Result<()> {
        let folder = self.documents().join(format!("{:02}", number % 6));
        files::make_folder(&folder)?;
        let mut dice = Dice::of(&["document", &number.to_string(), &now.to_string()]);
        let lines: Vec<String> = (0..300 + dice.below(900))
            .map(|line| format!("{line:04} {}", dice.id()))
            .collect();
        files::write(
            &folder.join(format!("letter-{number:03}.txt")),
            lines.join("\n").as_bytes(),
        )
    }

    fn agent(&self) -> Command {
        let mut command = command(&self.agent);
        command
            .arg("--config")
            .arg(self.folder.join("agent.toml"))
            .arg("--state")
            .arg(self.folder.join("agent"));
        command.env("XDG_CACHE_HOME", self.folder.join("cache"));
        command
    }

    /// Runs the agent until the application stops, and again should it end before.
    pub(super) async fn run(self, app: App) {
        while !app.shutdown().is_cancelled() {
            match self.start() {
                Ok(agent) => self.stay_with(agent, &app).await,
                Err(error) => tracing::error!(%error, "the demo's agent does not start"),
            }
            tokio::select! {
                () = app.shutdown().cancelled() => {}
                () = tokio::time::sleep(Duration::from_secs(5)) => {}
            }
        }
    }

    fn start(&self) -> Result<Child, MachineError> {
        let mut run = self.agent();
        run.args(["run", "--log", "warn"]);
        run.spawn().map_err(|error| MachineError::Program {
            program: self.agent.display().to_string(),
            error,
            remedy: "Build it with: cargo build",
        })
    }

    async fn stay_with(&self, mut agent: Child, app: &App) {
        let mut number = 0;
        loop {
            tokio::select! {
                ended = agent.wait() => {
                    tracing::warn!(?ended, "the demo's agent ended and is started again");
                    return;
                }
                () = app.shutdown().cancelled() => break,
                () = tokio::time::sleep(CHANGE) => {
                    number += 1;
                    if let Err(error) = self.write_document(number % 60, app.clock.now()) {
                        tracing::warn!(%error, "the demo's folder does not change");
                    }
                }
            }
        }
        let pid = agent
            .id()
            .and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(pid) = pid {
            // It may have ended a moment ago; then there is nobody to tell.
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap_or_default();
        }
        if tokio::time::timeout(STOP, agent.wait()).await.is_err() {
            tracing::warn!("the demo's agent did not stop and is ended");
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the demo starts a practice's programs, which the server itself never does"
)]
fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    // Ctrl-C in the terminal reaches the demo alone, which then tells the agent.
    command.process_group(0).stdin(Stdio::null()).kill_on_drop(true);
    command
}

async fn finish(mut command: Command, remedy: &'static str) -> Result<(), MachineError> {
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    let output = command.output().await.map_err(|error| MachineError::Program {
        program: program.clone(),
        error,
        remedy,
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(MachineError::Failed { program, said })
}
