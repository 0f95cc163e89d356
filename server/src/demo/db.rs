//! SQL of the demo's history: many rows at a time, handed over as JSON. Everything that judges them is the product's own.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, AgentId, FirmId, JobId, OfficeId, PracticeId};

/// An agent and the job it runs, as the demo knows them.
#[derive(Debug, Serialize)]
pub(super) struct AgentRow {
    pub(super) firm_id: Uuid,
    pub(super) agent_id: Uuid,
    pub(super) practice_id: Uuid,
    pub(super) office_id: Uuid,
    pub(super) name: String,
    /// In base64.
    pub(super) public_key: String,
    pub(super) enrolled_at: Timestamp,
    pub(super) silent_after_seconds: i64,
}

/// A job.
#[derive(Debug, Serialize)]
pub(super) struct JobRow {
    pub(super) firm_id: Uuid,
    pub(super) job_id: Uuid,
    pub(super) practice_id: Uuid,
    pub(super) office_id: Uuid,
    pub(super) agent_id: Uuid,
    pub(super) key: &'static str,
    pub(super) name: &'static str,
    pub(super) tool: &'static str,
    pub(super) destination: &'static str,
    pub(super) created_at: Timestamp,
}

/// A medium of a rotation.
#[derive(Debug, Serialize)]
pub(super) struct MediumRow {
    pub(super) firm_id: Uuid,
    pub(super) medium_id: Uuid,
    pub(super) practice_id: Uuid,
    pub(super) volume: String,
    pub(super) marker_id: Uuid,
    pub(super) label: &'static str,
    pub(super) size_bytes: i64,
    pub(super) registered_at: Timestamp,
}

/// A run that has ended.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RunRow {
    pub(super) firm_id: Uuid,
    pub(super) run_id: Uuid,
    pub(super) practice_id: Uuid,
    pub(super) job_id: Uuid,
    pub(super) agent_id: Uuid,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<&'static str>,
    pub(super) exit_code: i64,
    pub(super) tool: &'static str,
    pub(super) tool_version: Option<&'static str>,
    pub(super) bytes_processed: i64,
    pub(super) bytes_added: i64,
    pub(super) files_total: i64,
    pub(super) files_new: i64,
    pub(super) files_changed: i64,
    pub(super) errors: i64,
    pub(super) snapshot: Option<String>,
    pub(super) facts: Value,
    pub(super) medium_id: Option<Uuid>,
    pub(super) backup_day: jiff::civil::Date,
    /// What the tool complained, as the agent redacts it.
    pub(super) stderr: Option<&'static [&'static str]>,
}

/// A practised restore.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DrillRow {
    pub(super) firm_id: Uuid,
    pub(super) drill_id: Uuid,
    pub(super) practice_id: Uuid,
    pub(super) agent_id: Uuid,
    pub(super) job_id: Uuid,
    pub(super) backup: String,
    pub(super) backup_made_at: Timestamp,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
    pub(super) outcome: &'static str,
    pub(super) steps: Value,
    pub(super) checks: Value,
    pub(super) performed_by: &'static str,
    pub(super) notes: Option<&'static str>,
}

/// Where a practice works.
#[derive(Debug, Clone, Copy)]
pub(super) struct OfficeOf {
    pub(super) firm: FirmId,
    pub(super) practice: PracticeId,
    pub(super) office: OfficeId,
}

/// Closed days of an office.
#[derive(Debug, Serialize)]
pub(super) struct ClosureRow {
    pub(super) firm_id: Uuid,
    pub(super) closure_id: Uuid,
    pub(super) practice_id: Uuid,
    pub(super) office_id: Uuid,
    pub(super) first_day: jiff::civil::Date,
    pub(super) last_day: jiff::civil::Date,
    pub(super) reason: &'static str,
}

fn json(rows: &[impl Serialize]) -> Result<Value, AppError> {
    serde_json::to_value(rows).map_err(AppError::internal)
}

/// Whether the history is written.
pub(super) async fn is_there(transaction: &mut Transaction, firm: &str) -> Result<bool, AppError> {
    let there = sqlx::query_scalar!(r#"select exists (select from firms where name = $1) as "there!""#, firm)
        .fetch_one(&mut **transaction)
        .await?;
    Ok(there)
}

/// Adds agents that have just been enrolled.
pub(super) async fn add_agents(transaction: &mut Transaction, rows: &[AgentRow]) -> Result<(), AppError> {
    sqlx::query!(
        "insert into agents (firm_id, agent_id, practice_id, office_id, name, public_key, platform, agent_version, enrolled_at,
            last_heard_at, clock_skew_ms, spooled, silent_after_seconds, silent_at)
         select n.firm_id, n.agent_id, n.practice_id, n.office_id, n.name, decode(n.public_key, 'base64'), 'linux', $2, n.enrolled_at,
            n.enrolled_at, 0, 0, n.silent_after_seconds, n.enrolled_at + make_interval(secs => n.silent_after_seconds)
         from jsonb_to_recordset($1) as n (firm_id uuid, agent_id uuid, practice_id uuid, office_id uuid, name text, public_key text,
            enrolled_at timestamptz, silent_after_seconds integer)",
        json(rows)?,
        env!("CARGO_PKG_VERSION"),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Adds jobs.
pub(super) async fn add_jobs(transaction: &mut Transaction, rows: &[JobRow]) -> Result<(), AppError> {
    sqlx::query!(
        "insert into jobs (firm_id, job_id, practice_id, office_id, agent_id, key, name, tool, destination, created_at)
         select n.firm_id, n.job_id, n.practice_id, n.office_id, n.agent_id, n.key, n.name, n.tool, n.destination, n.created_at
         from jsonb_to_recordset($1) as n (firm_id uuid, job_id uuid, practice_id uuid, office_id uuid, agent_id uuid, key text,
            name text, tool text, destination text, created_at timestamptz)",
        json(rows)?,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Registers media.
pub(super) async fn add_media(transaction: &mut Transaction, rows: &[MediumRow]) -> Result<(), AppError> {
    sqlx::query!(
        "insert into media (firm_id, medium_id, practice_id, volume, marker_id, label, set_name, file_system, size_bytes,
            registered_at, first_seen_at, last_seen_at, removable, encryption)
         select n.firm_id, n.medium_id, n.practice_id, n.volume, n.marker_id, n.label, n.label, 'ext4', n.size_bytes,
            n.registered_at, n.registered_at, n.registered_at, true, 'luks'
         from jsonb_to_recordset($1) as n (firm_id uuid, medium_id uuid, practice_id uuid, volume text, marker_id uuid, label text,
            size_bytes bigint, registered_at timestamptz)",
        json(rows)?,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Closes offices on some days.
pub(super) async fn add_closures(transaction: &mut Transaction, rows: &[ClosureRow]) -> Result<(), AppError> {
    sqlx::query!(
        "insert into office_closures (firm_id, closure_id, practice_id, office_id, first_day, last_day, reason)
         select n.firm_id, n.closure_id, n.practice_id, n.office_id, n.first_day, n.last_day, n.reason
         from jsonb_to_recordset($1) as n (firm_id uuid, closure_id uuid, practice_id uuid, office_id uuid, first_day date,
            last_day date, reason text)",
        json(rows)?,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Adds runs as if each had been reported when it ended, each into the slot it began in.
pub(super) async fn add_runs(transaction: &mut Transaction, rows: &[RunRow]) -> Result<(), AppError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows = json(rows)?;
    sqlx::query!(
        "insert into runs (firm_id, run_id, practice_id, job_id, agent_id, slot_id, started_at, finished_at, received_at,
            finish_received_at, outcome, reason, exit_code, tool, tool_version, bytes_processed, bytes_added, files_total, files_new,
            files_changed, errors, snapshot, facts, medium_id)
         select n.firm_id, n.run_id, n.practice_id, n.job_id, n.agent_id, s.slot_id, n.started_at, n.finished_at, n.started_at,
            n.finished_at, n.outcome, n.reason, n.exit_code, n.tool, n.tool_version, n.bytes_processed, n.bytes_added, n.files_total,
            n.files_new, n.files_changed, n.errors, n.snapshot, n.facts, n.medium_id
         from jsonb_to_recordset($1) as n (firm_id uuid, run_id uuid, practice_id uuid, job_id uuid, agent_id uuid,
            started_at timestamptz, finished_at timestamptz, outcome text, reason text, exit_code bigint, tool text, tool_version text,
            bytes_processed bigint, bytes_added bigint, files_total bigint, files_new bigint, files_changed bigint, errors bigint,
            snapshot text, facts jsonb, medium_id uuid)
         left join slots s on s.firm_id = n.firm_id and s.job_id = n.job_id and s.opens_at <= n.started_at
            and (s.closes_at is null or n.started_at < s.closes_at)",
        rows,
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "insert into run_outputs (firm_id, run_id, practice_id, stdout, stderr)
         select n.firm_id, n.run_id, n.practice_id, '{}', n.stderr
         from jsonb_to_recordset($1) as n (firm_id uuid, run_id uuid, practice_id uuid, stderr text[])
         where n.stderr is not null",
        rows,
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update media m set last_seen_at = seen.at
         from (select n.firm_id, n.medium_id, max(n.finished_at) as at
               from jsonb_to_recordset($1) as n (firm_id uuid, medium_id uuid, finished_at timestamptz) group by 1, 2) seen
         where m.firm_id = seen.firm_id and m.medium_id = seen.medium_id",
        rows,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Adds what was seen of the media that runs wrote to.
pub(super) async fn add_sightings(
    transaction: &mut Transaction,
    rows: &[RunRow],
    free_bytes: i64,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into media_sightings (firm_id, run_id, practice_id, medium_id, job_id, backup_day, seen_at, free_bytes)
         select n.firm_id, n.run_id, n.practice_id, n.medium_id, n.job_id, n.backup_day, n.finished_at, $2
         from jsonb_to_recordset($1) as n (firm_id uuid, run_id uuid, practice_id uuid, medium_id uuid, job_id uuid, backup_day date,
            finished_at timestamptz)
         where n.medium_id is not null",
        json(rows)?,
        free_bytes,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Of each practice the medium that was used last is in the drive, and the others were taken out in the mornings.
pub(super) async fn place_media(transaction: &mut Transaction, now: Timestamp, firm: FirmId) -> Result<(), AppError> {
    sqlx::query!(
        "update media m set present = m.medium_id = newest.medium_id, moved_at_agent = newest.agent_id,
            moved_at = case when m.medium_id = newest.medium_id then m.last_seen_at - interval '5 hours'
                else least(m.last_seen_at + interval '10 hours', $2) end
         from (select distinct on (practice_id) practice_id, medium_id, agent_id from runs
               where firm_id = $1 and medium_id is not null order by practice_id, finished_at desc) newest
         where m.firm_id = $1 and m.practice_id = newest.practice_id",
        firm.0,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Adds a practised restore.
pub(super) async fn add_drill(transaction: &mut Transaction, row: &DrillRow) -> Result<(), AppError> {
    sqlx::query!(
        "insert into drills (firm_id, drill_id, practice_id, agent_id, job_id, backup, backup_made_at, started_at, finished_at,
            received_at, outcome, steps, checks, performed_by, notes)
         select n.firm_id, n.drill_id, n.practice_id, n.agent_id, n.job_id, n.backup, n.backup_made_at, n.started_at, n.finished_at,
            n.finished_at, n.outcome, n.steps, n.checks, n.performed_by, n.notes
         from jsonb_to_recordset($1) as n (firm_id uuid, drill_id uuid, practice_id uuid, agent_id uuid, job_id uuid, backup text,
            backup_made_at timestamptz, started_at timestamptz, finished_at timestamptz, outcome text, steps jsonb, checks jsonb,
            performed_by text, notes text)",
        json(std::slice::from_ref(row))?,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Every agent but `silent` was heard from at `at`, and the evaluator was at work until then.
pub(super) async fn live_until(
    transaction: &mut Transaction,
    at: Timestamp,
    firm: FirmId,
    silent: Option<AgentId>,
) -> Result<(), AppError> {
    sqlx::query!(
        "update agents set last_heard_at = $2::timestamptz, silent_at = $2::timestamptz + make_interval(secs => silent_after_seconds)
         where firm_id = $1 and agent_id is distinct from $3",
        firm.0,
        at.to_sqlx(),
        silent.map(|agent| agent.0),
    )
    .execute(&mut **transaction)
    .await?;
    let moment_ago = at - SignedDuration::from_secs(1);
    sqlx::query!(
        "insert into evaluator (last_tick_at) values ($1)
         on conflict (only_row) do update set last_tick_at = excluded.last_tick_at",
        moment_ago.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Lets "no success for N" count from each job's last good run, as it does when runs are reported one by one.
pub(super) async fn count_from_last_good(transaction: &mut Transaction, firm: FirmId) -> Result<(), AppError> {
    sqlx::query!(
        "update expectations e set last_success_at = good.at, no_success_at = good.at + make_interval(secs => e.no_success_seconds)
         from (select job_id, max(finished_at) as at from runs
               where firm_id = $1 and outcome in ('ok', 'warning') group by job_id) good
         where e.firm_id = $1 and e.job_id = good.job_id and e.retired_at is null",
        firm.0,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Lets the owner receive alerts.
pub(super) async fn send_alerts(transaction: &mut Transaction, firm: FirmId) -> Result<(), AppError> {
    sqlx::query!(
        "update users set receives_alerts = true where firm_id = $1 and role = 'owner'",
        firm.0
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The office of a practice of the demo.
pub(super) async fn office(transaction: &mut Transaction, firm: &str, practice: &str) -> Result<OfficeOf, AppError> {
    let row = sqlx::query!(
        "select o.firm_id, o.practice_id, o.office_id
         from firms f
         join practices p on p.firm_id = f.firm_id and p.name = $2
         join offices o on o.firm_id = p.firm_id and o.practice_id = p.practice_id
         where f.name = $1",
        firm,
        practice,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(OfficeOf {
        firm: row.firm_id,
        practice: row.practice_id,
        office: row.office_id,
    })
}

/// The job of the real agent, made on the first start.
pub(super) async fn ensure_documents(
    transaction: &mut Transaction,
    now: Timestamp,
    office: &OfficeOf,
    key: &str,
) -> Result<JobId, AppError> {
    sqlx::query!(
        "insert into jobs (firm_id, job_id, practice_id, office_id, key, name, tool, destination, created_at)
         values ($1, $2, $3, $4, $5, 'Front desk documents', 'restic', 'disk', $6)
         on conflict (firm_id, practice_id, key) do nothing",
        office.firm.0,
        ids::new::<JobId>(now).0,
        office.practice.0,
        office.office.0,
        key,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    let job = sqlx::query_scalar!(
        "select job_id from jobs where firm_id = $1 and practice_id = $2 and key = $3",
        office.firm.0,
        office.practice.0,
        key,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(job)
}
