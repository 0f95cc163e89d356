//! A look around on the machine: what makes backups there already, and when, so that somebody can say which of it is to be
//! watched. Nothing is changed, nothing is learned silently, and no command line, folder or file of anybody goes any further.

#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;

mod command_line;
mod crontab;
pub(crate) mod material;
mod on_calendar;
mod products;
mod propose;
mod schedulers;
mod task;
mod times;
mod unit;

#[cfg(test)]
mod tests;

use lastgood_protocol::{FoundBy, JobKey, JobProposal, ReportingWay, Unclear};

use material::Material;
pub(crate) use propose::{Configured, report};

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Find {
    /// What kind of thing.
    pub(crate) by: FoundBy,
    /// What it is called.
    pub(crate) name: Option<String>,
    /// The tool that counts.
    pub(crate) tool: &'static str,
    /// Every tool that it starts, that one among them.
    pub(crate) tools: Vec<&'static str>,
    /// Whether a script or other commands stand between it and the tool.
    pub(crate) is_indirect: bool,
    /// Five cron fields, or why there are none.
    pub(crate) cron: Result<String, Unclear>,
    /// The zone they are read in, where the thing names one.
    pub(crate) zone: Option<String>,
    /// How much later, by chance, it may begin, in seconds.
    pub(crate) later: Option<u32>,
    /// The database it is.
    pub(crate) database: Option<material::Database>,
    /// That database's version.
    pub(crate) version: Option<String>,
    /// The event source.
    pub(crate) source: Option<String>,
    /// What comes of it.
    pub(crate) fate: Fate,
}

/// What comes of a find.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is proposed as a job.
    Proposed(ReportingWay),
    /// It is switched off.
    Disabled,
    /// The agent reports it already, as this job.
    Reported(JobKey),
    /// The agent's settings name a job of this tool already.
    Configured(JobKey),
    /// It is a database that something else which was found saves.
    Saved,
    /// The agent cannot see its runs by itself.
    Unseen,
    /// It is installed, and nothing was found that starts it.
    Idle,
}

impl Find {
    fn new(by: FoundBy, tool: &'static str, fate: Fate) -> Self {
        Self {
            by,
            name: None,
            tool,
            tools: vec![tool],
            is_indirect: false,
            cron: Err(Unclear::NotByCalendar),
            zone: None,
            later: None,
            database: None,
            version: None,
            source: None,
            fate,
        }
    }
}

/// A find, and the proposal made of it.
#[derive(Debug)]
pub(crate) struct Considered {
    /// What was found.
    pub(crate) find: Find,
    /// What is proposed.
    pub(crate) proposal: Option<JobProposal>,
}

/// What the material shows, the most useful first. `script`: the text of a script on this machine, if there is one to read;
/// `today`: the machine's wall clock; `zone`: its IANA zone.
pub(crate) fn consider(
    material: &Material,
    script: &dyn Fn(&str) -> Option<String>,
    today: jiff::civil::DateTime,
    zone: Option<&str>,
    configured: &[Configured],
) -> Vec<Considered> {
    let mut finds = schedulers::find(material, script, today);
    finds.extend(products::find(material, &finds));
    propose::consider(finds, zone, configured)
}
