//! The agent's settings: a TOML file that only its administrator can write, and flags and variables above it.
//! The environment is read here and nowhere else.

mod after;
mod build;
mod file;
mod job;
mod medium;
mod problem;
mod program;
mod secret;
mod settings;
mod watch;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use lastgood_protocol::{DestinationKind, JobKey};

use crate::engine::rotation::{BackupDays, MediumRule};
use crate::engine::schedule::Schedule;
use crate::secrets::SecretName;
use crate::spool::Limits;
pub(crate) use after::{Compare, CopyStep};
pub(crate) use build::parse_duration;
pub(crate) use medium::WEEKDAY_NAMES;
pub(crate) use problem::{ConfigProblem, ConfigProblems};
pub(crate) use program::{Program, ProgramTool};
#[cfg(fuzzing)]
pub(crate) use settings::read;
pub(crate) use settings::{Overrides, ServiceEnvironment, inherited_environment, load};
pub(crate) use watch::Watch;

/// Everything the configuration says, checked.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    /// The file it was read from; `None` when there is none and the defaults hold.
    pub(crate) file: Option<PathBuf>,
    /// Between two heartbeats.
    pub(crate) heartbeat: Duration,
    /// The longest wait after failed deliveries.
    pub(crate) backoff_cap: Duration,
    /// How long a stopping agent waits for a backup that runs before it ends it.
    pub(crate) stop_wait: Duration,
    /// What the spool may hold.
    pub(crate) spool: Limits,
    /// The jobs, in the file's order.
    pub(crate) jobs: Vec<JobConfig>,
    /// What is allowed but should be looked at.
    pub(crate) warnings: Vec<ConfigProblem>,
}

/// One backup job.
#[derive(Debug, Clone)]
pub(crate) struct JobConfig {
    /// Its name, the same as on the server.
    pub(crate) key: JobKey,
    /// The tool and what it is to do.
    pub(crate) tool: Tool,
    /// When it is due; `None` when another scheduler starts it through `exec`.
    pub(crate) schedule: Option<Schedule>,
    /// After how long its process tree is ended.
    pub(crate) timeout: Option<Duration>,
    /// How often it is tried within one slot.
    pub(crate) attempts: u32,
    /// How long after a failed try the next begins.
    pub(crate) retry_delay: Duration,
    /// How late a missed start is still made up for.
    pub(crate) catch_up: Duration,
    /// A folder on the medium that it writes to.
    pub(crate) medium: Option<PathBuf>,
    /// What the medium there must be before a run may begin.
    pub(crate) require_medium: Option<MediumRule>,
    /// Its backup days.
    pub(crate) days: BackupDays,
    /// What kind of place it writes to.
    pub(crate) destination: Option<DestinationKind>,
    /// The administrator's name of that place.
    pub(crate) destination_name: Option<String>,
    /// What another program leaves, for a job that only watches.
    pub(crate) watch: Option<Watch>,
    /// The copy of a running database with which a run begins.
    pub(crate) copy: Option<CopyStep>,
    /// Folders that must be in the backup.
    pub(crate) must_contain: Vec<PathBuf>,
    /// The sample that is restored after each run.
    pub(crate) compare: Option<Compare>,
    /// What the administrator says of the backup.
    pub(crate) claims: AttestedClaims,
    /// Variables for the tool.
    pub(crate) environment: Vec<(String, String)>,
    /// Variables whose values do not stand in the configuration.
    pub(crate) secrets: Vec<SecretVariable>,
    /// How many of the last lines of each output a report carries, redacted, when a run does not end well; `None` for none.
    pub(crate) report_output: Option<usize>,
}

/// A variable whose value does not stand in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretVariable {
    /// The variable's name.
    pub(crate) name: String,
    /// Where its value is.
    pub(crate) source: SecretSource,
}

/// Where a secret is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SecretSource {
    /// In a file of the administrator's.
    File(PathBuf),
    /// In the agent's state folder, under this name.
    Kept(SecretName),
}

/// A tool and what it is to do.
#[derive(Debug, Clone)]
pub(crate) enum Tool {
    /// restic.
    Restic(RepositoryTool),
    /// borg.
    Borg(RepositoryTool),
    /// A tool that is started with a whole command and is understood.
    Program(ProgramTool),
    /// Anything else, understood by its exit code.
    Command {
        /// Program and arguments; empty for a job that only `exec` starts.
        command: Vec<String>,
        /// What its exit codes mean.
        codes: ExitCodes,
    },
}

/// What restic and borg need to know.
#[derive(Debug, Clone, Default)]
pub(crate) struct RepositoryTool {
    /// A whole command, instead of the parts below.
    pub(crate) command: Vec<String>,
    /// The program; `restic` or `borg` from the search path when not given.
    pub(crate) program: Option<String>,
    /// Where the backups are.
    pub(crate) repository: Option<String>,
    /// What is backed up.
    pub(crate) paths: Vec<PathBuf>,
    /// What is left out.
    pub(crate) exclude: Vec<String>,
    /// The file with the repository's password.
    pub(crate) password_file: Option<PathBuf>,
    /// Whether the repository is checked after each backup.
    pub(crate) check: bool,
    /// How much of the content the check reads back: `5%`, `1/10`, `500M`.
    pub(crate) check_subset: Option<String>,
    /// Whether borg extracts the archive to nowhere after each backup.
    pub(crate) read_back: bool,
}

/// What exit codes mean; all others are failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExitCodes {
    /// The backup is good.
    pub(crate) ok: BTreeSet<i64>,
    /// A backup was made, with complaints.
    pub(crate) warning: BTreeSet<i64>,
}

impl Default for ExitCodes {
    fn default() -> Self {
        Self {
            ok: BTreeSet::from([0]),
            warning: BTreeSet::new(),
        }
    }
}

/// What the administrator says of a job's backups. What the agent can see for itself counts for more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct AttestedClaims {
    /// See [`lastgood_protocol::RunFacts::full`].
    pub(crate) full: Option<bool>,
    /// See [`lastgood_protocol::RunFacts::verified`].
    pub(crate) verified: Option<bool>,
    /// See [`lastgood_protocol::RunFacts::compared`].
    pub(crate) compared: Option<bool>,
    /// See [`lastgood_protocol::RunFacts::compressed`].
    pub(crate) compressed: Option<bool>,
    /// See [`lastgood_protocol::RunFacts::encrypted`].
    pub(crate) encrypted: Option<bool>,
}

impl Config {
    /// The job with this key.
    pub(crate) fn job(&self, key: &JobKey) -> Option<&JobConfig> {
        self.jobs.iter().find(|job| &job.key == key)
    }
}

impl JobConfig {
    /// A job that the configuration does not name, as `exec` reports it.
    pub(crate) fn unnamed(key: JobKey, tool: Tool) -> Self {
        Self {
            key,
            tool,
            schedule: None,
            timeout: None,
            attempts: 1,
            retry_delay: Duration::ZERO,
            catch_up: Duration::ZERO,
            medium: None,
            require_medium: None,
            days: medium::default_days(),
            destination: None,
            destination_name: None,
            watch: None,
            copy: None,
            must_contain: Vec::new(),
            compare: None,
            claims: AttestedClaims::default(),
            environment: Vec::new(),
            secrets: Vec::new(),
            report_output: None,
        }
    }
}

impl JobConfig {
    /// The name of what makes its backups, in reports.
    pub(crate) fn tool_name(&self) -> &str {
        match &self.watch {
            Some(Watch::EventLog(table)) => &table.product,
            Some(Watch::StatusFile { .. }) => "resticprofile",
            Some(Watch::Duplicati { .. }) => "duplicati",
            Some(Watch::LogFile(_)) | None => self.tool.name(),
        }
    }
}

impl Tool {
    /// The tool's name in reports.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Restic(_) => "restic",
            Self::Borg(_) => "borg",
            Self::Program(tool) => tool.program.name(),
            Self::Command { .. } => "command",
        }
    }

    /// Whether the agent has enough to start it by itself.
    pub(crate) fn can_start(&self) -> bool {
        match self {
            Self::Restic(tool) | Self::Borg(tool) => {
                !tool.command.is_empty() || (tool.repository.is_some() && !tool.paths.is_empty())
            }
            Self::Program(ProgramTool { command, .. }) | Self::Command { command, .. } => !command.is_empty(),
        }
    }
}

// They speak of the rights and links of Unix.
#[cfg(all(test, unix))]
mod tests;
