//! All SQL of the `inbox` where events are projected or set aside.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, EventId, FirmId};

/// An event of the inbox.
#[derive(Debug, Clone)]
pub(super) struct InboxEvent {
    /// Its firm.
    pub(super) firm: FirmId,
    /// The agent that sent it.
    pub(super) agent: AgentId,
    /// Its id.
    pub(super) id: EventId,
    /// When it happened, by the agent's clock.
    pub(super) occurred_at: Timestamp,
    /// The agent's clock when it was sent.
    pub(super) sent_at: Timestamp,
    /// When it was received.
    pub(super) received_at: Timestamp,
    /// Its JSON text, as received.
    pub(super) body: String,
    /// How often it was tried before.
    pub(super) attempts: i32,
}

/// Whether this is the only projector at the moment: two would project an agent's events out of order.
pub(super) async fn lock_projector(transaction: &mut Transaction) -> Result<bool, AppError> {
    const PROJECTOR: i64 = 0x6c67_7072_6f6a;
    let locked = sqlx::query_scalar!(r#"select pg_try_advisory_xact_lock($1) as "locked!""#, PROJECTOR)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(locked)
}

/// The oldest events that wait, but for those of agents that are held up.
pub(super) async fn waiting(
    transaction: &mut Transaction,
    held_up: &BTreeSet<AgentId>,
    most: i64,
) -> Result<Vec<InboxEvent>, AppError> {
    let held_up: Vec<Uuid> = held_up.iter().map(|agent| agent.0).collect();
    let rows = sqlx::query!(
        "select firm_id, agent_id, event_id, occurred_at, sent_at, received_at, body, attempts from inbox
         where state = 'received' and agent_id <> all($1)
         order by position limit $2",
        &held_up,
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let events = rows.into_iter().map(|row| InboxEvent {
        firm: row.firm_id,
        agent: row.agent_id,
        id: row.event_id,
        occurred_at: row.occurred_at.to_jiff(),
        sent_at: row.sent_at.to_jiff(),
        received_at: row.received_at.to_jiff(),
        body: row.body,
        attempts: row.attempts,
    });
    Ok(events.collect())
}

/// Marks events projected.
pub(super) async fn mark_projected(
    transaction: &mut Transaction,
    now: Timestamp,
    events: &[InboxEvent],
) -> Result<(), AppError> {
    if events.is_empty() {
        return Ok(());
    }
    let firms: Vec<Uuid> = events.iter().map(|event| event.firm.0).collect();
    let agents: Vec<Uuid> = events.iter().map(|event| event.agent.0).collect();
    let ids: Vec<Uuid> = events.iter().map(|event| event.id.0).collect();
    sqlx::query!(
        "update inbox i set state = 'projected', projected_at = $4, problem = null, attempts = i.attempts + 1
         from unnest($1::uuid[], $2::uuid[], $3::uuid[]) as done (firm_id, agent_id, event_id)
         where i.firm_id = done.firm_id and i.agent_id = done.agent_id and i.event_id = done.event_id",
        &firms,
        &agents,
        &ids,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Sets an event aside, with what is wrong with it.
pub(super) async fn set_aside(
    transaction: &mut Transaction,
    event: &InboxEvent,
    problem: &str,
) -> Result<(), AppError> {
    sqlx::query!(
        "update inbox set state = 'set_aside', problem = $4, attempts = attempts + 1
         where firm_id = $1 and agent_id = $2 and event_id = $3",
        event.firm.0,
        event.agent.0,
        event.id.0,
        problem,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Counts that an event was interrupted. Answers how often it was.
pub(super) async fn count_attempt(transaction: &mut Transaction, event: &InboxEvent) -> Result<i32, AppError> {
    let attempts = sqlx::query_scalar!(
        "update inbox set attempts = attempts + 1 where firm_id = $1 and agent_id = $2 and event_id = $3 returning attempts",
        event.firm.0,
        event.agent.0,
        event.id.0,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(attempts)
}

/// How many events of an agent are set aside, and when the oldest was received.
pub(super) async fn count_set_aside(
    transaction: &mut Transaction,
    firm: FirmId,
    agent: AgentId,
) -> Result<(u32, Option<Timestamp>), AppError> {
    let row = sqlx::query!(
        r#"select count(*) as "count!", min(received_at) as since from inbox
         where firm_id = $1 and agent_id = $2 and state = 'set_aside'"#,
        firm.0,
        agent.0,
    )
    .fetch_one(&mut **transaction)
    .await?;
    let since = row.since.map(jiff_sqlx::Timestamp::to_jiff);
    Ok((u32::try_from(row.count).unwrap_or(u32::MAX), since))
}
