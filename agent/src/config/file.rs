//! The configuration file's own shape, each value with its place in the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawConfig {
    pub(super) heartbeat: Option<Spanned<String>>,
    pub(super) backoff_cap: Option<Spanned<String>>,
    pub(super) stop_wait: Option<Spanned<String>>,
    pub(super) zone: Option<Spanned<String>>,
    pub(super) day_begins: Option<Spanned<String>>,
    pub(super) spool: RawSpool,
    #[serde(rename = "job")]
    pub(super) jobs: Vec<Spanned<RawJob>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawSpool {
    pub(super) max_events: Option<Spanned<i64>>,
    pub(super) max_megabytes: Option<Spanned<i64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawTool {
    Restic,
    Borg,
    Rclone,
    Robocopy,
    Tar,
    #[serde(rename = "7-zip", alias = "7zip")]
    SevenZip,
    #[serde(rename = "pg_dump")]
    PgDump,
    #[serde(rename = "mariadb-dump", alias = "mysqldump")]
    MariadbDump,
    Sqlite3,
    Sqlcmd,
    Dbbackup,
    Duplicati,
    #[serde(rename = "windows-server-backup", alias = "wbadmin")]
    WindowsServerBackup,
    Command,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawDestination {
    Medium,
    Vendor,
    Disk,
}

/// One `[[job]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJob {
    pub(super) key: Spanned<String>,
    pub(super) tool: Spanned<RawTool>,
    pub(super) schedule: Option<Spanned<String>>,
    pub(super) zone: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) attempts: Option<Spanned<i64>>,
    pub(super) retry_delay: Option<Spanned<String>>,
    pub(super) catch_up: Option<Spanned<String>>,
    pub(super) command: Option<Spanned<Vec<String>>>,
    pub(super) program: Option<Spanned<String>>,
    pub(super) repository: Option<Spanned<String>>,
    pub(super) paths: Option<Spanned<Vec<PathBuf>>>,
    pub(super) exclude: Option<Spanned<Vec<String>>>,
    pub(super) password_file: Option<Spanned<PathBuf>>,
    pub(super) check: Option<Spanned<bool>>,
    pub(super) check_subset: Option<Spanned<String>>,
    pub(super) ok: Option<Spanned<Vec<i64>>>,
    pub(super) warning: Option<Spanned<Vec<i64>>>,
    pub(super) medium: Option<Spanned<PathBuf>>,
    pub(super) require_medium: Option<Spanned<toml::Value>>,
    pub(super) destination: Option<Spanned<RawDestination>>,
    pub(super) destination_name: Option<Spanned<String>>,
    pub(super) writes: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) environment: BTreeMap<String, Spanned<String>>,
    pub(super) report_output: Option<Spanned<i64>>,
    pub(super) read_back: Option<Spanned<bool>>,
    pub(super) must_contain: Option<Spanned<Vec<PathBuf>>>,
    pub(super) compare: Option<Spanned<RawCompare>>,
    pub(super) copy: Option<Spanned<RawCopy>>,
    pub(super) watch: Option<Spanned<RawWatch>>,
    #[serde(default)]
    pub(super) claims: RawClaims,
}

/// `[job.compare]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCompare {
    pub(super) files: Option<Spanned<i64>>,
    pub(super) scratch: Spanned<PathBuf>,
}

/// `[job.watch]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawWatch {
    pub(super) kind: RawWatchKind,
    pub(super) product: Option<String>,
    pub(super) channel: Option<String>,
    pub(super) source: Option<String>,
    #[serde(default)]
    pub(super) rows: Vec<RawRow>,
    pub(super) file: Option<Spanned<PathBuf>>,
    pub(super) profile: Option<String>,
    #[serde(default)]
    pub(super) fail: Vec<String>,
    #[serde(default)]
    pub(super) success: Vec<String>,
    #[serde(default)]
    pub(super) start: Vec<String>,
    pub(super) encoding: Option<RawEncoding>,
    pub(super) backup: Option<String>,
    pub(super) port: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawWatchKind {
    EventLog,
    StatusFile,
    LogFile,
    Duplicati,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum RawEncoding {
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-16")]
    Utf16,
    #[serde(rename = "windows-1252")]
    Windows1252,
}

/// One of `rows`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRow {
    pub(super) source: String,
    pub(super) id: u32,
    pub(super) means: RawMeaning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawMeaning {
    Started,
    Ok,
    Warning,
    Failed,
}

/// `[job.copy]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCopy {
    pub(super) tool: Option<Spanned<RawTool>>,
    pub(super) command: Spanned<Vec<String>>,
    pub(super) writes: Spanned<PathBuf>,
    #[serde(default)]
    pub(super) expect: Vec<String>,
    pub(super) live: Option<Spanned<Vec<PathBuf>>>,
    pub(super) process: Option<Spanned<String>>,
    pub(super) check: Option<Spanned<bool>>,
    pub(super) validate: Option<Spanned<Vec<String>>>,
    pub(super) scratch: Option<Spanned<PathBuf>>,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RawClaims {
    pub(super) full: Option<bool>,
    pub(super) verified: Option<bool>,
    pub(super) compared: Option<bool>,
    pub(super) compressed: Option<bool>,
    pub(super) encrypted: Option<bool>,
}
