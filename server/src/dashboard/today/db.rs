//! All SQL of Today: what is open and what is odd, through partial indexes; nothing here reads what is well.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use super::model::{Acknowledged, Blind, Counts, Row, Told};
use crate::alerts::{AlertFacts, SubjectKind};
use crate::dashboard::place::Place;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::JobState;
use crate::ids::FirmId;

/// The open alerts, the worst `limit` first; acknowledged ones last.
pub(super) async fn open_alerts(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    limit: i64,
) -> Result<Vec<Row>, AppError> {
    let order: Vec<String> = super::model::kinds_by_weight()
        .into_iter()
        .map(|kind| kind.as_str().to_owned())
        .collect();
    let rows = sqlx::query!(
        r#"with shown as (
            select a.*, coalesce(a.acknowledged_until > $2, false) as is_acknowledged, array_position($3::text[], a.kind) as rank
            from alerts a
            join practices p on p.firm_id = a.firm_id and p.practice_id = a.practice_id and p.archived_at is null
            where a.firm_id = $1 and a.closed_at is null
            order by is_acknowledged, rank, a.since, a.alert_id
            limit $4
         )
         select s.alert_id as "alert_id!: crate::ids::AlertId", s.practice_id as "practice_id!: crate::ids::PracticeId",
            p.name as practice_name, s.kind as "kind!: crate::alerts::AlertKind", s.subject_kind as "subject_kind!: SubjectKind",
            s.subject_id as "subject_id!", s.subject_name as "subject_name!", s.since as "since!", s.facts as "facts!",
            s.is_acknowledged as "is_acknowledged!", s.acknowledged_by, s.acknowledged_until, s.acknowledged_reason,
            coalesce(jo.zone, po.zone) as zone, coalesce(jo.business_day_starts, po.business_day_starts) as day_starts
         from shown s
         join practices p on p.firm_id = s.firm_id and p.practice_id = s.practice_id
         left join jobs j on s.subject_kind = 'job' and j.firm_id = s.firm_id and j.job_id = s.subject_id
         left join offices jo on jo.firm_id = j.firm_id and jo.office_id = j.office_id
         left join lateral (
            select o.zone, o.business_day_starts from offices o
            where o.firm_id = s.firm_id and o.practice_id = s.practice_id order by o.created_at, o.office_id limit 1
         ) po on true
         order by s.is_acknowledged, s.rank, s.since, s.alert_id"#,
        firm.0,
        now.to_sqlx() as _,
        &order,
        limit,
    )
    .fetch_all(&mut **transaction)
    .await?;
    rows.into_iter()
        .map(|row| {
            let facts: AlertFacts = serde_json::from_value(row.facts).map_err(AppError::internal)?;
            Ok(Row {
                practice: row.practice_id,
                practice_name: row.practice_name,
                subject_kind: row.subject_kind,
                subject: row.subject_id,
                subject_name: row.subject_name,
                since: row.since.to_jiff(),
                place: Place::new(row.zone.as_deref(), row.day_starts),
                told: Told::Alert {
                    alert: row.alert_id,
                    kind: row.kind,
                    facts,
                },
                acknowledged: row.is_acknowledged.then(|| Acknowledged {
                    by: row.acknowledged_by.unwrap_or_default(),
                    until: row.acknowledged_until.map(jiff_sqlx::Timestamp::to_jiff),
                    reason: row.acknowledged_reason.unwrap_or_default(),
                }),
            })
        })
        .collect()
}

/// Jobs that are late, or whose last run complained: nothing was alerted about them, and both are worth a look.
pub(super) async fn late_and_warning(
    transaction: &mut Transaction,
    firm: FirmId,
    limit: i64,
) -> Result<Vec<Row>, AppError> {
    let rows = sqlx::query!(
        r#"select j.job_id, j.name, j.practice_id, p.name as practice_name, j.state as "state: JobState", o.zone,
            o.business_day_starts, s.due_at as "due_at!", s.missed_at as "missed_at!", r.finished_at as "finished_at?",
            r.reason as "reason?", r.run_id as "run_id?"
         from jobs j
         join practices p on p.firm_id = j.firm_id and p.practice_id = j.practice_id and p.archived_at is null
         join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
         join lateral (
            select s.due_at, s.missed_at, s.run_id from slots s
            where s.firm_id = j.firm_id and s.job_id = j.job_id and s.state not in ('waiting', 'excused') and s.state = j.state
            order by s.due_at desc limit 1
         ) s on true
         left join runs r on r.firm_id = j.firm_id and r.run_id = s.run_id
         where j.firm_id = $1 and j.archived_at is null and j.state in ('late', 'warning')
         order by j.state, p.name, j.name, j.job_id
         limit $2"#,
        firm.0,
        limit,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let (due_at, finished_at) = (row.due_at.to_jiff(), row.finished_at.map(jiff_sqlx::Timestamp::to_jiff));
            let told = if row.state == JobState::Late {
                let missed_at = row.missed_at.to_jiff();
                Told::Late { due_at, missed_at }
            } else {
                Told::Warning {
                    run: row.run_id,
                    reason: row.reason,
                }
            };
            Row {
                practice: row.practice_id,
                practice_name: row.practice_name,
                subject_kind: SubjectKind::Job,
                subject: row.job_id.0,
                subject_name: row.name,
                since: finished_at.unwrap_or(due_at),
                place: Place::new(Some(&row.zone), Some(row.business_day_starts)),
                told,
                acknowledged: None,
            }
        })
        .collect())
}

/// How much there is, how much of it needs somebody, and what cannot be judged: one look at each table.
pub(super) async fn figures(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
) -> Result<(Counts, Blind), AppError> {
    let row = sqlx::query!(
        r#"with archived as (select practice_id from practices where firm_id = $1 and archived_at is not null),
         job_figures as (
            select count(*) as jobs, count(*) filter (where state = 'late') as late,
                count(*) filter (where state = 'warning') as warning, count(*) filter (where state = 'unknown') as unknown,
                count(*) filter (where state = 'not_monitored') as not_monitored,
                count(*) filter (where state = 'no_schedule') as unscheduled
            from jobs
            where firm_id = $1 and archived_at is null and practice_id not in (select practice_id from archived)
         ),
         open as (
            select practice_id, coalesce(acknowledged_until <= $2, true) as needs from alerts
            where firm_id = $1 and closed_at is null and practice_id not in (select practice_id from archived)
         ),
         needing as (
            select practice_id from open where needs
            union
            select practice_id from jobs
            where firm_id = $1 and archived_at is null and state = 'warning'
                and practice_id not in (select practice_id from archived)
         ),
         with_agent as (select practice_id, silent_since from agents where firm_id = $1 and revoked_at is null)
         select jobs as "jobs!", late as "late!", warning as "warning!", unknown as "unknown!",
            not_monitored as "not_monitored!", unscheduled as "unscheduled!",
            (select count(*) from practices where firm_id = $1 and archived_at is null) as "practices!",
            (select count(*) from needing) as "needing!",
            (select count(*) from open) as "alerts!",
            (select count(*) from with_agent
             where silent_since is not null and practice_id not in (select practice_id from archived)) as "silent_agents!",
            (select count(*) from practices
             where firm_id = $1 and archived_at is null
                and practice_id not in (select practice_id from with_agent)) as "without_agent!",
            (select count(*) from users
             where firm_id = $1 and receives_alerts and disabled_at is null) as "recipients!",
            (select count(*) from notifications
             where firm_id = $1 and state in ('waiting', 'leased') and attempts > 0) as "undelivered!",
            (select count(*) from inbox where firm_id = $1 and state = 'set_aside') as "set_aside!"
         from job_figures"#,
        firm.0,
        now.to_sqlx() as _,
    )
    .fetch_one(&mut **transaction)
    .await?;
    let counts = Counts {
        practices: row.practices,
        needing: row.needing,
        alerts: row.alerts,
        jobs: row.jobs,
        late: row.late,
        warning: row.warning,
    };
    let blind = Blind {
        silent_agents: row.silent_agents,
        unknown_jobs: row.unknown,
        not_monitored: row.not_monitored,
        unscheduled: row.unscheduled,
        without_agent: row.without_agent,
        recipients: row.recipients,
        undelivered: row.undelivered,
        set_aside: row.set_aside,
    };
    Ok((counts, blind))
}
