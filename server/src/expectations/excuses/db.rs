//! SQL of excuses.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;

use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::SlotState;
use crate::expectations::slots::SlotKey;
use crate::ids::{JobId, PracticeId};

/// A job's slot, as somebody who excuses it must know it.
pub(in crate::expectations) struct Excusable {
    pub(super) practice: PracticeId,
    pub(super) job: JobId,
    pub(super) job_name: String,
    pub(super) state: SlotState,
    pub(super) day: Date,
    /// Who excused it and why.
    pub(super) excused: Option<(String, String)>,
    /// The office's calendar did.
    pub(super) by_calendar: bool,
}

/// The slot, if it is a job's.
pub(super) async fn find(transaction: &mut Transaction, key: SlotKey) -> Result<Option<Excusable>, AppError> {
    let row = sqlx::query!(
        "select s.practice_id, j.job_id, j.name, s.state, s.backup_day, s.excused_by, s.excuse_reason, s.excused_by_calendar
         from slots s join jobs j on j.firm_id = s.firm_id and j.job_id = s.job_id
         where s.firm_id = $1 and s.slot_id = $2",
        key.firm.0,
        key.slot.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Excusable {
        practice: row.practice_id,
        job: row.job_id,
        job_name: row.name,
        state: row.state,
        day: row.backup_day.to_jiff(),
        excused: row.excused_by.zip(row.excuse_reason),
        by_calendar: row.excused_by_calendar,
    }))
}

/// Notes who excuses a slot and why, or that nobody does any more.
pub(super) async fn set(
    transaction: &mut Transaction,
    key: SlotKey,
    excuse: Option<(Timestamp, &str, &str)>,
) -> Result<(), AppError> {
    let (at, by, reason) = match excuse {
        Some((at, by, reason)) => (Some(at.to_sqlx()), Some(by), Some(reason)),
        None => (None, None, None),
    };
    sqlx::query!(
        "update slots set excused_at = $3, excused_by = $4, excuse_reason = $5, excused_by_calendar = false
         where firm_id = $1 and slot_id = $2",
        key.firm.0,
        key.slot.0,
        at as Option<jiff_sqlx::Timestamp>,
        by,
        reason,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
