//! The SQL of the people pages.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::PersonRow;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId, UserId};
use crate::users::Role;
use crate::web::words::Moment;

/// The people of a firm, or the one with this id: who may sign in first, then by name.
pub(super) async fn list(
    transaction: &mut Transaction,
    firm: FirmId,
    only: Option<UserId>,
) -> Result<Vec<PersonRow>, AppError> {
    let rows = sqlx::query!(
        r#"select u.user_id, u.name, u.email, u.role, u.practice_id, p.name as "practice_name?", u.receives_alerts,
            u.disabled_at is not null as "disabled!", u.password_hash is not null as "has_password!",
            (select max(s.seen_at) from sessions s where s.firm_id = u.firm_id and s.user_id = u.user_id) as last_seen
         from users u left join practices p on p.firm_id = u.firm_id and p.practice_id = u.practice_id
         where u.firm_id = $1 and ($2::uuid is null or u.user_id = $2)
         order by u.disabled_at is not null, lower(u.name), u.user_id"#,
        firm.0,
        only.map(|user| user.0),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let people = rows.into_iter().map(|row| PersonRow {
        user: row.user_id,
        name: row.name,
        email: row.email,
        role: row.role,
        practice: row.practice_id,
        practice_name: row.practice_name,
        receives_alerts: row.receives_alerts,
        disabled: row.disabled,
        has_password: row.has_password,
        last_seen: row.last_seen.map(|at| Moment {
            at: at.to_jiff(),
            zone: TimeZone::UTC,
        }),
    });
    Ok(people.collect())
}

/// The one with this id.
pub(super) async fn find(transaction: &mut Transaction, firm: FirmId, user: UserId) -> Result<PersonRow, AppError> {
    list(transaction, firm, Some(user))
        .await?
        .pop()
        .ok_or(AppError::NotFound)
}

/// The owners who may sign in, locked: two of them cannot both find that the other one stays.
pub(super) async fn lock_owners(transaction: &mut Transaction, firm: FirmId) -> Result<Vec<UserId>, AppError> {
    let owners = sqlx::query_scalar!(
        "select user_id from users where firm_id = $1 and role = 'owner' and disabled_at is null
         order by user_id for update",
        firm.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(owners)
}

pub(super) async fn set_role(
    transaction: &mut Transaction,
    firm: FirmId,
    user: UserId,
    role: Role,
    practice: Option<PracticeId>,
) -> Result<(), AppError> {
    sqlx::query!(
        "update users set role = $3, practice_id = $4, receives_alerts = receives_alerts and $4::uuid is null
         where firm_id = $1 and user_id = $2",
        firm.0,
        user.0,
        role.as_str(),
        practice.map(|practice| practice.0),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Whether this changed anything.
pub(super) async fn set_receives_alerts(
    transaction: &mut Transaction,
    firm: FirmId,
    user: UserId,
    receives: bool,
) -> Result<bool, AppError> {
    let changed = sqlx::query!(
        "update users set receives_alerts = $3 where firm_id = $1 and user_id = $2 and receives_alerts <> $3",
        firm.0,
        user.0,
        receives,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(changed.rows_affected() == 1)
}

/// Whether this changed anything.
pub(super) async fn set_disabled(
    transaction: &mut Transaction,
    firm: FirmId,
    user: UserId,
    at: Option<Timestamp>,
) -> Result<bool, AppError> {
    let changed = sqlx::query!(
        "update users set disabled_at = $3
         where firm_id = $1 and user_id = $2 and (disabled_at is null) <> ($3::timestamptz is null)",
        firm.0,
        user.0,
        at.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(changed.rows_affected() == 1)
}
