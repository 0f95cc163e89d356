//! Processes that end with the test, and show what they said when it failed.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::wait;

/// A running program, in a process group of its own.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    said: Arc<Mutex<String>>,
    readers: Vec<std::thread::JoinHandle<()>>,
}

/// What a program that ended said.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Ended {
    /// Its standard output, when it succeeded.
    ///
    /// # Panics
    /// When it did not.
    pub fn succeeded(self) -> String {
        assert_eq!(self.code, 0, "it failed:\n{}{}", self.out, self.err);
        self.out
    }

    /// Both outputs, when it failed.
    ///
    /// # Panics
    /// When it succeeded.
    pub fn refused(self) -> String {
        assert_ne!(self.code, 0, "it succeeded:\n{}{}", self.out, self.err);
        format!("{}{}", self.out, self.err)
    }
}

/// Runs a program to its end, with `input` as its standard input.
pub fn run(command: &mut Command, input: &str) -> Ended {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
    let mut stdin = child.stdin.take().expect("it is piped");
    // It may end without reading: that is then told by its exit code.
    drop(stdin.write_all(input.as_bytes()));
    drop(stdin);
    let output = child.wait_with_output().expect("a child can be waited for");
    Ended {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Process {
    /// Starts it. `name` is what stands before its lines when they are shown.
    pub fn start(name: impl Into<String>, command: &mut Command) -> Self {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let said = Arc::new(Mutex::new(String::new()));
        let outputs: [Box<dyn Read + Send>; 2] = [
            Box::new(child.stdout.take().expect("it is piped")),
            Box::new(child.stderr.take().expect("it is piped")),
        ];
        let readers = outputs
            .into_iter()
            .map(|output| listen(output, Arc::clone(&said)))
            .collect();
        Self {
            name: name.into(),
            child,
            said,
            readers,
        }
    }

    /// Everything it said up to now.
    pub fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it says this.
    ///
    /// # Panics
    /// When it ends or patience does first.
    pub fn wait_for(&mut self, words: &str) {
        self.wait_for_within(wait::PATIENCE, words);
    }

    /// Like [`Self::wait_for`], with another patience.
    ///
    /// # Panics
    /// When it ends or `patience` does first.
    pub fn wait_for_within(&mut self, patience: Duration, words: &str) {
        let name = self.name.clone();
        wait::until_within(patience, format!("{name} to say '{words}'"), || {
            let ended = self.has_ended();
            let said = self.said();
            assert!(
                ended.is_none() || said.contains(words),
                "{name} ended: {ended:?}\n{said}"
            );
            said.contains(words).then_some(())
        });
    }

    /// How it ended; `None` while it runs.
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("a child can be asked")
    }

    /// Its process id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        // It may have ended a moment ago.
        kill_process(self.pid(), signal).ok();
    }

    /// Ends it as a power cut would: at once, without a word.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.child.wait().expect("a child can be waited for");
    }

    /// Asks it to stop and waits until it did; its exit code.
    pub fn stop(&mut self) -> Option<i32> {
        self.signal(Signal::TERM);
        wait::until(format!("{} to stop", self.name), || self.has_ended()).code()
    }

    /// Its resident memory now, in bytes.
    pub fn resident(&self) -> u64 {
        self.memory("VmRSS:")
    }

    /// The most resident memory it ever had, in bytes.
    pub fn most_resident(&self) -> u64 {
        self.memory("VmHWM:")
    }

    fn memory(&self, which: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(which));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kib.unwrap_or_default() * 1024
    }

    /// How long its threads that live have been on a processor.
    ///
    /// # Panics
    /// When it is gone.
    pub fn processor_time(&self) -> Duration {
        let tasks = format!("/proc/{}/task", self.pid().as_raw_nonzero());
        let threads = std::fs::read_dir(tasks).expect("it runs");
        let nanoseconds = threads.flatten().filter_map(|thread| {
            // proc(5): the first number is the time on a processor, in nanoseconds.
            let times = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
            times.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanoseconds.sum())
    }
}

fn listen(output: impl Read + Send + 'static, said: Arc<Mutex<String>>) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut lines = BufReader::new(output);
        let mut line = Vec::new();
        while lines.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
            said.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    })
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.has_ended().is_none() {
            self.signal(Signal::TERM);
            for _ in 0..100 {
                if self.has_ended().is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        // Whatever it left behind in its group goes with it.
        kill_process_group(self.pid(), Signal::KILL).ok();
        drop(self.child.wait());
        for reader in self.readers.drain(..) {
            drop(reader.join());
        }
        if std::thread::panicking() {
            let mut shown = String::new();
            for line in self.said().lines() {
                writeln!(shown, "{}| {line}", self.name).ok();
            }
            drop(std::io::stderr().write_all(shown.as_bytes()));
        }
    }
}
