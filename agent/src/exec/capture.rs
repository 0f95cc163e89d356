//! Reading what a process prints: passed on untouched if asked for, and its end kept up to a cap.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// How much of an output is kept: its end, where every tool prints its summary.
const KEPT_BYTES: usize = 128 * 1024;

/// The end of an output.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    /// Whether the beginning was lost.
    pub(crate) is_cut: bool,
}

impl Tail {
    /// The text, with what is no UTF-8 replaced.
    pub(crate) fn text(&self) -> String {
        let (front, back) = self.bytes.as_slices();
        String::from_utf8_lossy(&[front, back].concat()).into_owned()
    }

    pub(super) fn push(&mut self, chunk: &[u8]) {
        let end = chunk.get(chunk.len().saturating_sub(KEPT_BYTES)..).unwrap_or_default();
        let excess = (self.bytes.len() + end.len()).saturating_sub(KEPT_BYTES);
        self.is_cut |= excess > 0 || end.len() < chunk.len();
        self.bytes.drain(..excess.min(self.bytes.len()));
        self.bytes.extend(end);
    }
}

#[cfg(any(test, fuzzing))]
impl From<&str> for Tail {
    fn from(text: &str) -> Self {
        let mut tail = Self::default();
        tail.push(text.as_bytes());
        tail
    }
}

/// A line that is longer is given in parts; no tool writes such.
const LONGEST_LINE: usize = 64 * 1024;

/// Who reads an output line by line.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Mutex<ReadLine>>);

type ReadLine = dyn FnMut(&str) + Send;

impl Lines {
    /// `read` is called with each line, without its end, in another thread.
    pub(crate) fn new(read: impl FnMut(&str) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(read)))
    }

    fn take(&self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut read = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        read(&String::from_utf8_lossy(line));
    }

    /// Gives the whole lines of what was read so far, and keeps the beginning of the next.
    fn feed(&self, begun: &mut Vec<u8>, chunk: &[u8]) {
        let mut rest = chunk;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let (line, after) = rest.split_at(end);
            begun.extend_from_slice(line);
            self.take(begun);
            begun.clear();
            rest = after.get(1..).unwrap_or_default();
        }
        begun.extend_from_slice(rest);
        if begun.len() > LONGEST_LINE {
            self.take(begun);
            begun.clear();
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lines")
    }
}

/// Where a copy of an output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Copy {
    Nowhere,
    Stdout,
    Stderr,
}

/// A thread that reads one output.
#[derive(Debug)]
pub(super) struct Reader {
    tail: Arc<Mutex<Tail>>,
    done: Receiver<()>,
}

impl Reader {
    pub(super) fn start(pipe: impl Read + Send + 'static, copy: Copy, lines: Option<Lines>) -> io::Result<Self> {
        let tail = Arc::new(Mutex::new(Tail::default()));
        let (finished, done) = channel();
        let kept = Arc::clone(&tail);
        std::thread::Builder::new()
            .name("read-output".to_owned())
            .spawn(move || {
                read(pipe, copy, lines.as_ref(), &kept);
                // Whoever waited may want back what it was given.
                drop(lines);
                // Whoever waited may have given up.
                let _unheard = finished.send(());
            })?;
        Ok(Self { tail, done })
    }

    /// What was read, once the output ended or at `deadline`.
    pub(super) fn finish(self, deadline: Instant) -> Tail {
        let _ended = self
            .done
            .recv_timeout(deadline.saturating_duration_since(Instant::now()));
        std::mem::take(&mut *self.tail.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn read(mut pipe: impl Read, copy: Copy, lines: Option<&Lines>, kept: &Mutex<Tail>) {
    let mut begun = Vec::new();
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = match pipe.read(&mut chunk) {
            Ok(0) => {
                if let Some(lines) = lines.filter(|_| !begun.is_empty()) {
                    lines.take(&begun);
                }
                return;
            }
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let bytes = chunk.get(..length).unwrap_or_default();
        if let Some(lines) = lines {
            lines.feed(&mut begun, bytes);
        }
        kept.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
        let passed_on = match copy {
            Copy::Nowhere => Ok(()),
            Copy::Stdout => pass_on(io::stdout().lock(), bytes),
            Copy::Stderr => pass_on(io::stderr().lock(), bytes),
        };
        // Whoever read our output is gone; the process must see that as it would without us.
        if passed_on.is_err() {
            return;
        }
    }
}

fn pass_on(mut to: impl io::Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}
