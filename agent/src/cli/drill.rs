//! `lastgood-agent drill record`

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use lastgood_protocol::{DrillOutcome, EventBody, JobKey, StepOutcome};

use super::output::{Failure, Printer, ask};
use super::{Common, job_key};
use crate::drill::{self, DrillDraft};
use crate::{clock, ids, media};

#[derive(Debug, Subcommand)]
pub(super) enum DrillCommand {
    /// Record a restore that was practised: which backup, the steps with their times, what was checked, how it ended
    ///
    /// Run on a terminal without any flags, it asks for everything.
    #[command(after_help = EXAMPLE)]
    Record(RecordArguments),
}

const EXAMPLE: &str = "Times are HH:MM today, \"YYYY-MM-DD HH:MM\" in this machine's zone, or RFC 3339.

Example:
  lastgood-agent drill record --job nightly --backup 9532c3f5 --made-at \"2026-11-20 22:00\" \\
    --step \"Stop the database=10:02..10:04\" --step \"Restore=10:04..10:31\" \\
    --check \"The program opens=yes\" --check \"Yesterday's appointments are there=yes\" \\
    --outcome passed --by \"Dana Reyes\"";

#[derive(Debug, Args)]
pub(super) struct RecordArguments {
    /// The job whose backup was restored
    #[arg(long, value_parser = job_key)]
    job: Option<JobKey>,
    /// Which backup was restored: a snapshot's name, or words such as "Friday's disk"
    #[arg(long)]
    backup: Option<String>,
    /// When that backup was made
    #[arg(long, value_name = "TIME")]
    made_at: Option<String>,
    /// How it ended
    #[arg(long, value_enum)]
    outcome: Option<OutcomeWord>,
    /// A step, in order: "NAME=START..END", with ":skipped" or ":failed" added where it applies
    #[arg(long = "step", value_name = "STEP")]
    steps: Vec<String>,
    /// Something that was looked at: "WHAT=yes" or "WHAT=no"
    #[arg(long = "check", value_name = "CHECK")]
    checks: Vec<String>,
    /// Who carried it out
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Anything worth saying; no names of patients
    #[arg(long)]
    notes: Option<String>,
    /// A folder on the medium it was restored from, if that is still connected
    #[arg(long, value_name = "DIR")]
    medium: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutcomeWord {
    /// The restore opened and held what it should
    Passed,
    /// It did, with something to put right
    PassedWithNotes,
    /// It did not
    Failed,
    /// The drill was broken off
    Abandoned,
}

impl OutcomeWord {
    fn outcome(self) -> DrillOutcome {
        match self {
            Self::Passed => DrillOutcome::Passed,
            Self::PassedWithNotes => DrillOutcome::PassedWithNotes,
            Self::Failed => DrillOutcome::Failed,
            Self::Abandoned => DrillOutcome::Abandoned,
        }
    }
}

pub(super) fn run(common: &Common, command: DrillCommand, printer: Printer) -> Result<ExitCode, Failure> {
    let DrillCommand::Record(mut arguments) = command;
    let nothing_given = arguments.backup.is_none() && arguments.steps.is_empty() && arguments.outcome.is_none();
    if nothing_given {
        if !std::io::stdin().is_terminal() {
            return Err(
                Failure::usage("--backup, --step, --outcome and --by say what was restored")
                    .with_remedy("See lastgood-agent drill record --help, or run it on a terminal to be asked"),
            );
        }
        interview(&mut arguments)?;
    }
    record(common, arguments, printer)
}

fn record(common: &Common, arguments: RecordArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let medium = arguments.medium.as_deref().map(media::see).transpose()?;
    let outcome = arguments
        .outcome
        .ok_or_else(|| Failure::usage("--outcome: say passed, passed-with-notes, failed or abandoned"))?;
    let draft = DrillDraft {
        job: arguments.job,
        backup: arguments.backup.unwrap_or_default(),
        made_at: arguments.made_at,
        medium,
        steps: arguments.steps,
        checks: arguments.checks,
        outcome: outcome.outcome(),
        by: arguments.by.unwrap_or_default(),
        notes: arguments.notes,
    };
    let now = clock::wall();
    let zone = jiff::tz::TimeZone::try_system().unwrap_or(jiff::tz::TimeZone::UTC);
    let recorded =
        drill::check(&draft, ids::drill(), &now.to_zoned(zone)).map_err(|error| Failure::usage(error.to_string()))?;
    common
        .spool()?
        .append(ids::event(), now, EventBody::DrillRecorded(Box::new(recorded.clone())))?;
    let failed = recorded
        .steps
        .iter()
        .filter(|step| step.outcome == StepOutcome::Failed)
        .count();
    let text = format!(
        "Recorded: {} steps ({failed} failed), {} checks, in {:#}.\nThe server hears of it with the next delivery.",
        recorded.steps.len(),
        recorded.checks.len(),
        recorded.finished_at.duration_since(recorded.started_at),
    );
    printer.result(text, &recorded);
    Ok(ExitCode::SUCCESS)
}

fn interview(arguments: &mut RecordArguments) -> Result<(), Failure> {
    let some = |text: String| Some(text).filter(|text| !text.is_empty());
    if let Some(job) = some(ask("Job whose backup was restored (its key, or nothing):")?) {
        arguments.job = Some(job_key(&job).map_err(|error| Failure::usage(format!("job: {error}")))?);
    }
    arguments.backup = some(ask("Which backup was restored?")?);
    arguments.made_at = some(ask("When was that backup made? (YYYY-MM-DD HH:MM, or nothing)")?);
    loop {
        let number = arguments.steps.len() + 1;
        let Some(name) = some(ask(&format!("Step {number}: what was done? (nothing to go on)"))?) else {
            break;
        };
        let start = ask("  It began at (HH:MM):")?;
        let end = ask("  It ended at (HH:MM):")?;
        let outcome = some(ask("  done, skipped or failed? [done]")?).unwrap_or_else(|| "done".to_owned());
        arguments.steps.push(format!("{name}={start}..{end}:{outcome}"));
    }
    while let Some(what) = some(ask(
        "What was looked at to say that the restore is good? (nothing to go on)",
    )?) {
        let answer = ask("  Was it as it should be? (yes or no)")?;
        arguments.checks.push(format!("{what}={answer}"));
    }
    let outcome = ask("How did it end? (passed, passed-with-notes, failed, abandoned)")?;
    arguments.outcome =
        Some(OutcomeWord::from_str(&outcome, true).map_err(|error| Failure::usage(format!("outcome: {error}")))?);
    arguments.by = some(ask("Who carried it out?")?);
    arguments.notes = some(ask("Anything worth saying? (no names of patients)")?);
    Ok(())
}
