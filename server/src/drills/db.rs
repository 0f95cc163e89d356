//! All SQL of `drills`.

use jiff_sqlx::ToSqlx;
use lastgood_protocol::{DrillCheck, DrillStep};
use serde_json::Value;
use uuid::Uuid;

use super::model::{Drill, DrillRow, Outcome, Standing};
use crate::agents::Reporter;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{DrillId, FirmId, JobId, MediumId, PracticeId};
use crate::runs::Reported;

/// Inserts a drill. Whether its id was new.
pub(super) async fn insert(
    transaction: &mut Transaction,
    reporter: &Reporter,
    received: Reported,
    row: &DrillRow<'_>,
    job: Option<JobId>,
    medium: Option<MediumId>,
) -> Result<bool, AppError> {
    let steps = serde_json::to_value(&row.steps).map_err(AppError::internal)?;
    let checks = serde_json::to_value(&row.report.checks).map_err(AppError::internal)?;
    let done = sqlx::query!(
        "insert into drills (firm_id, drill_id, practice_id, agent_id, job_id, medium_id, backup, backup_made_at, started_at,
            finished_at, received_at, outcome, steps, checks, performed_by, notes)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
         on conflict (firm_id, drill_id) do nothing",
        reporter.firm.0,
        row.drill.0,
        reporter.practice.0,
        reporter.agent.0,
        job.map(|job| job.0),
        medium.map(|medium| medium.0),
        row.report.backup,
        row.backup_made_at.map(ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        row.started_at.to_sqlx(),
        row.finished_at.to_sqlx(),
        received.received_at.to_sqlx(),
        row.outcome.as_str(),
        steps,
        checks,
        row.report.performed_by,
        row.report.notes,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the drill stored under this id is this one.
pub(super) async fn is_same(
    transaction: &mut Transaction,
    reporter: &Reporter,
    row: &DrillRow<'_>,
) -> Result<bool, AppError> {
    let is_same = sqlx::query_scalar!(
        r#"select agent_id = $3 and started_at = $4 and finished_at = $5 and outcome = $6 as "is_same!"
         from drills where firm_id = $1 and drill_id = $2"#,
        reporter.firm.0,
        row.drill.0,
        reporter.agent.0,
        row.started_at.to_sqlx(),
        row.finished_at.to_sqlx(),
        row.outcome.as_str(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(is_same)
}

struct Row {
    drill_id: Uuid,
    practice_id: Uuid,
    practice_name: String,
    zone: String,
    agent_name: String,
    job_id: Option<Uuid>,
    job_name: Option<String>,
    medium_label: Option<String>,
    backup: String,
    backup_made_at: Option<jiff_sqlx::Timestamp>,
    started_at: jiff_sqlx::Timestamp,
    finished_at: jiff_sqlx::Timestamp,
    received_at: jiff_sqlx::Timestamp,
    outcome: String,
    steps: Value,
    checks: Value,
    performed_by: String,
    notes: Option<String>,
}

impl TryFrom<Row> for Drill {
    type Error = AppError;

    fn try_from(row: Row) -> Result<Self, AppError> {
        Ok(Self {
            id: DrillId(row.drill_id),
            practice: PracticeId(row.practice_id),
            practice_name: row.practice_name,
            zone: row.zone,
            agent_name: row.agent_name,
            job: row.job_id.map(JobId).zip(row.job_name),
            medium_label: row.medium_label,
            backup: row.backup,
            backup_made_at: row.backup_made_at.map(jiff_sqlx::Timestamp::to_jiff),
            started_at: row.started_at.to_jiff(),
            finished_at: row.finished_at.to_jiff(),
            received_at: row.received_at.to_jiff(),
            outcome: row.outcome.parse().map_err(AppError::internal)?,
            steps: serde_json::from_value::<Vec<DrillStep>>(row.steps).map_err(AppError::internal)?,
            checks: serde_json::from_value::<Vec<DrillCheck>>(row.checks).map_err(AppError::internal)?,
            performed_by: row.performed_by,
            notes: row.notes,
        })
    }
}

/// The newest drills, at most `most`, or the one asked for.
async fn read(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
    drill: Option<DrillId>,
    most: i64,
) -> Result<Vec<Drill>, AppError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select d.drill_id as "drill_id: Uuid", d.practice_id as "practice_id: Uuid", p.name as practice_name, o.zone,
            a.name as agent_name, d.job_id as "job_id: Uuid", j.name as "job_name?", m.label as "medium_label?", d.backup,
            d.backup_made_at, d.started_at, d.finished_at, d.received_at, d.outcome as "outcome: String", d.steps, d.checks,
            d.performed_by, d.notes
         from drills d
         join practices p on p.firm_id = d.firm_id and p.practice_id = d.practice_id
         join agents a on a.firm_id = d.firm_id and a.agent_id = d.agent_id
         join offices o on o.firm_id = a.firm_id and o.office_id = a.office_id
         left join jobs j on j.firm_id = d.firm_id and j.job_id = d.job_id
         left join media m on m.firm_id = d.firm_id and m.medium_id = d.medium_id
         where d.firm_id = $1 and ($2::uuid is null or d.practice_id = $2) and ($3::uuid is null or d.drill_id = $3)
         order by d.finished_at desc, d.drill_id desc limit $4"#,
        firm.0,
        practice.map(|practice| practice.0) as Option<Uuid>,
        drill.map(|drill| drill.0) as Option<Uuid>,
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    rows.into_iter().map(Drill::try_from).collect()
}

pub(super) async fn newest(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
    most: i64,
) -> Result<Vec<Drill>, AppError> {
    read(transaction, firm, practice, None, most).await
}

pub(super) async fn find(
    transaction: &mut Transaction,
    firm: FirmId,
    drill: DrillId,
) -> Result<Option<Drill>, AppError> {
    Ok(read(transaction, firm, None, Some(drill), 1).await?.pop())
}

pub(super) async fn standings(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
) -> Result<Vec<Standing>, AppError> {
    let rows = sqlx::query!(
        r#"select p.practice_id, p.name as practice_name,
            coalesce((select o.zone from offices o where o.firm_id = p.firm_id and o.practice_id = p.practice_id
                order by o.created_at limit 1), 'UTC') as "zone!",
            passed.drill_id as "passed_id?: DrillId", passed.finished_at as "passed_at?",
            newest.drill_id as "newest_id?: DrillId", newest.outcome as "newest_outcome?: Outcome",
            slot.due_at as "due_at?", slot.missed_at as "missed_at?"
         from practices p
         left join lateral (select d.drill_id, d.finished_at from drills d
            where d.firm_id = p.firm_id and d.practice_id = p.practice_id and d.outcome in ('passed', 'passed_with_notes')
            order by d.finished_at desc limit 1) passed on true
         left join lateral (select d.drill_id, d.outcome from drills d
            where d.firm_id = p.firm_id and d.practice_id = p.practice_id
            order by d.finished_at desc limit 1) newest on true
         left join lateral (select s.due_at, s.missed_at from expectations e
            join slots s on s.firm_id = e.firm_id and s.expectation_id = e.expectation_id
            where e.firm_id = p.firm_id and e.practice_id = p.practice_id and e.kind = 'drill' and e.retired_at is null
                and s.drill_id is null and s.state not in ('ok', 'warning', 'excused')
            order by s.due_at desc limit 1) slot on true
         where p.firm_id = $1 and ($2::uuid is null or p.practice_id = $2) and p.archived_at is null
         order by lower(p.name), p.practice_id"#,
        firm.0,
        practice.map(|practice| practice.0) as Option<Uuid>,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let standings = rows.into_iter().map(|row| Standing {
        practice: row.practice_id,
        practice_name: row.practice_name,
        zone: row.zone,
        last_passed: row.passed_id.zip(row.passed_at.map(jiff_sqlx::Timestamp::to_jiff)),
        newest: row.newest_id.zip(row.newest_outcome),
        due_at: row.due_at.map(jiff_sqlx::Timestamp::to_jiff),
        missed_at: row.missed_at.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(standings.collect())
}
