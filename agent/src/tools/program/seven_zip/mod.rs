//! 7-Zip. Exit codes: its manual, "Exit Codes from 7-Zip": 0, 1 warning, 2 fatal, 7 wrong command line, 8 not enough
//! memory, 255 stopped by the user. Counts: what `a` and `u` print. Tested with the real 7-Zip 26.02.

mod listing;

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::{Verdict, as_argument, claim, failed_with};
use crate::exec::{self, Ended};

pub(super) use self::listing::{can_be_listed, list_command, read_entry};

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        1 => Verdict::new(
            Outcome::Warning,
            Some("An archive was made, but some files could not be read, such as one that another program has locked."),
        ),
        code => Verdict::new(Outcome::Failed, Some(&failure(code))),
    };
    let text = ended.stdout.text();
    let facts = &mut verdict.facts;
    facts.files_total = number_after(&text, "Files read from disk: ");
    facts.bytes_added = number_after(&text, "Archive size: ");
    facts.bytes_processed = scanned(&text);
    facts.errors = number_after(&text, "Scan WARNINGS: ").or((ended.code == 0).then_some(0));
    facts.compressed = match (facts.bytes_processed, facts.bytes_added) {
        (Some(plain), Some(packed)) if packed < plain => Some(claim(true, Knowledge::Measured, Basis::ToolResult)),
        _ if options.has(&["-mx0", "-mx=0", "-m0=Copy", "-m0=copy"]) => {
            Some(claim(false, Knowledge::Configured, Basis::Options))
        }
        _ => None,
    };
    if options.are_known() {
        let encrypted = password(options).is_some();
        facts.encrypted = Some(claim(encrypted, Knowledge::Configured, Basis::Options));
        if matches!(options.words().next(), Some("a" | "u")) {
            // An update brings the archive as a whole up to date.
            facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
        }
    }
    verdict
}

/// The archive: the first word after the command.
pub(super) fn target<'a>(options: &Options<'a>) -> Option<&'a str> {
    let mut words = options.words();
    matches!(words.next(), Some("a" | "u")).then(|| words.next()).flatten()
}

pub(super) fn check_command(options: &Options<'_>, made: &str) -> Option<Vec<String>> {
    let mut command = vec![options.program?.to_owned(), "t".to_owned()];
    command.extend(password(options).map(str::to_owned));
    command.push(as_argument(made));
    Some(command)
}

fn password<'a>(options: &Options<'a>) -> Option<&'a str> {
    options
        .arguments
        .iter()
        .map(String::as_str)
        .find(|argument| argument.starts_with("-p"))
}

/// `7-Zip (z) 26.02 (x64) : Copyright …`, after an empty line.
pub(super) fn version(program: &str) -> Option<String> {
    let answer = exec::short_answer(program, &["i"])?;
    let line = answer.lines().find(|line| line.starts_with("7-Zip"))?;
    line.split_ascii_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.'))
        .filter(|word| word.len() <= 32 && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '.'))
        .map(str::to_owned)
}

/// `Add new data to archive: 1 folder, 3 files, 150005 bytes (147 KiB)`
fn scanned(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find(|line| line.starts_with("Add new data to archive: "))?;
    let (numbers, _) = line.split_once(" bytes")?;
    numbers.rsplit(' ').next()?.parse().ok()
}

fn number_after(text: &str, label: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.split_ascii_whitespace().next()?.parse().ok()
}

fn failure(code: i64) -> String {
    let sentence = match code {
        2 => "7-Zip could not make the archive.",
        7 => "The command line of 7-Zip is wrong.",
        8 => "The machine has not enough memory for 7-Zip.",
        255 => "The backup was cancelled.",
        code => return failed_with("7-Zip", code),
    };
    sentence.to_owned()
}

#[cfg(test)]
mod tests;
