//! The SQL of `offices` and `office_closures` that pages need.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, ClosureId, FirmId, OfficeId, PracticeId};
use crate::practices::model::{Closure, OfficeDetails};

/// An office, and whether its zone and the start of its day are fixed.
#[derive(Debug, Clone)]
pub(in crate::practices) struct OfficeRow {
    pub(in crate::practices) office: OfficeId,
    pub(in crate::practices) details: OfficeDetails,
    /// Jobs of this office exist, whose dates were written with its zone.
    pub(in crate::practices) has_jobs: bool,
    /// Its closures that have not passed.
    pub(in crate::practices) closures: i64,
}

/// The offices of a practice, the first one first.
pub(in crate::practices) async fn offices(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Vec<OfficeRow>, AppError> {
    let rows = sqlx::query!(
        r#"select o.office_id, o.name, o.zone, o.closed_weekdays, o.business_day_starts,
            exists (select from jobs j where j.firm_id = o.firm_id and j.office_id = o.office_id) as "has_jobs!",
            (select count(*) from office_closures c where c.firm_id = o.firm_id and c.office_id = o.office_id) as "closures!"
         from offices o where o.firm_id = $1 and o.practice_id = $2
         order by o.created_at, o.office_id"#,
        firm.0,
        practice.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let offices = rows.into_iter().map(|row| OfficeRow {
        office: row.office_id,
        details: OfficeDetails {
            name: row.name,
            zone: row.zone,
            closed_weekdays: row.closed_weekdays,
            business_day_starts: row.business_day_starts,
        },
        has_jobs: row.has_jobs,
        closures: row.closures,
    });
    Ok(offices.collect())
}

/// One office of this practice.
///
/// # Errors
/// [`AppError::NotFound`] when it has none with this id.
pub(in crate::practices) async fn office(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
    office: OfficeId,
) -> Result<OfficeRow, AppError> {
    let offices = offices(transaction, firm, practice).await?;
    offices
        .into_iter()
        .find(|row| row.office == office)
        .ok_or(AppError::NotFound)
}

/// Changes what is known of an office.
pub(in crate::practices) async fn change_office(
    transaction: &mut Transaction,
    firm: FirmId,
    office: OfficeId,
    details: &OfficeDetails,
) -> Result<(), AppError> {
    sqlx::query!(
        "update offices set name = $3, zone = $4, closed_weekdays = $5, business_day_starts = $6
         where firm_id = $1 and office_id = $2",
        firm.0,
        office.0,
        details.name,
        details.zone,
        &details.closed_weekdays,
        details.business_day_starts,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A closure that is stored.
#[derive(Debug, Clone)]
pub(in crate::practices) struct ClosureRow {
    pub(in crate::practices) closure: ClosureId,
    pub(in crate::practices) what: Closure,
}

/// The closures of an office, the last one first.
pub(in crate::practices) async fn closures(
    transaction: &mut Transaction,
    firm: FirmId,
    office: OfficeId,
) -> Result<Vec<ClosureRow>, AppError> {
    let rows = sqlx::query!(
        "select closure_id, first_day, last_day, reason from office_closures
         where firm_id = $1 and office_id = $2 order by first_day desc, closure_id limit 100",
        firm.0,
        office.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let closures = rows.into_iter().map(|row| ClosureRow {
        closure: row.closure_id,
        what: Closure {
            first_day: row.first_day.to_jiff(),
            last_day: row.last_day.to_jiff(),
            reason: row.reason,
        },
    });
    Ok(closures.collect())
}

/// Adds a closure.
pub(in crate::practices) async fn add_closure(
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, practice, office): (FirmId, PracticeId, OfficeId),
    closure: &Closure,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into office_closures (firm_id, closure_id, practice_id, office_id, first_day, last_day, reason)
         values ($1, $2, $3, $4, $5, $6, $7)",
        firm.0,
        ids::new::<ClosureId>(now).0,
        practice.0,
        office.0,
        closure.first_day.to_sqlx() as jiff_sqlx::Date,
        closure.last_day.to_sqlx() as jiff_sqlx::Date,
        closure.reason,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Removes a closure. What it was, if it was there.
pub(in crate::practices) async fn remove_closure(
    transaction: &mut Transaction,
    firm: FirmId,
    office: OfficeId,
    closure: ClosureId,
) -> Result<Option<Closure>, AppError> {
    let row = sqlx::query!(
        "delete from office_closures where firm_id = $1 and office_id = $2 and closure_id = $3
         returning first_day, last_day, reason",
        firm.0,
        office.0,
        closure.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Closure {
        first_day: row.first_day.to_jiff(),
        last_day: row.last_day.to_jiff(),
        reason: row.reason,
    }))
}
