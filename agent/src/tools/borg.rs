//! borg 1.x: `create --json` prints one JSON document; return codes are those of its manual, "Return codes": 0 ok, 1 and
//! 100 to 127 warning, 2 and 3 to 99 error, 128 and more ended by a signal.

use std::path::Path;

use jiff::tz::TimeZone;
use lastgood_protocol::{Basis, JobKey, Knowledge, Outcome};
use serde::Deserialize;

use super::{Entry, Verdict, claim, version_word};
use crate::config::RepositoryTool;
use crate::exec::Ended;

#[derive(Debug, Deserialize)]
struct Document {
    archive: Option<Archive>,
    encryption: Option<Encryption>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Archive {
    id: Option<String>,
    name: Option<String>,
    stats: Stats,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Stats {
    original_size: Option<u64>,
    compressed_size: Option<u64>,
    deduplicated_size: Option<u64>,
    nfiles: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Encryption {
    mode: Option<String>,
}

pub(super) fn backup_command(tool: &RepositoryTool, key: &JobKey) -> Vec<String> {
    if !tool.command.is_empty() {
        return tool.command.clone();
    }
    let mut command = vec![program(tool)];
    command.extend(["create", "--json"].map(str::to_owned));
    for pattern in &tool.exclude {
        command.extend(["--exclude".to_owned(), pattern.clone()]);
    }
    let repository = tool.repository.clone().unwrap_or_default();
    command.push("--".to_owned());
    command.push(format!("{repository}::{key}-{{now:%Y-%m-%dT%H:%M:%S.%f}}"));
    command.extend(tool.paths.iter().map(|path| path.to_string_lossy().into_owned()));
    command
}

/// Questions would wait for ever, and the finer exit codes of borg 1.4 say more.
pub(super) fn environment() -> Vec<(String, String)> {
    let variables = [
        ("BORG_EXIT_CODES", "modern"),
        ("BORG_RELOCATED_REPO_ACCESS_IS_OK", "no"),
        ("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes"),
    ];
    variables
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

pub(super) fn check_command(tool: &RepositoryTool, archive: Option<&str>) -> Option<Vec<String>> {
    if !tool.check {
        return None;
    }
    Some(vec![program(tool), "check".to_owned(), archive_of(tool, archive?)])
}

pub(super) fn version(program: &str) -> Option<String> {
    version_word(program, "--version", 1)
}

pub(super) fn read(ended: &Ended) -> Verdict {
    let document = document(&ended.stdout.text());
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        1 | 100..=127 => Verdict::new(
            Outcome::Warning,
            Some("A backup was made, but borg warned: some files changed or could not be read."),
        ),
        code => Verdict::new(Outcome::Failed, Some(&failure(code, &ended.stderr.text()))),
    };
    let Some(document) = document else {
        return verdict;
    };
    if let Some(mode) = document.encryption.and_then(|encryption| encryption.mode) {
        // "authenticated" modes sign but do not encrypt.
        let encrypts = mode != "none" && !mode.starts_with("authenticated");
        verdict.facts.encrypted = Some(claim(encrypts, Knowledge::Measured, Basis::ToolResult));
    }
    match document.archive {
        Some(archive) => take(&mut verdict, archive),
        None => verdict.worsen(Outcome::Failed, "It was a dry run, which makes no backup."),
    }
    verdict
}

fn take(verdict: &mut Verdict, archive: Archive) {
    let facts = &mut verdict.facts;
    facts.bytes_processed = archive.stats.original_size;
    facts.bytes_added = archive.stats.deduplicated_size;
    facts.files_total = archive.stats.nfiles;
    facts.snapshot = archive
        .id
        .filter(|id| id.len() <= 64 && id.chars().all(|c| c.is_ascii_hexdigit()));
    // Every borg archive can be restored without any other.
    facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    facts.compressed = match (archive.stats.original_size, archive.stats.compressed_size) {
        (Some(plain), Some(packed)) if packed < plain => Some(claim(true, Knowledge::Measured, Basis::ToolResult)),
        _ => None,
    };
    verdict.made = archive.name;
}

/// What `borg check` or `borg extract --dry-run` found: the first reads every segment's checksum, the second every file.
pub(super) fn read_check(ended: &Ended, verdict: &mut Verdict) {
    match ended.code {
        0 => verdict.facts.verified = Some(claim(true, Knowledge::Measured, Basis::DataCheck)),
        70..=75 => verdict.worsen(
            Outcome::Warning,
            "The backup was made, but could not be checked because the repository is locked.",
        ),
        _ => {
            verdict.facts.verified = Some(claim(false, Knowledge::Measured, Basis::DataCheck));
            verdict.worsen(Outcome::Failed, "The backup was made, but checking it found damage.");
        }
    }
}

pub(super) fn read_back_command(tool: &RepositoryTool, archive: &str) -> Option<Vec<String>> {
    if !tool.read_back {
        return None;
    }
    let arguments = ["extract", "--dry-run"].map(str::to_owned);
    let from = archive_of(tool, archive);
    Some(std::iter::once(program(tool)).chain(arguments).chain([from]).collect())
}

pub(super) fn list_command(tool: &RepositoryTool, archive: &str) -> Vec<String> {
    let mut command = vec![program(tool)];
    command.extend(["list", "--json-lines"].map(str::to_owned));
    command.push(archive_of(tool, archive));
    command
}

#[derive(Debug, Deserialize)]
struct Item {
    path: String,
    r#type: String,
    #[serde(default)]
    size: u64,
    mtime: Option<jiff::civil::DateTime>,
}

/// A line of `borg list --json-lines`, with times in UTC because it is started so.
pub(super) fn read_entry(line: &str) -> Option<Entry> {
    let item: Item = serde_json::from_str(line).ok()?;
    let modified = item.mtime.and_then(|time| TimeZone::UTC.to_timestamp(time).ok());
    Some(Entry {
        path: item.path,
        is_file: item.r#type == "-",
        size: item.size,
        modified,
    })
}

/// It restores into the folder it is started in.
pub(super) fn restore_command(tool: &RepositoryTool, archive: &str, list: &Path) -> Vec<String> {
    let mut command = vec![program(tool)];
    command.extend(["extract", "--patterns-from"].map(str::to_owned));
    command.push(list.to_string_lossy().into_owned());
    command.push(archive_of(tool, archive));
    command
}

/// These paths literally, and nothing else.
pub(super) fn restore_list(paths: &[&str]) -> String {
    let mut list = String::new();
    for path in paths {
        list.push_str("+ pf:");
        list.push_str(path);
        list.push('\n');
    }
    list.push_str("- re:.*\n");
    list
}

fn archive_of(tool: &RepositoryTool, archive: &str) -> String {
    format!("{}::{archive}", tool.repository.as_deref().unwrap_or_default())
}

fn program(tool: &RepositoryTool) -> String {
    tool.program.clone().unwrap_or_else(|| "borg".to_owned())
}

/// The document begins at a line of its own; log lines may stand before it.
fn document(stdout: &str) -> Option<Document> {
    let start = if stdout.starts_with('{') {
        0
    } else {
        stdout.find("\n{")? + 1
    };
    serde_json::from_str(stdout.get(start..)?).ok()
}

fn failure(code: i64, stderr: &str) -> String {
    let said = stderr.to_ascii_lowercase();
    let sentence = match code {
        13 => "There is no repository at the place the job writes to.",
        52 => "The repository's passphrase is wrong.",
        70..=75 => "The repository is locked by another backup or by one that was broken off.",
        130 => "The backup was cancelled.",
        129 | 131..=255 => return format!("The backup was ended by signal {}.", code - 128),
        _ if said.contains("passphrase supplied in") && said.contains("is incorrect") => {
            "The repository's passphrase is wrong."
        }
        _ if said.contains("does not exist") && said.contains("repository") => {
            "There is no repository at the place the job writes to."
        }
        _ if said.contains("failed to create/acquire the lock") => {
            "The repository is locked by another backup or by one that was broken off."
        }
        _ if said.contains("no space left on device") || said.contains("insufficient free space") => {
            "The place the job writes to is full."
        }
        _ => return format!("borg could not make the backup (exit code {code})."),
    };
    sentence.to_owned()
}
