//! What the page of a run reads.

use super::model::{Run, RunMedium};
use crate::dashboard::place::Place;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::SlotState;
use crate::ids::{FirmId, RunId};
use crate::media::{Encryption, nature};
use crate::runs::Output;

/// The run, if it is there for the reader.
pub(super) async fn run(transaction: &mut Transaction, firm: FirmId, run: RunId) -> Result<Option<Run>, AppError> {
    let row = sqlx::query!(
        r#"select r.run_id, r.practice_id, r.job_id, r.agent_id, r.started_at, r.finished_at, r.corrected_by_ms, r.received_at,
            r.finish_received_at, r.outcome, r.will_be_retried, r.attempt, r.reason, r.exit_code, r.tool, r.tool_version,
            r.bytes_processed, r.bytes_added, r.files_total, r.files_new, r.files_changed, r.errors, r.snapshot, r.facts,
            p.name as practice_name, j.name as job_name, j.key as job_key, a.name as agent_name, o.zone, o.business_day_starts,
            s.due_at as "due_at?", s.state as "slot_state?: SlotState", s.declared_missed_at,
            s.reported_late as "reported_late?", m.label as "medium_label?", m.set_name as "medium_set?",
            m.volume as "medium_volume?", m.removable as "medium_removable?",
            m.encryption as "medium_encryption?: Encryption", t.stdout as "stdout?", t.stderr as "stderr?"
         from runs r
         join practices p on p.firm_id = r.firm_id and p.practice_id = r.practice_id
         join jobs j on j.firm_id = r.firm_id and j.job_id = r.job_id
         join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
         join agents a on a.firm_id = r.firm_id and a.agent_id = r.agent_id
         left join slots s on s.firm_id = r.firm_id and s.slot_id = r.slot_id
         left join media m on m.firm_id = r.firm_id and m.medium_id = r.medium_id
         left join run_outputs t on t.firm_id = r.firm_id and t.run_id = r.run_id
         where r.firm_id = $1 and r.run_id = $2"#,
        firm.0,
        run.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let at = |at: Option<jiff_sqlx::Timestamp>| at.map(jiff_sqlx::Timestamp::to_jiff);
    Ok(row.map(|row| Run {
        practice: row.practice_id,
        practice_name: row.practice_name,
        job: row.job_id,
        job_name: row.job_name,
        job_key: row.job_key,
        agent: row.agent_id,
        agent_name: row.agent_name,
        place: Place::new(Some(&row.zone), Some(row.business_day_starts)),
        started: row.started_at.to_jiff(),
        finished: at(row.finished_at),
        corrected_by_ms: row.corrected_by_ms,
        received: row.received_at.to_jiff(),
        finish_received: at(row.finish_received_at),
        outcome: row.outcome,
        will_be_retried: row.will_be_retried,
        attempt: row.attempt,
        reason: row.reason,
        exit_code: row.exit_code,
        tool: row.tool,
        tool_version: row.tool_version,
        bytes_processed: row.bytes_processed,
        bytes_added: row.bytes_added,
        files_total: row.files_total,
        files_new: row.files_new,
        files_changed: row.files_changed,
        errors: row.errors,
        snapshot: row.snapshot,
        // Facts are only added to; what this version does not know is left out.
        facts: serde_json::from_value(row.facts).unwrap_or_default(),
        slot_due: at(row.due_at),
        slot_state: row.slot_state,
        declared_missed: at(row.declared_missed_at),
        reported_late: row.reported_late.unwrap_or(false),
        medium: row.medium_label.map(|label| RunMedium {
            label,
            set: row.medium_set.unwrap_or_default(),
            volume: row.medium_volume.unwrap_or_default(),
            nature: nature(row.medium_removable, row.medium_encryption),
        }),
        output: row
            .stdout
            .zip(row.stderr)
            .map(|(stdout, stderr)| Output { stdout, stderr }),
    }))
}
