//! All SQL of `users`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use super::model::NewPerson;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, FirmId, PracticeId, UserId};

/// Adds somebody. Without a password hash they cannot sign in before they have chosen a password.
///
/// # Errors
/// [`AppError::Conflict`] when the e-mail address is taken.
pub async fn add(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    person: &NewPerson,
    password_hash: Option<&str>,
) -> Result<UserId, AppError> {
    let user = ids::new::<UserId>(now);
    let added = sqlx::query!(
        "insert into users (firm_id, user_id, practice_id, email, name, role, password_hash, receives_alerts, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (email) do nothing",
        firm.0,
        user.0,
        person.practice.map(|practice| practice.0),
        person.email,
        person.name,
        person.role.as_str(),
        password_hash,
        person.receives_alerts,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    if added.rows_affected() == 0 {
        return Err(AppError::Conflict(format!(
            "E-mail {} belongs to somebody already. Use another one.",
            person.email
        )));
    }
    Ok(user)
}

/// Disables the viewers of a practice who are not yet, and ends their sessions. How many there were. Call it after the change
/// that lets nobody be made one any more.
pub async fn disable_viewers(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
) -> Result<u64, AppError> {
    let disabled = sqlx::query!(
        "update users set disabled_at = $3
         where firm_id = $1 and practice_id = $2 and role = 'practice_viewer' and disabled_at is null",
        firm.0,
        practice.0,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    super::sessions::end_of_practice(transaction, now, firm, practice).await?;
    Ok(disabled.rows_affected())
}

/// Sets somebody's password, in whatever scope sees them. Their sessions are the caller's business.
pub async fn set_password(
    transaction: &mut Transaction,
    firm: FirmId,
    user: UserId,
    password_hash: &str,
) -> Result<(), AppError> {
    sqlx::query!(
        "update users set password_hash = $3 where firm_id = $1 and user_id = $2",
        firm.0,
        user.0,
        password_hash,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
