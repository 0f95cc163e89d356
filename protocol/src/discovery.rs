//! Discovery: what a look around on a machine proposes to watch. Nothing becomes a job before somebody accepts it.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::JobKey;

/// The most proposals of one report.
pub const MOST_PROPOSALS: usize = 40;

/// The longest name, version or event source in a proposal, in characters.
pub const MOST_PROPOSED_CHARACTERS: usize = 100;

/// What was found on a machine and could be a job, the most useful first. A later report replaces this one: what it does not
/// name is not there any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobsProposed {
    /// When it was looked.
    pub looked_at: Timestamp,
    /// What was found.
    pub proposals: Vec<JobProposal>,
}

/// One thing that could be a job: the kind of thing, the tool and the schedule. No command line, no folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobProposal {
    /// What the job would be called; the same at each look as long as the thing is there.
    pub key: JobKey,
    /// The tool or product: `restic`, `veeam`, …; lower-case letters, digits, `-`, `_` and `.`, at most 40.
    pub tool: String,
    /// What kind of thing was found.
    pub found: FoundBy,
    /// What that thing is called on the machine: a timer's, a task's, a file's own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// How its runs would be reported.
    pub way: ReportingWay,
    /// Whether a script or other commands stand between it and the tool, so that the exit code is theirs.
    #[serde(default)]
    pub is_indirect: bool,
    /// When it runs, if that can be said exactly in five cron fields.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<ProposedSchedule>,
    /// Why there is no schedule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unclear: Option<Unclear>,
    /// The version of a database server, where it is known without asking it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The event source under which the product logs, where the machine has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// When a thing runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedSchedule {
    /// Five cron fields.
    pub cron: String,
    /// The IANA time zone they are read in: the thing's own, else the machine's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// How much later, by chance, it may begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub up_to_seconds_later: Option<u32>,
}

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundBy {
    /// A timer of systemd.
    SystemdTimer,
    /// A line of the machine's crontab or of a file in `/etc/cron.d`.
    Crontab,
    /// A line of a user's crontab.
    UserCrontab,
    /// A script in `/etc/cron.daily` and the like.
    CronFolder,
    /// A task of Windows' Task Scheduler.
    ScheduledTask,
    /// An installed service.
    Service,
    /// A database server that runs.
    DatabaseServer,
    /// A database server's data at its usual place.
    DatabaseFolder,
}

/// How the runs of a proposed job would be reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportingWay {
    /// Its scheduler starts it through `lastgood-agent exec`.
    Wrapped,
    /// The agent reads what it writes into Windows' event log.
    EventLog,
    /// Duplicati posts its reports to the agent.
    Duplicati,
    /// The agent starts it: nothing else does.
    Own,
}

/// Why a proposal has no schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unclear {
    /// It has one that five cron fields cannot say exactly.
    NotFiveFields,
    /// It runs some time after something else happened, not by a calendar.
    NotByCalendar,
    /// anacron starts it some time of the day.
    Anacron,
    /// Its program keeps its own schedule.
    OwnScheduler,
    /// Nothing was found that backs it up.
    NothingStartsIt,
}

impl FoundBy {
    /// Its kind, as a sentence begins: `A systemd timer`.
    pub fn words(self) -> &'static str {
        match self {
            Self::SystemdTimer => "A systemd timer",
            Self::Crontab => "A line of the machine's cron",
            Self::UserCrontab => "A line of a user's crontab",
            Self::CronFolder => "A script that cron starts",
            Self::ScheduledTask => "A scheduled task",
            Self::Service => "An installed service",
            Self::DatabaseServer => "A database server that runs",
            Self::DatabaseFolder => "A database server's data folder",
        }
    }
}

impl Unclear {
    /// Why there is no schedule, as a sentence.
    pub fn words(self) -> &'static str {
        match self {
            Self::NotFiveFields => "It has a schedule that five cron fields cannot say exactly.",
            Self::NotByCalendar => "It runs some time after something else, not by a calendar.",
            Self::Anacron => "anacron starts it some time of the day.",
            Self::OwnScheduler => "Its program keeps its own schedule.",
            Self::NothingStartsIt => "Nothing was found that backs it up.",
        }
    }
}

impl JobProposal {
    /// The lines for the agent's `agent.toml`, for a job of this key and schedule; paths are those of the agent's system.
    pub fn settings(&self, key: &JobKey, cron: Option<&str>, on_windows: bool) -> String {
        let mut lines = format!("[[job]]\nkey = \"{key}\"\n");
        match self.way {
            ReportingWay::Wrapped if self.is_indirect => lines.push_str("tool = \"command\"\n"),
            ReportingWay::Wrapped => line(&mut lines, "tool", &text(tool_setting(&self.tool))),
            ReportingWay::EventLog => {
                line(&mut lines, "tool", &text(tool_setting(&self.tool)));
                lines.push_str("[job.watch]\nkind = \"event-log\"\n");
                line(&mut lines, "product", &text(&self.tool));
                match &self.source {
                    Some(source) => line(&mut lines, "source", &text(source)),
                    None if needs_source(&self.tool) => {
                        lines.push_str("# source = \"…\"   as the event viewer shows it\n");
                    }
                    None => {}
                }
            }
            ReportingWay::Duplicati => {
                lines.push_str("tool = \"duplicati\"\n[job.watch]\nkind = \"duplicati\"\n");
                lines.push_str("backup = \"its name\"   # as Duplicati shows it\n");
            }
            ReportingWay::Own => {
                line(&mut lines, "tool", &text(tool_setting(&self.tool)));
                line(&mut lines, "schedule", &text(cron.unwrap_or("0 22 * * *")));
                lines.push_str(own_command(&self.tool, on_windows));
            }
        }
        lines
    }

    /// What is to be done beside those lines.
    pub fn further_step(&self, key: &JobKey) -> String {
        let named = |what: &str| match &self.name {
            Some(name) => format!("{what} {name}"),
            None => what.to_owned(),
        };
        let place = match (self.way, self.found) {
            (ReportingWay::EventLog, _) => {
                return format!(
                    "Its runs are read from the event log from then on. How its last ones count: lastgood-agent preview {key}"
                );
            }
            (ReportingWay::Duplicati, _) => {
                return "In Duplicati, add the option --send-http-json-urls=http://127.0.0.1:8217/ to the backup."
                    .to_owned();
            }
            (ReportingWay::Own, _) => {
                return "Check the command and where it writes; the agent starts it by itself.".to_owned();
            }
            (ReportingWay::Wrapped, FoundBy::SystemdTimer) => named("the service that is started by the timer"),
            (ReportingWay::Wrapped, FoundBy::ScheduledTask) => named("the action of the task"),
            (ReportingWay::Wrapped, FoundBy::CronFolder) => named("the script"),
            (ReportingWay::Wrapped, FoundBy::UserCrontab) => "the user's crontab".to_owned(),
            (
                ReportingWay::Wrapped,
                FoundBy::Crontab | FoundBy::Service | FoundBy::DatabaseServer | FoundBy::DatabaseFolder,
            ) => named("the crontab"),
        };
        format!("In {place}, put this before the command: lastgood-agent exec {key} --")
    }
}

fn line(lines: &mut String, name: &str, value: &str) {
    writeln!(lines, "{name} = {value}").expect("writing to a String does not fail");
}

/// A basic string of TOML's.
fn text(value: &str) -> String {
    let mut quoted = String::from('"');
    for c in value.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                write!(quoted, "\\u{:04X}", u32::from(c)).expect("writing to a String does not fail");
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// The word for a tool in `agent.toml`: its own where it is understood, else `command`.
fn tool_setting(tool: &str) -> &str {
    const UNDERSTOOD: [&str; 13] = [
        "restic",
        "borg",
        "rclone",
        "robocopy",
        "tar",
        "7-zip",
        "pg_dump",
        "mariadb-dump",
        "sqlite3",
        "sqlcmd",
        "dbbackup",
        "duplicati",
        "windows-server-backup",
    ];
    if UNDERSTOOD.contains(&tool) { tool } else { "command" }
}

/// Whether what a product logs is not known without the source's name on the machine.
fn needs_source(product: &str) -> bool {
    matches!(product, "cove" | "redstor")
}

/// What the agent would start to copy a database; where it writes is for the administrator to change.
fn own_command(tool: &str, on_windows: bool) -> &'static str {
    match (tool, on_windows) {
        ("pg_dump", false) => concat!(
            "# as a user who may read every database; a password belongs into ~/.pgpass\n",
            "command = [\"pg_dumpall\", \"--no-password\", \"-f\", \"/var/backups/postgresql.sql\"]\n",
            "writes = \"/var/backups/postgresql.sql\"\n"
        ),
        ("pg_dump", true) => concat!(
            "command = ['C:\\Program Files\\PostgreSQL\\VERSION\\bin\\pg_dumpall.exe', \"--no-password\", \"-f\", 'C:\\Backup\\postgresql.sql']\n",
            "writes = 'C:\\Backup\\postgresql.sql'\n"
        ),
        ("mariadb-dump", false) => concat!(
            "command = [\"mariadb-dump\", \"--all-databases\", \"--single-transaction\", \"--result-file=/var/backups/mariadb.sql\"]\n",
            "writes = \"/var/backups/mariadb.sql\"\n"
        ),
        ("mariadb-dump", true) => concat!(
            "command = [\"mysqldump.exe\", \"--all-databases\", \"--single-transaction\", '--result-file=C:\\Backup\\mysql.sql']\n",
            "writes = 'C:\\Backup\\mysql.sql'\n"
        ),
        ("sqlcmd", _) => concat!(
            "command = [\"sqlcmd\", \"-E\", \"-b\", \"-Q\", \"BACKUP DATABASE [NAME] TO DISK = 'C:\\\\Backup\\\\NAME.bak' WITH INIT, CHECKSUM\"]\n",
            "writes = 'C:\\Backup\\NAME.bak'\n"
        ),
        ("dbbackup", false) => concat!(
            "# user, password and database stand as -c \"…\" in a file that only root can read\n",
            "command = [\"dbbackup\", \"@/etc/lastgood/dbbackup.options\", \"-y\", \"/var/backups/database\"]\n",
            "writes = \"/var/backups/database\"\n"
        ),
        ("dbbackup", true) => concat!(
            "# user, password and database stand as -c \"…\" in a file that only administrators can read\n",
            "command = [\"dbbackup\", '@C:\\ProgramData\\Lastgood\\dbbackup.options', \"-y\", 'C:\\Backup\\database']\n",
            "writes = 'C:\\Backup\\database'\n"
        ),
        (_, _) => "command = [\"program\", \"argument\"]   # what makes the backup\n",
    }
}
