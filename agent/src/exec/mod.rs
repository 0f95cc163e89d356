//! Starting processes: the one place. Everything started comes from the local configuration or the command line, runs in
//! a process group of its own, carries a mark that its descendants inherit, and has a time limit; what it prints is kept
//! only up to a cap. None of it is reported but what `redaction` leaves of its end, where the administrator asks for that.

mod capture;

use std::io;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use lastgood_protocol::RunId;
use process_wrap::std::ChildWrapper;
use secrecy::{ExposeSecret as _, SecretString};

use crate::platform;
use capture::{Copy, Reader};
pub(crate) use capture::{Lines, Tail};

/// The variable that marks a run's process tree.
const MARK: &str = "LASTGOOD_RUN";

/// How long a process tree that was asked to end has before it is killed.
const END_GRACE: Duration = Duration::from_secs(10);

/// How long output is still read after the process ended: a grandchild may hold the pipe open for ever.
const DRAIN: Duration = Duration::from_secs(2);

/// How long a question such as `restic version` may take.
const SHORT: Duration = Duration::from_secs(10);

/// What to start.
#[derive(Debug, Default)]
pub(crate) struct Invocation {
    /// Program and arguments.
    pub(crate) command: Vec<String>,
    /// Variables for it.
    pub(crate) environment: Vec<(String, String)>,
    /// Variables that are not to be shown.
    pub(crate) secrets: Vec<(String, SecretString)>,
    /// What a request to stop does.
    pub(crate) on_stop: OnStop,
    /// The folder it is started in; the agent's own when not given.
    pub(crate) folder: Option<PathBuf>,
    /// Who reads its standard output line by line, however long that is.
    pub(crate) lines: Option<Lines>,
}

/// What a request to stop does to a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum OnStop {
    /// Its tree is ended, and killed after a while.
    #[default]
    End,
    /// Its tree is asked to end and waited for, as if the request had reached it directly.
    PassOn,
}

/// Where a process's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Kept, capped; nothing is passed on. Standard input is empty and the process gets a group of its own.
    Kept,
    /// Passed on byte by byte, and kept, capped.
    PassedOnAndKept,
    /// Standard error so, and standard output the agent's own: it may be the backup itself.
    ErrorsPassedOnAndKept,
    /// The process has the agent's own input and outputs.
    Inherited,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Its exit code, as a shell gives it.
    pub(crate) code: i64,
    /// Why the agent ended it, if it did.
    pub(crate) cut_short: Option<CutShort>,
    /// The end of what it printed.
    pub(crate) stdout: Tail,
    /// The end of what it complained.
    pub(crate) stderr: Tail,
}

/// Why the agent ended a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CutShort {
    /// It took longer than it may.
    TimedOut,
    /// The agent itself was asked to end.
    Stopped,
}

/// Ends whatever a run has going when it is asked to, now and from then on.
#[derive(Debug, Clone, Default)]
pub(crate) struct StopSwitch(Arc<Mutex<Switch>>);

#[derive(Debug, Default)]
struct Switch {
    stopped: bool,
    listener: Option<Sender<Happened>>,
}

impl StopSwitch {
    /// Asks the run to end.
    pub(crate) fn stop(&self) {
        let mut switch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        switch.stopped = true;
        if let Some(listener) = &switch.listener {
            // A process that has ended meanwhile listens no more.
            let _unheard = listener.send(Happened::Stopped);
        }
    }

    fn listen(&self, listener: Sender<Happened>) {
        let mut switch = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if switch.stopped {
            let _unheard = listener.send(Happened::Stopped);
        }
        switch.listener = Some(listener);
    }
}

#[derive(Debug)]
enum Happened {
    Exited(io::Result<()>),
    Stopped,
}

/// Runs a process to its end, or to its time limit, or until it is ordered to stop.
pub(crate) fn run(
    invocation: &Invocation,
    run: RunId,
    output: Output,
    limit: Option<Duration>,
    stop: &StopSwitch,
) -> io::Result<Ended> {
    let mark = format!("{MARK}={run}");
    let mut child = spawn(invocation, run, output)?;
    let (stdout, stderr) = read_outputs(child.as_mut(), output, invocation.lines.clone())?;

    let (sender, happened) = channel();
    let pid = child.id();
    let watcher = watch_exit(pid, sender.clone())?;
    stop.listen(sender);

    let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
    let cut_short = loop {
        match await_end(&happened, deadline)? {
            Some(CutShort::Stopped) if invocation.on_stop == OnStop::PassOn => {
                platform::end_tree(pid, &mark, false)?;
            }
            other => break other,
        }
    };
    if cut_short.is_some() {
        end_tree(pid, &mark, &happened)?;
    }
    let status: ExitStatus = child.wait()?;
    platform::release_tree(pid);
    // It only told of the exit that was just waited for.
    drop(watcher);
    let drained_by = Instant::now() + DRAIN;
    Ok(Ended {
        code: platform::exit_code(status),
        cut_short,
        stdout: stdout.map(|reader| reader.finish(drained_by)).unwrap_or_default(),
        stderr: stderr.map(|reader| reader.finish(drained_by)).unwrap_or_default(),
    })
}

/// What a small tool answers on its standard output within ten seconds; `None` when it is not there or fails.
pub(crate) fn short_answer(program: &str, arguments: &[&str]) -> Option<String> {
    let command = std::iter::once(program)
        .chain(arguments.iter().copied())
        .map(str::to_owned)
        .collect();
    let invocation = Invocation {
        command,
        ..Invocation::default()
    };
    let ended = run(
        &invocation,
        crate::ids::run(),
        Output::Kept,
        Some(SHORT),
        &StopSwitch::default(),
    )
    .ok()?;
    (ended.code == 0 && ended.cut_short.is_none()).then(|| ended.stdout.text())
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
fn spawn(invocation: &Invocation, run: RunId, output: Output) -> io::Result<Box<dyn ChildWrapper>> {
    let (program, arguments) = invocation
        .command
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no command"))?;
    let mut command = Command::new(program);
    command.args(arguments).env(MARK, run.to_string());
    if let Some(folder) = &invocation.folder {
        command.current_dir(folder);
    }
    for (name, value) in &invocation.environment {
        command.env(name, value);
    }
    for (name, value) in &invocation.secrets {
        command.env(name, value.expose_secret());
    }
    match output {
        Output::Kept => {
            command
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped());
        }
        Output::PassedOnAndKept => {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        }
        Output::ErrorsPassedOnAndKept => {
            command.stderr(Stdio::piped());
        }
        Output::Inherited => {}
    }
    platform::start(command, output == Output::Kept)
}

fn read_outputs(
    child: &mut dyn ChildWrapper,
    output: Output,
    lines: Option<Lines>,
) -> io::Result<(Option<Reader>, Option<Reader>)> {
    let (to_stdout, to_stderr) = match output {
        Output::Kept => (Copy::Nowhere, Copy::Nowhere),
        Output::PassedOnAndKept | Output::ErrorsPassedOnAndKept => (Copy::Stdout, Copy::Stderr),
        Output::Inherited => return Ok((None, None)),
    };
    let stdout = child
        .stdout()
        .take()
        .map(|pipe| Reader::start(pipe, to_stdout, lines))
        .transpose()?;
    let stderr = child
        .stderr()
        .take()
        .map(|pipe| Reader::start(pipe, to_stderr, None))
        .transpose()?;
    Ok((stdout, stderr))
}

fn watch_exit(pid: u32, sender: Sender<Happened>) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name("await-exit".to_owned())
        .spawn(move || {
            // Nobody listens any more when the run was given up.
            let _unheard = sender.send(Happened::Exited(platform::await_exit(pid)));
        })
}

fn await_end(happened: &Receiver<Happened>, deadline: Option<Instant>) -> io::Result<Option<CutShort>> {
    let event = match deadline {
        Some(deadline) => match happened.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(event) => event,
            Err(RecvTimeoutError::Timeout) => return Ok(Some(CutShort::TimedOut)),
            Err(RecvTimeoutError::Disconnected) => return Err(io::ErrorKind::BrokenPipe.into()),
        },
        None => happened.recv().map_err(|_| io::ErrorKind::BrokenPipe)?,
    };
    match event {
        Happened::Exited(result) => result.map(|()| None),
        Happened::Stopped => Ok(Some(CutShort::Stopped)),
    }
}

/// Asks the tree to end, and kills what is left after a while: leader, group, children, and whoever carries the mark.
fn end_tree(pid: u32, mark: &str, happened: &Receiver<Happened>) -> io::Result<()> {
    platform::end_tree(pid, mark, false)?;
    let deadline = Instant::now() + END_GRACE;
    let mut leader_ended = false;
    while !leader_ended && Instant::now() < deadline {
        match happened.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Happened::Exited(result)) => {
                result?;
                leader_ended = true;
            }
            Ok(Happened::Stopped) => {}
            Err(_) => break,
        }
    }
    // A tree that starts processes as fast as they are killed is looked at several times.
    for _ in 0..100 {
        if platform::end_tree(pid, mark, true)? == 0 {
            return Ok(());
        }
        // What was killed needs a moment to be gone; an exit that is told of cuts the moment short.
        let _moment = happened.recv_timeout(Duration::from_millis(20));
    }
    Err(io::Error::other("some processes of the backup could not be ended"))
}

// They start what a Unix has.
#[cfg(all(test, unix))]
mod tests;
