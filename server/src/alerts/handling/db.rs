//! The SQL of `alerts` and `alert_changes` that people's doings need.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, FirmId, JobId};

/// Notes that somebody looks after an open alert until a time. Whether it is open.
pub(super) async fn acknowledge(
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, alert): (FirmId, AlertId),
    by: &str,
    reason: &str,
    until: Timestamp,
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "update alerts set acknowledged_at = $3, acknowledged_by = $4, acknowledged_reason = $5, acknowledged_until = $6, changed_at = $3
         where firm_id = $1 and alert_id = $2 and closed_at is null",
        firm.0,
        alert.0,
        now.to_sqlx(),
        by,
        reason,
        until.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes an acknowledgement back. Whether there was one on an open alert.
pub(super) async fn undo_acknowledgement(
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, alert): (FirmId, AlertId),
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "update alerts set acknowledged_at = null, acknowledged_by = null, acknowledged_reason = null, acknowledged_until = null,
             changed_at = $3
         where firm_id = $1 and alert_id = $2 and closed_at is null and acknowledged_at is not null",
        firm.0,
        alert.0,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// When this job's next backup should have come at the latest.
pub(super) async fn next_deadline(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
) -> Result<Option<Timestamp>, AppError> {
    let next = sqlx::query_scalar!(
        "select min(s.missed_at) from slots s
         join expectations e on e.firm_id = s.firm_id and e.expectation_id = s.expectation_id
         where e.firm_id = $1 and e.job_id = $2 and e.retired_at is null and s.due_at > $3",
        firm.0,
        job.0,
        now.to_sqlx(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(next.map(jiff_sqlx::Timestamp::to_jiff))
}

/// An acknowledgement that reached its end.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) firm: FirmId,
    pub(super) alert: AlertId,
    pub(super) by: String,
    pub(super) reason: String,
}

/// Ends acknowledgements whose end has come, up to `most`, and adds it to their history.
pub(super) async fn end_acknowledgements(
    transaction: &mut Transaction,
    now: Timestamp,
    most: i64,
) -> Result<Vec<Ended>, AppError> {
    let rows = sqlx::query!(
        r#"with due as (
               select firm_id, alert_id, acknowledged_by, acknowledged_reason from alerts
               where closed_at is null and acknowledged_until <= $1
               order by acknowledged_until limit $2 for update skip locked),
           ended as (
               update alerts a set acknowledged_at = null, acknowledged_by = null, acknowledged_reason = null,
                   acknowledged_until = null, changed_at = $1
               from due where a.firm_id = due.firm_id and a.alert_id = due.alert_id
               returning a.firm_id, a.practice_id, a.alert_id, due.acknowledged_by, due.acknowledged_reason),
           told as (
               insert into alert_changes (firm_id, practice_id, alert_id, at, what, who, reason)
               select firm_id, practice_id, alert_id, $1, 'acknowledgement_ended', coalesce(acknowledged_by, ''),
                   coalesce(acknowledged_reason, '') from ended)
           select firm_id as "firm: FirmId", alert_id as "alert: AlertId",
               coalesce(acknowledged_by, '') as "by!", coalesce(acknowledged_reason, '') as "reason!" from ended"#,
        now.to_sqlx(),
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let ended = rows.into_iter().map(|row| Ended {
        firm: row.firm,
        alert: row.alert,
        by: row.by,
        reason: row.reason,
    });
    Ok(ended.collect())
}
