//! What a platform reads for a look around: texts and names, not yet understood.

use std::collections::{BTreeMap, BTreeSet};

/// Everything that was read.
#[derive(Debug, Default)]
pub(crate) struct Material {
    /// Crontabs.
    pub(crate) crontabs: Vec<CrontabFile>,
    /// Scripts of `/etc/cron.daily` and the like.
    pub(crate) cron_scripts: Vec<CronScript>,
    /// Whether anacron is installed, which then starts those scripts.
    pub(crate) has_anacron: bool,
    /// Timers and services of systemd by name, each with its drop-ins behind it.
    pub(crate) units: BTreeMap<String, String>,
    /// The timers that are started with the machine.
    pub(crate) enabled_timers: BTreeSet<String>,
    /// Tasks of Windows' Task Scheduler.
    pub(crate) tasks: Vec<TaskFile>,
    /// Names of installed services.
    pub(crate) services: Vec<String>,
    /// Whether they are services of Windows.
    pub(crate) are_windows_services: bool,
    /// Names of programs in the folders where programs are.
    pub(crate) programs: BTreeSet<String>,
    /// Names of running processes, with the version where their file's place tells it.
    pub(crate) processes: Vec<(String, Option<String>)>,
    /// Names of sources of Windows' event log.
    pub(crate) event_sources: Vec<String>,
    /// Usual places of databases that hold one, with its version.
    pub(crate) database_folders: Vec<(Database, Option<String>)>,
    /// What could not be read, in general words.
    pub(crate) unreadable: BTreeSet<&'static str>,
}

/// A crontab.
#[derive(Debug)]
pub(crate) struct CrontabFile {
    /// The file's name, for those of `/etc/cron.d`.
    pub(crate) name: Option<String>,
    /// Whether it is a user's own.
    pub(crate) is_users: bool,
    /// What stands in it.
    pub(crate) text: String,
}

/// A script that cron starts because of the folder it is in.
#[derive(Debug)]
pub(crate) struct CronScript {
    /// `cron.daily`, …
    pub(crate) folder: &'static str,
    /// Its file's name.
    pub(crate) name: String,
    /// What stands in it.
    pub(crate) text: String,
}

/// A task.
#[derive(Debug)]
pub(crate) struct TaskFile {
    /// Its own name, without folders.
    pub(crate) name: String,
    /// Its XML.
    pub(crate) bytes: Vec<u8>,
}

/// A kind of database server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Database {
    /// PostgreSQL.
    Postgres,
    /// MariaDB or MySQL.
    Mariadb,
    /// SQL Server.
    SqlServer,
    /// SQL Anywhere.
    SqlAnywhere,
}

impl Database {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [Self::Postgres, Self::Mariadb, Self::SqlServer, Self::SqlAnywhere];

    /// As people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Mariadb => "MariaDB",
            Self::SqlServer => "SQL Server",
            Self::SqlAnywhere => "SQL Anywhere",
        }
    }

    /// The tool that copies it while it runs.
    pub(crate) fn tool(self) -> &'static str {
        match self {
            Self::Postgres => "pg_dump",
            Self::Mariadb => "mariadb-dump",
            Self::SqlServer => "sqlcmd",
            Self::SqlAnywhere => "dbbackup",
        }
    }

    /// Whether a tool saves it.
    pub(crate) fn is_saved_by(self, tool: &str) -> bool {
        tool == self.tool()
            || match self {
                Self::Postgres => tool == "pg_basebackup",
                Self::Mariadb => tool == "mariadb-backup",
                Self::SqlServer | Self::SqlAnywhere => false,
            }
    }

    /// The key of a job that copies it.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::Postgres => "postgresql",
            Self::Mariadb => "mariadb",
            Self::SqlServer => "sql-server",
            Self::SqlAnywhere => "sql-anywhere",
        }
    }
}
