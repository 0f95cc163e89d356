//! The audit log: who did what, when, from where. Append-only, in the transaction of the change.

mod db;
mod pages;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, FirmId, PracticeId, UserId};

pub use db::record;
pub use pages::routes;

/// Who did it.
#[derive(Debug, Clone, Copy)]
pub enum Actor<'a> {
    /// Somebody signed in.
    User {
        /// Their firm.
        firm: FirmId,
        /// They.
        user: UserId,
        /// Their name at that time.
        name: &'a str,
    },
    /// An agent.
    Agent {
        /// Its firm.
        firm: FirmId,
        /// It.
        agent: AgentId,
        /// Its name at that time.
        name: &'a str,
    },
    /// Whoever types commands on the server's machine.
    Operator {
        /// The firm acted upon.
        firm: FirmId,
    },
    /// The server by itself.
    System {
        /// The firm acted upon.
        firm: FirmId,
    },
}

/// Where a request came from.
#[derive(Debug, Clone, Copy, Default)]
pub struct Origin<'a> {
    /// The client's address.
    pub address: &'a str,
    /// The request's id.
    pub request_id: &'a str,
}

/// What was done to what.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// `practice.added`, `alert.acknowledged`, …: as the route table declares it.
    pub action: &'static str,
    /// The practice it concerns, if one: its viewers' own changes are found under it.
    pub practice: Option<PracticeId>,
    /// `practice`, `alert`, …
    pub subject_kind: &'static str,
    /// The thing.
    pub subject: Option<Uuid>,
    /// Its name at that time.
    pub subject_name: &'a str,
    /// What else is worth keeping. Never a secret.
    pub details: Value,
}

/// Writes an entry of the operator's commands, which have no request.
pub async fn record_operator(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    entry: Entry<'_>,
) -> Result<(), AppError> {
    record(transaction, now, Actor::Operator { firm }, Origin::default(), entry).await
}
