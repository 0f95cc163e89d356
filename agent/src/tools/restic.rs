//! restic: `backup --json` ends with one line of summary on its standard output; its exit codes are those of its
//! manual, chapter "Scripting" (0, 1, 3, 10, 11, 12, 130). Before 0.17 most failures are 1, so what it complained about is
//! looked at for the few sentences that tell them apart.

use std::path::Path;

use jiff::Timestamp;
use lastgood_protocol::{Basis, Knowledge, Outcome};
use serde::Deserialize;

use super::{Entry, Verdict, claim, version_word};
use crate::config::RepositoryTool;
use crate::exec::Ended;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Summary {
    message_type: String,
    dry_run: bool,
    files_new: Option<u64>,
    files_changed: Option<u64>,
    data_added: Option<u64>,
    data_added_packed: Option<u64>,
    total_files_processed: Option<u64>,
    total_bytes_processed: Option<u64>,
    snapshot_id: Option<String>,
}

const LOCKED: &str = "The repository is locked by another backup or by one that was broken off.";
const WRONG_PASSWORD: &str = "The repository's password is wrong.";
const NO_REPOSITORY: &str = "There is no repository at the place the job writes to.";

pub(super) fn backup_command(tool: &RepositoryTool) -> Vec<String> {
    if !tool.command.is_empty() {
        return tool.command.clone();
    }
    let mut command = base(tool);
    command.extend(["backup", "--json"].map(str::to_owned));
    for pattern in &tool.exclude {
        command.extend(["--exclude".to_owned(), pattern.clone()]);
    }
    command.push("--".to_owned());
    command.extend(tool.paths.iter().map(|path| path.to_string_lossy().into_owned()));
    command
}

pub(super) fn environment(tool: &RepositoryTool) -> Vec<(String, String)> {
    // Without a limit restic prints its progress sixty times a second, for nobody.
    let mut variables = vec![("RESTIC_PROGRESS_FPS".to_owned(), "0.1".to_owned())];
    if let Some(file) = &tool.password_file {
        let file = file.to_string_lossy().into_owned();
        variables.push(("RESTIC_PASSWORD_FILE".to_owned(), file));
    }
    variables
}

pub(super) fn check_command(tool: &RepositoryTool) -> Option<Vec<String>> {
    if !tool.check {
        return None;
    }
    let mut command = base(tool);
    command.extend(["check", "--json"].map(str::to_owned));
    if let Some(subset) = &tool.check_subset {
        command.push(format!("--read-data-subset={subset}"));
    }
    Some(command)
}

pub(super) fn version(program: &str) -> Option<String> {
    version_word(program, "version", 1)
}

pub(super) fn read(ended: &Ended) -> Verdict {
    let summary = summary(&ended.stdout.text());
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        3 => Verdict::new(
            Outcome::Warning,
            Some("A backup was made, but some files could not be read."),
        ),
        code => Verdict::new(Outcome::Failed, Some(&failure(code, &ended.stderr.text()))),
    };
    verdict.facts.encrypted = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    if !ended.stderr.is_cut {
        verdict.facts.errors = summary.is_some().then(|| count_errors(&ended.stderr.text()));
    }
    if let Some(summary) = summary {
        take(&mut verdict, summary);
    }
    verdict
}

fn take(verdict: &mut Verdict, summary: Summary) {
    if summary.dry_run {
        verdict.worsen(Outcome::Failed, "It was a dry run, which makes no backup.");
        return;
    }
    let facts = &mut verdict.facts;
    facts.bytes_processed = summary.total_bytes_processed;
    facts.bytes_added = summary.data_added_packed.or(summary.data_added);
    facts.files_total = summary.total_files_processed;
    facts.files_new = summary.files_new;
    facts.files_changed = summary.files_changed;
    facts.snapshot = summary.snapshot_id.filter(|id| is_plain_id(id));
    // Every restic snapshot can be restored without any other.
    facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    facts.compressed = match (summary.data_added, summary.data_added_packed) {
        (Some(plain), Some(packed)) if packed < plain => Some(claim(true, Knowledge::Measured, Basis::ToolResult)),
        _ => None,
    };
    verdict.made.clone_from(&verdict.facts.snapshot);
}

pub(super) fn read_check(tool: &RepositoryTool, ended: &Ended, verdict: &mut Verdict) {
    let basis = if tool.check_subset.is_some() {
        Basis::DataCheck
    } else {
        Basis::StructureCheck
    };
    let complaint = ended.stderr.text();
    match ended.code {
        0 => verdict.facts.verified = Some(claim(true, Knowledge::Measured, basis)),
        11 => could_not_check(verdict),
        _ if is_locked(&complaint) => could_not_check(verdict),
        _ => {
            verdict.facts.verified = Some(claim(false, Knowledge::Measured, basis));
            verdict.worsen(
                Outcome::Failed,
                "The backup was made, but checking the repository found it damaged.",
            );
        }
    }
}

fn could_not_check(verdict: &mut Verdict) {
    verdict.worsen(
        Outcome::Warning,
        "The backup was made, but could not be checked because the repository is locked.",
    );
}

pub(super) fn list_command(tool: &RepositoryTool, snapshot: &str) -> Vec<String> {
    let mut command = base(tool);
    command.extend(["ls", "--json", snapshot].map(str::to_owned));
    command
}

#[derive(Debug, Deserialize)]
struct Node {
    struct_type: String,
    path: String,
    r#type: String,
    #[serde(default)]
    size: u64,
    mtime: Option<Timestamp>,
}

/// A line of `restic ls --json`; the first one is about the snapshot itself.
pub(super) fn read_entry(line: &str) -> Option<Entry> {
    let node: Node = serde_json::from_str(line).ok()?;
    (node.struct_type == "node").then_some(Entry {
        path: node.path,
        is_file: node.r#type == "file",
        size: node.size,
        modified: node.mtime,
    })
}

/// The paths are patterns to restic, so what has a meaning there is put into brackets.
pub(super) fn restore_command(tool: &RepositoryTool, snapshot: &str, paths: &[&str], to: &Path) -> Vec<String> {
    let mut command = base(tool);
    command.extend(["restore".to_owned(), snapshot.to_owned(), "--target".to_owned()]);
    command.push(to.to_string_lossy().into_owned());
    for path in paths {
        command.extend(["--include".to_owned(), literal(path)]);
    }
    command
}

fn literal(path: &str) -> String {
    path.chars().fold(String::new(), |mut literal, c| {
        match c {
            '*' | '?' | '[' => literal.extend(['[', c, ']']),
            '\\' => literal.push_str("[\\\\]"),
            _ => literal.push(c),
        }
        literal
    })
}

fn base(tool: &RepositoryTool) -> Vec<String> {
    let mut command = vec![tool.program.clone().unwrap_or_else(|| "restic".to_owned())];
    if let Some(repository) = &tool.repository {
        command.extend(["--repo".to_owned(), repository.clone()]);
    }
    command
}

/// The last summary line; with an output that was cut, the last line is still whole.
fn summary(stdout: &str) -> Option<Summary> {
    stdout
        .lines()
        .rev()
        .filter(|line| line.starts_with('{'))
        .filter_map(|line| serde_json::from_str::<Summary>(line).ok())
        .find(|message| message.message_type == "summary")
}

fn count_errors(stderr: &str) -> u64 {
    #[derive(Deserialize)]
    struct Message {
        message_type: String,
    }
    let errors = stderr
        .lines()
        .filter_map(|line| serde_json::from_str::<Message>(line).ok())
        .filter(|message| message.message_type == "error")
        .count();
    u64::try_from(errors).unwrap_or(u64::MAX)
}

fn failure(code: i64, stderr: &str) -> String {
    let said = stderr.to_ascii_lowercase();
    let sentence = match code {
        10 => NO_REPOSITORY,
        11 => LOCKED,
        12 => WRONG_PASSWORD,
        130 => "The backup was cancelled.",
        2 => "restic broke down.",
        _ if said.contains("wrong password") => WRONG_PASSWORD,
        _ if is_locked(&said) => LOCKED,
        _ if said.contains("is there a repository at the following location")
            || said.contains("unable to open config file") =>
        {
            NO_REPOSITORY
        }
        _ if said.contains("no space left on device") => "The place the job writes to is full.",
        _ if said.contains("all target directories/files do not exist")
            || said.contains("all source directories/files do not exist") =>
        {
            "None of the folders that are to be backed up exists."
        }
        _ => return format!("restic could not make the backup (exit code {code})."),
    };
    sentence.to_owned()
}

fn is_locked(said: &str) -> bool {
    said.contains("already locked") || said.contains("unable to create lock")
}

fn is_plain_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= 64 && id.chars().all(|c| c.is_ascii_hexdigit())
}
