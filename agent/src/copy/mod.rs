//! The copy of a running database with which a run may begin. The copy is checked: fresh, complete, and found good by the
//! recipe's own check; the live files are never read.

mod duplicate;
mod process;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lastgood_protocol::{DatabaseCopy, Outcome};

use crate::backup::Steps;
use crate::clock;
use crate::config::{CopyStep, Tool};
use crate::tools::{self, Verdict, written};
pub(crate) use process::{Server, server};

const NOT_THERE: &str = "the copy is not there.";
const OLD: &str = "the copy is older than this run.";
const INCOMPLETE: &str = "a file that belongs to the copy is missing or empty.";
const COLLAPSED: &str = "the copy is less than half as large as the one before.";
const DAMAGED: &str = "the copy's own check found damage.";
const NOT_CHECKED: &str = "the copy could not be checked.";

/// In `validate`: replaced by the folder of a second copy that the check may change.
pub(crate) const DUPLICATE: &str = "{duplicate}";

/// Copies this small before are not compared with: an empty database's log may shrink. Bytes.
const SMALL: u64 = 64 * 1024;

/// What came of the step.
#[derive(Debug)]
pub(crate) struct Copied {
    /// What was measured.
    pub(crate) facts: DatabaseCopy,
    /// What is wrong, as the end of a sentence.
    pub(crate) problem: Option<String>,
    /// The copy's files and their sizes.
    pub(crate) files: BTreeMap<PathBuf, u64>,
}

/// Makes the copy and checks it.
pub(crate) fn perform(step: &CopyStep, steps: &Steps<'_>) -> Copied {
    let before = files(step).values().sum::<u64>();
    let started = clock::wall();
    let mut copied = Copied {
        facts: DatabaseCopy {
            bytes_before: (before > 0).then_some(before),
            ..DatabaseCopy::default()
        },
        problem: None,
        files: BTreeMap::new(),
    };
    let mut verdict = match steps.execute(step.command.clone()) {
        Ok(ended) => tools::read(&step.tool, &step.command, &ended, 0),
        Err(error) => tools::not_started(&error),
    };
    tools::measure(&step.tool, &step.command, started, &mut verdict);
    if verdict.outcome == Outcome::Failed {
        copied.problem = verdict.reason.clone().map(|reason| uncapitalised(&reason));
        copied.look(step, started);
        return copied;
    }
    copied.look(step, started);
    copied.facts.validated = validate(step, steps, &verdict);
    let found = if copied.files.is_empty() {
        Some(NOT_THERE)
    } else if !copied.facts.fresh {
        Some(OLD)
    } else if !copied.has_all(step) {
        Some(INCOMPLETE)
    } else if !copied.facts.complete {
        Some(COLLAPSED)
    } else if copied.facts.validated == Some(false) {
        Some(DAMAGED)
    } else if copied.facts.validated.is_none() && (step.check || !step.validate.is_empty()) {
        Some(NOT_CHECKED)
    } else {
        None
    };
    copied.problem = found.map(str::to_owned);
    copied
}

/// Makes of the copy what it means for the run.
pub(crate) fn judge(copied: &Copied, verdict: &mut Verdict) {
    verdict.facts.copy = Some(copied.facts);
    if let Some(problem) = &copied.problem {
        let sentence = format!("The running database has no good copy: {problem}");
        verdict.worsen(Outcome::Failed, &sentence);
    }
}

impl Copied {
    fn look(&mut self, step: &CopyStep, started: Timestamp) {
        self.files = files(step);
        let newest = |path: &PathBuf| written::look(path).is_some_and(|written| written.is_newer_than(started));
        let expected = |path: &PathBuf| step.expect.is_empty() || expects(step, path);
        let mut of_copy = self.files.keys().filter(|path| expected(path)).peekable();
        self.facts.fresh = of_copy.peek().is_some()
            && if step.expect.is_empty() {
                of_copy.any(newest)
            } else {
                of_copy.all(newest)
            };
        self.facts.files = u64::try_from(self.files.len()).unwrap_or(u64::MAX);
        self.facts.bytes = self.files.values().sum();
        let collapsed = self
            .facts
            .bytes_before
            .is_some_and(|before| before > SMALL && self.facts.bytes < before / 2);
        self.facts.complete = self.has_all(step) && !collapsed;
    }

    fn has_all(&self, step: &CopyStep) -> bool {
        let there = |pattern: &String| {
            self.files
                .iter()
                .any(|(path, size)| *size > 0 && name_of(path).is_some_and(|name| is_like(&name, pattern)))
        };
        self.files.values().any(|size| *size > 0) && step.expect.iter().all(there)
    }
}

fn expects(step: &CopyStep, path: &Path) -> bool {
    name_of(path).is_some_and(|name| step.expect.iter().any(|pattern| is_like(&name, pattern)))
}

fn name_of(path: &Path) -> Option<String> {
    Some(path.file_name()?.to_string_lossy().into_owned())
}

/// Whether a name is like a pattern with at most one `*`.
fn is_like(name: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((begin, end)) => name.len() >= begin.len() + end.len() && name.starts_with(begin) && name.ends_with(end),
        None => name == pattern,
    }
}

/// The files of the copy and their sizes; more than a hundred thousand are no database's copy.
fn files(step: &CopyStep) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    let mut left = vec![step.writes.clone()];
    while let Some(path) = left.pop().filter(|_| found.len() < 100_000) {
        let Ok(metadata) = fs::symlink_metadata(&path) else {
            continue;
        };
        if metadata.is_file() {
            found.insert(path, metadata.len());
        } else if metadata.is_dir()
            && let Ok(folder) = fs::read_dir(&path)
        {
            left.extend(folder.filter_map(|entry| Some(entry.ok()?.path())));
        }
    }
    found
}

/// The recipe's own check: the tool's, and the configured one. `None` when there is none or it could not run.
fn validate(step: &CopyStep, steps: &Steps<'_>, verdict: &Verdict) -> Option<bool> {
    let by_tool = match tools::check_command(&step.tool, &step.command, verdict) {
        Some(command) => {
            let ended = steps.execute(command).ok()?;
            let mut checked = verdict.clone();
            tools::read_check(&step.tool, &ended, &mut checked);
            checked.facts.verified.map(|claim| claim.holds)
        }
        // A dump as text was read back when it was measured.
        None => verdict.facts.verified.map(|claim| claim.holds),
    };
    if step.validate.is_empty() || by_tool == Some(false) {
        return by_tool;
    }
    let duplicate = match &step.scratch {
        Some(scratch) if step.validate.iter().any(|argument| argument.contains(DUPLICATE)) => {
            Some(duplicate::make(step, scratch, steps)?)
        }
        _ => None,
    };
    let place = duplicate
        .as_ref()
        .map(|duplicate| duplicate.path().to_string_lossy().into_owned());
    let command = step
        .validate
        .iter()
        .map(|argument| match &place {
            Some(place) => argument.replace(DUPLICATE, place),
            None => argument.clone(),
        })
        .collect();
    let ended = steps.execute(command).ok()?;
    ended.cut_short.is_none().then_some(ended.code == 0)
}

fn uncapitalised(sentence: &str) -> String {
    let mut rest = sentence.chars();
    rest.next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

/// Whether a step's tool is one that has a check of its own.
pub(crate) fn can_check(tool: &Tool) -> bool {
    matches!(tool, Tool::Program(tool) if tools::program::can_check(tool.program))
}

// They start what a Unix has.
#[cfg(all(test, unix))]
mod tests;
