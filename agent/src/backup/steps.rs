//! What every step of a run needs: variables, secrets, the shared time limit and the request to stop.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use lastgood_protocol::RunId;
use secrecy::SecretString;

use super::{Phase, Progress};
use crate::clock;
use crate::config::JobConfig;
use crate::exec::{self, CutShort, Ended, Invocation, Lines, OnStop, Output, StopSwitch, Tail};
use crate::redaction::Printed;

/// Starts the commands of one run.
#[derive(Debug)]
pub(crate) struct Steps<'a> {
    /// The job.
    pub(crate) job: &'a JobConfig,
    /// The run.
    pub(crate) run: RunId,
    pub(super) began: Instant,
    pub(super) stop: &'a StopSwitch,
    pub(super) progress: &'a Progress,
    pub(super) environment: Vec<(String, String)>,
    pub(super) secrets: Vec<(String, SecretString)>,
    /// Whether the agent was asked to end meanwhile.
    pub(super) stopped: Cell<bool>,
    /// What the command printed that tells most of a run that does not end well; kept only where the job reports it.
    pub(super) printed: RefCell<Option<Printed>>,
}

impl Steps<'_> {
    /// Tells `status` what is done from now on.
    pub(crate) fn enter(&self, phase: Phase) {
        self.progress.enter(phase, clock::wall());
    }

    /// Runs a command to its end, within what is left of the job's time limit.
    pub(crate) fn execute(&self, command: Vec<String>) -> io::Result<Ended> {
        self.start(command, Vec::new(), None, None)
    }

    /// Runs a command in a folder.
    pub(crate) fn execute_in(&self, folder: &Path, command: Vec<String>) -> io::Result<Ended> {
        self.start(command, Vec::new(), Some(folder.to_path_buf()), None)
    }

    /// Runs a command and reads what it prints line by line.
    pub(crate) fn read_lines(
        &self,
        command: Vec<String>,
        environment: Vec<(String, String)>,
        read: impl FnMut(&str) + Send + 'static,
    ) -> io::Result<Ended> {
        self.start(command, environment, None, Some(Lines::new(read)))
    }

    fn start(
        &self,
        command: Vec<String>,
        more: Vec<(String, String)>,
        folder: Option<PathBuf>,
        lines: Option<Lines>,
    ) -> io::Result<Ended> {
        let invocation = Invocation {
            command,
            environment: self.environment.iter().cloned().chain(more).collect(),
            secrets: self.secrets.clone(),
            on_stop: OnStop::End,
            folder,
            lines,
        };
        // A list of what the backup contains is no message.
        let is_list = invocation.lines.is_some();
        let left = self
            .job
            .timeout
            .map(|limit| limit.saturating_sub(self.began.elapsed()).max(Duration::from_secs(1)));
        let ended = exec::run(&invocation, self.run, Output::Kept, left, self.stop)?;
        if ended.cut_short == Some(CutShort::Stopped) {
            self.stopped.set(true);
        }
        self.remember(&ended, is_list);
        Ok(ended)
    }

    /// Keeps what a command printed: of the last that failed, else of the backup itself.
    fn remember(&self, ended: &Ended, is_list: bool) {
        let has_failed = ended.code != 0 || ended.cut_short.is_some();
        let mut printed = self.printed.borrow_mut();
        if self.job.report_output.is_some()
            && (has_failed || (printed.is_none() && self.progress.phase() == Phase::BackingUp))
        {
            let stdout = if is_list { Tail::default() } else { ended.stdout.clone() };
            let stderr = ended.stderr.clone();
            *printed = Some(Printed { stdout, stderr });
        }
    }
}
