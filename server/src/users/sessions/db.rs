//! All SQL of `sessions`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::NewSession;
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{self, SessionId};
use crate::web::Person;
use crate::web::session_cookie::SessionToken;

pub(super) async fn begin(
    transaction: &mut Transaction,
    now: Timestamp,
    session: &NewSession<'_>,
    token: &SessionToken,
) -> Result<SessionId, AppError> {
    let session_id = ids::new::<SessionId>(now);
    sqlx::query!(
        "insert into sessions (firm_id, session_id, user_id, practice_id, token_hash, created_at, seen_at, idle_expires_at,
            expires_at, authenticated_at, address, user_agent)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $6, $9, $10)",
        session.firm.0,
        session_id.0,
        session.user.0,
        session.practice.map(|practice| practice.0),
        &hash(token)[..],
        now.to_sqlx(),
        session.idle_expires_at.to_sqlx(),
        session.expires_at.to_sqlx(),
        session.address,
        session.user_agent,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(session_id)
}

fn hash(token: &SessionToken) -> [u8; 32] {
    Sha256::digest(token.expose_secret()).into()
}

pub(super) async fn person_of(app: &App, now: Timestamp, token: &SessionToken) -> Result<Option<Person>, AppError> {
    let idle_expires_at = now + app.options.session_idle;
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let person = sqlx::query!(
        "update sessions s set seen_at = $2, idle_expires_at = $3
         from users u join firms f on f.firm_id = u.firm_id
         where s.token_hash = $1 and s.ended_at is null and s.idle_expires_at > $2 and s.expires_at > $2
           and u.firm_id = s.firm_id and u.user_id = s.user_id and u.disabled_at is null
         returning s.session_id, s.authenticated_at, u.firm_id, u.user_id, u.name, u.email, u.role, u.practice_id,
            f.name as firm_name",
        &hash(token)[..],
        now.to_sqlx(),
        idle_expires_at.to_sqlx(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(person.map(|row| Person {
        firm: row.firm_id,
        firm_name: row.firm_name,
        user: row.user_id,
        name: row.name,
        email: row.email,
        role: row.role,
        practice: row.practice_id,
        session: row.session_id,
        authenticated_at: row.authenticated_at.to_jiff(),
    }))
}
