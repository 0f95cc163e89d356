//! All SQL of `audit_entries`.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::{Actor, Entry, Origin, pages};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, EntryId, FirmId, PracticeId};
use crate::web::words::Moment;

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

/// Who did it, in a filter.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// One person.
    Person(Uuid),
    /// Actors of a kind: `agent`, `operator`, `system`.
    Kind(&'static str),
}

/// Which entries are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Filter {
    pub(super) practice: Option<PracticeId>,
    pub(super) by: Option<By>,
    pub(super) action: Option<&'static str>,
    /// Only those that are older than this one.
    pub(super) before: Option<EntryId>,
}

/// One entry, as the page shows it.
#[derive(Debug, Clone)]
pub(super) struct EntryRow {
    pub(super) entry: EntryId,
    pub(super) at: Moment,
    pub(super) actor: String,
    pub(super) action: String,
    pub(super) subject: String,
    pub(super) practice: Option<String>,
    pub(super) details: String,
    pub(super) address: String,
}

/// Entries of a firm, the newest first.
pub(super) async fn list(
    transaction: &mut Transaction,
    firm: FirmId,
    filter: &Filter,
    most: usize,
) -> Result<Vec<EntryRow>, AppError> {
    let (person, kind) = match filter.by {
        None => (None, None),
        Some(By::Person(person)) => (Some(person), Some("user")),
        Some(By::Kind(kind)) => (None, Some(kind)),
    };
    let rows = sqlx::query!(
        r#"select e.entry_id, e.at, e.actor_name, e.action, e.subject_kind, e.subject_name, e.details, e.address,
            p.name as "practice?"
         from audit_entries e left join practices p on p.firm_id = e.firm_id and p.practice_id = e.practice_id
         where e.firm_id = $1 and ($2::uuid is null or e.practice_id = $2) and ($3::uuid is null or e.actor_id = $3)
           and ($4::text is null or e.actor_kind = $4) and ($5::text is null or e.action = $5)
           and ($6::uuid is null
                or (e.at, e.entry_id) < (select at, entry_id from audit_entries where firm_id = $1 and entry_id = $6))
         order by e.at desc, e.entry_id desc limit $7"#,
        firm.0,
        filter.practice.map(|practice| practice.0),
        person,
        kind,
        filter.action,
        filter.before.map(|entry| entry.0),
        i64::try_from(most).unwrap_or(i64::MAX),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let entries = rows.into_iter().map(|row| EntryRow {
        entry: row.entry_id,
        at: Moment {
            at: row.at.to_jiff(),
            zone: TimeZone::UTC,
        },
        actor: row.actor_name,
        action: pages::words(&row.action),
        subject: format!("{} {}", pages::words(&row.subject_kind), row.subject_name),
        practice: row.practice,
        details: pages::details(&row.details),
        address: row.address,
    });
    Ok(entries.collect())
}

/// The people of a firm, to choose one.
pub(super) async fn people(transaction: &mut Transaction, firm: FirmId) -> Result<Vec<(String, String)>, AppError> {
    let rows = sqlx::query!(
        "select user_id, name from users where firm_id = $1 order by lower(name), user_id",
        firm.0
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.user_id.to_string(), row.name))
        .collect())
}
