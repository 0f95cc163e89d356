//! From what was found to what is proposed: keys, what is left out and why, and the report.

use std::collections::BTreeSet;

use jiff::Timestamp;
use lastgood_protocol::{
    FoundBy, JobKey, JobProposal, JobsProposed, MOST_PROPOSALS, MOST_PROPOSED_CHARACTERS, ProposedSchedule,
    ReportingWay,
};

use super::{Considered, Fate, Find};

/// The most bytes of a report's JSON, well below what an event may have.
const MOST_BYTES: usize = 12 * 1024;

/// A job that the agent's settings have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configured {
    /// Its key.
    pub(crate) key: JobKey,
    /// Its tool, and that of its copy step.
    pub(crate) tools: Vec<String>,
}

/// Decides what is proposed, the most useful first.
pub(super) fn consider(mut finds: Vec<Find>, zone: Option<&str>, configured: &[Configured]) -> Vec<Considered> {
    leave_out_what_is_looked_after(&mut finds, configured);
    finds.sort_by_key(usefulness);
    let mut taken: BTreeSet<String> = configured.iter().map(|job| job.key.to_string()).collect();
    finds
        .into_iter()
        .map(|find| Considered {
            proposal: proposal(&find, zone, &mut taken),
            find,
        })
        .collect()
}

/// What is reported: every proposal, as many as one event can hold.
pub(crate) fn report(considered: &[Considered], now: Timestamp) -> JobsProposed {
    let proposals = considered.iter().filter_map(|considered| considered.proposal.clone());
    let mut report = JobsProposed {
        looked_at: now,
        proposals: proposals.take(MOST_PROPOSALS).collect(),
    };
    let is_long = |report: &JobsProposed| serde_json::to_vec(report).is_ok_and(|json| json.len() > MOST_BYTES);
    while is_long(&report) {
        report.proposals.pop();
    }
    report
}

fn leave_out_what_is_looked_after(finds: &mut [Find], configured: &[Configured]) {
    let running: BTreeSet<&'static str> = finds
        .iter()
        .filter(|find| find.database.is_none())
        .filter(|find| matches!(find.fate, Fate::Proposed(_) | Fate::Reported(_)))
        .flat_map(|find| find.tools.iter().copied())
        .collect();
    for find in finds {
        let Fate::Proposed(way) = find.fate else { continue };
        let by_settings = |job: &&Configured| {
            // A wrapped job is known by its own command alone: there may be two of one tool.
            way != ReportingWay::Wrapped
                && job
                    .tools
                    .iter()
                    .any(|tool| tool == find.tool || find.database.is_some_and(|database| database.is_saved_by(tool)))
        };
        if let Some(job) = configured.iter().find(by_settings) {
            find.fate = Fate::Configured(job.key.clone());
        } else if let Some(database) = find.database
            && running.iter().any(|tool| database.is_saved_by(tool))
        {
            find.fate = Fate::Saved;
        }
    }
}

/// What runs by a known schedule first, then what runs, then what nobody saves, then what is no job.
fn usefulness(find: &Find) -> u8 {
    match (&find.fate, &find.cron) {
        (Fate::Proposed(ReportingWay::Wrapped | ReportingWay::EventLog), Ok(_)) => 0,
        (Fate::Proposed(ReportingWay::Wrapped | ReportingWay::EventLog | ReportingWay::Duplicati), _) => 1,
        (Fate::Proposed(ReportingWay::Own), _) => 2,
        (Fate::Unseen, _) => 3,
        (Fate::Disabled | Fate::Idle, _) => 4,
        (Fate::Reported(_) | Fate::Configured(_) | Fate::Saved, _) => 5,
    }
}

fn proposal(find: &Find, zone: Option<&str>, taken: &mut BTreeSet<String>) -> Option<JobProposal> {
    let Fate::Proposed(way) = find.fate else { return None };
    let schedule = find.cron.as_ref().ok().map(|cron| ProposedSchedule {
        cron: cron.clone(),
        zone: find.zone.as_deref().or(zone).map(short),
        up_to_seconds_later: find.later,
    });
    Some(JobProposal {
        key: key(find, taken)?,
        tool: find.tool.to_owned(),
        found: find.by,
        name: find.name.as_deref().map(short).filter(|name| !name.is_empty()),
        way,
        is_indirect: find.is_indirect,
        schedule,
        unclear: find.cron.as_ref().err().copied(),
        version: find.version.as_deref().map(short).filter(|version| !version.is_empty()),
        source: find.source.as_deref().map(short),
    })
}

/// As much of a name as a report may hold; what cannot be printed is left out.
fn short(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control())
        .take(MOST_PROPOSED_CHARACTERS)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// A key after the thing's own name, else after its tool; with a number where that is taken.
fn key(find: &Find, taken: &mut BTreeSet<String>) -> Option<JobKey> {
    let name = match (find.database, find.by) {
        (Some(database), _) => database.key().to_owned(),
        (None, FoundBy::Service) => find.tool.to_owned(),
        _ => slug(find.name.as_deref().unwrap_or_default()),
    };
    let base = if name.is_empty() { slug(find.tool) } else { name };
    let numbered = (2..=99).map(|number| format!("{base}-{number}"));
    let free = std::iter::once(base.clone())
        .chain(numbered)
        .find(|key| !taken.contains(key))?;
    taken.insert(free.clone());
    free.parse().ok()
}

/// Lower-case letters and digits of a name, with a hyphen for everything between them.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if slug.len() >= 40 {
            break;
        }
        match c.to_ascii_lowercase() {
            c if c.is_ascii_lowercase() || c.is_ascii_digit() => slug.push(c),
            _ if slug.ends_with('-') || slug.is_empty() => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_end_matches('-').to_owned()
}
