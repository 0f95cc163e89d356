//! Tools that are started with a whole command, and whose results are understood.

use std::path::PathBuf;

use super::build::Builder;
use super::file::{RawJob, RawTool};
use crate::tools::program::can_check;

/// A tool that is understood, started with a whole command.
#[derive(Debug, Clone)]
pub(crate) struct ProgramTool {
    /// Which.
    pub(crate) program: Program,
    /// Program and arguments; empty for a job that only `exec` starts.
    pub(crate) command: Vec<String>,
    /// The file or folder that the command writes.
    pub(crate) writes: Option<PathBuf>,
    /// Whether what was written is checked after each run.
    pub(crate) check: bool,
}

impl ProgramTool {
    /// The tool of a command that `exec` was given and the configuration does not know.
    pub(crate) fn only_wrapped(program: Program) -> Self {
        Self {
            program,
            command: Vec::new(),
            writes: None,
            check: false,
        }
    }
}

/// The tools that are understood beside restic and borg.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Program {
    /// rclone.
    Rclone,
    /// robocopy.
    Robocopy,
    /// tar.
    Tar,
    /// 7-Zip.
    SevenZip,
    /// PostgreSQL's `pg_dump` and `pg_dumpall`.
    PgDump,
    /// `mariadb-dump` and `mysqldump`.
    MariadbDump,
    /// SQLite's shell.
    Sqlite3,
    /// SQL Server's `sqlcmd`.
    Sqlcmd,
    /// SQL Anywhere's `dbbackup`.
    Dbbackup,
    /// Duplicati's command line.
    Duplicati,
    /// `wbadmin`.
    WindowsServerBackup,
}

impl Program {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
        Self::Rclone,
        Self::Robocopy,
        Self::Tar,
        Self::SevenZip,
        Self::PgDump,
        Self::MariadbDump,
        Self::Sqlite3,
        Self::Sqlcmd,
        Self::Dbbackup,
        Self::Duplicati,
        Self::WindowsServerBackup,
    ];

    /// Its name in reports and in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rclone => "rclone",
            Self::Robocopy => "robocopy",
            Self::Tar => "tar",
            Self::SevenZip => "7-zip",
            Self::PgDump => "pg_dump",
            Self::MariadbDump => "mariadb-dump",
            Self::Sqlite3 => "sqlite3",
            Self::Sqlcmd => "sqlcmd",
            Self::Dbbackup => "dbbackup",
            Self::Duplicati => "duplicati",
            Self::WindowsServerBackup => "windows-server-backup",
        }
    }

    pub(super) fn of(tool: RawTool) -> Option<Self> {
        Some(match tool {
            RawTool::Rclone => Self::Rclone,
            RawTool::Robocopy => Self::Robocopy,
            RawTool::Tar => Self::Tar,
            RawTool::SevenZip => Self::SevenZip,
            RawTool::PgDump => Self::PgDump,
            RawTool::MariadbDump => Self::MariadbDump,
            RawTool::Sqlite3 => Self::Sqlite3,
            RawTool::Sqlcmd => Self::Sqlcmd,
            RawTool::Dbbackup => Self::Dbbackup,
            RawTool::Duplicati => Self::Duplicati,
            RawTool::WindowsServerBackup => Self::WindowsServerBackup,
            RawTool::Restic | RawTool::Borg | RawTool::Command => return None,
        })
    }
}

impl Builder<'_> {
    pub(super) fn program(&mut self, program: Program, command: Vec<String>, raw: &RawJob) -> ProgramTool {
        let check = raw.check.as_ref().is_some_and(|check| *check.get_ref());
        if let Some(given) = raw.check.as_ref().filter(|_| check && !can_check(program)) {
            self.wrong(
                &given.span(),
                format!("the agent knows no check of what {} makes", program.name()),
                "Remove the line",
            );
        }
        if let Some(writes) = raw.writes.as_ref().filter(|writes| writes.get_ref().is_relative()) {
            self.wrong(
                &writes.span(),
                "what the command writes is given without its full path",
                "Write it from the root on",
            );
        }
        if program == Program::Sqlcmd
            && let Some(given) = &raw.command
            && !command.iter().any(|argument| argument == "-b")
        {
            self.warn(
                &given.span(),
                "sqlcmd ends with 0 also when the backup failed",
                "Add \"-b\" to the command",
            );
        }
        ProgramTool {
            program,
            command,
            writes: raw.writes.as_ref().map(|writes| writes.get_ref().clone()),
            check,
        }
    }
}

/// Whether an argument of a command line holds a password in the open, as the understood tools take them.
pub(super) fn shows_password(program: Option<Program>, argument: &str) -> bool {
    let lower = argument.to_ascii_lowercase();
    let after = |option: &str| argument.strip_prefix(option).is_some_and(|rest| !rest.is_empty());
    let by_tool = match program {
        Some(Program::SevenZip | Program::MariadbDump) => after("-p"),
        Some(Program::Sqlcmd) => after("-P") || argument == "-P",
        Some(Program::Duplicati) => lower.starts_with("--passphrase="),
        Some(
            Program::Rclone
            | Program::Robocopy
            | Program::Tar
            | Program::PgDump
            | Program::Sqlite3
            | Program::Dbbackup
            | Program::WindowsServerBackup,
        )
        | None => false,
    };
    by_tool || lower.contains("password=") || lower.contains("pwd=") || lower.contains("passphrase=")
}
