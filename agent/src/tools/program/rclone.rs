//! rclone. Exit codes: its manual, "List of exit codes" (rclone.org/docs/#list-of-exit-codes). Counts: the last line with
//! `stats` that `--use-json-log` writes to standard error; rclone prints it with `-v` or `--stats-log-level NOTICE`.
//! Tested with the real rclone 1.60.

use lastgood_protocol::{Basis, Knowledge, Outcome};
use serde::Deserialize;

use super::options::Options;
use super::{Verdict, claim, failed_with};
use crate::exec::Ended;

#[derive(Debug, Deserialize)]
struct Line {
    stats: Stats,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stats {
    bytes: Option<u64>,
    checks: Option<u64>,
    errors: Option<u64>,
    transfers: Option<u64>,
}

/// Options with which only some of the files are looked at.
const PARTIAL: [&str; 4] = ["--max-age", "--min-age", "--max-size", "--min-size"];

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let mut verdict = match ended.code {
        // 9 comes only with --error-on-no-transfer: all is well, nothing was new.
        0 | 9 => Verdict::new(Outcome::Ok, None),
        code => Verdict::new(Outcome::Failed, Some(&failure(code))),
    };
    if options.has(&["--dry-run", "--interactive"]) || options.has(&["-n", "-i"]) {
        verdict.worsen(Outcome::Failed, "It was a dry run, which makes no backup.");
        return verdict;
    }
    let facts = &mut verdict.facts;
    if let Some(stats) = stats(&ended.stderr.text()) {
        facts.bytes_added = stats.bytes;
        facts.errors = stats.errors;
        facts.files_changed = stats.transfers;
        facts.files_total = match (stats.checks, stats.transfers) {
            (Some(checks), Some(transfers)) => checks.checked_add(transfers),
            _ => None,
        };
    }
    if ended.code != 0 && ended.code != 9 {
        return verdict;
    }
    let command = options.words().next();
    if matches!(command, Some("sync" | "copy" | "copyto")) && !options.has(&PARTIAL) {
        // The destination holds every file whole.
        facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    }
    if matches!(command, Some("check" | "cryptcheck")) {
        facts.compared = Some(claim(true, Knowledge::Measured, Basis::ToolResult));
    }
    verdict
}

/// `rclone check` of the same two places, with the same configuration file and filters.
pub(super) fn check_command(options: &Options<'_>) -> Option<Vec<String>> {
    let at = options
        .arguments
        .iter()
        .position(|argument| matches!(argument.as_str(), "sync" | "copy"))?;
    let mut command = vec![options.program?.to_owned()];
    command.extend(options.arguments.iter().cloned());
    "check".clone_into(command.get_mut(at + 1)?);
    // What lies at the destination from before is no difference.
    command.push("--one-way".to_owned());
    Some(command)
}

fn stats(stderr: &str) -> Option<Stats> {
    stderr
        .lines()
        .rev()
        .filter(|line| line.starts_with('{'))
        .find_map(|line| serde_json::from_str::<Line>(line).ok())
        .map(|line| line.stats)
}

fn failure(code: i64) -> String {
    let sentence = match code {
        // 1 and 2 changed their meanings between rclone's versions.
        1 | 2 => "rclone could not copy everything.",
        3 => "A folder that rclone was to copy from or to was not found.",
        4 => "A file that rclone was to copy was not found.",
        5 => "The place rclone writes to had a passing trouble, also when it was tried again.",
        6 => "The place rclone writes to refused some files.",
        7 => "The place rclone writes to refused everything: the account may be suspended or full.",
        8 => "rclone stopped at its transfer limit before everything was copied.",
        10 => "rclone stopped at its time limit before everything was copied.",
        code => return failed_with("rclone", code),
    };
    sentence.to_owned()
}
