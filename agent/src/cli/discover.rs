//! `lastgood-agent discover`

use std::fmt::{self, Write as _};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use lastgood_protocol::{EventBody, FoundBy, JobProposal, JobsProposed};
use serde_json::{Value, json};

use super::Common;
use super::output::{Failure, Printer, ask, plain};
use crate::config::Overrides;
use crate::discover::{self, Configured, Considered, Fate, Find};
use crate::engine::schedule::Schedule;
use crate::platform::{self, words};
use crate::{clock, ids};

pub(super) const WHAT_IS_LOOKED_AT: &str = "Looked at are the configurations of schedulers (cron, systemd's timers, Windows' Task Scheduler) and the scripts they \
name, installed services and programs, running database servers and their usual folders. Nothing is started or changed. No command line, folder or file leaves \
this machine: what would be sent to the server is printed before it is.";

#[derive(Debug, Args)]
pub(super) struct DiscoverArguments {
    /// Send what is proposed to the server, where somebody accepts or dismisses it; on a terminal you are asked
    #[arg(long)]
    report: bool,
    /// Look at the system below this folder, such as a mounted disk
    #[arg(long, value_name = "FOLDER")]
    root: Option<PathBuf>,
}

pub(super) fn run(common: &Common, arguments: &DiscoverArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let root = arguments.root.as_deref();
    if let Some(root) = root.filter(|root| !root.is_dir()) {
        return Err(Failure::usage(format!("--root: {} is not a folder", root.display())));
    }
    let now = clock::wall();
    let zone = TimeZone::try_system().unwrap_or(TimeZone::UTC);
    let material = platform::inventory(root);
    let considered = discover::consider(
        &material,
        &|path| platform::script(root, path),
        zone.to_datetime(now),
        zone.iana_name(),
        &configured(common),
    );
    let report = discover::report(&considered, now);
    let mut text = describe(&considered, &report, &zone, now)?;
    for what in &material.unreadable {
        writeln!(text, "\nCould not be read: {what}. {}.", words::AS_ADMINISTRATOR)?;
    }
    if arguments.report {
        send(common, &report, now)?;
        text.push_str(
            "\nThe server hears of it with the next delivery. Accept or dismiss on the practice's page there.",
        );
        printer.result(text, &as_json(&considered, &report, true));
        return Ok(ExitCode::SUCCESS);
    }
    let may_ask = !printer.is_json() && std::io::stdin().is_terminal() && !report.proposals.is_empty();
    if !may_ask {
        text.push_str("\nNothing was sent. With --report it is.");
    }
    printer.result(text, &as_json(&considered, &report, false));
    if may_ask && matches!(ask("Send this to the server? (yes or no)")?.as_str(), "y" | "yes") {
        send(common, &report, now)?;
        printer.result("The server hears of it with the next delivery.", &Value::Null);
    }
    Ok(ExitCode::SUCCESS)
}

fn send(common: &Common, report: &JobsProposed, now: Timestamp) -> Result<(), Failure> {
    let what = EventBody::JobsProposed(Box::new(report.clone()));
    common.spool()?.append(ids::event(), now, what)?;
    Ok(())
}

/// The jobs of the settings. Settings that cannot be read name none; `check-config` says what is wrong with them.
fn configured(common: &Common) -> Vec<Configured> {
    let Ok(config) = common.config(&Overrides::default()) else {
        return Vec::new();
    };
    let job = |job: &crate::config::JobConfig| {
        let copy = job.copy.iter().map(|copy| copy.tool.name().to_owned());
        Configured {
            key: job.key.clone(),
            tools: std::iter::once(job.tool_name().to_owned()).chain(copy).collect(),
        }
    };
    config.jobs.iter().map(job).collect()
}

fn describe(
    considered: &[Considered],
    report: &JobsProposed,
    zone: &TimeZone,
    now: Timestamp,
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    if considered.is_empty() {
        text.push_str("No backup product, no scheduled backup and no database server was found here.\n");
        return Ok(text);
    }
    text.push_str("Found:\n");
    for row in table(considered) {
        text.push_str(&row);
    }
    let count = considered
        .iter()
        .filter(|considered| considered.proposal.is_some())
        .count();
    match count {
        0 => text.push_str("\nNothing of it is proposed as a job.\n"),
        1 => text.push_str("\nOne job is proposed:\n"),
        number => writeln!(text, "\n{number} jobs are proposed:")?,
    }
    for considered in considered {
        if let Some(proposal) = &considered.proposal {
            details(&mut text, considered, proposal, zone, now)?;
        }
    }
    if count > report.proposals.len() {
        let left_out = count - report.proposals.len();
        writeln!(
            text,
            "\n{left_out} more than a report holds; run this again when some are accepted or switched off."
        )?;
    }
    if count > 0 {
        let json = serde_json::to_string_pretty(&json!(report)).unwrap_or_default();
        text.push_str("\nThis is what the server is told, and nothing else:\n");
        indent(&mut text, &json)?;
    }
    Ok(text)
}

/// One line for each find: what it is, its tool, when it runs, what comes of it.
fn table(considered: &[Considered]) -> Vec<String> {
    let rows: Vec<[String; 4]> = considered
        .iter()
        .map(|considered| {
            let find = &considered.find;
            let tool = match &find.database {
                Some(database) => with_version(database.name(), find.version.as_deref()),
                None => find.tool.to_owned(),
            };
            let when = find.cron.clone().unwrap_or_else(|_| "-".to_owned());
            [what(find), tool, when, outcome(considered)]
        })
        .collect();
    let width = |column: usize| {
        let lengths = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        lengths.max().unwrap_or(0)
    };
    let (first, second, third) = (width(0), width(1), width(2));
    rows.iter()
        .map(|[what, tool, when, outcome]| format!("  {what:first$}  {tool:second$}  {when:third$}  {outcome}\n"))
        .collect()
}

fn with_version(name: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{name} {version}"),
        None => name.to_owned(),
    }
}

/// What a find is, in words.
fn what(find: &Find) -> String {
    let kind = match find.fate {
        Fate::Idle => "A program",
        Fate::Proposed(_) | Fate::Disabled | Fate::Reported(_) | Fate::Configured(_) | Fate::Saved | Fate::Unseen => {
            find.by.words()
        }
    };
    match &find.name {
        Some(name) => format!("{kind}, {}", plain(name, 60)),
        None => kind.to_owned(),
    }
}

fn outcome(considered: &Considered) -> String {
    match (&considered.find.fate, &considered.proposal) {
        (_, Some(proposal)) => format!("proposed as {}", proposal.key),
        (Fate::Proposed(_), None) => "not proposed: too many of one name".to_owned(),
        (Fate::Disabled, None) => "switched off, so not proposed".to_owned(),
        (Fate::Reported(key), None) => format!("reported already, as {key}"),
        (Fate::Configured(key), None) => format!("in agent.toml already, as {key}"),
        (Fate::Saved, None) => "saved by something else in this list".to_owned(),
        (Fate::Unseen, None) => "its runs are not understood; watch its log file, see README".to_owned(),
        (Fate::Idle, None) => "installed, but nothing was found that starts it".to_owned(),
    }
}

fn details(
    text: &mut String,
    considered: &Considered,
    proposal: &JobProposal,
    zone: &TimeZone,
    now: Timestamp,
) -> fmt::Result {
    let find = &considered.find;
    write!(text, "\n{}\n  {}", proposal.key, what(find))?;
    match (&find.database, proposal.found) {
        (Some(database), _) => writeln!(text, ": {}.", with_version(database.name(), find.version.as_deref()))?,
        (None, FoundBy::Service) => writeln!(text, ": {}.", proposal.tool)?,
        (None, _) => writeln!(text, ", starts {}.", proposal.tool)?,
    }
    if let Some(schedule) = &proposal.schedule {
        let own = schedule.zone.as_deref().and_then(|name| TimeZone::get(name).ok());
        let zone = own.unwrap_or_else(|| zone.clone());
        let named = zone.iana_name().unwrap_or("this machine's time").to_owned();
        write!(text, "  {} in {named}", schedule.cron)?;
        let parsed = Schedule::parse(&schedule.cron, zone.clone(), now).ok();
        if let Some(next) = parsed.and_then(|schedule| schedule.next_after(now)) {
            write!(text, ", next {}", next.to_zoned(zone).strftime("%a %d %b %H:%M"))?;
        }
        match schedule.up_to_seconds_later {
            Some(later) => writeln!(text, ", or up to {} minutes later.", later.div_ceil(60))?,
            None => writeln!(text, ".")?,
        }
    } else if let Some(unclear) = proposal.unclear {
        writeln!(text, "  {}", unclear.words())?;
    }
    let cron = proposal.schedule.as_ref().map(|schedule| schedule.cron.as_str());
    writeln!(text, "  Once it is accepted, into agent.toml:")?;
    indent(text, &proposal.settings(&proposal.key, cron, cfg!(windows)))?;
    writeln!(text, "  {}", proposal.further_step(&proposal.key))
}

fn indent(text: &mut String, lines: &str) -> fmt::Result {
    lines.lines().try_for_each(|line| writeln!(text, "    {line}"))
}

fn as_json(considered: &[Considered], report: &JobsProposed, sent: bool) -> Value {
    let found: Vec<Value> = considered
        .iter()
        .map(|considered| {
            let find = &considered.find;
            let proposal = considered.proposal.as_ref();
            let cron = find.cron.as_ref().ok();
            json!({
                "found": find.by,
                "name": find.name,
                "tool": find.tool,
                "database": find.database.map(discover::material::Database::name),
                "cron": cron,
                "unclear": find.cron.as_ref().err(),
                "outcome": outcome(considered),
                "key": proposal.map(|proposal| &proposal.key),
                "settings": proposal.map(|proposal| proposal.settings(&proposal.key, cron.map(String::as_str), cfg!(windows))),
                "further_step": proposal.map(|proposal| proposal.further_step(&proposal.key)),
            })
        })
        .collect();
    json!({ "found": found, "report": report, "sent": sent })
}
