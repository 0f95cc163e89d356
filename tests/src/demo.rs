//! The real `lastgood demo`, on a state folder of its own.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;

use crate::database::Psql;
use crate::folder::Folder;
use crate::process::{Process, run};
use crate::programs;
use crate::server::free_port;
use crate::visitor::Visitor;
use crate::wait;
use crate::wire::Address;

/// A demo that can be started and stopped.
#[derive(Debug)]
pub struct Demo {
    folder: Folder,
    port: u16,
    plain_port: u16,
    process: Option<Process>,
    welcome: Value,
}

impl Demo {
    /// A new one, started and ready.
    pub fn start() -> Self {
        let mut demo = Self {
            folder: Folder::new(),
            port: free_port(),
            plain_port: free_port(),
            process: None,
            welcome: Value::Null,
        };
        demo.run();
        demo
    }

    /// Starts it, or starts it again, and waits until it says that it is ready.
    ///
    /// # Panics
    /// When it does not become ready.
    pub fn run(&mut self) {
        let mut process = Process::start("demo", &mut self.command());
        // It writes 90 days of history first, which a busy machine takes its time for.
        process.wait_for_within(3 * wait::PATIENCE, "\"consultant\"");
        let said = process.said();
        let welcome = said.lines().find_map(|line| serde_json::from_str(line).ok());
        self.welcome = welcome.expect("it prints JSON when asked for it");
        self.process = Some(process);
    }

    /// Stops it, as Ctrl-C does; its exit code.
    ///
    /// # Panics
    /// When it does not run.
    pub fn stop(&mut self) -> Option<i32> {
        self.process.take().expect("it runs").stop()
    }

    /// Throws its content away.
    ///
    /// # Panics
    /// When that is refused.
    pub fn reset(&self) -> String {
        run(self.command().arg("--reset"), "").succeeded()
    }

    /// What it said about itself when it was ready: `/url`, `/consultant/email`, …
    pub fn welcome(&self, pointer: &str) -> String {
        self.welcome
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    /// All of that.
    pub fn whole_welcome(&self) -> &Value {
        &self.welcome
    }

    /// A browser, signed in as `consultant` or `viewer`, or not at all as anybody else.
    pub fn visitor(&self, who: &str) -> Visitor {
        let mut visitor = Visitor::new(&Address::new(
            ([127, 0, 0, 1], self.port).into(),
            &self.state().join("tls/authority.pem"),
        ));
        if ["consultant", "viewer"].contains(&who) {
            visitor.sign_in(
                &self.welcome(&format!("/{who}/email")),
                &self.welcome(&format!("/{who}/password")),
            );
        }
        visitor
    }

    /// Its database, as the owner sees it.
    pub fn database(&self) -> Psql {
        Psql::private(&self.state())
    }

    /// Its state folder.
    pub fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn command(&self) -> Command {
        let mut command = Command::new(programs::lastgood());
        command.args(["demo", "--json", "--state", &self.state().display().to_string()]);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        command.args(["--listen-plain", &format!("127.0.0.1:{}", self.plain_port)]);
        command
    }
}
