//! `lastgood-agent preview JOB`

use std::io;
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use lastgood_protocol::{JobKey, Outcome, RunFacts};
use serde::Serialize;

use super::output::{Failure, Printer, outcome_word, plain};
use super::{Common, job_key};
use crate::config::{Overrides, Watch};
use crate::platform::words;
use crate::watch::What;
use crate::watch::preview::{Entry, Preview, preview};

pub(super) const WHAT_IT_IS_FOR: &str = "\
Ask this before you rely on a job that watches: if the last backups do not count here as they ended, they will not on the server.
It ends with 1 when nothing was found that counts.";

/// How much of an entry is shown, in letters.
const SHOWN: usize = 100;

#[derive(Debug, Args)]
pub(super) struct PreviewArguments {
    /// A job of the configuration that watches
    #[arg(value_name = "JOB", value_parser = job_key)]
    job: JobKey,
    /// How many of the newest entries to show
    #[arg(long, default_value = "10", value_name = "N", value_parser = number)]
    last: usize,
}

pub(super) fn run(common: &Common, arguments: &PreviewArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let config = common
        .config(&Overrides::default())
        .map_err(|problems| Failure::new(problems.to_string()).with_remedy("See: lastgood-agent check-config"))?;
    let Some(job) = config.jobs.iter().find(|job| job.key == arguments.job) else {
        return Err(
            Failure::usage(format!("the configuration has no job '{}'", arguments.job))
                .with_remedy("lastgood-agent check-config names those it has"),
        );
    };
    let Some(watch) = &job.watch else {
        return Err(Failure::usage(format!(
            "the job '{}' starts its backup itself and watches nothing",
            job.key
        ))
        .with_remedy("A job that watches has [job.watch]"));
    };
    let seen = preview(watch, arguments.last).map_err(|error| {
        Failure::new(format!("{} cannot be read: {error}", watched(watch))).with_remedy(remedy(watch, &error))
    })?;
    let counting = seen.entries.iter().filter(|entry| entry.counts.is_some()).count();
    printer.result(describe(watch, &seen, counting), &told(&job.key, watch, &seen));
    Ok(ExitCode::from(u8::from(counting == 0)))
}

fn remedy(watch: &Watch, error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        return "Make a backup first, or correct the file's name in the configuration".to_owned();
    }
    match watch {
        Watch::EventLog(_) => format!(
            "See that the product is installed here and logs under that name. {}",
            words::AS_ADMINISTRATOR
        ),
        Watch::StatusFile { .. } | Watch::LogFile(_) | Watch::Duplicati { .. } => words::AS_ADMINISTRATOR.to_owned(),
    }
}

fn number(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|number| (1..=500).contains(number));
    number.ok_or_else(|| "write a number from 1 to 500".to_owned())
}

fn watched(watch: &Watch) -> String {
    match watch {
        Watch::EventLog(table) => format!("the event log '{}'", table.channel),
        Watch::StatusFile { file, .. } => format!("the status file {}", file.display()),
        Watch::LogFile(log) => format!("the log file {}", log.file.display()),
        Watch::Duplicati { backup, .. } => format!("what Duplicati posts of '{}'", plain(backup, SHOWN)),
    }
}

fn describe(watch: &Watch, seen: &Preview, counting: usize) -> String {
    let mut lines = vec![format!("The job watches {}.", watched(watch))];
    if !seen.entries.is_empty() {
        lines.push("The newest first:".to_owned());
    }
    lines.extend(seen.entries.iter().map(line));
    lines.extend(seen.note.iter().map(|note| format!("{}.", plain(note, 1_000))));
    if !seen.entries.is_empty() {
        let all = seen.entries.len();
        lines.push(format!(
            "{counting} of {all} would be reported. Nothing was reported now."
        ));
    }
    lines.join("\n")
}

fn line(entry: &Entry) -> String {
    let at = entry.at.map(|at| {
        let local = at.to_zoned(jiff::tz::TimeZone::system());
        local.strftime("%a %d %b %Y %H:%M  ").to_string()
    });
    format!(
        "  {}{}\n      {}",
        at.unwrap_or_default(),
        plain(&entry.left, SHOWN),
        counts_as(entry.counts.as_ref())
    )
}

fn counts_as(what: Option<&What>) -> String {
    match what {
        None => "says nothing of a backup's end".to_owned(),
        Some(What::Started) => "a backup began".to_owned(),
        Some(What::Finished {
            outcome,
            reason,
            will_be_retried,
            facts,
            ..
        }) => {
            let mut words = vec![format!("counts as {}", outcome_word(*outcome))];
            words.extend(
                facts
                    .full
                    .map(|full| if full.holds { "full" } else { "incremental" }.to_owned()),
            );
            words.extend(will_be_retried.then(|| "it tries again by itself".to_owned()));
            let words = words.join("; ");
            match reason {
                Some(reason) => format!("{words}: {reason}"),
                None => words,
            }
        }
    }
}

/// What a script is told.
#[derive(Debug, Serialize)]
struct Told<'a> {
    job: &'a JobKey,
    watches: String,
    entries: Vec<ToldEntry<'a>>,
    note: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct ToldEntry<'a> {
    at: Option<Timestamp>,
    entry: &'a str,
    /// Whether it counts as the start of a backup.
    start: bool,
    /// How the backup ended that it counts as the end of.
    outcome: Option<Outcome>,
    reason: Option<&'a str>,
    began: Option<Timestamp>,
    will_be_retried: bool,
    facts: Option<&'a RunFacts>,
}

fn told<'a>(job: &'a JobKey, watch: &Watch, seen: &'a Preview) -> Told<'a> {
    Told {
        job,
        watches: watched(watch),
        entries: seen.entries.iter().map(told_entry).collect(),
        note: seen.note.as_deref(),
    }
}

fn told_entry(entry: &Entry) -> ToldEntry<'_> {
    let told = ToldEntry {
        at: entry.at,
        entry: &entry.left,
        start: false,
        outcome: None,
        reason: None,
        began: None,
        will_be_retried: false,
        facts: None,
    };
    match &entry.counts {
        None => told,
        Some(What::Started) => ToldEntry { start: true, ..told },
        Some(What::Finished {
            started,
            outcome,
            reason,
            will_be_retried,
            facts,
        }) => ToldEntry {
            outcome: Some(*outcome),
            reason: reason.as_deref(),
            began: *started,
            will_be_retried: *will_be_retried,
            facts: Some(facts),
            ..told
        },
    }
}
