//! All SQL of `agents` and `enrolment_tokens`.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use lastgood_protocol::{EnrolmentRequest, PublicKey};

use super::model::{FoundToken, Place, Reporter, TOKEN_VALID_FOR};
use uuid::Uuid;

use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{AgentId, TokenId, UserId};

/// The token whose secret has this SHA-256.
pub(super) async fn find_token(app: &App, secret_hash: &[u8]) -> Result<Option<FoundToken>, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let row = sqlx::query!(
        r#"select t.firm_id, t.token_id, t.practice_id, t.office_id, t.expires_at, t.used_at, t.withdrawn_at,
            p.name as practice_name, o.name as office_name, a.agent_id as "agent_id?", a.public_key as "public_key?"
         from enrolment_tokens t
         join practices p on p.firm_id = t.firm_id and p.practice_id = t.practice_id
         join offices o on o.firm_id = t.firm_id and o.office_id = t.office_id
         left join agents a on a.firm_id = t.firm_id and a.agent_id = t.used_by_agent and a.revoked_at is null
         where t.secret_hash = $1"#,
        secret_hash
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(|row| FoundToken {
        firm: row.firm_id,
        token: row.token_id,
        practice: row.practice_id,
        practice_name: row.practice_name,
        office: row.office_id,
        office_name: row.office_name,
        expires_at: row.expires_at.to_jiff(),
        withdrawn_at: row.withdrawn_at.map(jiff_sqlx::Timestamp::to_jiff),
        used: row.used_at.is_some(),
        used_by: row.agent_id.zip(row.public_key),
    }))
}

/// Inserts the agent that redeems a token. Whether it was: its key must be new.
pub(super) async fn insert_agent(
    transaction: &mut Transaction,
    now: Timestamp,
    agent: AgentId,
    found: &FoundToken,
    request: &EnrolmentRequest,
    silent_after: SignedDuration,
) -> Result<bool, AppError> {
    let silent_after_seconds = i32::try_from(silent_after.as_secs()).unwrap_or(i32::MAX).max(1);
    let done = sqlx::query!(
        "insert into agents (firm_id, agent_id, practice_id, office_id, name, public_key, platform, agent_version,
            enrolled_at, silent_after_seconds, silent_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
         on conflict (public_key) do nothing",
        found.firm.0,
        agent.0,
        found.practice.0,
        found.office.0,
        request.hostname.trim(),
        &request.public_key.as_bytes()[..],
        request.platform,
        request.agent_version,
        now.to_sqlx(),
        silent_after_seconds,
        (now + SignedDuration::from_secs(i64::from(silent_after_seconds))).to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Marks a token used by this agent. Whether it was still to be used.
pub(super) async fn use_token(
    transaction: &mut Transaction,
    now: Timestamp,
    found: &FoundToken,
    agent: AgentId,
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "update enrolment_tokens set used_at = $3, used_by_agent = $4
         where firm_id = $1 and token_id = $2 and used_at is null and withdrawn_at is null and expires_at > $3",
        found.firm.0,
        found.token.0,
        now.to_sqlx(),
        agent.0,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The key of an agent that is not revoked.
pub async fn key_of(app: &App, agent: AgentId) -> Result<Option<PublicKey>, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let key = sqlx::query_scalar!(
        "select public_key from agents where agent_id = $1 and revoked_at is null",
        agent.0
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(key.and_then(|key| PublicKey::from_bytes(&key)))
}

/// Stores a new token by its secret's SHA-256.
pub(super) async fn insert_token(
    transaction: &mut Transaction,
    now: Timestamp,
    token: TokenId,
    place: &Place,
    secret_hash: &[u8],
    created_by: Option<UserId>,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into enrolment_tokens (firm_id, token_id, practice_id, office_id, secret_hash, created_at, created_by,
            expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        place.firm.0,
        token.0,
        place.practice.0,
        place.office.0,
        secret_hash,
        now.to_sqlx(),
        created_by.map(|user| user.0),
        (now + TOKEN_VALID_FOR).to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The agents of a round of reports, revoked ones too: what was received is projected.
pub async fn reporters(transaction: &mut Transaction, agents: &[AgentId]) -> Result<Vec<Reporter>, AppError> {
    let ids: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
    let rows = sqlx::query!(
        r#"select firm_id, practice_id, office_id, agent_id, name, silent_since is not null as "is_silent!"
         from agents where agent_id = any($1)"#,
        &ids
    )
    .fetch_all(&mut **transaction)
    .await?;
    let reporters = rows.into_iter().map(|row| Reporter {
        firm: row.firm_id,
        practice: row.practice_id,
        office: row.office_id,
        agent: row.agent_id,
        name: row.name,
        is_silent: row.is_silent,
    });
    Ok(reporters.collect())
}
