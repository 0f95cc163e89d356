//! All SQL of `audit_entries`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::{Actor, Entry, Origin};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, EntryId};

/// Writes one entry.
pub async fn record(
    transaction: &mut Transaction,
    now: Timestamp,
    actor: Actor<'_>,
    origin: Origin<'_>,
    entry: Entry<'_>,
) -> Result<(), AppError> {
    let (firm, kind, actor_id, name): (_, _, Option<Uuid>, _) = match actor {
        Actor::User { firm, user, name } => (firm, "user", Some(user.0), name),
        Actor::Agent { firm, agent, name } => (firm, "agent", Some(agent.0), name),
        Actor::Operator { firm } => (firm, "operator", None, "the server's operator"),
        Actor::System { firm } => (firm, "system", None, "Lastgood"),
    };
    sqlx::query!(
        "insert into audit_entries (firm_id, entry_id, practice_id, at, actor_kind, actor_id, actor_name, action,
            subject_kind, subject_id, subject_name, details, address, request_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        firm.0,
        ids::new::<EntryId>(now).0,
        entry.practice.map(|practice| practice.0),
        now.to_sqlx(),
        kind,
        actor_id,
        name,
        entry.action,
        entry.subject_kind,
        entry.subject,
        entry.subject_name,
        entry.details,
        origin.address,
        origin.request_id,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
