//! A machine with an agent on it: its state, its settings, its commands, and what lies in its spool.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use lastgood_protocol::{Event, EventBody, RunFinished};
use tempfile::TempDir;

/// Bytes before an event's JSON in a spool file.
const HEADER_BYTES: usize = 16;

pub struct Machine {
    folder: TempDir,
    state: PathBuf,
}

/// A process that is ended when the test is over.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _gone = self.0.kill();
        let _gone = self.0.wait();
    }
}

impl Machine {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let state = folder.path().join("state");
        let machine = Self { folder, state };
        machine.configure("");
        machine
    }

    /// With its state folder elsewhere, such as on another file system.
    pub fn with_state(state: &Path) -> Self {
        let mut machine = Self::new();
        machine.state = state.to_path_buf();
        machine
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn state(&self) -> &Path {
        &self.state
    }

    /// Short waits, then these jobs.
    pub fn configure(&self, jobs: &str) {
        let text = format!("heartbeat = \"1s\"\nbackoff_cap = \"1s\"\nstop_wait = \"2s\"\n{jobs}");
        self.secret("agent.toml", &text);
    }

    pub fn secret(&self, name: &str, content: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
        path
    }

    pub fn program() -> &'static str {
        env!("CARGO_BIN_EXE_lastgood-agent")
    }

    /// The agent's command line up to the command.
    pub fn arguments(&self) -> Vec<String> {
        let text = |path: &Path| path.to_str().expect("a plain path").to_owned();
        vec![
            "--config".to_owned(),
            text(&self.path("agent.toml")),
            "--state".to_owned(),
            text(&self.state),
        ]
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Self::program());
        command
            .args(self.arguments())
            .args(arguments)
            .env("HOME", self.folder.path());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments)
            .stdin(Stdio::null())
            .output()
            .expect("the agent can be started")
    }

    /// Runs a command that must go well.
    pub fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Runs a command that must not go well; answers what it said.
    pub fn fail(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert!(!output.status.success(), "{arguments:?}: {}", text(&output));
        text(&output)
    }

    /// Lets a job's last due time lie two minutes back, so that a daemon that starts makes up for it at once.
    pub fn due_now(&self, job: &str) {
        let folder = self.state.join("jobs");
        fs::create_dir_all(&folder).expect("writable");
        let anchor = jiff::Timestamp::now()
            .checked_sub(jiff::SignedDuration::from_mins(2))
            .expect("in range");
        let kept = serde_json::json!({ "anchor": anchor });
        fs::write(folder.join(format!("job-{job}.json")), kept.to_string()).expect("writable");
    }

    pub fn start(&self) -> Running {
        let log = fs::File::create(self.path("log")).expect("writable");
        let child = self.command(&["run"]).stdin(Stdio::null()).stderr(log).spawn();
        Running(child.expect("the agent can be started"))
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    pub fn events(&self) -> Vec<Event> {
        events_in(&self.state)
    }

    pub fn finished(&self) -> Vec<RunFinished> {
        finished(&self.events())
    }

    pub fn quarantined(&self) -> usize {
        fs::read_dir(self.state.join("spool/quarantine")).map_or(0, Iterator::count)
    }
}

/// The events in a state folder's spool, oldest first.
pub fn events_in(state: &Path) -> Vec<Event> {
    let Ok(folder) = fs::read_dir(state.join("spool/events")) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
        .iter()
        // Delivered meanwhile.
        .filter_map(|file| fs::read(file).ok())
        .map(|bytes| serde_json::from_slice(&bytes[HEADER_BYTES..]).expect("an event"))
        .collect()
}

pub fn finished(events: &[Event]) -> Vec<RunFinished> {
    events
        .iter()
        .filter_map(|event| match &event.what {
            EventBody::RunFinished(run) => Some(run.as_ref().clone()),
            _ => None,
        })
        .collect()
}

pub fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// Looks again and again until something is there.
pub fn wait_for<T>(what: &str, limit: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &child.id().to_string()])
        .status();
    assert!(sent.expect("kill can be started").success());
}
