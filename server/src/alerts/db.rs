//! The SQL of `alerts` and `alert_changes` that opens, changes and closes. What pages read is in `list/db.rs`.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::types::Json;
use uuid::Uuid;

use super::model::{AlertFacts, AlertKey, AlertKind, Subject};
use super::strip::{DAYS, DayState};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::SlotState;
use crate::ids::{AlertId, FirmId, JobId, NotificationId, PracticeId, UserId};
use crate::notifications::{DeliveryState, Purpose, Recipient};

/// Open alerts that nobody acknowledged.
pub async fn count_open(transaction: &mut Transaction, firm: FirmId) -> Result<i64, AppError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from alerts where firm_id = $1 and closed_at is null and acknowledged_at is null"#,
        firm.0
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(count)
}

/// One line for the history of an alert.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Change<'a> {
    /// As the schema lists them.
    pub(super) what: &'a str,
    pub(super) who: &'a str,
    pub(super) reason: &'a str,
    pub(super) facts: Option<&'a AlertFacts>,
}

/// Adds a line to the history of an alert.
pub(super) async fn add_change(
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, practice, alert): (FirmId, PracticeId, AlertId),
    change: Change<'_>,
) -> Result<(), AppError> {
    sqlx::query!(
        "insert into alert_changes (firm_id, practice_id, alert_id, at, what, who, reason, facts)
         values ($1, $2, $3, $4, $5, $6, $7, coalesce($8, '{}'::jsonb))",
        firm.0,
        practice.0,
        alert.0,
        now.to_sqlx(),
        change.what,
        change.who,
        change.reason,
        change.facts.map(Json) as Option<Json<&AlertFacts>>,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// How an alert was closed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Closing<'a> {
    /// As the schema lists them.
    pub(super) how: &'a str,
    /// Who or what closed it.
    pub(super) by: &'a str,
    /// Why, in words.
    pub(super) resolution: &'a str,
}

/// An alert that was just closed.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) alert: AlertId,
    pub(super) since: Timestamp,
    pub(super) facts: AlertFacts,
}

/// Closes the open alert with this key, if there is one.
pub(super) async fn close(
    transaction: &mut Transaction,
    now: Timestamp,
    key: &AlertKey,
    closing: Closing<'_>,
) -> Result<Option<Closed>, AppError> {
    let row = sqlx::query!(
        r#"update alerts set closed_at = $6, changed_at = $6, closed_how = $7, closed_by = $8, resolution = $9
           where firm_id = $1 and practice_id = $2 and subject_kind = $3 and subject_id = $4 and kind = $5 and closed_at is null
           returning alert_id as "alert: AlertId", since, facts as "facts: Json<AlertFacts>""#,
        key.firm.0,
        key.practice.0,
        key.subject.kind.as_str(),
        key.subject.id,
        key.kind.as_str(),
        now.to_sqlx(),
        closing.how,
        closing.by,
        closing.resolution,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Closed {
        alert: row.alert,
        since: row.since.to_jiff(),
        facts: row.facts.0,
    }))
}

/// The practice's name and the zone of the place where the subject is: the job's or agent's office, or the first one.
pub(super) async fn place(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<(String, String), AppError> {
    let found = places(transaction, &[(firm, practice, None)]).await?.pop();
    found.ok_or(AppError::NotFound)
}

/// The same of many, in their order.
pub(super) async fn places(
    transaction: &mut Transaction,
    wanted: &[(FirmId, PracticeId, Option<&Subject>)],
) -> Result<Vec<(String, String)>, AppError> {
    let firms: Vec<Uuid> = wanted.iter().map(|(firm, ..)| firm.0).collect();
    let practices: Vec<Uuid> = wanted.iter().map(|(_, practice, _)| practice.0).collect();
    let kinds: Vec<Option<String>> = wanted
        .iter()
        .map(|(.., subject)| subject.map(|subject| subject.kind.to_string()))
        .collect();
    let subjects: Vec<Option<Uuid>> = wanted
        .iter()
        .map(|(.., subject)| subject.map(|subject| subject.id))
        .collect();
    let rows = sqlx::query!(
        r#"select p.name, coalesce(
               (select o.zone from jobs j join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
                where w.kind = 'job' and j.firm_id = p.firm_id and j.job_id = w.subject_id),
               (select o.zone from agents a join offices o on o.firm_id = a.firm_id and o.office_id = a.office_id
                where w.kind = 'agent' and a.firm_id = p.firm_id and a.agent_id = w.subject_id),
               (select o.zone from offices o where o.firm_id = p.firm_id and o.practice_id = p.practice_id
                order by o.created_at, o.office_id limit 1),
               'UTC') as "zone!"
           from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[]) with ordinality
               as w (firm_id, practice_id, kind, subject_id, place)
           join practices p on p.firm_id = w.firm_id and p.practice_id = w.practice_id
           order by w.place"#,
        &firms,
        &practices,
        &kinds as &[Option<String>],
        &subjects as &[Option<Uuid>],
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.name, row.zone)).collect())
}

/// What became of the last backup days of each of these jobs, oldest first, up to a day that is today there.
pub(super) async fn last_days(
    transaction: &mut Transaction,
    jobs: &[(FirmId, JobId, Date)],
) -> Result<Vec<Vec<DayState>>, AppError> {
    let mut days = vec![Vec::new(); jobs.len()];
    if jobs.is_empty() {
        return Ok(days);
    }
    let firms: Vec<Uuid> = jobs.iter().map(|(firm, ..)| firm.0).collect();
    let ids: Vec<Uuid> = jobs.iter().map(|(_, job, _)| job.0).collect();
    let todays: Vec<_> = jobs.iter().map(|(.., today)| today.to_sqlx()).collect();
    let rows = sqlx::query!(
        r#"select w.place as "place!", s.backup_day, s.state as "state: SlotState"
           from unnest($1::uuid[], $2::uuid[], $3::date[]) with ordinality as w (firm_id, job_id, today, place)
           join slots s on s.firm_id = w.firm_id and s.job_id = w.job_id
               and s.opens_at > (w.today - $4::integer - 2)::timestamp at time zone 'UTC'
           where s.backup_day > w.today - $4::integer and s.backup_day <= w.today
           order by w.place, s.backup_day, s.due_at"#,
        &firms,
        &ids,
        &todays as &[jiff_sqlx::Date],
        DAYS,
    )
    .fetch_all(&mut **transaction)
    .await?;
    for row in rows {
        let place = usize::try_from(row.place).ok().and_then(|place| place.checked_sub(1));
        if let Some(days) = place.and_then(|place| days.get_mut(place)) {
            days.push(DayState {
                day: row.backup_day.to_jiff(),
                state: row.state,
            });
        }
    }
    Ok(days)
}

/// A message about an alert with some key.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) message: NotificationId,
    pub(super) alert: AlertId,
    pub(super) recipient: Recipient,
    pub(super) purpose: Purpose,
    pub(super) state: DeliveryState,
    pub(super) message_id: String,
    pub(super) due: Option<Timestamp>,
}

/// What was written about this alert, in the order of writing, and what waits to be sent about earlier alerts with the same
/// key. Kept locked, so that none of it is sent before this transaction ends.
pub(super) async fn written_about(
    transaction: &mut Transaction,
    key: &AlertKey,
    alert: AlertId,
    earliest: Timestamp,
) -> Result<Vec<Written>, AppError> {
    let rows = sqlx::query!(
        r#"select n.notification_id as "message: NotificationId", a.alert_id as "alert: AlertId", n.user_id as "user: UserId", n.recipient,
               n.purpose as "purpose: Purpose", n.state as "state: DeliveryState", n.message_id, n.due_at
           from alerts a join notifications n on n.firm_id = a.firm_id and n.alert_id = a.alert_id
           where a.firm_id = $1 and a.practice_id = $2 and a.subject_kind = $3 and a.subject_id = $4 and a.kind = $5
             and (a.alert_id = $6 or a.opened_at >= $7 and n.state = 'waiting') and n.state <> 'withdrawn'
           order by n.position
           for update of n"#,
        key.firm.0,
        key.practice.0,
        key.subject.kind.as_str(),
        key.subject.id,
        key.kind.as_str(),
        alert.0,
        earliest.to_sqlx(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let written = rows.into_iter().map(|row| Written {
        message: row.message,
        alert: row.alert,
        recipient: Recipient {
            firm: key.firm,
            user: row.user,
            address: row.recipient,
        },
        purpose: row.purpose,
        state: row.state,
        message_id: row.message_id,
        due: row.due_at.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(written.collect())
}

/// How often an alert with this key came since anybody was told of one, and when the first of them began. Looks back three
/// days, as long as a message may wait.
pub(super) async fn came_untold(
    transaction: &mut Transaction,
    now: Timestamp,
    key: &AlertKey,
) -> Result<(i64, Option<Timestamp>), AppError> {
    let row = sqlx::query!(
        r#"with same as (
               select alert_id, firm_id, since, opened_at from alerts
               where firm_id = $1 and practice_id = $2 and subject_kind = $3 and subject_id = $4 and kind = $5 and opened_at >= $6),
           told as (
               select max(n.created_at) as at from same join notifications n on n.firm_id = same.firm_id and n.alert_id = same.alert_id
               where n.state in ('delivered', 'leased'))
           select count(*) as "times!", min(since) as since from same, told where told.at is null or same.opened_at > told.at"#,
        key.firm.0,
        key.practice.0,
        key.subject.kind.as_str(),
        key.subject.id,
        key.kind.as_str(),
        (now - SignedDuration::from_hours(72)).to_sqlx(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok((row.times, row.since.map(jiff_sqlx::Timestamp::to_jiff)))
}

/// The practices of this firm with an open alert about mail to this recipient.
pub(super) async fn undelivered_to(
    transaction: &mut Transaction,
    recipient: &Recipient,
) -> Result<Vec<PracticeId>, AppError> {
    let practices = sqlx::query_scalar!(
        r#"select practice_id as "practice: PracticeId" from alerts
           where firm_id = $1 and subject_kind = 'recipient' and subject_id = $2 and kind = $3 and closed_at is null"#,
        recipient.firm.0,
        recipient.user.0,
        AlertKind::Undelivered.as_str(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(practices)
}
