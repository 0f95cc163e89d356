//! All SQL of `login_failures`, and who an e-mail address belongs to.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use super::throttle::{Subject, WINDOW};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId, UserId};

/// Somebody who may sign in with a password.
#[derive(Debug, Clone)]
pub(in crate::users) struct Account {
    pub(in crate::users) firm: FirmId,
    pub(in crate::users) user: UserId,
    pub(in crate::users) practice: Option<PracticeId>,
    pub(in crate::users) name: String,
    pub(in crate::users) email: String,
    pub(in crate::users) password_hash: String,
}

/// Counts one try as failed before it is made, so that tries at the same moment cannot all pass. When the subject may try
/// again, if this is one too many.
pub(super) async fn count_try(
    transaction: &mut Transaction,
    now: Timestamp,
    subject: &Subject,
) -> Result<Option<Timestamp>, AppError> {
    let row = sqlx::query!(
        "insert into login_failures as f (subject_kind, subject_hash, window_began_at, failures)
         values ($1, $2, $3, 1)
         on conflict (subject_kind, subject_hash) do update set
            failures = case when f.window_began_at <= $4 then 1 else f.failures + 1 end,
            window_began_at = case when f.window_began_at <= $4 then $3 else f.window_began_at end
         returning f.failures, f.window_began_at",
        subject.kind,
        &subject.hash[..],
        now.to_sqlx(),
        (now - WINDOW).to_sqlx(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(subject.refused_until(row.failures, row.window_began_at.to_jiff()))
}

/// Takes back that a try was counted: it succeeded, or was not made.
pub(super) async fn uncount_try(transaction: &mut Transaction, subject: &Subject) -> Result<(), AppError> {
    sqlx::query!(
        "update login_failures set failures = greatest(failures - 1, 0) where subject_kind = $1 and subject_hash = $2",
        subject.kind,
        &subject.hash[..],
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Forgets this subject's failures.
pub(super) async fn forget(transaction: &mut Transaction, subject: &Subject) -> Result<(), AppError> {
    sqlx::query!(
        "delete from login_failures where subject_kind = $1 and subject_hash = $2",
        subject.kind,
        &subject.hash[..],
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Forgets all failures whose window began at `until` or before.
pub(super) async fn forget_old(transaction: &mut Transaction, until: Timestamp) -> Result<u64, AppError> {
    let forgotten = sqlx::query!(
        "delete from login_failures where window_began_at <= $1",
        until.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(forgotten.rows_affected())
}

/// The account of this e-mail address, if it may sign in. Needs [`crate::db::Scope::Everything`].
pub(super) async fn account(transaction: &mut Transaction, email: &str) -> Result<Option<Account>, AppError> {
    let row = sqlx::query!(
        r#"select firm_id, user_id, practice_id, name, password_hash as "password_hash!" from users
         where email = $1 and disabled_at is null and password_hash is not null"#,
        email,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Account {
        firm: row.firm_id,
        user: row.user_id,
        practice: row.practice_id,
        name: row.name,
        email: email.to_owned(),
        password_hash: row.password_hash,
    }))
}

/// Locks the account until the transaction ends. Whether its password is still this one and it may still sign in.
pub(super) async fn still_stands(transaction: &mut Transaction, account: &Account) -> Result<bool, AppError> {
    let row = sqlx::query!(
        "select user_id from users
         where firm_id = $1 and user_id = $2 and disabled_at is null and password_hash = $3 for share",
        account.firm.0,
        account.user.0,
        account.password_hash,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.is_some())
}
