//! `lastgood agent`: tokens for new agents, the list of them, and the end of one.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::model::{Agent, Place};
use super::pages::db;
use super::{TOKEN_MADE, make_token, revoking};
use crate::audit::{Entry, record_operator};
use crate::command::{CommandError, Opened, Output};
use crate::config::Settings;
use crate::db::Scope;
use crate::{firms, practices};

/// What the operator can do with agents.
#[derive(Debug, Clone, Subcommand)]
pub enum AgentCommand {
    /// Make a token that enrols one machine; it is printed once and works for 24 hours
    Token(TokenArgs),
    /// List the agents of a firm
    List(ListArgs),
    /// Stop listening to an agent
    Revoke(RevokeArgs),
}

/// Where the new agent belongs.
#[derive(Debug, Clone, Args)]
pub struct TokenArgs {
    /// Its practice, by name or id
    #[arg(long, value_name = "NAME_OR_ID")]
    practice: String,
    /// Its office, by name or id; the practice's first if not given
    #[arg(long, value_name = "NAME_OR_ID")]
    office: Option<String>,
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Whose agents.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Which agent.
#[derive(Debug, Clone, Args)]
pub struct RevokeArgs {
    /// The agent's id, as `agent list` prints it
    #[arg(value_name = "ID")]
    agent: uuid::Uuid,
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Does it.
pub async fn run(command: AgentCommand, settings: &Settings, output: Output) -> Result<(), CommandError> {
    let opened = match &command {
        AgentCommand::Token(_) => Opened::open_for_agents(settings, output).await?,
        AgentCommand::List(_) | AgentCommand::Revoke(_) => Opened::open(settings, output).await?,
    };
    let done = match &command {
        AgentCommand::Token(args) => token(&opened, args, output).await,
        AgentCommand::List(args) => list(&opened, args, output).await,
        AgentCommand::Revoke(args) => revoke(&opened, args, output).await,
    };
    opened.close().await;
    done
}

async fn token(opened: &Opened, args: &TokenArgs, output: Output) -> Result<(), CommandError> {
    let now = opened.app.clock.now();
    let mut transaction = opened.app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.firm.as_deref()).await?;
    let practice = practices::named(&mut transaction, firm, &args.practice).await?;
    let office = if let Some(name) = &args.office {
        db::office_named(&mut transaction, firm, practice, name.trim()).await?
    } else {
        let offices = db::offices(&mut transaction, firm, practice).await?;
        offices.and_then(|(_, offices)| Some(offices.first()?.id))
    };
    let office = office.ok_or_else(|| {
        CommandError::Refused("this practice has no such office: write its name as the practice's page shows it".into())
    })?;
    let place = Place { firm, practice, office };
    let (token, word) = make_token(&opened.app.options, &mut transaction, now, &place, None).await?;
    let entry = Entry {
        action: TOKEN_MADE,
        practice: Some(practice),
        subject_kind: "enrolment_token",
        subject: Some(token.0),
        subject_name: args.practice.trim(),
        details: json!({}),
    };
    record_operator(&mut transaction, now, firm, entry).await?;
    transaction.commit().await?;
    let word = word.to_string();
    output.print(
        &word,
        &json!({ "token": word, "id": token, "practice": practice, "office": office }),
    );
    Ok(())
}

async fn list(opened: &Opened, args: &ListArgs, output: Output) -> Result<(), CommandError> {
    let mut transaction = opened.app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.firm.as_deref()).await?;
    let agents = db::list(&mut transaction, firm, None).await?;
    let lines: Vec<String> = agents.iter().map(line).collect();
    let text = if lines.is_empty() {
        "There are no agents.".to_owned()
    } else {
        lines.join("\n")
    };
    output.print(&text, &Value::Array(agents.iter().map(value).collect()));
    Ok(())
}

fn line(agent: &Agent) -> String {
    let heard = agent
        .last_heard_at
        .map_or_else(|| "never heard".to_owned(), |at| format!("heard {at:.0}"));
    let state = agent.state().word();
    format!(
        "{}  {}  {}  {state}, {heard}",
        agent.id, agent.practice_name, agent.name
    )
}

fn value(agent: &Agent) -> Value {
    json!({
        "agent": agent.id,
        "practice": agent.practice,
        "practice_name": agent.practice_name,
        "name": agent.name,
        "platform": agent.platform,
        "version": agent.version,
        "state": agent.state().key(),
        "last_heard_at": agent.last_heard_at,
        "enrolled_at": agent.enrolled_at,
        "revoked_at": agent.revoked_at,
        "spooled": agent.spooled,
        "fingerprint": agent.fingerprint(),
    })
}

async fn revoke(opened: &Opened, args: &RevokeArgs, output: Output) -> Result<(), CommandError> {
    let (app, now) = (&opened.app, opened.app.clock.now());
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.firm.as_deref()).await?;
    let agent = db::list(&mut transaction, firm, Some(args.agent.into())).await?.pop();
    let agent = agent.ok_or_else(|| CommandError::Refused("there is no agent with this id".to_owned()))?;
    revoking::end(app, &mut transaction, now, firm, &agent, "The server's operator").await?;
    record_operator(&mut transaction, now, firm, revoking::entry(&agent)).await?;
    transaction.commit().await?;
    let text = format!("{} at {} was revoked.", agent.name, agent.practice_name);
    output.print(&text, &json!({ "agent": agent.id, "revoked_at": now }));
    Ok(())
}
