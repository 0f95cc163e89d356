//! Tools that are started with a whole command of the configuration, and whose exit codes, results and written files are
//! understood. One file each.

mod dbbackup;
mod duplicati;
mod mariadb_dump;
mod options;
mod pg_dump;
mod rclone;
mod robocopy;
mod seven_zip;
mod sqlcmd;
mod sqlite3;
mod tar;
mod windows_server_backup;
pub(crate) mod written;

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lastgood_protocol::{Basis, Knowledge, Outcome};

use self::options::Options;
use self::written::{Format, Written};
use super::{Entry, Verdict, claim, version_word};
use crate::config::{Program, ProgramTool};
use crate::exec::Ended;

const NOT_THERE: &str = "The program ended well, but what it was to write is not there.";
const OLD: &str = "The program ended well, but what it was to write is older than this run.";
const EMPTY: &str = "The program ended well, but what it wrote is empty.";
const DAMAGED: &str = "The backup was made, but checking it found damage.";

/// The names under which a program is installed, without `.exe`.
pub(super) fn program_names(program: Program) -> &'static [&'static str] {
    match program {
        Program::Rclone => &["rclone"],
        Program::Robocopy => &["robocopy"],
        Program::Tar => &["tar", "gtar", "bsdtar"],
        Program::SevenZip => &["7z", "7za", "7zr", "7zz", "7zzs"],
        Program::PgDump => &["pg_dump", "pg_dumpall"],
        Program::MariadbDump => &["mariadb-dump", "mysqldump"],
        Program::Sqlite3 => &["sqlite3"],
        Program::Sqlcmd => &["sqlcmd"],
        Program::Dbbackup => &["dbbackup"],
        Program::Duplicati => &["duplicati-cli", "duplicati.commandline"],
        Program::WindowsServerBackup => &["wbadmin"],
    }
}

/// The program that a command starts, if it is one of those understood.
pub(super) fn recognise(program: &str) -> Option<Program> {
    Program::ALL
        .into_iter()
        .find(|known| is_one_of(program, program_names(*known)))
}

fn is_one_of(program: &str, names: &[&str]) -> bool {
    // A path of Windows is recognised on Linux, too.
    let file = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let name = file.to_ascii_lowercase();
    let name = name.strip_suffix(".exe").unwrap_or(&name);
    names.contains(&name)
}

/// What the tool's end means.
pub(super) fn read(tool: &ProgramTool, command: &[String], ended: &Ended) -> Verdict {
    let options = Options::of(tool.program, command);
    match tool.program {
        Program::Rclone => rclone::read(&options, ended),
        Program::Robocopy => robocopy::read(&options, ended),
        Program::Tar => tar::read(&options, ended),
        Program::SevenZip => seven_zip::read(&options, ended),
        Program::PgDump => pg_dump::read(&options, ended),
        Program::MariadbDump => mariadb_dump::read(&options, ended),
        Program::Sqlite3 => sqlite3::read(ended),
        Program::Sqlcmd => sqlcmd::read(&options, ended),
        Program::Dbbackup => dbbackup::read(&options, ended),
        Program::Duplicati => duplicati::read(&options, ended),
        Program::WindowsServerBackup => windows_server_backup::read(ended),
    }
}

/// The file or folder that the command writes: the configured one, else the one its options name.
fn target(tool: &ProgramTool, command: &[String]) -> Option<PathBuf> {
    if let Some(writes) = &tool.writes {
        return Some(writes.clone());
    }
    let options = Options::of(tool.program, command);
    let named = match tool.program {
        Program::Tar => tar::target(&options),
        Program::SevenZip => seven_zip::target(&options),
        Program::PgDump => options.value(&["-f", "--file"]),
        Program::MariadbDump => options.value(&["-r", "--result-file"]),
        Program::Dbbackup => dbbackup::target(&options),
        Program::Rclone
        | Program::Robocopy
        | Program::Sqlite3
        | Program::Sqlcmd
        | Program::Duplicati
        | Program::WindowsServerBackup => None,
    };
    named.map(PathBuf::from)
}

/// Looks at what a good run wrote: that it is there, new and whole, its size, and what its first bytes say.
pub(super) fn measure(tool: &ProgramTool, command: &[String], started: Timestamp, verdict: &mut Verdict) {
    if verdict.outcome == Outcome::Failed {
        return;
    }
    let Some(path) = target(tool, command) else { return };
    let Some(written) = written::look(&path) else {
        // An option that was misread must not make a good run bad; what the configuration names must be there.
        if tool.writes.is_some() {
            verdict.worsen(Outcome::Failed, NOT_THERE);
        }
        return;
    };
    if written.bytes == 0 {
        verdict.worsen(Outcome::Failed, EMPTY);
        return;
    }
    if !written.is_newer_than(started) {
        verdict.worsen(Outcome::Failed, OLD);
        return;
    }
    let facts = &mut verdict.facts;
    facts.bytes_added.get_or_insert(written.bytes);
    let seen = |holds| claim(holds, Knowledge::Measured, Basis::WrittenFile);
    if let Some(compressed) = written.format.compressed() {
        facts.compressed = Some(seen(compressed));
    }
    if let Some(encrypted) = written.format.encrypted() {
        facts.encrypted = Some(seen(encrypted));
    }
    look_closer(tool, &path, &written, verdict);
    verdict.made = Some(path.to_string_lossy().into_owned());
}

fn look_closer(tool: &ProgramTool, path: &Path, written: &Written, verdict: &mut Verdict) {
    match tool.program {
        Program::PgDump => {
            if written.format == Format::PostgresText {
                look_at_text(tool, path, pg_dump::is_whole(written), verdict);
            }
        }
        Program::MariadbDump => {
            if written.format == Format::MariadbText {
                look_at_text(tool, path, mariadb_dump::is_whole(written), verdict);
            }
        }
        Program::Sqlite3 => sqlite3::look_closer(written, verdict),
        Program::Sqlcmd => sqlcmd::look_closer(written, verdict),
        Program::Rclone
        | Program::Robocopy
        | Program::Tar
        | Program::SevenZip
        | Program::Dbbackup
        | Program::Duplicati
        | Program::WindowsServerBackup => {}
    }
}

/// A dump as text says in its last line that it is whole. It counts as verified only when it was read back, too.
fn look_at_text(tool: &ProgramTool, path: &Path, is_whole: bool, verdict: &mut Verdict) {
    let is_good = is_whole && (!tool.check || written::read_through(path));
    if tool.check || !is_good {
        verdict.facts.verified = Some(claim(is_good, Knowledge::Measured, Basis::WrittenFile));
    }
    if !is_whole {
        verdict.worsen(Outcome::Failed, "The dump is cut off: its last line is missing.");
    } else if !is_good {
        verdict.worsen(Outcome::Failed, DAMAGED);
    }
}

/// The command that checks what was written, where one is wanted and the tool has one.
pub(super) fn check_command(tool: &ProgramTool, command: &[String], verdict: &Verdict) -> Option<Vec<String>> {
    if !tool.check {
        return None;
    }
    let options = Options::of(tool.program, command);
    let made = verdict.made.as_deref();
    match tool.program {
        Program::Rclone => rclone::check_command(&options),
        Program::Tar => tar::check_command(&options, made?),
        Program::SevenZip => seven_zip::check_command(&options, made?),
        Program::PgDump => pg_dump::check_command(&options, made?),
        Program::Sqlite3 => Some(sqlite3::check_command(&options, made?)),
        Program::Sqlcmd => sqlcmd::check_command(&options, made?),
        Program::Robocopy
        | Program::MariadbDump
        | Program::Dbbackup
        | Program::Duplicati
        | Program::WindowsServerBackup => None,
    }
}

/// Whether the agent can check what the tool makes, by the tool itself or by reading it.
pub(crate) fn can_check(program: Program) -> bool {
    match program {
        Program::Rclone
        | Program::Tar
        | Program::SevenZip
        | Program::PgDump
        | Program::MariadbDump
        | Program::Sqlite3
        | Program::Sqlcmd => true,
        Program::Robocopy | Program::Dbbackup | Program::Duplicati | Program::WindowsServerBackup => false,
    }
}

/// How a tool shows what it made.
struct Listing {
    /// Whether what these options make can be listed, and its names told apart.
    is_possible: fn(&Options<'_>) -> bool,
    /// The command that lists what was made, a line each.
    command: fn(&Options<'_>, &str) -> Option<Vec<String>>,
    /// Reads one line.
    read_entry: fn(&Options<'_>, &str) -> Option<Entry>,
}

fn listing(program: Program) -> Option<Listing> {
    match program {
        Program::Tar => Some(Listing {
            is_possible: tar::can_be_listed,
            command: tar::list_command,
            read_entry: tar::read_entry,
        }),
        Program::SevenZip => Some(Listing {
            is_possible: seven_zip::can_be_listed,
            command: seven_zip::list_command,
            read_entry: seven_zip::read_entry,
        }),
        Program::Rclone
        | Program::Robocopy
        | Program::PgDump
        | Program::MariadbDump
        | Program::Sqlite3
        | Program::Sqlcmd
        | Program::Dbbackup
        | Program::Duplicati
        | Program::WindowsServerBackup => None,
    }
}

/// Whether what a command makes can be listed, so that what must be in it can be counted.
pub(crate) fn can_list(tool: &ProgramTool) -> bool {
    listing(tool.program).is_some_and(|listing| (listing.is_possible)(&Options::of(tool.program, &tool.command)))
}

/// The command that lists what was made, where the tool has one.
pub(super) fn list_command(tool: &ProgramTool, made: &str) -> Option<Vec<String>> {
    (listing(tool.program)?.command)(&Options::of(tool.program, &tool.command), made)
}

/// Reads one line of the list.
pub(super) fn read_entry(tool: &ProgramTool, line: &str) -> Option<Entry> {
    (listing(tool.program)?.read_entry)(&Options::of(tool.program, &tool.command), line)
}

/// Takes what the check found into the verdict.
pub(super) fn read_check(tool: &ProgramTool, ended: &Ended, verdict: &mut Verdict) {
    let good = match tool.program {
        Program::Sqlite3 => sqlite3::is_good(ended),
        Program::Sqlcmd => sqlcmd::is_valid(ended),
        Program::Rclone
        | Program::Robocopy
        | Program::Tar
        | Program::SevenZip
        | Program::PgDump
        | Program::MariadbDump
        | Program::Dbbackup
        | Program::Duplicati
        | Program::WindowsServerBackup => ended.code == 0,
    };
    let found = Some(claim(good, Knowledge::Measured, Basis::DataCheck));
    if tool.program == Program::Rclone {
        verdict.facts.compared = found;
        if !good {
            let sentence = "The backup was made, but comparing it with the source found differences.";
            verdict.worsen(Outcome::Warning, sentence);
        }
        return;
    }
    verdict.facts.verified = found;
    if !good {
        verdict.worsen(Outcome::Failed, DAMAGED);
    }
}

/// The version that the tool says it has.
pub(super) fn version(tool: &ProgramTool, command: &[String]) -> Option<String> {
    let program = command.first()?;
    if !is_one_of(program, program_names(tool.program)) {
        return None;
    }
    let (argument, word) = match tool.program {
        Program::Rclone => ("version", 1),
        Program::Tar => ("--version", 3),
        Program::PgDump => ("--version", 2),
        Program::MariadbDump => ("--version", 4),
        Program::Sqlite3 => ("--version", 0),
        Program::SevenZip => return seven_zip::version(program),
        // They print their version only in the middle of other text, or start something when asked.
        Program::Robocopy | Program::Sqlcmd | Program::Dbbackup | Program::Duplicati | Program::WindowsServerBackup => {
            return None;
        }
    };
    version_word(program, argument, word)
}

/// Whether the tool's result can be read from what it prints, so that a wrapped command's output is looked at.
pub(super) fn has_summary(program: Program) -> bool {
    match program {
        Program::Rclone
        | Program::Robocopy
        | Program::Tar
        | Program::SevenZip
        | Program::Sqlcmd
        | Program::Duplicati => true,
        // Their standard output may be the backup itself.
        Program::PgDump
        | Program::MariadbDump
        | Program::Sqlite3
        | Program::Dbbackup
        | Program::WindowsServerBackup => false,
    }
}

/// A sentence about an exit code that has no meaning of its own.
fn failed_with(name: &str, code: i64) -> String {
    match code {
        129..=192 => format!("The backup was ended by signal {}.", code - 128),
        _ => format!("{name} could not make the backup (exit code {code})."),
    }
}

/// `text` as a path for a program's command line: one that begins with `-` must not be taken for an option.
fn as_argument(path: &str) -> String {
    if Path::new(path).is_relative() && path.starts_with('-') {
        format!("./{path}")
    } else {
        path.to_owned()
    }
}

#[cfg(test)]
mod captured;
#[cfg(test)]
mod tests;
