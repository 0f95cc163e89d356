//! What a proposal is, and what one may hold.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{FoundBy, JobProposal, JobsProposed, MOST_PROPOSALS, MOST_PROPOSED_CHARACTERS, ReportingWay};

use crate::error::AppError;
use crate::expectations::DstPolicy;
use crate::expectations::schedule::Schedule;
use crate::ids::{AgentId, JobId, OfficeId, PracticeId, ProposalId};
use crate::web::words;

crate::text_enum! {
    /// What became of a proposal.
    pub enum State {
        /// It waits for somebody.
        Proposed = "proposed",
        /// It is a job now.
        Accepted = "accepted",
        /// Somebody said that it is none.
        Dismissed = "dismissed",
    }
}

/// A proposal as it is stored.
#[derive(Debug, Clone)]
pub(super) struct Proposal {
    /// It.
    pub(super) id: ProposalId,
    /// Its practice.
    pub(super) practice: PracticeId,
    /// The practice's name.
    pub(super) practice_name: String,
    /// The agent's office.
    pub(super) office: OfficeId,
    /// The zone of that office.
    pub(super) zone: String,
    /// The agent.
    pub(super) agent: AgentId,
    /// The agent's name.
    pub(super) agent_name: String,
    /// `linux` or `windows`.
    pub(super) platform: String,
    /// What it says.
    pub(super) said: JobProposal,
    /// When it was last found.
    pub(super) last_proposed_at: Timestamp,
    /// Since when it is not found any more.
    pub(super) gone_since: Option<Timestamp>,
    /// What became of it.
    pub(super) state: State,
    /// Since when.
    pub(super) state_since: Timestamp,
    /// The job it became.
    pub(super) job: Option<AcceptedJob>,
}

/// The job that a proposal became.
#[derive(Debug, Clone)]
pub(super) struct AcceptedJob {
    /// It.
    pub(super) id: JobId,
    /// Its name.
    pub(super) name: String,
    /// Its key, which somebody may have changed while accepting.
    pub(super) key: String,
    /// Its schedule as it is now, if runs are expected.
    pub(super) cron: Option<String>,
}

impl Proposal {
    /// What was found, as a sentence: `A systemd timer, nightly-backup, starts restic.`
    pub(super) fn sentence(&self) -> String {
        let said = &self.said;
        let named = match &said.name {
            Some(name) => format!("{}, {name},", said.found.words()),
            None => said.found.words().to_owned(),
        };
        let tool = tool_words(&said.tool);
        match said.found {
            FoundBy::SystemdTimer
            | FoundBy::Crontab
            | FoundBy::UserCrontab
            | FoundBy::CronFolder
            | FoundBy::ScheduledTask => format!("{named} starts {tool}."),
            FoundBy::Service | FoundBy::DatabaseServer | FoundBy::DatabaseFolder => {
                let what = match said.way {
                    ReportingWay::Own => database_words(&said.tool).unwrap_or(tool),
                    ReportingWay::Wrapped | ReportingWay::EventLog | ReportingWay::Duplicati => tool,
                };
                let version = said
                    .version
                    .as_ref()
                    .map(|version| format!(" {version}"))
                    .unwrap_or_default();
                format!("{}: {what}{version}.", named.trim_end_matches(','))
            }
        }
    }

    /// The name its job begins with.
    pub(super) fn usual_name(&self) -> String {
        let said = &self.said;
        let tool = match said.way {
            ReportingWay::Own => database_words(&said.tool).unwrap_or(&said.tool),
            ReportingWay::Wrapped | ReportingWay::EventLog | ReportingWay::Duplicati => tool_words(&said.tool),
        };
        format!("{tool} on {}", self.agent_name)
    }

    /// Its schedule, if it has one.
    pub(super) fn schedule(&self) -> Option<Schedule> {
        let schedule = self.said.schedule.as_ref()?;
        Schedule::parse(&schedule.cron, self.policy()).ok()
    }

    /// Whose rule holds where clocks are set forward.
    pub(super) fn policy(&self) -> DstPolicy {
        match self.said.found {
            FoundBy::SystemdTimer => DstPolicy::Systemd,
            FoundBy::Crontab
            | FoundBy::UserCrontab
            | FoundBy::CronFolder
            | FoundBy::ScheduledTask
            | FoundBy::Service
            | FoundBy::DatabaseServer
            | FoundBy::DatabaseFolder => DstPolicy::Cron,
        }
    }

    /// What is to be looked at before its schedule is accepted: another zone, a start that varies, or none at all.
    pub(super) fn cautions(&self) -> Vec<String> {
        let mut cautions = Vec::new();
        if let Some(unclear) = self.said.unclear {
            cautions.push(unclear.words().to_owned());
        }
        let Some(schedule) = &self.said.schedule else {
            return cautions;
        };
        if let Some(zone) = schedule.zone.as_ref().filter(|zone| **zone != self.zone) {
            cautions.push(format!(
                "Its times are those of {zone}, and the office's clocks show {}: change the schedule to the office's times.",
                self.zone
            ));
        }
        if let Some(seconds) = schedule.up_to_seconds_later {
            let later = words::duration(SignedDuration::from_secs(i64::from(seconds)));
            cautions.push(format!("It may begin up to {later} later, by chance."));
        }
        cautions
    }
}

/// A tool as people call it.
pub(super) fn tool_words(tool: &str) -> &str {
    match tool {
        "7-zip" => "7-Zip",
        "borg" => "BorgBackup",
        "cove" => "Cove Data Protection",
        "dbbackup" => "dbbackup",
        "duplicati" => "Duplicati",
        "redstor" => "Redstor",
        "veeam" => "Veeam",
        "veeam-agent" => "Veeam Agent",
        "windows-server-backup" => "Windows Server Backup",
        "command" => "a backup",
        other => other,
    }
}

/// The database server that a tool copies.
fn database_words(tool: &str) -> Option<&'static str> {
    match tool {
        "pg_dump" => Some("PostgreSQL"),
        "mariadb-dump" => Some("MariaDB or MySQL"),
        "sqlcmd" => Some("SQL Server"),
        "dbbackup" => Some("SQL Anywhere"),
        _ => None,
    }
}

/// Checks a report: how much it may hold, and that every part of it can be shown and become a job.
///
/// # Errors
/// [`AppError::Invalid`] naming the field.
pub(super) fn check(proposed: &JobsProposed) -> Result<(), AppError> {
    if proposed.proposals.len() > MOST_PROPOSALS {
        return Err(AppError::Invalid(format!(
            "proposals must not be more than {MOST_PROPOSALS}."
        )));
    }
    let mut keys = BTreeSet::new();
    for (index, proposal) in proposed.proposals.iter().enumerate() {
        let wrong = |field: &str, what: String| Err(AppError::Invalid(format!("proposals[{index}].{field} {what}")));
        if !keys.insert(proposal.key.as_str()) {
            return wrong("key", format!("is there twice: {}.", proposal.key));
        }
        let is_tool = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if proposal.tool.is_empty() || proposal.tool.len() > 40 || !proposal.tool.chars().all(is_tool) {
            return wrong(
                "tool",
                "must have 1 to 40 lower-case letters, digits, `-`, `_` or `.`.".to_owned(),
            );
        }
        let schedule = proposal.schedule.as_ref();
        let texts = [
            ("name", proposal.name.as_ref()),
            ("version", proposal.version.as_ref()),
            ("source", proposal.source.as_ref()),
            ("schedule.zone", schedule.and_then(|schedule| schedule.zone.as_ref())),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            let shown = text.chars().count();
            if text.trim().is_empty() || shown > MOST_PROPOSED_CHARACTERS || text.chars().any(char::is_control) {
                return wrong(
                    field,
                    format!("must have 1 to {MOST_PROPOSED_CHARACTERS} characters and no control characters."),
                );
            }
        }
        if let Some(schedule) = schedule
            && let Err(error) = Schedule::parse(&schedule.cron, DstPolicy::Cron)
        {
            return wrong("schedule.cron", format!("is no schedule. {error}"));
        }
    }
    Ok(())
}
