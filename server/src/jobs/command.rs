//! `lastgood job add|list|explain`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::form::JobForm;
use super::model::OfficeChoice;
use super::{audit_details, db, durations, explain, list};
use crate::app::App;
use crate::audit::{Entry, record_operator};
use crate::command::{CommandError, Opened, Output};
use crate::config::Settings;
use crate::db::Scope;
use crate::error::AppError;
use crate::ids::JobId;
use crate::web::words;
use crate::{firms, practices};

/// What the operator can do with jobs.
#[derive(Debug, Clone, Subcommand)]
pub enum JobCommand {
    /// Add a job and expect its runs
    Add(Box<AddArgs>),
    /// List jobs and how they stand
    List(ListArgs),
    /// Say why a job is in its state
    Explain(ExplainArgs),
}

/// Which job to add. Durations are written as 90m, 3h or 2d; the usual for the schedule where they are left out.
#[derive(Debug, Clone, Args)]
pub struct AddArgs {
    /// The practice, by name or id
    #[arg(long, value_name = "PRACTICE")]
    practice: String,
    /// What the agent's configuration calls it
    #[arg(long, value_name = "KEY")]
    key: String,
    /// Its name
    #[arg(long, value_name = "NAME")]
    name: String,
    /// When it runs: minute, hour, day of the month, month, day of the week, by the office's clocks
    #[arg(long, value_name = "CRON")]
    cron: String,
    /// The office, by name or id; the practice's first one when left out
    #[arg(long, value_name = "OFFICE")]
    office: Option<String>,
    /// The program that makes the backup
    #[arg(long, value_name = "TOOL", default_value = "")]
    tool: String,
    /// Where it goes: medium, vendor or disk
    #[arg(long, value_name = "PLACE", default_value = "")]
    destination: String,
    /// Whose rule holds when clocks change: cron (a skipped time runs later) or systemd (it does not run)
    #[arg(long, value_name = "POLICY", default_value = "cron")]
    dst_policy: String,
    /// A run may begin this long before it is due
    #[arg(long, value_name = "DURATION", default_value = "")]
    opens_before: String,
    /// Late after
    #[arg(long, value_name = "DURATION", default_value = "")]
    late_after: String,
    /// Missed after
    #[arg(long, value_name = "DURATION", default_value = "")]
    missed_after: String,
    /// A run may take
    #[arg(long, value_name = "DURATION", default_value = "")]
    max_run: String,
    /// Alert when no run went well for
    #[arg(long, value_name = "DURATION", default_value = "")]
    no_success_for: String,
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Which jobs to list.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// One practice's alone, by name or id
    #[arg(long, value_name = "PRACTICE")]
    practice: Option<String>,
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Which job to explain.
#[derive(Debug, Clone, Args)]
pub struct ExplainArgs {
    /// Its key or id
    job: String,
    /// Its practice, when several have a job of this key
    #[arg(long, value_name = "PRACTICE")]
    practice: Option<String>,
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Does it.
pub async fn run(command: JobCommand, settings: &Settings, output: Output) -> Result<(), CommandError> {
    let opened = Opened::open(settings, output).await?;
    let done = perform(&opened.app, command).await;
    opened.close().await;
    let (text, value) = done?;
    output.print(&text, &value);
    Ok(())
}

/// Does it on an application that is open already. Returns the result for people and for programs.
pub async fn perform(app: &App, command: JobCommand) -> Result<(String, Value), CommandError> {
    match command {
        JobCommand::Add(args) => add(app, &args).await,
        JobCommand::List(args) => list_jobs(app, &args).await,
        JobCommand::Explain(args) => explain_job(app, &args).await,
    }
}

async fn add(app: &App, args: &AddArgs) -> Result<(String, Value), CommandError> {
    let now = app.clock.now();
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.firm.as_deref()).await?;
    let practice = practices::named(&mut transaction, firm, &args.practice).await?;
    let known = db::offices(&mut transaction, firm, practice).await?;
    let (practice_name, offices) = known.ok_or(AppError::NotFound)?;
    let office = chosen(&offices, args.office.as_deref())?;
    let details = form(args, office)
        .understand(&offices, now)
        .map_err(|errors| CommandError::Refused(errors.in_one_line()))?;
    let job = super::add(&mut transaction, now, firm, practice, &details).await?;
    let entry = Entry {
        action: super::pages::ADDED,
        practice: Some(practice),
        subject_kind: "job",
        subject: Some(job.0),
        subject_name: &details.name,
        details: audit_details(&details),
    };
    record_operator(&mut transaction, now, firm, entry).await?;
    transaction.commit().await?;
    let zone = words::zone(&office.zone);
    let next = details.rule.schedule.next_five(now, &zone);
    let text = format!(
        "{} was added at {practice_name}. {} Late after {}, missed after {}.",
        details.name,
        details.rule.schedule.sentence(),
        durations::typed(details.rule.late_after),
        durations::typed(details.rule.missed_after)
    );
    let value = json!({ "job": job, "practice": practice, "key": details.key.as_str(), "next": next });
    Ok((text, value))
}

fn chosen<'a>(offices: &'a [OfficeChoice], wanted: Option<&str>) -> Result<&'a OfficeChoice, CommandError> {
    let found = match wanted {
        None => offices.first(),
        Some(wanted) => offices
            .iter()
            .find(|office| office.name.eq_ignore_ascii_case(wanted) || office.id.to_string() == wanted),
    };
    found.ok_or_else(|| {
        let names: Vec<_> = offices.iter().map(|office| office.name.as_str()).collect();
        CommandError::Refused(format!("the practice's offices are: {}", names.join(", ")))
    })
}

fn form(args: &AddArgs, office: &OfficeChoice) -> JobForm {
    JobForm {
        name: args.name.clone(),
        key: args.key.clone(),
        office: office.id.to_string(),
        tool: args.tool.clone(),
        destination: args.destination.clone(),
        cron: args.cron.clone(),
        dst_policy: args.dst_policy.clone(),
        opens_before: args.opens_before.clone(),
        late_after: args.late_after.clone(),
        missed_after: args.missed_after.clone(),
        maximum_run: args.max_run.clone(),
        no_success_after: args.no_success_for.clone(),
        act: String::new(),
    }
}

async fn list_jobs(app: &App, args: &ListArgs) -> Result<(String, Value), CommandError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.firm.as_deref()).await?;
    let practice = match &args.practice {
        Some(practice) => Some(practices::named(&mut transaction, firm, practice).await?),
        None => None,
    };
    let jobs = list(&mut transaction, firm, practice).await?;
    let mut text = String::new();
    for job in &jobs {
        writeln!(
            text,
            "{}  {} ({}): {}",
            job.practice_name,
            job.name,
            job.key,
            words::plain(&job.state)
        )
        .expect("writing to a String does not fail");
    }
    if jobs.is_empty() {
        text.push_str("There are no jobs. Add one with: lastgood job add");
    }
    let values: Vec<_> = jobs
        .iter()
        .map(|job| {
            json!({
                "job": job.id, "practice": job.practice, "practice_name": job.practice_name, "key": job.key, "name": job.name,
                "state": job.state, "last_success_at": job.last_success_at,
            })
        })
        .collect();
    Ok((text.trim_end().to_owned(), Value::from(values)))
}

async fn explain_job(app: &App, args: &ExplainArgs) -> Result<(String, Value), CommandError> {
    let now: Timestamp = app.clock.now();
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.firm.as_deref()).await?;
    let practice = match &args.practice {
        Some(practice) => Some(practices::named(&mut transaction, firm, practice).await?),
        None => None,
    };
    let found = db::named(&mut transaction, firm, practice, args.job.trim()).await?;
    let id = one(&found, &args.job)?;
    let job = super::find(&mut transaction, firm, id)
        .await?
        .ok_or(AppError::NotFound)?;
    let explanation = explain(&mut transaction, now, firm, &job).await?;
    let value = serde_json::to_value(&explanation).map_err(AppError::internal)?;
    Ok((explanation.text(), value))
}

fn one(found: &[JobId], wanted: &str) -> Result<JobId, CommandError> {
    match found {
        [job] => Ok(*job),
        [] => Err(CommandError::Refused(format!(
            "there is no job {wanted}; lastgood job list shows those there are"
        ))),
        _ => Err(CommandError::Refused(format!(
            "several practices have a job {wanted}; say which with --practice"
        ))),
    }
}
