//! SQL of explanations.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;

use super::ExplainedRun;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::SlotState;
use crate::ids::{FirmId, JobId, SlotId};

/// A slot as it is stored.
pub(super) struct StoredSlot {
    pub(super) slot: SlotId,
    pub(super) day: Date,
    pub(super) state: SlotState,
    pub(super) opens_at: Timestamp,
    pub(super) due_at: Timestamp,
    pub(super) missed_at: Timestamp,
    pub(super) reported_late: bool,
    pub(super) excuse: Option<(String, String)>,
}

/// The newest slots of a job that have opened, the newest first.
pub(super) async fn newest_slots(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
    most: i64,
) -> Result<Vec<StoredSlot>, AppError> {
    let rows = sqlx::query!(
        "select slot_id, backup_day, state, opens_at, due_at, missed_at, reported_late, excused_by, excuse_reason
         from slots where firm_id = $1 and job_id = $2 and opens_at <= $3
         order by opens_at desc limit $4",
        firm.0,
        job.0,
        now.to_sqlx(),
        most
    )
    .fetch_all(&mut **transaction)
    .await?;
    let slots = rows.into_iter().map(|row| StoredSlot {
        slot: row.slot_id,
        day: row.backup_day.to_jiff(),
        state: row.state,
        opens_at: row.opens_at.to_jiff(),
        due_at: row.due_at.to_jiff(),
        missed_at: row.missed_at.to_jiff(),
        reported_late: row.reported_late,
        excuse: row.excused_by.zip(row.excuse_reason),
    });
    Ok(slots.collect())
}

/// The runs of these slots, the first to begin first.
pub(super) async fn runs_of(
    transaction: &mut Transaction,
    firm: FirmId,
    slots: &[StoredSlot],
) -> Result<Vec<(SlotId, ExplainedRun)>, AppError> {
    let slots: Vec<uuid::Uuid> = slots.iter().map(|slot| slot.slot.0).collect();
    let rows = sqlx::query!(
        r#"select slot_id as "slot_id!: SlotId", run_id, started_at, finished_at, outcome from runs
           where firm_id = $1 and slot_id = any($2) order by started_at, run_id"#,
        firm.0,
        &slots
    )
    .fetch_all(&mut **transaction)
    .await?;
    let runs = rows.into_iter().map(|row| {
        let run = ExplainedRun {
            run: row.run_id,
            started_at: row.started_at.to_jiff(),
            finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
            outcome: row.outcome,
        };
        (row.slot_id, run)
    });
    Ok(runs.collect())
}
