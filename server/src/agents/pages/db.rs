//! All SQL of the pages and commands about `agents` and `enrolment_tokens`.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use crate::agents::model::{Agent, EnrolledAgent, Office, Token};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, FirmId, OfficeId, PracticeId, TokenId};

/// The agents of a firm that may be listed, or the one asked for; by practice and name, revoked ones last.
pub(in crate::agents) async fn list(
    transaction: &mut Transaction,
    firm: FirmId,
    agent: Option<AgentId>,
) -> Result<Vec<Agent>, AppError> {
    let rows = sqlx::query!(
        "select a.agent_id, a.practice_id, p.name as practice_name, o.name as office_name, o.zone, a.name, a.public_key,
            a.platform, a.agent_version, a.enrolled_at, a.revoked_at, a.last_heard_at, a.clock_skew_ms, a.spooled,
            a.silent_since
         from agents a
         join practices p on p.firm_id = a.firm_id and p.practice_id = a.practice_id
         join offices o on o.firm_id = a.firm_id and o.office_id = a.office_id
         where a.firm_id = $1 and ($2::uuid is null or a.agent_id = $2)
         order by a.revoked_at is not null, lower(p.name), lower(a.name), a.agent_id",
        firm.0,
        agent.map(|agent| agent.0) as Option<Uuid>,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let agents = rows.into_iter().map(|row| Agent {
        id: row.agent_id,
        practice: row.practice_id,
        practice_name: row.practice_name,
        office_name: row.office_name,
        zone: row.zone,
        name: row.name,
        public_key: row.public_key,
        platform: row.platform,
        version: row.agent_version,
        enrolled_at: row.enrolled_at.to_jiff(),
        revoked_at: row.revoked_at.map(jiff_sqlx::Timestamp::to_jiff),
        last_heard_at: row.last_heard_at.map(jiff_sqlx::Timestamp::to_jiff),
        skew: row.clock_skew_ms.map(SignedDuration::from_millis),
        spooled: row.spooled,
        silent_since: row.silent_since.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(agents.collect())
}

/// A job of an agent: its id, its name, and its state in a word.
pub(super) struct JobOfAgent {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) state: String,
}

/// The jobs an agent reports.
pub(super) async fn jobs(
    transaction: &mut Transaction,
    firm: FirmId,
    agent: AgentId,
) -> Result<Vec<JobOfAgent>, AppError> {
    let jobs = sqlx::query_as!(
        JobOfAgent,
        r#"select job_id as "id: Uuid", name, state as "state: String" from jobs
         where firm_id = $1 and agent_id = $2 and archived_at is null order by lower(name), job_id"#,
        firm.0,
        agent.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(jobs)
}

/// How many jobs an agent proposes that wait for somebody.
pub(super) async fn proposed(transaction: &mut Transaction, firm: FirmId, agent: AgentId) -> Result<i64, AppError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from proposals
         where firm_id = $1 and agent_id = $2 and state = 'proposed' and gone_since is null"#,
        firm.0,
        agent.0,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(count)
}

/// An event as the page of its agent shows it.
pub(super) struct EventLine {
    pub(super) kind: String,
    pub(super) received_at: jiff_sqlx::Timestamp,
    pub(super) state: String,
}

/// The newest events of an agent. Their ids are made later for later ones, so the primary key finds them.
pub(super) async fn newest_events(
    transaction: &mut Transaction,
    firm: FirmId,
    agent: AgentId,
    most: i64,
) -> Result<Vec<EventLine>, AppError> {
    let events = sqlx::query_as!(
        EventLine,
        "select kind, received_at, state from inbox where firm_id = $1 and agent_id = $2
         order by event_id desc limit $3",
        firm.0,
        agent.0,
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(events)
}

/// Revokes an agent. Its practice and name, if it was not revoked before.
pub(in crate::agents) async fn revoke(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    agent: AgentId,
) -> Result<Option<(PracticeId, String)>, AppError> {
    let row = sqlx::query!(
        "update agents set revoked_at = $3, silent_at = null, silent_since = null
         where firm_id = $1 and agent_id = $2 and revoked_at is null
         returning practice_id, name",
        firm.0,
        agent.0,
        now.to_sqlx(),
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| (row.practice_id, row.name)))
}

/// The name of a practice in use and its offices, if it is in the transaction's scope.
pub(in crate::agents) async fn offices(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Option<(String, Vec<Office>)>, AppError> {
    let rows = sqlx::query!(
        "select p.name as practice_name, o.office_id, o.name, o.zone
         from practices p join offices o on o.firm_id = p.firm_id and o.practice_id = p.practice_id
         where p.firm_id = $1 and p.practice_id = $2 and p.archived_at is null
         order by o.created_at, o.office_id",
        firm.0,
        practice.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let Some(name) = rows.first().map(|row| row.practice_name.clone()) else {
        return Ok(None);
    };
    let offices = rows.into_iter().map(|row| Office {
        id: row.office_id,
        name: row.name,
        zone: row.zone,
    });
    Ok(Some((name, offices.collect())))
}

/// A token and what became of it, if it is in the transaction's scope.
pub(super) async fn token(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
    token: TokenId,
) -> Result<Option<Token>, AppError> {
    let row = sqlx::query!(
        r#"select t.token_id, t.expires_at, t.withdrawn_at, o.name as office_name, o.zone, a.agent_id as "agent_id?",
            a.name as "agent_name?", a.enrolled_at as "enrolled_at?",
            (select i.received_at from inbox i where i.firm_id = a.firm_id and i.agent_id = a.agent_id
                order by i.event_id limit 1) as "first_report_at?"
         from enrolment_tokens t
         join offices o on o.firm_id = t.firm_id and o.office_id = t.office_id
         left join agents a on a.firm_id = t.firm_id and a.agent_id = t.used_by_agent
         where t.firm_id = $1 and t.practice_id = $2 and t.token_id = $3"#,
        firm.0,
        practice.0,
        token.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Token {
        id: row.token_id,
        expires_at: row.expires_at.to_jiff(),
        withdrawn_at: row.withdrawn_at.map(jiff_sqlx::Timestamp::to_jiff),
        office_name: row.office_name,
        zone: row.zone,
        agent: match (row.agent_id, row.agent_name, row.enrolled_at) {
            (Some(agent), Some(name), Some(enrolled_at)) => Some(EnrolledAgent {
                agent,
                name,
                enrolled_at: enrolled_at.to_jiff(),
                first_report_at: row.first_report_at.map(jiff_sqlx::Timestamp::to_jiff),
            }),
            _ => None,
        },
    }))
}

/// Withdraws a token. Whether it could still be used.
pub(super) async fn withdraw(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
    token: TokenId,
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "update enrolment_tokens set withdrawn_at = $4
         where firm_id = $1 and practice_id = $2 and token_id = $3 and withdrawn_at is null and used_at is null",
        firm.0,
        practice.0,
        token.0,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// An office of a practice by its name or id.
pub(in crate::agents) async fn office_named(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
    office: &str,
) -> Result<Option<OfficeId>, AppError> {
    let office = sqlx::query_scalar!(
        "select office_id from offices
         where firm_id = $1 and practice_id = $2 and (lower(name) = lower($3) or office_id = $4)",
        firm.0,
        practice.0,
        office,
        office.parse::<Uuid>().ok(),
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(office)
}
