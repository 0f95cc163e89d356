//! Reading what a process prints: passed on untouched if asked for, and its end kept up to a cap.

use std::collections::VecDeque;
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

#[cfg(test)]
impl From<&str> for Tail {
    fn from(text: &str) -> Self {
        let mut tail = Self::default();
        tail.push(text.as_bytes());
        tail
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
    pub(super) fn start(pipe: impl Read + Send + 'static, copy: Copy) -> io::Result<Self> {
        let tail = Arc::new(Mutex::new(Tail::default()));
        let (finished, done) = channel();
        let kept = Arc::clone(&tail);
        std::thread::Builder::new()
            .name("read-output".to_owned())
            .spawn(move || {
                read(pipe, copy, &kept);
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

fn read(mut pipe: impl Read, copy: Copy, kept: &Mutex<Tail>) {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let length = match pipe.read(&mut chunk) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return,
        };
        let bytes = chunk.get(..length).unwrap_or_default();
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
