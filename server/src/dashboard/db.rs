//! The strips' SQL, and what several pages of this slice read.

use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::strip::DayGroup;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::FirmId;

/// The slots of these jobs since `first`, grouped by day and state.
pub(super) async fn job_days(
    transaction: &mut Transaction,
    firm: FirmId,
    jobs: &[Uuid],
    first: Date,
) -> Result<Vec<DayGroup>, AppError> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        // By the expectations, whose slots are indexed by when they are due; a backup day begins within a day of that.
        r#"select e.job_id::uuid as "of!: Uuid", s.backup_day, s.state, count(*) as "count!",
            case count(*) when 1 then min(s.run_id::text)::uuid end as "run: crate::ids::RunId",
            bool_or(s.reported_late) as "reported_late!"
         from expectations e
         join slots s on s.firm_id = e.firm_id and s.expectation_id = e.expectation_id
         where e.firm_id = $1 and e.job_id = any($2) and s.due_at >= $3::date - interval '2 days' and s.backup_day >= $3
         group by e.job_id, s.backup_day, s.state"#,
        firm.0,
        jobs,
        first.to_sqlx() as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DayGroup {
            of: row.of,
            day: row.backup_day.to_jiff(),
            state: row.state,
            count: row.count,
            run: row.run,
            reported_late: row.reported_late,
        })
        .collect())
}

/// The slots of all jobs of these practices since `first`, grouped by day and state.
pub(super) async fn practice_days(
    transaction: &mut Transaction,
    firm: FirmId,
    practices: &[Uuid],
    first: Date,
) -> Result<Vec<DayGroup>, AppError> {
    if practices.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sqlx::query!(
        r#"select practice_id::uuid as "of!: Uuid", backup_day, state, count(*) as "count!"
         from slots where firm_id = $1 and practice_id = any($2) and backup_day >= $3 and job_id is not null
         group by practice_id, backup_day, state"#,
        firm.0,
        practices,
        first.to_sqlx() as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| DayGroup {
            of: row.of,
            day: row.backup_day.to_jiff(),
            state: row.state,
            count: row.count,
            run: None,
            reported_late: false,
        })
        .collect())
}
