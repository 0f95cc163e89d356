//! Runs: one execution of a backup job, and the facts measured.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{JobKey, MediumSighting, RunId};

/// A run began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStarted {
    /// This run.
    pub run: RunId,
    /// The job it is a run of.
    pub job: JobKey,
    /// When it began, by the agent's clock.
    pub started_at: Timestamp,
    /// Which try this is, 1 for the first.
    pub attempt: u32,
}

/// A run ended. Complete in itself: the server needs no [`RunStarted`] to understand it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    /// This run.
    pub run: RunId,
    /// The job it is a run of.
    pub job: JobKey,
    /// When it began, by the agent's clock.
    pub started_at: Timestamp,
    /// When it ended, by the agent's clock.
    pub finished_at: Timestamp,
    /// Which try this was, 1 for the first.
    pub attempt: u32,
    /// Whether the agent will try again within the same slot; such a failure does not alert yet.
    #[serde(default)]
    pub will_be_retried: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// One sentence why, for an outcome other than ok: from the agent's own table, never the tool's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The tool's exit code, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// Which tool did it.
    pub tool: ToolIdentity,
    /// What was measured.
    pub facts: RunFacts,
    /// The medium the run wrote to, if its destination is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<MediumSighting>,
    /// The end of what the tool printed: only of a run that did not end ok, and only where the machine's administrator asks
    /// for it in the agent's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputTail>,
}

/// The last lines of what a tool printed, oldest first. The agent redacts them before it writes them anywhere: secrets,
/// addresses, paths and file names are not in them, nor any word that is not on the agent's list. At most
/// [`MOST_OUTPUT_LINES`](crate::MOST_OUTPUT_LINES) of each kind and [`MOST_OUTPUT_BYTES`](crate::MOST_OUTPUT_BYTES) in all,
/// without control characters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutputTail {
    /// Lines of its standard output.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stdout: Vec<String>,
    /// Lines of its standard error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stderr: Vec<String>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The tool says everything it was asked to back up is backed up.
    Ok,
    /// A backup was made, and the tool complained (restic 3: some source files unreadable).
    Warning,
    /// No usable backup was made.
    Failed,
}

/// A backup tool and its version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolIdentity {
    /// `restic`, `borg`, `command`, …
    pub name: String,
    /// The version it reports of itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// What a run measured. Everything is optional: unknown is not zero.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFacts {
    /// Bytes of the source that were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_processed: Option<u64>,
    /// Bytes added to the destination.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_added: Option<u64>,
    /// Files in the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_total: Option<u64>,
    /// Files that were not in the backup before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_new: Option<u64>,
    /// Files that changed since the backup before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub files_changed: Option<u64>,
    /// Problems the tool counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<u64>,
    /// The tool's own name of what it made (a snapshot id, an archive id), so that a drill can say what it restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// What kind of place it went to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationKind>,
    /// A full backup, as opposed to one that needs others to be restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub full: Option<Claim>,
    /// What was written was read back and checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verified: Option<Claim>,
    /// What was written was compared with the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<Claim>,
    /// The backup is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compressed: Option<Claim>,
    /// The backup is encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encrypted: Option<Claim>,
    /// The administrator's own name of the place it went to, such as that of a vendor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub destination_name: Option<String>,
    /// What came of restoring a random sample and comparing it with the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample: Option<Sample>,
    /// The copy of a running database that the run began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<DatabaseCopy>,
    /// What the backup contains, read back from the tool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<Coverage>,
    /// When the process of the database server was last started, by the agent's clock.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_started_at: Option<Timestamp>,
    /// The medium or set that should have been in the drive: the run did not begin, because the administrator's rule asks for
    /// that one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wanted_medium: Option<String>,
}

/// Files restored at random to a scratch folder and compared with the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sample {
    /// Files drawn.
    pub files: u64,
    /// Their size in bytes, as the backup has it.
    pub bytes: u64,
    /// Content is the same as the source's.
    pub same: u64,
    /// The source was changed or removed since the backup, so nothing can be said.
    pub changed_since: u64,
    /// The source was not changed, and the content differs.
    pub different: u64,
    /// Could not be restored.
    pub not_restored: u64,
}

/// What came of copying a running database.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseCopy {
    /// Everything expected was written after the step began.
    pub fresh: bool,
    /// Everything expected is there, and the size has not collapsed.
    pub complete: bool,
    /// The recipe's own check found it good; `None` when the recipe has none or it could not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub validated: Option<bool>,
    /// Files of the copy.
    pub files: u64,
    /// Their size in bytes.
    pub bytes: u64,
    /// The size of the copy before, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_before: Option<u64>,
}

/// What a backup contains of what it must and must not contain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Coverage {
    /// Folders that must be protected.
    pub required: u64,
    /// Those of them that are in the backup, with at least one entry.
    pub covered: u64,
    /// Whether the database's copy is in the backup, each file in its present size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy_inside: Option<bool>,
    /// Whether files of the live database are in the backup.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live_inside: Option<bool>,
    /// Whether the database ran while the backup was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database_ran: Option<bool>,
}

/// A yes or no about a run, and how it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// Yes or no.
    pub holds: bool,
    /// How well it is known.
    pub known: Knowledge,
    /// By what it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
}

/// By what a [`Claim`] is known. A closed list, so that the server's pages say it in the server's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The tool says so in its result of this run.
    ToolResult,
    /// The tool cannot do otherwise.
    ToolNature,
    /// The options the tool was started with.
    Options,
    /// The first or last bytes of what was written.
    WrittenFile,
    /// A check of the repository's structure.
    StructureCheck,
    /// A check that read all the data back, or a part of it.
    DataCheck,
    /// A random sample was restored and compared with the source.
    Sample,
    /// An entry of the operating system's event log.
    EventLog,
    /// The administrator says so in the agent's configuration.
    Administrator,
    /// Everything on the medium is encrypted.
    EncryptedMedium,
    /// Something that this version does not know.
    #[serde(other)]
    Other,
}

/// How a [`Claim`] is known, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Knowledge {
    /// Seen in the tool's own result or in the backup itself.
    Measured,
    /// The tool is set up to do so, or cannot do otherwise.
    Configured,
    /// Somebody says so.
    Attested,
}

/// The kinds of place a backup goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DestinationKind {
    /// A disk, tape or cartridge that is taken out and rotated.
    Medium,
    /// A company's storage, away from the practice.
    Vendor,
    /// A disk that stays where it is.
    Disk,
}
