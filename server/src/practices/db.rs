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

/// Whether the firm has a practice in use with this id. It stays in use until the transaction ends.
pub async fn keep_in_use(transaction: &mut Transaction, firm: FirmId, practice: PracticeId) -> Result<bool, AppError> {
    let found = sqlx::query_scalar!(
        "select practice_id from practices where firm_id = $1 and practice_id = $2 and archived_at is null for share",
        firm.0,
        practice.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(found.is_some())
}

/// The name of a practice that is in use.
///
/// # Errors
/// [`AppError::NotFound`] when there is none with this id, or it is archived.
pub(super) async fn name(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<String, AppError> {
    let name = sqlx::query_scalar!(
        "select name from practices where firm_id = $1 and practice_id = $2 and archived_at is null",
        firm.0,
        practice.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    name.ok_or(AppError::NotFound)
}

/// Gives a practice another name.
///
/// # Errors
/// [`AppError::Conflict`] when a practice of this name is in use; the transaction is at its end then.
pub(super) async fn rename(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
    name: &str,
) -> Result<(), AppError> {
    let renamed = sqlx::query!(
        "update practices set name = $3 where firm_id = $1 and practice_id = $2",
        firm.0,
        practice.0,
        name,
    )
    .execute(&mut **transaction)
    .await;
    match renamed {
        Ok(_) => Ok(()),
        Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(name_taken(name)),
        Err(error) => Err(error.into()),
    }
}

/// A practice of the list.
#[derive(Debug, Clone)]
pub(super) struct PracticeRow {
    pub(super) practice: PracticeId,
    pub(super) name: String,
    /// Its offices' names, with commas.
    pub(super) offices: String,
    /// Their time zones, with commas.
    pub(super) zones: String,
    /// Jobs that are not archived.
    pub(super) jobs: i64,
    /// Agents that are not revoked.
    pub(super) agents: i64,
}

/// The practices whose name contains `sought`, by name: those in use, or those that were archived.
pub(super) async fn list(
    transaction: &mut Transaction,
    firm: FirmId,
    sought: &str,
    archived: bool,
) -> Result<Vec<PracticeRow>, AppError> {
    let rows = sqlx::query_as!(
        PracticeRow,
        r#"select p.practice_id as practice, p.name,
            coalesce((select string_agg(o.name, ', ' order by o.created_at, o.office_id) from offices o
                where o.firm_id = p.firm_id and o.practice_id = p.practice_id), '') as "offices!",
            coalesce((select string_agg(distinct o.zone, ', ') from offices o
                where o.firm_id = p.firm_id and o.practice_id = p.practice_id), '') as "zones!",
            (select count(*) from jobs j
                where j.firm_id = p.firm_id and j.practice_id = p.practice_id and j.archived_at is null) as "jobs!",
            (select count(*) from agents a
                where a.firm_id = p.firm_id and a.practice_id = p.practice_id and a.revoked_at is null) as "agents!"
         from practices p
         where p.firm_id = $1 and (p.archived_at is not null) = $3 and strpos(lower(p.name), lower($2)) > 0
         order by lower(p.name), p.practice_id"#,
        firm.0,
        sought,
        archived,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows)
}

/// What keeps a practice from being archived.
#[derive(Debug, Clone)]
pub(super) struct InUse {
    pub(super) jobs: i64,
    pub(super) agents: i64,
    pub(super) alerts: i64,
}

impl InUse {
    pub(super) fn any(&self) -> bool {
        self.jobs + self.agents + self.alerts > 0
    }
}

pub(super) async fn in_use(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<InUse, AppError> {
    let in_use = sqlx::query_as!(
        InUse,
        r#"select
            (select count(*) from jobs where firm_id = $1 and practice_id = $2 and archived_at is null) as "jobs!",
            (select count(*) from agents where firm_id = $1 and practice_id = $2 and revoked_at is null) as "agents!",
            (select count(*) from alerts where firm_id = $1 and practice_id = $2 and closed_at is null) as "alerts!""#,
        firm.0,
        practice.0,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(in_use)
}

/// Archives a practice.
pub(super) async fn archive(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
) -> Result<(), AppError> {
    sqlx::query!(
        "update practices set archived_at = $3 where firm_id = $1 and practice_id = $2 and archived_at is null",
        firm.0,
        practice.0,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
