//! The end of what a tool printed, for the report of a run that did not end well, as far as it may leave the machine. Off
//! unless the administrator asks for it.
//!
//! What is kept is chosen, not what is hidden: the words of a list (`words.txt`), numbers that cannot be a person's, and
//! punctuation. Everything else becomes `[path]`, `[secret]`, `[address]` or `[…]`: a practice's file names name its patients,
//! and no rule finds every name. All of this happens before anything is written to the spool.

mod forms;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod line;
mod secret;
mod words;

use lastgood_protocol::{MOST_OUTPUT_BYTES, MOST_OUTPUT_LINES, OutputTail};

use crate::exec::Tail;
pub(crate) use forms::{given_secrets, names_secret};
pub(crate) use secret::Redaction;

/// The most characters of one line.
const LONGEST_LINE: usize = 400;

/// A line that is longer is not read at all: no tool complains at such length.
const LONGEST_READ: usize = 16 * 1024;

/// What stands in place of such a line.
const TOO_LONG: &str = "[…]";

/// What a process printed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Printed {
    /// The end of its standard output, where that is messages.
    pub(crate) stdout: Tail,
    /// The end of its standard error.
    pub(crate) stderr: Tail,
}

/// The last `most` lines of each output, redacted; `None` when nothing is left to tell.
pub(crate) fn tail(printed: &Printed, most: usize, redaction: &Redaction) -> Option<OutputTail> {
    let most = most.min(MOST_OUTPUT_LINES);
    let stdout = last_lines(&printed.stdout, most, redaction);
    let stderr = last_lines(&printed.stderr, most, redaction);
    // Each may use what the other leaves, and half of the room at least.
    let half = MOST_OUTPUT_BYTES / 2;
    let stdout = fit(stdout, half.max(MOST_OUTPUT_BYTES.saturating_sub(size(&stderr))));
    let stderr = fit(stderr, MOST_OUTPUT_BYTES - size(&stdout));
    let tail = OutputTail { stdout, stderr };
    (tail != OutputTail::default()).then_some(tail)
}

fn last_lines(printed: &Tail, most: usize, redaction: &Redaction) -> Vec<String> {
    let text = printed.text();
    // Of a line whose beginning is lost nobody knows what stood before.
    let whole = if printed.is_cut {
        text.split_once('\n').map_or("", |(_, rest)| rest)
    } else {
        &text
    };
    let mut lines: Vec<String> = whole
        .rsplit(['\n', '\r'])
        .filter(|line| !is_progress(line))
        .map(|line| match line.len() {
            ..=LONGEST_READ => shorten(redaction.line(line)),
            _ => TOO_LONG.to_owned(),
        })
        .filter(|line| !line.is_empty())
        .take(most)
        .collect();
    lines.reverse();
    lines
}

/// restic's progress, which says nothing of why a backup failed.
fn is_progress(line: &str) -> bool {
    ["status", "verbose_status"]
        .iter()
        .any(|kind| line.starts_with(&format!("{{\"message_type\":\"{kind}\"")))
}

fn shorten(line: String) -> String {
    match line.char_indices().nth(LONGEST_LINE) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

fn size(lines: &[String]) -> usize {
    lines.iter().map(String::len).sum()
}

/// The last lines that have room together.
fn fit(mut lines: Vec<String>, room: usize) -> Vec<String> {
    let mut left = room;
    let kept = lines
        .iter()
        .rev()
        .take_while(|line| {
            let fits = line.len() <= left;
            left = left.saturating_sub(line.len());
            fits
        })
        .count();
    lines.split_off(lines.len() - kept)
}

#[cfg(test)]
mod tests;
