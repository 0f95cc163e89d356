//! `lastgood inbox`: the reports that could not be understood, and trying them again.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{EVENT_RETRIED, SetAside, Which, db};
use crate::audit::{Entry, record_operator};
use crate::command::{CommandError, Opened, Output};
use crate::config::Settings;
use crate::db::Scope;
use crate::firms;
use crate::ids::EventId;

/// How many events `list` prints.
const MOST: i64 = 1_000;

/// What the operator can do with reports that were set aside.
#[derive(Debug, Clone, Subcommand)]
pub enum InboxCommand {
    /// List the reports that were set aside
    List(FirmArgs),
    /// Print one of them as it was received
    Show(ShowArgs),
    /// Have the server read them again
    Retry(RetryArgs),
}

/// Whose reports.
#[derive(Debug, Clone, Args)]
pub struct FirmArgs {
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Which report to print.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// The report's id
    #[arg(value_name = "EVENT")]
    event: uuid::Uuid,
    #[command(flatten)]
    of: FirmArgs,
}

/// Which reports to read again.
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// The report's id
    #[arg(value_name = "EVENT", required_unless_present = "all", conflicts_with = "all")]
    event: Option<uuid::Uuid>,
    /// All of them
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    of: FirmArgs,
}

/// Does it.
pub async fn run(command: InboxCommand, settings: &Settings, output: Output) -> Result<(), CommandError> {
    let opened = Opened::open(settings, output).await?;
    let done = match &command {
        InboxCommand::List(of) => list(&opened, of, output).await,
        InboxCommand::Show(args) => show(&opened, args, output).await,
        InboxCommand::Retry(args) => retry(&opened, args, output).await,
    };
    opened.close().await;
    done
}

async fn list(opened: &Opened, of: &FirmArgs, output: Output) -> Result<(), CommandError> {
    let mut transaction = opened.app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, of.firm.as_deref()).await?;
    let events = db::list(&mut transaction, firm, None, MOST).await?;
    let lines: Vec<String> = events.iter().map(line).collect();
    let text = if lines.is_empty() {
        "Nothing is set aside.".to_owned()
    } else {
        lines.join("\n")
    };
    output.print(&text, &Value::Array(events.iter().map(value).collect()));
    Ok(())
}

fn line(event: &SetAside) -> String {
    let SetAside {
        practice_name,
        agent_name,
        kind,
        problem,
        ..
    } = event;
    format!("{}  {practice_name}  {agent_name}  {kind}  {problem}", event.event)
}

fn value(event: &SetAside) -> Value {
    json!({
        "event": event.event,
        "agent": event.agent,
        "practice": event.practice,
        "kind": event.kind,
        "received_at": event.received_at,
        "attempts": event.attempts,
        "problem": event.problem,
    })
}

async fn show(opened: &Opened, args: &ShowArgs, output: Output) -> Result<(), CommandError> {
    let mut transaction = opened.app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.of.firm.as_deref()).await?;
    let event = db::list(&mut transaction, firm, Some(EventId(args.event)), 1)
        .await?
        .pop();
    let event = event.ok_or_else(|| CommandError::Refused("no report with this id is set aside".to_owned()))?;
    let body: Value = serde_json::from_str(&event.body).unwrap_or_else(|_| Value::String(event.body.clone()));
    let value = json!({ "report": value(&event), "body": body });
    output.print(&format!("{}\n{}", line(&event), event.body), &value);
    Ok(())
}

async fn retry(opened: &Opened, args: &RetryArgs, output: Output) -> Result<(), CommandError> {
    let (app, now) = (&opened.app, opened.app.clock.now());
    let which = match args.event {
        Some(event) if !args.all => Which::One(None, EventId(event)),
        _ => Which::All,
    };
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.of.firm.as_deref()).await?;
    let count = db::retry(&mut transaction, firm, which).await?;
    if count == 0 && !args.all {
        return Err(CommandError::Refused("no report with this id is set aside".to_owned()));
    }
    let entry = Entry {
        action: EVENT_RETRIED,
        practice: None,
        subject_kind: "event",
        subject: args.event,
        subject_name: "",
        details: json!({ "events": count }),
    };
    record_operator(&mut transaction, now, firm, entry).await?;
    transaction.commit().await?;
    let reports = crate::web::words::count(i64::try_from(count).unwrap_or(i64::MAX), "report is", "reports are");
    let text = format!("{reports} read again by the running server, or by the next one that is started.");
    output.print(&text, &json!({ "retried": count }));
    Ok(())
}
