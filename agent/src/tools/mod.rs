//! The backup tools understood: how each is started, and what its exit code and its own summary mean. One file each.
//! What a tool prints is read for counts and yes or no. Its text is nothing to this room: `redaction` says what may be told of it.

mod borg;
mod command;
mod entry;
pub(crate) mod program;
mod restic;

use std::path::Path;

use jiff::Timestamp;
use lastgood_protocol::{Basis, Claim, Knowledge, Outcome, RunFacts};

use crate::config::{AttestedClaims, JobConfig, Program, ProgramTool, Tool};
use crate::exec::{self, CutShort, Ended};
pub(crate) use entry::{Entry, Place, inner, source};
pub(crate) use program::written;

/// What came of a backup, as its tool tells it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Verdict {
    /// How it ended.
    pub(crate) outcome: Outcome,
    /// One sentence of our own, when it is not ok.
    pub(crate) reason: Option<String>,
    /// The tool's exit code, where it ended by itself.
    pub(crate) exit_code: Option<i64>,
    /// What was measured.
    pub(crate) facts: RunFacts,
    /// The tool's name of what it made, as a check needs it.
    pub(crate) made: Option<String>,
}

impl Verdict {
    fn new(outcome: Outcome, reason: Option<&str>) -> Self {
        Self {
            outcome,
            reason: reason.map(str::to_owned),
            exit_code: None,
            facts: RunFacts::default(),
            made: None,
        }
    }

    /// Makes the outcome worse, never better; the worse one's reason stands.
    pub(crate) fn worsen(&mut self, outcome: Outcome, reason: &str) {
        if weight(outcome) > weight(self.outcome) {
            self.outcome = outcome;
            self.reason = Some(reason.to_owned());
        }
    }
}

/// How bad an outcome is.
pub(crate) fn weight(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Ok => 0,
        Outcome::Warning => 1,
        Outcome::Failed => 2,
    }
}

/// The command that makes the backup.
pub(crate) fn backup_command(job: &JobConfig) -> Vec<String> {
    match &job.tool {
        Tool::Restic(tool) => restic::backup_command(tool),
        Tool::Borg(tool) => borg::backup_command(tool, &job.key),
        Tool::Program(tool) => tool.command.clone(),
        Tool::Command { command, .. } => command.clone(),
    }
}

/// Variables that the tool needs beside those of the configuration.
pub(crate) fn environment(tool: &Tool) -> Vec<(String, String)> {
    match tool {
        Tool::Restic(tool) => restic::environment(tool),
        Tool::Borg(_) => borg::environment(),
        Tool::Program(_) | Tool::Command { .. } => Vec::new(),
    }
}

/// What the end of a tool that was started by `command` means. `sources_missing` counts the folders of the configuration
/// that are not there.
pub(crate) fn read(tool: &Tool, command: &[String], ended: &Ended, sources_missing: usize) -> Verdict {
    if let Some(cut_short) = ended.cut_short {
        return cut(cut_short);
    }
    let mut verdict = match tool {
        Tool::Restic(_) => restic::read(ended),
        Tool::Borg(_) => borg::read(ended),
        Tool::Program(tool) => program::read(tool, command, ended),
        Tool::Command { codes, .. } => command::read(codes, ended),
    };
    verdict.exit_code = Some(ended.code);
    if sources_missing > 0 {
        // restic before 0.17 ends with 0 although a folder it was to back up is not there.
        verdict.worsen(Outcome::Warning, "A folder that is to be backed up does not exist.");
    }
    verdict
}

/// Looks at what the tool wrote, where that is a file or folder of this machine.
pub(crate) fn measure(tool: &Tool, command: &[String], started: Timestamp, verdict: &mut Verdict) {
    if let Tool::Program(tool) = tool {
        program::measure(tool, command, started, verdict);
    }
}

/// The command that checks what `command` made, where one is wanted.
pub(crate) fn check_command(tool: &Tool, command: &[String], verdict: &Verdict) -> Option<Vec<String>> {
    if verdict.outcome == Outcome::Failed {
        return None;
    }
    match tool {
        Tool::Restic(tool) => restic::check_command(tool),
        Tool::Borg(tool) => borg::check_command(tool, verdict.made.as_deref()),
        Tool::Program(tool) => program::check_command(tool, command, verdict),
        Tool::Command { .. } => None,
    }
}

/// Takes what the check found into the verdict.
pub(crate) fn read_check(tool: &Tool, ended: &Ended, verdict: &mut Verdict) {
    if ended.cut_short.is_some() {
        verdict.worsen(
            Outcome::Warning,
            "The backup was made, but checking it took too long and was ended.",
        );
        return;
    }
    match tool {
        Tool::Restic(tool) => restic::read_check(tool, ended, verdict),
        Tool::Borg(_) => borg::read_check(ended, verdict),
        Tool::Program(tool) => program::read_check(tool, ended, verdict),
        Tool::Command { .. } => {}
    }
}

/// A second, deeper check that reads the data back, where one is wanted.
pub(crate) fn read_back_command(tool: &Tool, verdict: &Verdict) -> Option<Vec<String>> {
    match tool {
        Tool::Borg(tool) => borg::read_back_command(tool, verdict.made.as_deref()?),
        Tool::Restic(_) | Tool::Program(_) | Tool::Command { .. } => None,
    }
}

/// The command that lists what a backup contains, one line each.
pub(crate) fn list_command(tool: &Tool, made: &str) -> Option<Vec<String>> {
    match tool {
        Tool::Restic(tool) => Some(restic::list_command(tool, made)),
        Tool::Borg(tool) => Some(borg::list_command(tool, made)),
        Tool::Program(tool) => program::list_command(tool, made),
        Tool::Command { .. } => None,
    }
}

/// Variables for that command beside the tool's own: without them borg's times would be local ones of an unsaid zone.
pub(crate) fn list_environment() -> Vec<(String, String)> {
    vec![("TZ".to_owned(), "UTC".to_owned())]
}

/// Reads one line of the list.
pub(crate) fn read_entry(tool: &Tool, line: &str) -> Option<Entry> {
    match tool {
        Tool::Restic(_) => restic::read_entry(line),
        Tool::Borg(_) => borg::read_entry(line),
        Tool::Program(tool) => program::read_entry(tool, line),
        Tool::Command { .. } => None,
    }
}

/// The command, started in the folder `to`, that restores these paths of a backup into that folder. `list` is a file for the
/// tools that take the paths from one.
pub(crate) fn restore_command(tool: &Tool, made: &str, paths: &[&str], to: &Path, list: &Path) -> Option<Vec<String>> {
    match tool {
        Tool::Restic(tool) => Some(restic::restore_command(tool, made, paths, to)),
        Tool::Borg(tool) => Some(borg::restore_command(tool, made, list)),
        Tool::Program(_) | Tool::Command { .. } => None,
    }
}

/// What stands in that file.
pub(crate) fn restore_list(paths: &[&str]) -> String {
    borg::restore_list(paths)
}

/// Takes in that the check could not be started.
pub(crate) fn check_not_started(verdict: &mut Verdict) {
    verdict.worsen(
        Outcome::Warning,
        "The backup was made, but the program that checks it could not be started.",
    );
}

/// A verdict for a tool that could not be started.
pub(crate) fn not_started(error: &std::io::Error) -> Verdict {
    let reason = if error.kind() == std::io::ErrorKind::NotFound {
        "The backup program is not installed, or not where the configuration says."
    } else if error.kind() == std::io::ErrorKind::PermissionDenied {
        "The agent may not start the backup program."
    } else {
        "The backup program could not be started."
    };
    Verdict::new(Outcome::Failed, Some(reason))
}

/// A verdict for a run that never reached its tool.
pub(crate) fn refused(reason: &str) -> Verdict {
    Verdict::new(Outcome::Failed, Some(reason))
}

/// The version that the tool says it has.
pub(crate) fn version(tool: &Tool, command: &[String]) -> Option<String> {
    let program = command.first()?;
    match tool {
        Tool::Restic(_) if is_program(program, "restic") => restic::version(program),
        Tool::Borg(_) if is_program(program, "borg") => borg::version(program),
        Tool::Program(tool) => program::version(tool, command),
        Tool::Restic(_) | Tool::Borg(_) | Tool::Command { .. } => None,
    }
}

/// The tool that a command line starts, for a job the configuration does not name.
pub(crate) fn recognise(command: &[String]) -> Tool {
    let program = command.first().map_or("", String::as_str);
    if is_program(program, "restic") {
        Tool::Restic(crate::config::RepositoryTool::default())
    } else if is_program(program, "borg") {
        Tool::Borg(crate::config::RepositoryTool::default())
    } else if let Some(program) = program::recognise(program) {
        Tool::Program(ProgramTool::only_wrapped(program))
    } else {
        Tool::Command {
            command: Vec::new(),
            codes: crate::config::ExitCodes::default(),
        }
    }
}

/// Whether the tool's own summary can be read from its output.
pub(crate) fn has_summary(tool: &Tool, command: &[String]) -> bool {
    match tool {
        Tool::Restic(_) | Tool::Borg(_) => command.iter().any(|argument| argument == "--json"),
        Tool::Program(tool) => program::has_summary(tool.program),
        Tool::Command { .. } => false,
    }
}

/// Whether what it prints on its standard output is messages, when nobody takes that for the backup.
pub(crate) fn prints_messages(tool: &Tool) -> bool {
    match tool {
        Tool::Program(tool) => program::has_summary(tool.program),
        Tool::Restic(_) | Tool::Borg(_) | Tool::Command { .. } => true,
    }
}

/// Whether it can write an archive to its standard output.
pub(crate) fn is_archiver(tool: &Tool) -> bool {
    matches!(tool, Tool::Program(tool) if matches!(tool.program, Program::Tar | Program::SevenZip))
}

/// Adds what the administrator says to what is known better.
pub(crate) fn attest(facts: &mut RunFacts, claims: AttestedClaims) {
    let fill = |fact: &mut Option<Claim>, said: Option<bool>| {
        if fact.is_none() {
            *fact = said.map(|holds| Claim {
                holds,
                known: Knowledge::Attested,
                basis: Some(Basis::Administrator),
            });
        }
    };
    fill(&mut facts.full, claims.full);
    fill(&mut facts.verified, claims.verified);
    fill(&mut facts.compared, claims.compared);
    fill(&mut facts.compressed, claims.compressed);
    fill(&mut facts.encrypted, claims.encrypted);
}

fn cut(cut_short: CutShort) -> Verdict {
    let reason = match cut_short {
        CutShort::TimedOut => "The backup took longer than its time limit and was ended.",
        CutShort::Stopped => "The agent was stopped while the backup ran, and ended it.",
    };
    Verdict::new(Outcome::Failed, Some(reason))
}

fn is_program(program: &str, name: &str) -> bool {
    Path::new(program).file_stem().is_some_and(|stem| stem == name)
}

pub(crate) fn claim(holds: bool, known: Knowledge, basis: Basis) -> Claim {
    let basis = Some(basis);
    Claim { holds, known, basis }
}

/// A version number from the first line of a tool's answer: its word at `place`, counted from 0, if it looks like one.
fn version_word(program: &str, argument: &str, place: usize) -> Option<String> {
    let answer = exec::short_answer(program, &[argument])?;
    let word = answer.lines().next()?.split_ascii_whitespace().nth(place)?;
    let word = word.trim_start_matches('v').trim_end_matches(',');
    let word = word.split_once("-MariaDB").map_or(word, |(number, _)| number);
    let plain = word.starts_with(|c: char| c.is_ascii_digit())
        && word.len() <= 32
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+'));
    plain.then(|| word.to_owned())
}

#[cfg(test)]
mod tests;
