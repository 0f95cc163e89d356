//! The SQL of `alerts` and `alert_changes` that opens, changes and closes. What pages read is in `list/db.rs`.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use sqlx::types::Json;

use super::model::{AlertFacts, AlertKey, AlertKind, Subject};
use super::strip::{DAYS, DayState};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::SlotState;
use crate::ids::{self, AlertId, FirmId, JobId, NotificationId, PracticeId, UserId};
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

/// What opening found.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) alert: AlertId,
    /// It was not open before.
    pub(super) is_new: bool,
    /// Its facts before this.
    pub(super) facts: AlertFacts,
}

/// Opens an alert, or finds the open one with this key and keeps it locked.
pub(super) async fn open_or_find(
    transaction: &mut Transaction,
    now: Timestamp,
    key: &AlertKey,
    since: Timestamp,
    facts: &AlertFacts,
) -> Result<Found, AppError> {
    let new: AlertId = ids::new(now);
    let row = sqlx::query!(
        r#"insert into alerts (firm_id, alert_id, practice_id, kind, subject_kind, subject_id, subject_name, weight, since, opened_at,
               changed_at, facts)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $11)
           on conflict (firm_id, practice_id, subject_kind, subject_id, kind) where closed_at is null
           do update set changed_at = excluded.changed_at, subject_name = excluded.subject_name
           returning alert_id as "alert: AlertId", facts as "facts: Json<AlertFacts>""#,
        key.firm.0,
        new.0,
        key.practice.0,
        key.kind.as_str(),
        key.subject.kind.as_str(),
        key.subject.id,
        key.subject.name,
        key.kind.weight(),
        since.min(now).to_sqlx(),
        now.to_sqlx(),
        Json(facts) as Json<&AlertFacts>,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(Found {
        alert: row.alert,
        is_new: row.alert == new,
        facts: row.facts.0,
    })
}

/// Writes an alert's facts anew.
pub(super) async fn set_facts(
    transaction: &mut Transaction,
    firm: FirmId,
    alert: AlertId,
    facts: &AlertFacts,
) -> Result<(), AppError> {
    sqlx::query!(
        "update alerts set facts = $3 where firm_id = $1 and alert_id = $2",
        firm.0,
        alert.0,
        Json(facts) as Json<&AlertFacts>,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
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
    subject: Option<&Subject>,
) -> Result<(String, String), AppError> {
    let row = sqlx::query!(
        r#"select p.name, coalesce(
               (select o.zone from jobs j join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
                where $3 = 'job' and j.firm_id = p.firm_id and j.job_id = $4),
               (select o.zone from agents a join offices o on o.firm_id = a.firm_id and o.office_id = a.office_id
                where $3 = 'agent' and a.firm_id = p.firm_id and a.agent_id = $4),
               (select o.zone from offices o where o.firm_id = p.firm_id and o.practice_id = p.practice_id
                order by o.created_at, o.office_id limit 1),
               'UTC') as "zone!"
           from practices p where p.firm_id = $1 and p.practice_id = $2"#,
        firm.0,
        practice.0,
        subject.map(|subject| subject.kind.as_str()),
        subject.map(|subject| subject.id),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok((row.name, row.zone))
}

/// What became of these jobs' last backup days, oldest first.
pub(super) async fn last_days(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
    today: Date,
) -> Result<Vec<DayState>, AppError> {
    let rows = sqlx::query!(
        r#"select s.backup_day, s.state as "state: SlotState" from slots s
           join expectations e on e.firm_id = s.firm_id and e.expectation_id = s.expectation_id
           where e.firm_id = $1 and e.job_id = $2 and s.backup_day > $3::date - $4::integer and s.backup_day <= $3
           order by s.backup_day, s.due_at"#,
        firm.0,
        job.0,
        today.to_sqlx() as jiff_sqlx::Date,
        DAYS,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let days = rows.into_iter().map(|row| DayState {
        day: row.backup_day.to_jiff(),
        state: row.state,
    });
    Ok(days.collect())
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

/// When something about this key was or will be sent last, if that is later than `since`.
pub(super) async fn last_told(
    transaction: &mut Transaction,
    key: &AlertKey,
    since: Timestamp,
) -> Result<Option<Timestamp>, AppError> {
    let told = sqlx::query_scalar!(
        "select max(coalesce(n.delivered_at, n.due_at))
         from alerts a join notifications n on n.firm_id = a.firm_id and n.alert_id = a.alert_id
         where a.firm_id = $1 and a.practice_id = $2 and a.subject_kind = $3 and a.subject_id = $4 and a.kind = $5
           and a.closed_at > $6 and n.state in ('waiting', 'leased', 'delivered') and coalesce(n.delivered_at, n.due_at) > $6",
        key.firm.0,
        key.practice.0,
        key.subject.kind.as_str(),
        key.subject.id,
        key.kind.as_str(),
        since.to_sqlx(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(told.map(jiff_sqlx::Timestamp::to_jiff))
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
