//! The real `lastgood serve`, with its own PostgreSQL, and the commands of its operator.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::database::{Psql, quoted};
use crate::folder::Folder;
use crate::process::{Ended, Process, run};
use crate::visitor::Visitor;
use crate::wait;
use crate::wire::Address;
use crate::{mail::MailServer, programs};

/// The password of everybody that a test lets sign in.
pub const PASSWORD: &str = "correct horse battery staple";

/// A server that can be started, killed and started again on the same state.
#[derive(Debug)]
pub struct Server {
    folder: Folder,
    port: u16,
    plain_port: u16,
    settings: Vec<(&'static str, String)>,
    process: Option<Process>,
    private_database: bool,
}

/// What a server is to be like.
#[derive(Debug)]
pub struct Wishes(Server);

impl Server {
    /// A server with windows of seconds instead of minutes, so that a journey does not take an hour.
    pub fn wishes() -> Wishes {
        let settings = [
            ("LASTGOOD_EVALUATOR_PERIOD", "300ms"),
            ("LASTGOOD_ALERT_HOLD", "0s"),
            ("LASTGOOD_SILENT_AFTER", "1h"),
            ("LASTGOOD_LOG", "info"),
        ];
        Wishes(Self {
            folder: Folder::new(),
            port: free_port(),
            plain_port: free_port(),
            settings: settings.map(|(name, value)| (name, value.to_owned())).to_vec(),
            process: None,
            private_database: true,
        })
    }

    /// Such a server, started.
    pub fn start() -> Self {
        Self::wishes().start()
    }

    /// Starts it, or starts it again, and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn run(&mut self) -> &mut Self {
        self.launch();
        self.wait_until_ready();
        self
    }

    /// Starts it and does not wait.
    pub fn launch(&mut self) {
        let mut command = self.command();
        command.arg("serve");
        self.process = Some(Process::start("server", &mut command));
    }

    /// Waits until it says that it is ready, and `/readyz` says the same.
    ///
    /// # Panics
    /// When it ends, or does not become ready.
    pub fn wait_until_ready(&mut self) {
        self.process().wait_for("is ready at");
        let address = self.address();
        wait::until("/readyz to be 200", || (ask(&address, "/readyz")? == 200).then_some(()));
    }

    /// A command of its operator, with the server's settings.
    pub fn command(&self) -> Command {
        let mut command = Command::new(programs::lastgood());
        for (name, _) in std::env::vars_os() {
            if name
                .to_str()
                .is_some_and(|name| name.starts_with("LASTGOOD_") || name == "DATABASE_URL")
            {
                command.env_remove(name);
            }
        }
        command
            .env("LASTGOOD_STATE", self.state())
            .env("LASTGOOD_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("LASTGOOD_LISTEN_PLAIN", format!("127.0.0.1:{}", self.plain_port))
            .env("LASTGOOD_PUBLIC_URL", self.url());
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a command of its operator to its end.
    pub fn operator(&self, arguments: &[&str]) -> Ended {
        run(self.command().args(arguments), "")
    }

    /// Runs a command of its operator that must succeed; what it printed.
    ///
    /// # Panics
    /// When it fails.
    pub fn operate(&self, arguments: &[&str]) -> String {
        let ended = self.operator(arguments);
        assert_eq!(ended.code, 0, "lastgood {arguments:?}:\n{}{}", ended.out, ended.err);
        ended.out
    }

    /// Adds a person of the first firm, with [`PASSWORD`].
    ///
    /// # Panics
    /// When the command fails.
    pub fn add_user(&self, email: &str, role: &str, practice: Option<&str>) {
        let mut command = self.command();
        command.args(["user", "add", "--email", email, "--role", role, "--password-stdin"]);
        if let Some(practice) = practice {
            command.args(["--practice", practice]);
        }
        run(&mut command, &format!("{PASSWORD}\n")).succeeded();
    }

    /// Makes somebody receive alerts.
    pub fn send_alerts_to(&self, email: &str) {
        self.database().execute(&format!(
            "update users set receives_alerts = true where email = {}",
            quoted(email)
        ));
    }

    /// Adds a practice with its office.
    ///
    /// # Panics
    /// When the command fails.
    pub fn add_practice(&self, name: &str) {
        self.operate(&["practice", "add", name, "--zone", "America/New_York"]);
    }

    /// A new enrolment token for a practice.
    ///
    /// # Panics
    /// When the command fails or prints none.
    pub fn token(&self, practice: &str) -> String {
        let printed = self.operate(&["agent", "token", "--practice", practice]);
        let token = printed.split_whitespace().find(|word| word.starts_with("lgenroll1_"));
        token.unwrap_or_else(|| panic!("no token: {printed}")).to_owned()
    }

    /// Somebody who is signed in.
    ///
    /// # Panics
    /// When they are not let in.
    pub fn visitor(&self, email: &str) -> Visitor {
        let mut visitor = Visitor::new(&self.address());
        visitor.sign_in(email, PASSWORD);
        visitor
    }

    /// Somebody who is not.
    ///
    /// # Panics
    /// When the server never ran.
    pub fn visitor_without_session(&self) -> Visitor {
        Visitor::new(&self.address())
    }

    /// Where it serves HTTPS.
    ///
    /// # Panics
    /// When it never ran.
    pub fn address(&self) -> Address {
        Address::new(SocketAddr::from(([127, 0, 0, 1], self.port)), &self.authority())
    }

    /// Its public address.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.port)
    }

    /// Where it serves plain HTTP to this machine.
    pub fn plain_url(&self) -> String {
        format!("http://localhost:{}", self.plain_port)
    }

    /// Its state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// A folder beside its state, gone with it.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Its database, as the owner sees it.
    ///
    /// # Panics
    /// When it uses one that the test brought.
    pub fn database(&self) -> Psql {
        assert!(self.private_database, "the test brought the database and knows the way");
        Psql::private(&self.state())
    }

    /// The process.
    ///
    /// # Panics
    /// When it is not running.
    pub fn process(&mut self) -> &mut Process {
        self.process.as_mut().expect("it runs")
    }

    /// The certificate authority's public file.
    pub fn authority(&self) -> PathBuf {
        self.state().join("tls/authority.pem")
    }
}

impl Wishes {
    /// One more setting.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.settings.retain(|(known, _)| *known != name);
        self.0.settings.push((name, value.into()));
        self
    }

    /// Sends its mail to this mail server.
    #[must_use]
    pub fn mailing(self, mail: &MailServer) -> Self {
        mail.settings()
            .into_iter()
            .fold(self, |wishes, (name, value)| wishes.with(name, value))
    }

    /// Uses this database instead of one of its own.
    #[must_use]
    pub fn on_database(mut self, url: &str) -> Self {
        self.0.private_database = false;
        self.with("LASTGOOD_DATABASE_URL", url)
    }

    /// A server like that, not started.
    pub fn prepare(self) -> Server {
        self.0
    }

    /// A server like that, started and ready.
    pub fn start(self) -> Server {
        let mut server = self.prepare();
        server.run();
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // First the server, which stops its PostgreSQL; then one that a killed server left behind.
        self.process = None;
        end_postmaster(&self.state());
    }
}

fn end_postmaster(state: &Path) {
    let Ok(file) = std::fs::read_to_string(state.join("pg/data/postmaster.pid")) else {
        return;
    };
    let pid = file
        .lines()
        .next()
        .and_then(|line| line.trim().parse().ok())
        .and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        rustix::process::kill_process(pid, rustix::process::Signal::QUIT).ok();
        wait::until("PostgreSQL to stop", || {
            rustix::process::test_kill_process(pid).is_err().then_some(())
        });
    }
}

fn ask(address: &Address, path: &str) -> Option<u16> {
    let authority = address.authority();
    let mut connection = address.connect().ok()?;
    connection
        .request("GET", path, &[("Host", &authority)], b"")
        .ok()
        .map(|answer| answer.status)
}

/// A port that nobody uses, below those that the system hands out by itself.
///
/// # Panics
/// When there is none.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = u16::try_from(std::process::id() % 600).expect("it is below 600") * 20;
    for _ in 0..12_000 {
        let port = 20_000 + (spread + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port is free");
}
