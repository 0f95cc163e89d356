//! All SQL of `sessions`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use super::NewSession;
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{self, FirmId, PracticeId, SessionId, UserId};
use crate::users::Role;
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

/// Reads only: a page that refreshes by itself is not a person at work.
pub(super) async fn is_alive(app: &App, now: Timestamp, firm: FirmId, session: SessionId) -> Result<bool, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let is_alive = sqlx::query_scalar!(
        r#"select exists (
            select from sessions s join users u on u.firm_id = s.firm_id and u.user_id = s.user_id
            where s.firm_id = $1 and s.session_id = $2 and s.ended_at is null and s.idle_expires_at > $3 and s.expires_at > $3
                and u.disabled_at is null
         ) as "is_alive!""#,
        firm.0,
        session.0,
        now.to_sqlx() as _,
    )
    .fetch_one(&mut *transaction)
    .await?;
    Ok(is_alive)
}

/// Somebody, by their session.
struct Row {
    session_id: SessionId,
    authenticated_at: jiff_sqlx::Timestamp,
    firm_id: FirmId,
    user_id: UserId,
    name: String,
    email: String,
    role: Role,
    practice_id: Option<PracticeId>,
    firm_name: String,
}

impl Row {
    fn person(self) -> Person {
        Person {
            firm: self.firm_id,
            firm_name: self.firm_name,
            user: self.user_id,
            name: self.name,
            email: self.email,
            role: self.role,
            practice: self.practice_id,
            session: self.session_id,
            authenticated_at: self.authenticated_at.to_jiff(),
        }
    }
}

pub(super) async fn person_of(app: &App, now: Timestamp, token: &SessionToken) -> Result<Option<Person>, AppError> {
    let idle_expires_at = now + app.options.session_idle;
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let row = sqlx::query_as!(
        Row,
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
    Ok(row.map(Row::person))
}

pub(super) async fn person_watching(
    app: &App,
    now: Timestamp,
    token: &SessionToken,
) -> Result<Option<Person>, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let row = sqlx::query_as!(
        Row,
        "select s.session_id, s.authenticated_at, u.firm_id, u.user_id, u.name, u.email, u.role, u.practice_id,
            f.name as firm_name
         from sessions s
         join users u on u.firm_id = s.firm_id and u.user_id = s.user_id
         join firms f on f.firm_id = u.firm_id
         where s.token_hash = $1 and s.ended_at is null and s.idle_expires_at > $2 and s.expires_at > $2
           and u.disabled_at is null",
        &hash(token)[..],
        now.to_sqlx() as _,
    )
    .fetch_optional(&mut *transaction)
    .await?;
    Ok(row.map(Row::person))
}

pub(super) async fn end_of_token(
    transaction: &mut Transaction,
    now: Timestamp,
    token: &SessionToken,
) -> Result<(), AppError> {
    sqlx::query!(
        "update sessions set ended_at = $2 where token_hash = $1 and ended_at is null",
        &hash(token)[..],
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn end(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    user: UserId,
    session: SessionId,
) -> Result<bool, AppError> {
    let ended = sqlx::query!(
        "update sessions set ended_at = $4 where firm_id = $1 and user_id = $2 and session_id = $3 and ended_at is null",
        firm.0,
        user.0,
        session.0,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(ended.rows_affected() == 1)
}

pub(super) async fn end_all(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    user: UserId,
    kept: Option<SessionId>,
) -> Result<u64, AppError> {
    let ended = sqlx::query!(
        "update sessions set ended_at = $3
         where firm_id = $1 and user_id = $2 and ended_at is null and session_id is distinct from $4",
        firm.0,
        user.0,
        now.to_sqlx(),
        kept.map(|session| session.0),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(ended.rows_affected())
}

pub(super) async fn end_of_practice(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
) -> Result<(), AppError> {
    sqlx::query!(
        "update sessions set ended_at = $3 where firm_id = $1 and practice_id = $2 and ended_at is null",
        firm.0,
        practice.0,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn forget_old(transaction: &mut Transaction, until: Timestamp) -> Result<(), AppError> {
    sqlx::query!(
        "delete from sessions where least(ended_at, idle_expires_at, expires_at) <= $1",
        until.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
