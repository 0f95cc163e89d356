//! What the page of a practice and its report read.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;

use super::model::{Agent, Closure, DatabaseServer, Drill, Job, Medium, Office, Practice};
use crate::dashboard::place::{Place, corrected};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::JobState;
use crate::ids::{FirmId, PracticeId, RunId};
use crate::media::Whereabouts;

/// The practice, if it is there for the reader.
pub(in crate::dashboard) async fn practice(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Option<Practice>, AppError> {
    let row = sqlx::query!(
        "select practice_id, name, archived_at from practices where firm_id = $1 and practice_id = $2",
        firm.0,
        practice.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Practice {
        id: row.practice_id,
        name: row.name,
        is_archived: row.archived_at.is_some(),
    }))
}

/// Its offices, the first one first.
pub(in crate::dashboard) async fn offices(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Vec<Office>, AppError> {
    let rows = sqlx::query!(
        "select name, zone, business_day_starts, closed_weekdays from offices
         where firm_id = $1 and practice_id = $2 order by created_at, office_id",
        firm.0,
        practice.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Office {
            name: row.name,
            place: Place::new(Some(&row.zone), Some(row.business_day_starts)),
            zone: row.zone,
            closed_weekdays: row.closed_weekdays,
        })
        .collect())
}

/// Its jobs in use, each with its last good run.
pub(in crate::dashboard) async fn jobs(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Vec<Job>, AppError> {
    let rows = sqlx::query!(
        r#"select j.job_id, j.name, j.state as "state: JobState", coalesce(good.destination, j.destination) as destination,
            o.zone, o.business_day_starts, good.finished_at as "finished_at?", good.bytes_processed as "bytes_processed?",
            good.run_id as "run_id?: RunId", ended.database_started_at as "database_started_at?", ended.corrected_by_ms as "corrected_by_ms?",
            ended.finished_at as "ended_at?"
         from jobs j
         join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
         left join lateral (
            select r.run_id, r.finished_at, r.bytes_processed, r.facts ->> 'destination' as destination from runs r
            where r.firm_id = j.firm_id and r.job_id = j.job_id and r.outcome in ('ok', 'warning')
            order by r.started_at desc limit 1
         ) good on true
         left join lateral (
            select r.finished_at, r.corrected_by_ms, r.facts ->> 'database_started_at' as database_started_at from runs r
            where r.firm_id = j.firm_id and r.job_id = j.job_id and r.finished_at is not null
            order by r.started_at desc limit 1
         ) ended on true
         where j.firm_id = $1 and j.practice_id = $2 and j.archived_at is null
         order by j.name, j.job_id"#,
        firm.0,
        practice.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Job {
            id: row.job_id,
            name: row.name,
            state: row.state,
            place: Place::new(Some(&row.zone), Some(row.business_day_starts)),
            destination: row.destination,
            last_good: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff),
            last_good_run: row.run_id,
            last_good_size: row.bytes_processed,
            database: row.ended_at.and_then(|ended_at| {
                let started_at = row.database_started_at?.parse().ok()?;
                let by = row.corrected_by_ms.unwrap_or_default();
                DatabaseServer::new(corrected(started_at, by), ended_at.to_jiff())
            }),
        })
        .collect())
}

/// Its media, the one used last first.
pub(in crate::dashboard) async fn media(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Vec<Medium>, AppError> {
    let rows = sqlx::query!(
        r#"select m.label, m.set_name, m.registered_at, m.last_seen_at, used.backup_day as "backup_day?",
            m.present as "present?", m.moved_at as "moved_at?", a.name as "agent_name?", a.silent_since as "agent_silent_since?"
         from media m
         left join agents a on a.firm_id = m.firm_id and a.agent_id = m.moved_at_agent
         left join lateral (
            select s.backup_day from media_sightings s
            where s.firm_id = m.firm_id and s.medium_id = m.medium_id order by s.backup_day desc limit 1
         ) used on true
         where m.firm_id = $1 and m.practice_id = $2
         order by used.backup_day desc nulls last, m.last_seen_at desc, m.medium_id
         limit 50"#,
        firm.0,
        practice.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Medium {
            label: row.label,
            set: row.set_name,
            is_registered: row.registered_at.is_some(),
            last_seen: row.last_seen_at.to_jiff(),
            last_used: row.backup_day.map(jiff_sqlx::Date::to_jiff),
            place: Whereabouts::new(
                row.present,
                row.moved_at.map(jiff_sqlx::Timestamp::to_jiff),
                row.agent_name,
                row.agent_silent_since.is_some(),
            ),
        })
        .collect())
}

/// The last practised restore, and by when the next is due.
pub(in crate::dashboard) async fn drills(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<(Option<Drill>, Option<Timestamp>), AppError> {
    let last = sqlx::query!(
        "select drill_id, finished_at, outcome, backup, performed_by from drills
         where firm_id = $1 and practice_id = $2 order by finished_at desc, drill_id limit 1",
        firm.0,
        practice.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let due = sqlx::query_scalar!(
        "select s.due_at from expectations e
         join slots s on s.firm_id = e.firm_id and s.expectation_id = e.expectation_id
         where e.firm_id = $1 and e.practice_id = $2 and e.kind = 'drill' and e.retired_at is null and s.drill_id is null
         order by s.due_at desc limit 1",
        firm.0,
        practice.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let last = last.map(|row| Drill {
        id: row.drill_id,
        finished_at: row.finished_at.to_jiff(),
        outcome: row.outcome,
        backup: row.backup,
        performed_by: row.performed_by,
    });
    Ok((last, due.map(jiff_sqlx::Timestamp::to_jiff)))
}

/// Its agents that were not revoked.
pub(in crate::dashboard) async fn agents(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Vec<Agent>, AppError> {
    let rows = sqlx::query!(
        "select agent_id, name, platform, agent_version, last_heard_at, silent_since from agents
         where firm_id = $1 and practice_id = $2 and revoked_at is null order by name, agent_id",
        firm.0,
        practice.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Agent {
            id: row.agent_id,
            name: row.name,
            platform: row.platform,
            version: row.agent_version,
            last_heard: row.last_heard_at.map(jiff_sqlx::Timestamp::to_jiff),
            is_silent: row.silent_since.is_some(),
        })
        .collect())
}

/// Days on which its offices are closed besides their weekdays, from `today` on.
pub(in crate::dashboard) async fn closures(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
    today: Date,
) -> Result<Vec<Closure>, AppError> {
    let rows = sqlx::query!(
        "select c.first_day, c.last_day, c.reason, o.name as office from office_closures c
         join offices o on o.firm_id = c.firm_id and o.office_id = c.office_id
         where c.firm_id = $1 and c.practice_id = $2 and c.last_day >= $3
         order by c.first_day, c.closure_id limit 20",
        firm.0,
        practice.0,
        today.to_sqlx() as _,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Closure {
            first: row.first_day.to_jiff(),
            last: row.last_day.to_jiff(),
            reason: row.reason,
            office: row.office,
        })
        .collect())
}
