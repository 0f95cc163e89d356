//! SQL of `jobs`, but for what the projector and the evaluator keep of them.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use super::model::{Destination, Job, JobDetails, OfficeChoice};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::JobState;
use crate::ids::{AgentId, FirmId, JobId, OfficeId, PracticeId};

/// The job, if there is one with this id.
pub async fn find(transaction: &mut Transaction, firm: FirmId, job: JobId) -> Result<Option<Job>, AppError> {
    let row = sqlx::query!(
        r#"select j.job_id, j.practice_id, p.name as practice_name, j.office_id, j.agent_id, j.key, j.name, j.tool,
            j.destination as "destination: Destination", j.archived_at is not null as "archived!"
         from jobs j join practices p on p.firm_id = j.firm_id and p.practice_id = j.practice_id
         where j.firm_id = $1 and j.job_id = $2"#,
        firm.0,
        job.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Job {
        id: row.job_id,
        practice: row.practice_id,
        practice_name: row.practice_name,
        office: row.office_id,
        agent: row.agent_id,
        key: row.key,
        name: row.name,
        tool: row.tool,
        destination: row.destination,
        archived: row.archived,
    }))
}

/// The jobs of this key or id, in any practice or in one.
pub(super) async fn named(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
    name: &str,
) -> Result<Vec<JobId>, AppError> {
    let jobs = sqlx::query_scalar!(
        "select job_id from jobs
         where firm_id = $1 and ($2::uuid is null or practice_id = $2) and (key = $3 or job_id = $4)
         order by job_id",
        firm.0,
        practice.map(|practice| practice.0) as Option<uuid::Uuid>,
        name,
        name.parse::<uuid::Uuid>().ok()
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(jobs)
}

/// Adds a job, or describes one that so far is known from its agent's reports alone. `None` when the key is taken.
pub(super) async fn add(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
    id: JobId,
    details: &JobDetails,
) -> Result<Option<JobId>, AppError> {
    let added = sqlx::query_scalar!(
        "insert into jobs (firm_id, job_id, practice_id, office_id, key, name, tool, destination, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         on conflict (firm_id, practice_id, key) do update
         set office_id = excluded.office_id, name = excluded.name, archived_at = null,
             tool = case when excluded.tool = '' then jobs.tool else excluded.tool end,
             destination = coalesce(excluded.destination, jobs.destination)
         where not exists (select from expectations e
                           where e.firm_id = jobs.firm_id and e.job_id = jobs.job_id and e.retired_at is null)
         returning job_id",
        firm.0,
        id.0,
        practice.0,
        details.office.0,
        details.key.as_str(),
        details.name,
        details.tool,
        details.destination.map(Destination::as_str),
        now.to_sqlx(),
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(added)
}

/// Changes what is known of a job. Its key stays: its agent knows it by that.
pub(super) async fn change(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
    details: &JobDetails,
) -> Result<(), AppError> {
    sqlx::query!(
        "update jobs set office_id = $3, name = $4, tool = $5, destination = $6 where firm_id = $1 and job_id = $2",
        firm.0,
        job.0,
        details.office.0,
        details.name,
        details.tool,
        details.destination.map(Destination::as_str),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Archives a job. Its evidence stays.
pub(super) async fn archive(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
) -> Result<bool, AppError> {
    let archived = sqlx::query!(
        "update jobs set archived_at = $3 where firm_id = $1 and job_id = $2 and archived_at is null",
        firm.0,
        job.0,
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(archived.rows_affected() == 1)
}

/// The practice's name and its offices, the first one first; `None` when there is no such practice in use.
pub(super) async fn offices(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Option<(String, Vec<OfficeChoice>)>, AppError> {
    let rows = sqlx::query!(
        "select p.name as practice_name, o.office_id, o.name, o.zone
         from practices p join offices o on o.firm_id = p.firm_id and o.practice_id = p.practice_id
         where p.firm_id = $1 and p.practice_id = $2 and p.archived_at is null
         order by o.created_at, o.office_id",
        firm.0,
        practice.0
    )
    .fetch_all(&mut **transaction)
    .await?;
    let Some(name) = rows.first().map(|row| row.practice_name.clone()) else {
        return Ok(None);
    };
    let offices = rows.into_iter().map(|row| OfficeChoice {
        id: row.office_id,
        name: row.name,
        zone: row.zone,
    });
    Ok(Some((name, offices.collect())))
}

/// The zone of an office.
pub(super) async fn zone_of(
    transaction: &mut Transaction,
    firm: FirmId,
    office: OfficeId,
) -> Result<Option<String>, AppError> {
    let zone = sqlx::query_scalar!(
        "select zone from offices where firm_id = $1 and office_id = $2",
        firm.0,
        office.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(zone)
}

/// A job as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// It.
    pub id: JobId,
    /// Its practice.
    pub practice: PracticeId,
    /// The practice's name.
    pub practice_name: String,
    /// What its agent calls it.
    pub key: String,
    /// Its name.
    pub name: String,
    /// The agent that reports it.
    pub agent: Option<AgentId>,
    /// How it stands. While its agent is silent nothing good is said of it.
    pub state: JobState,
    /// Its last good run's end.
    pub last_success_at: Option<Timestamp>,
}

/// The jobs in use of a firm or of one of its practices, by practice and name. One scan of `jobs`: the state is stored with
/// the job.
pub async fn list(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
) -> Result<Vec<JobRow>, AppError> {
    let rows = sqlx::query!(
        r#"select j.job_id, j.practice_id, p.name as practice_name, j.key, j.name, j.agent_id,
            case when a.silent_since is not null and j.state in ('ok', 'warning', 'waiting', 'late', 'excused') then 'unknown'
                 else j.state end as "state!: JobState",
            e.last_success_at as "last_success_at?"
         from jobs j
         join practices p on p.firm_id = j.firm_id and p.practice_id = j.practice_id
         left join agents a on a.firm_id = j.firm_id and a.agent_id = j.agent_id and a.revoked_at is null
         left join expectations e on e.firm_id = j.firm_id and e.job_id = j.job_id and e.retired_at is null
         where j.firm_id = $1 and ($2::uuid is null or j.practice_id = $2) and j.archived_at is null and p.archived_at is null
         order by lower(p.name), lower(j.name), j.job_id"#,
        firm.0,
        practice.map(|practice| practice.0) as Option<uuid::Uuid>
    )
    .fetch_all(&mut **transaction)
    .await?;
    let jobs = rows.into_iter().map(|row| JobRow {
        id: row.job_id,
        practice: row.practice_id,
        practice_name: row.practice_name,
        key: row.key,
        name: row.name,
        agent: row.agent_id,
        state: row.state,
        last_success_at: row.last_success_at.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(jobs.collect())
}
