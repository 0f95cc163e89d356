//! All SQL of `practices`, `offices` and `office_closures`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use super::model::{NewPractice, OfficeDetails};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, FirmId, OfficeId, PracticeId};

/// Adds a practice with its first office.
///
/// # Errors
/// [`AppError::Conflict`] when a practice of this name is in use.
pub async fn add(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: &NewPractice,
) -> Result<(PracticeId, OfficeId), AppError> {
    let practice_id = ids::new::<PracticeId>(now);
    let added = sqlx::query!(
        "insert into practices (firm_id, practice_id, name, created_at) values ($1, $2, $3, $4)
         on conflict (firm_id, lower(name)) where archived_at is null do nothing",
        firm.0,
        practice_id.0,
        practice.name,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    if added.rows_affected() == 0 {
        return Err(name_taken(&practice.name));
    }
    let office = add_office(transaction, now, firm, practice_id, &practice.office).await?;
    Ok((practice_id, office))
}

/// Adds an office to a practice.
pub async fn add_office(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
    office: &OfficeDetails,
) -> Result<OfficeId, AppError> {
    let office_id = ids::new::<OfficeId>(now);
    sqlx::query!(
        "insert into offices (firm_id, office_id, practice_id, name, zone, closed_weekdays, business_day_starts, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        firm.0,
        office_id.0,
        practice.0,
        office.name,
        office.zone,
        &office.closed_weekdays,
        office.business_day_starts,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(office_id)
}

fn name_taken(name: &str) -> AppError {
    AppError::Conflict(format!(
        "A practice named {name} exists already. Give this one another name."
    ))
}

/// The practice in use with this name or id.
///
/// # Errors
/// [`AppError::Invalid`] when there is none.
pub async fn named(transaction: &mut Transaction, firm: FirmId, practice: &str) -> Result<PracticeId, AppError> {
    let practice = practice.trim();
    let found = sqlx::query_scalar!(
        "select practice_id from practices
         where firm_id = $1 and archived_at is null and (lower(name) = lower($2) or practice_id = $3)",
        firm.0,
        practice,
        practice.parse::<uuid::Uuid>().ok(),
    )
    .fetch_optional(&mut **transaction)
    .await?;
    found.ok_or_else(|| {
        AppError::Invalid(format!(
            "There is no practice {practice}. Write its name as its page shows it."
        ))
    })
}

/// The practices in use, by name.
pub async fn names(transaction: &mut Transaction, firm: FirmId) -> Result<Vec<(PracticeId, String)>, AppError> {
    let rows = sqlx::query!(
        "select practice_id, name from practices where firm_id = $1 and archived_at is null order by lower(name)",
        firm.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.practice_id, row.name)).collect())
}
