//! Revoking an agent: it is not listened to any more. That quiets alerting, so the others who receive alerts are told.

use jiff::Timestamp;
use serde_json::json;

use super::model::Agent;
use super::pages::db;
use super::{AGENT_REVOKED, AgentState};
use crate::alerts::{self, AlertKey, AlertKind, Recovery, Subject};
use crate::app::App;
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, FirmId};
use crate::web::Context;

/// Revokes an agent for somebody who is signed in.
pub(super) async fn revoke(context: &Context, transaction: &mut Transaction, agent: &Agent) -> Result<(), AppError> {
    let person = context.person()?;
    let who = &person.name;
    end(&context.app, transaction, context.now, person.firm, agent, who).await?;
    context.record(transaction, entry(agent)).await
}

/// What the audit log keeps of it.
pub(super) fn entry(agent: &Agent) -> Entry<'_> {
    Entry {
        action: AGENT_REVOKED,
        practice: Some(agent.practice),
        subject_kind: "agent",
        subject: Some(agent.id.0),
        subject_name: &agent.name,
        details: json!({ "fingerprint": agent.fingerprint() }),
    }
}

/// Revokes an agent, closes the alert about its silence and tells who receives alerts.
///
/// # Errors
/// [`AppError::Conflict`] when it was revoked before.
pub(super) async fn end(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    agent: &Agent,
    who: &str,
) -> Result<(), AppError> {
    if db::revoke(transaction, now, firm, agent.id).await?.is_none() {
        return Err(AppError::Conflict(format!("{} was revoked already.", agent.name)));
    }
    let key = AlertKey {
        firm,
        practice: agent.practice,
        subject: Subject::agent(agent.id, &agent.name),
        kind: AlertKind::AgentSilent,
    };
    let evidence = format!("{who} revoked the agent: its silence is not watched any more.");
    alerts::recover(app, transaction, now, &key, &Recovery { at: now, evidence }).await?;
    let was = match agent.state() {
        AgentState::Silent => " It was silent.",
        AgentState::NeverHeard | AgentState::Reporting | AgentState::Revoked => "",
    };
    let sentence = format!(
        "{who} revoked the agent {} at {}.{was} What it sends is refused from now on, and its jobs will be missed unless \
         another agent reports them.",
        agent.name, agent.practice_name
    );
    alerts::tell_recipients(app, transaction, now, firm, agent.practice, &sentence).await
}

/// Lets the running server forget the agent, and judge its jobs anew.
pub(super) fn after_commit(app: &App, firm: FirmId, agent: AgentId) {
    app.gate.forget(agent);
    app.wake.evaluator.notify_one();
    app.wake.dispatcher.notify_one();
    app.changes.tell(firm);
}
