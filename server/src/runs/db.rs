//! All SQL of `runs`, and of `jobs` where a report makes one known.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use lastgood_protocol::{DestinationKind, JobKey, RunFacts, RunStarted};

use super::Output;
use super::model::{FinishedRow, Outcome, PlaceOfDay, Reported, Run, RunLine, attempt};
use crate::agents::Reporter;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, AgentId, FirmId, JobId, MediumId, RunId};

/// A job that a report is about.
#[derive(Debug, Clone)]
pub struct JobOfReport {
    /// It.
    pub id: JobId,
    /// Its name.
    pub name: String,
}

/// The practice's job of this key. A key that is not known becomes a job without a schedule, so that nothing reported is
/// lost. The job belongs from now on to the agent that reports it.
pub async fn job_by_key(
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    key: &JobKey,
    tool: &str,
    destination: Option<DestinationKind>,
) -> Result<JobOfReport, AppError> {
    let destination = destination.map(|destination| match destination {
        DestinationKind::Medium => "medium",
        DestinationKind::Vendor => "vendor",
        DestinationKind::Disk => "disk",
    });
    sqlx::query!(
        "insert into jobs (firm_id, job_id, practice_id, office_id, agent_id, key, name, tool, destination, created_at)
         values ($1, $2, $3, $4, $5, $6, $6, $7, $8, $9)
         on conflict (firm_id, practice_id, key) do update set
            agent_id = excluded.agent_id,
            tool = case when excluded.tool = '' then jobs.tool else excluded.tool end,
            destination = coalesce(excluded.destination, jobs.destination)
         where jobs.agent_id is distinct from excluded.agent_id
            or (excluded.tool <> '' and jobs.tool <> excluded.tool)
            or (excluded.destination is not null and jobs.destination is distinct from excluded.destination)",
        reporter.firm.0,
        ids::new::<JobId>(now).0,
        reporter.practice.0,
        reporter.office.0,
        reporter.agent.0,
        key.as_str(),
        tool,
        destination,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    let row = sqlx::query!(
        "select job_id, name from jobs where firm_id = $1 and practice_id = $2 and key = $3",
        reporter.firm.0,
        reporter.practice.0,
        key.as_str(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(JobOfReport {
        id: row.job_id,
        name: row.name,
    })
}

/// Inserts a run that began. Whether it was not there yet.
pub(super) async fn insert_started(
    transaction: &mut Transaction,
    reporter: &Reporter,
    job: JobId,
    received: Reported,
    started: &RunStarted,
    started_at: Timestamp,
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "insert into runs (firm_id, run_id, practice_id, job_id, agent_id, started_at, corrected_by_ms, received_at, attempt)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (firm_id, run_id) do nothing",
        reporter.firm.0,
        started.run.0,
        reporter.practice.0,
        job.0,
        reporter.agent.0,
        started_at.to_sqlx(),
        received.correction_ms(),
        received.received_at.to_sqlx(),
        attempt(started.attempt)?,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores the end of a run, with or without its beginning. Whether it was new: the first end of a run stays.
pub(super) async fn upsert_finished(
    transaction: &mut Transaction,
    reporter: &Reporter,
    job: JobId,
    received: Reported,
    row: &FinishedRow<'_>,
    medium: Option<MediumId>,
) -> Result<bool, AppError> {
    let report = row.report;
    let facts = serde_json::to_value(&report.facts).map_err(AppError::internal)?;
    let done = sqlx::query!(
        "insert into runs (firm_id, run_id, practice_id, job_id, agent_id, started_at, finished_at, corrected_by_ms,
            received_at, finish_received_at, outcome, will_be_retried, attempt, reason, exit_code, tool, tool_version,
            bytes_processed, bytes_added, files_total, files_new, files_changed, errors, snapshot, facts, medium_id)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22,
            $23, $24, $25)
         on conflict (firm_id, run_id) do update set
            started_at = excluded.started_at, finished_at = excluded.finished_at,
            corrected_by_ms = excluded.corrected_by_ms, finish_received_at = excluded.finish_received_at,
            outcome = excluded.outcome, will_be_retried = excluded.will_be_retried, attempt = excluded.attempt,
            reason = excluded.reason, exit_code = excluded.exit_code, tool = excluded.tool,
            tool_version = excluded.tool_version, bytes_processed = excluded.bytes_processed,
            bytes_added = excluded.bytes_added, files_total = excluded.files_total, files_new = excluded.files_new,
            files_changed = excluded.files_changed, errors = excluded.errors, snapshot = excluded.snapshot,
            facts = excluded.facts, medium_id = excluded.medium_id
         where runs.finished_at is null and runs.job_id = excluded.job_id and runs.agent_id = excluded.agent_id",
        reporter.firm.0,
        row.run.0,
        reporter.practice.0,
        job.0,
        reporter.agent.0,
        row.started_at.to_sqlx(),
        row.finished_at.to_sqlx(),
        received.correction_ms(),
        received.received_at.to_sqlx(),
        row.outcome.as_str(),
        report.will_be_retried,
        row.attempt,
        report.reason,
        report.exit_code,
        report.tool.name,
        report.tool.version,
        row.bytes_processed,
        row.bytes_added,
        row.files_total,
        row.files_new,
        row.files_changed,
        row.errors,
        report.facts.snapshot,
        facts,
        medium.map(|medium| medium.0),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Keeps the end of what the tool printed.
pub(super) async fn insert_output(
    transaction: &mut Transaction,
    reporter: &Reporter,
    run: RunId,
    output: &Output,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into run_outputs (firm_id, run_id, practice_id, stdout, stderr) values ($1, $2, $3, $4, $5)",
        reporter.firm.0,
        run.0,
        reporter.practice.0,
        &output.stdout,
        &output.stderr,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Whose a stored run is.
pub(super) struct Owner {
    pub(super) agent: AgentId,
    pub(super) job: JobId,
    pub(super) ended: Option<(Timestamp, Outcome)>,
}

/// Whose a stored run is, and how it ended.
pub(super) async fn owner_of(
    transaction: &mut Transaction,
    firm: FirmId,
    run: RunId,
) -> Result<Option<Owner>, AppError> {
    let row = sqlx::query!(
        "select agent_id, job_id, finished_at, outcome from runs where firm_id = $1 and run_id = $2",
        firm.0,
        run.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Owner {
        agent: row.agent_id,
        job: row.job_id,
        ended: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff).zip(row.outcome),
    }))
}

/// Where a stored run's backup day is told.
pub async fn place_of_day(
    transaction: &mut Transaction,
    firm: FirmId,
    run: RunId,
) -> Result<Option<PlaceOfDay>, AppError> {
    let row = sqlx::query!(
        r#"select r.started_at, s.backup_day as "slot_day?", o.zone, o.business_day_starts
         from runs r
         join jobs j on j.firm_id = r.firm_id and j.job_id = r.job_id
         join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
         left join slots s on s.firm_id = r.firm_id and s.slot_id = r.slot_id
         where r.firm_id = $1 and r.run_id = $2"#,
        firm.0,
        run.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| PlaceOfDay {
        started_at: row.started_at.to_jiff(),
        slot_day: row.slot_day.map(jiff_sqlx::Date::to_jiff),
        zone: row.zone,
        business_day_starts: row.business_day_starts,
    }))
}

/// A run, if it is in the transaction's scope.
pub async fn find(transaction: &mut Transaction, firm: FirmId, run: RunId) -> Result<Option<Run>, AppError> {
    let row = sqlx::query!(
        r#"select r.run_id, r.job_id, j.name as job_name, r.practice_id, p.name as practice_name, o.zone, r.agent_id,
            a.name as agent_name, r.slot_id, s.backup_day as "slot_day?", r.started_at, r.finished_at, r.corrected_by_ms,
            r.received_at, r.finish_received_at, r.outcome, r.will_be_retried, r.attempt, r.reason, r.exit_code, r.tool,
            r.tool_version, r.facts, r.medium_id, m.label as "medium_label?"
         from runs r
         join jobs j on j.firm_id = r.firm_id and j.job_id = r.job_id
         join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
         join practices p on p.firm_id = r.firm_id and p.practice_id = r.practice_id
         join agents a on a.firm_id = r.firm_id and a.agent_id = r.agent_id
         left join slots s on s.firm_id = r.firm_id and s.slot_id = r.slot_id
         left join media m on m.firm_id = r.firm_id and m.medium_id = r.medium_id
         where r.firm_id = $1 and r.run_id = $2"#,
        firm.0,
        run.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Run {
        id: row.run_id,
        job: row.job_id,
        job_name: row.job_name,
        practice: row.practice_id,
        practice_name: row.practice_name,
        zone: row.zone,
        agent: row.agent_id,
        agent_name: row.agent_name,
        slot: row.slot_id.zip(row.slot_day.map(jiff_sqlx::Date::to_jiff)),
        started_at: row.started_at.to_jiff(),
        finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        corrected_by: SignedDuration::from_millis(row.corrected_by_ms),
        received_at: row.received_at.to_jiff(),
        finish_received_at: row.finish_received_at.map(jiff_sqlx::Timestamp::to_jiff),
        outcome: row.outcome,
        will_be_retried: row.will_be_retried,
        attempt: row.attempt,
        reason: row.reason,
        exit_code: row.exit_code,
        tool: row.tool,
        tool_version: row.tool_version,
        facts: serde_json::from_value::<RunFacts>(row.facts).map_err(AppError::internal)?,
        medium: row.medium_id.zip(row.medium_label),
    }))
}

/// The newest runs of a job that began before `before`, newest first, at most `most`.
pub async fn of_job(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
    before: Timestamp,
    most: i64,
) -> Result<Vec<RunLine>, AppError> {
    let rows = sqlx::query!(
        r#"select r.run_id, r.started_at, r.finished_at, r.outcome, r.reason, r.bytes_added, r.bytes_processed,
            m.label as "medium_label?"
         from runs r left join media m on m.firm_id = r.firm_id and m.medium_id = r.medium_id
         where r.firm_id = $1 and r.job_id = $2 and r.started_at < $3
         order by r.started_at desc, r.run_id desc limit $4"#,
        firm.0,
        job.0,
        before.to_sqlx(),
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let lines = rows.into_iter().map(|row| RunLine {
        id: row.run_id,
        started_at: row.started_at.to_jiff(),
        finished_at: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
        outcome: row.outcome,
        reason: row.reason,
        bytes_added: row.bytes_added,
        bytes_processed: row.bytes_processed,
        medium_label: row.medium_label,
    });
    Ok(lines.collect())
}
