//! All SQL of `setup_links`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId, UserId};

pub(super) async fn add(
    transaction: &mut Transaction,
    now: Timestamp,
    expires_at: Timestamp,
    hash: &[u8; 32],
    person: Option<(FirmId, UserId)>,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into setup_links (token_hash, purpose, firm_id, user_id, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        &hash[..],
        if person.is_some() { "password" } else { "first_owner" },
        person.map(|(firm, _)| firm.0),
        person.map(|(_, user)| user.0),
        now.to_sqlx(),
        expires_at.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

pub(super) async fn end_first_owner_links(transaction: &mut Transaction, now: Timestamp) -> Result<(), AppError> {
    sqlx::query!(
        "update setup_links set expires_at = $1 where purpose = 'first_owner' and used_at is null and expires_at > $1",
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Whether this is a link for the first owner that may still be used.
pub(super) async fn is_first_owner_link(
    transaction: &mut Transaction,
    now: Timestamp,
    hash: &[u8; 32],
) -> Result<bool, AppError> {
    let found = sqlx::query_scalar!(
        "select token_hash from setup_links
         where token_hash = $1 and purpose = 'first_owner' and used_at is null and expires_at > $2",
        &hash[..],
        now.to_sqlx(),
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(found.is_some())
}

/// Uses the first owner's link up. Whether it was there to be used, by this transaction alone.
pub(super) async fn use_first_owner_link(
    transaction: &mut Transaction,
    now: Timestamp,
    hash: &[u8; 32],
) -> Result<bool, AppError> {
    let used = sqlx::query!(
        "update setup_links set used_at = $2
         where token_hash = $1 and purpose = 'first_owner' and used_at is null and expires_at > $2",
        &hash[..],
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Whom a link for a password is for.
#[derive(Debug, Clone)]
pub(super) struct Invited {
    pub(super) firm: FirmId,
    pub(super) user: UserId,
    pub(super) practice: Option<PracticeId>,
    pub(super) name: String,
    pub(super) email: String,
}

/// Whose password this link sets, if it may still be used and they are not disabled.
pub(super) async fn invited(
    transaction: &mut Transaction,
    now: Timestamp,
    hash: &[u8; 32],
) -> Result<Option<Invited>, AppError> {
    let row = sqlx::query!(
        "select u.firm_id, u.user_id, u.practice_id, u.name, u.email
         from setup_links l join users u on u.firm_id = l.firm_id and u.user_id = l.user_id
         where l.token_hash = $1 and l.purpose = 'password' and l.used_at is null and l.expires_at > $2
           and u.disabled_at is null",
        &hash[..],
        now.to_sqlx(),
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Invited {
        firm: row.firm_id,
        user: row.user_id,
        practice: row.practice_id,
        name: row.name,
        email: row.email,
    }))
}

/// Uses up every link of this person. Whether this one was still to be used.
pub(super) async fn use_password_links(
    transaction: &mut Transaction,
    now: Timestamp,
    hash: &[u8; 32],
    invited: &Invited,
) -> Result<bool, AppError> {
    let used = sqlx::query_scalar!(
        "update setup_links set used_at = $3
         where firm_id = $1 and user_id = $2 and purpose = 'password' and used_at is null and expires_at > $3
         returning token_hash",
        invited.firm.0,
        invited.user.0,
        now.to_sqlx(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(used.iter().any(|used| used == hash))
}
