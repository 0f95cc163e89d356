//! The SQL of `notifications` that fills, leases and empties the outbox. What its pages read is in `log/db.rs`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::model::{LEASE, Leased, Message, Posting, Purpose, Recipient};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, AlertId, FirmId, NotificationId, PracticeId, UserId};

/// Who receives alerts of these firms.
pub(super) async fn recipients(transaction: &mut Transaction, firms: &[FirmId]) -> Result<Vec<Recipient>, AppError> {
    let firms: Vec<Uuid> = firms.iter().map(|firm| firm.0).collect();
    let recipients = sqlx::query_as!(
        Recipient,
        "select firm_id as firm, user_id as user, email as address from users
         where firm_id = any($1) and receives_alerts and disabled_at is null and role <> 'practice_viewer'
         order by email",
        &firms,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(recipients)
}

fn column<T>(postings: &[Posting], of: impl Fn(&Posting) -> T) -> Vec<T> {
    postings.iter().map(of).collect()
}

/// Puts messages into the outbox.
pub(super) async fn insert(
    transaction: &mut Transaction,
    now: Timestamp,
    domain: &str,
    postings: &[Posting],
) -> Result<(), AppError> {
    if postings.is_empty() {
        return Ok(());
    }
    let new: Vec<Uuid> = postings.iter().map(|_| ids::new::<NotificationId>(now).0).collect();
    let message_ids: Vec<String> = new.iter().map(|id| format!("<{}@{domain}>", id.simple())).collect();
    sqlx::query!(
        "insert into notifications (firm_id, notification_id, practice_id, alert_id, purpose, user_id, recipient, message_id,
            in_reply_to, subject, text_part, html_part, created_at, due_at, expires_at)
         select firm, id, practice, alert, purpose, recipient, address, message, answered, subject, text_part, html_part, $1, due,
            due + interval '3 days'
         from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::text[], $7::uuid[], $8::text[], $9::text[], $10::text[],
            $11::text[], $12::text[], $13::text[], $14::timestamptz[])
            with ordinality as new (firm, id, practice, alert, purpose, recipient, address, message, answered, subject, text_part,
                html_part, due, place)
         order by place",
        now.to_sqlx(),
        &column(postings, |new| new.recipient.firm.0),
        &new,
        &column(postings, |new| new.practice.map(|practice| practice.0)) as &[Option<Uuid>],
        &column(postings, |new| new.alert.map(|alert| alert.0)) as &[Option<Uuid>],
        &column(postings, |new| new.message.purpose.as_str().to_owned()),
        &column(postings, |new| new.recipient.user.0),
        &column(postings, |new| new.recipient.address.clone()),
        &message_ids,
        &column(postings, |new| new.in_reply_to.clone()) as &[Option<String>],
        &column(postings, |new| new.message.subject.clone()),
        &column(postings, |new| new.message.text.clone()),
        &column(postings, |new| new.message.html.clone()),
        &column(postings, |new| new.due.to_sqlx()) as &[jiff_sqlx::Timestamp],
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Withdraws those of these messages that nobody is sending. Which they were.
pub(super) async fn withdraw(
    transaction: &mut Transaction,
    firm: FirmId,
    messages: &[NotificationId],
) -> Result<Vec<NotificationId>, AppError> {
    let messages: Vec<Uuid> = messages.iter().map(|message| message.0).collect();
    let withdrawn = sqlx::query_scalar!(
        r#"update notifications set state = 'withdrawn', due_at = null
           where firm_id = $1 and notification_id = any($2) and state = 'waiting'
           returning notification_id as "id: NotificationId""#,
        firm.0,
        &messages,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(withdrawn)
}

/// Withdraws everything about this alert that nobody is sending.
pub(super) async fn withdraw_about(
    transaction: &mut Transaction,
    firm: FirmId,
    alert: AlertId,
) -> Result<(), AppError> {
    sqlx::query!(
        "update notifications set state = 'withdrawn', due_at = null
         where firm_id = $1 and alert_id = $2 and state = 'waiting'",
        firm.0,
        alert.0,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A message whose recipient receives alerts no more.
#[derive(Debug)]
pub(super) struct Orphan {
    pub(super) firm: FirmId,
    pub(super) practice: PracticeId,
    pub(super) alert: AlertId,
    pub(super) message: Message,
}

/// Withdraws due messages about alerts whose recipients receive alerts no more. Which they were.
pub(super) async fn withdraw_orphans(transaction: &mut Transaction, now: Timestamp) -> Result<Vec<Orphan>, AppError> {
    let rows = sqlx::query!(
        r#"update notifications n
           set state = 'withdrawn', due_at = null, last_problem = 'the recipient does not receive alerts any more'
           from users u
           where u.firm_id = n.firm_id and u.user_id = n.user_id
             and (u.disabled_at is not null or not u.receives_alerts or u.role = 'practice_viewer')
             and n.state = 'waiting' and n.due_at <= $1 and n.alert_id is not null and n.practice_id is not null
           returning n.firm_id as "firm: FirmId", n.practice_id as "practice!: PracticeId", n.alert_id as "alert!: AlertId",
             n.purpose as "purpose: Purpose", n.subject, n.text_part, n.html_part"#,
        now.to_sqlx(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let orphans = rows.into_iter().map(|row| Orphan {
        firm: row.firm,
        practice: row.practice,
        alert: row.alert,
        message: Message {
            purpose: row.purpose,
            subject: row.subject,
            text: row.text_part,
            html: row.html_part,
        },
    });
    Ok(orphans.collect())
}

/// Which of these alerts somebody has a message of which purpose about.
pub(super) async fn told(
    transaction: &mut Transaction,
    alerts: &[AlertId],
) -> Result<Vec<(AlertId, Purpose)>, AppError> {
    let alerts: Vec<Uuid> = alerts.iter().map(|alert| alert.0).collect();
    let rows = sqlx::query!(
        r#"select distinct alert_id as "alert!: AlertId", purpose as "purpose: Purpose" from notifications
           where alert_id = any($1) and state <> 'withdrawn'"#,
        &alerts,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.alert, row.purpose)).collect())
}

/// Takes up to `most` due messages for `lease`; also those whose dispatcher let its lease run out. A message waits while an
/// earlier one about the same alert to the same recipient is still to be sent.
pub(super) async fn lease(
    transaction: &mut Transaction,
    now: Timestamp,
    lease: Uuid,
    most: i64,
) -> Result<Vec<Leased>, AppError> {
    let rows = sqlx::query!(
        r#"with due as (
               select n.firm_id, n.notification_id from notifications n
               where n.state in ('waiting', 'leased') and n.due_at <= $1 and (n.state = 'waiting' or n.leased_until <= $1)
                 and not exists (
                   select from notifications earlier
                   where earlier.firm_id = n.firm_id and earlier.user_id = n.user_id and earlier.alert_id = n.alert_id
                     and earlier.state in ('waiting', 'leased') and earlier.position < n.position)
               order by n.due_at, n.position limit $2
               for update skip locked)
           update notifications n
           set state = 'leased', lease = $3, leased_until = $4, attempts = attempts + 1, last_attempt_at = $1
           from due where n.firm_id = due.firm_id and n.notification_id = due.notification_id
           returning n.firm_id as "firm: FirmId", n.notification_id as "id: NotificationId",
               n.practice_id as "practice: PracticeId", n.user_id as "user: UserId", n.recipient, n.message_id, n.in_reply_to,
               n.subject, n.text_part, n.html_part, n.created_at, n.expires_at, n.attempts"#,
        now.to_sqlx(),
        most,
        lease,
        (now + LEASE).to_sqlx(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let leased = rows.into_iter().map(|row| Leased {
        firm: row.firm,
        id: row.id,
        practice: row.practice,
        user: row.user,
        recipient: row.recipient,
        message_id: row.message_id,
        in_reply_to: row.in_reply_to,
        subject: row.subject,
        text: row.text_part,
        html: row.html_part,
        created_at: row.created_at.to_jiff(),
        expires_at: row.expires_at.to_jiff(),
        attempt: row.attempts,
    });
    Ok(leased.collect())
}

/// Marks a message delivered, if this lease still holds it.
pub(super) async fn mark_delivered(
    transaction: &mut Transaction,
    now: Timestamp,
    lease: Uuid,
    message: &Leased,
    way: &str,
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "update notifications set state = 'delivered', delivered_at = $4, delivered_by = $5, lease = null, leased_until = null,
            due_at = null, last_problem = null
         where firm_id = $1 and notification_id = $2 and lease = $3",
        message.firm.0,
        message.id.0,
        lease,
        now.to_sqlx(),
        way,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What a try that failed leaves behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Setback<'a> {
    /// What went wrong.
    pub(super) problem: &'a str,
    /// Whether the mail server said that it will never take it.
    pub(super) refused: bool,
    /// When to try again; never, when it expired.
    pub(super) next: Option<Timestamp>,
}

/// Notes a try that failed, if this lease still holds the message. When the message should first have been sent.
pub(super) async fn mark_setback(
    transaction: &mut Transaction,
    now: Timestamp,
    lease: Uuid,
    message: &Leased,
    setback: Setback<'_>,
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "update notifications set state = case when $5::timestamptz is null then 'failed' else 'waiting' end, due_at = $5,
            lease = null, leased_until = null, last_problem = $4, refused_at = case when $6 then $7 else refused_at end
         where firm_id = $1 and notification_id = $2 and lease = $3",
        message.firm.0,
        message.id.0,
        lease,
        setback.problem,
        setback.next.map(jiff_sqlx::ToSqlx::to_sqlx) as Option<jiff_sqlx::Timestamp>,
        setback.refused,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Gives back what a stopping dispatcher holds, to be sent by the next one at once.
pub(super) async fn release(transaction: &mut Transaction, now: Timestamp, leases: &[Uuid]) -> Result<(), AppError> {
    sqlx::query!(
        "update notifications set state = 'waiting', due_at = $2, lease = null, leased_until = null
         where state = 'leased' and lease = any($1)",
        leases,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// The messages to this recipient about this practice that were tried and are not delivered: how many, and whether one was
/// refused.
pub(super) async fn undelivered(
    transaction: &mut Transaction,
    firm: FirmId,
    user: UserId,
    practice: PracticeId,
    since: Timestamp,
) -> Result<i64, AppError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from notifications
           where firm_id = $1 and user_id = $2 and practice_id = $3 and attempts > 0
             and (state in ('waiting', 'leased') or state = 'failed' and last_attempt_at >= $4)"#,
        firm.0,
        user.0,
        practice.0,
        since.to_sqlx(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(count)
}

/// Whether messages to this recipient are still refused and tried again.
pub(super) async fn is_refused(transaction: &mut Transaction, firm: FirmId, user: UserId) -> Result<bool, AppError> {
    let refused = sqlx::query_scalar!(
        r#"select exists (
               select from notifications
               where firm_id = $1 and user_id = $2 and state in ('waiting', 'leased') and refused_at is not null) as "refused!""#,
        firm.0,
        user.0,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(refused)
}

/// How many people receive this firm's alerts.
pub(super) async fn count_recipients(transaction: &mut Transaction, firm: FirmId) -> Result<i64, AppError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from users
           where firm_id = $1 and receives_alerts and disabled_at is null and role <> 'practice_viewer'"#,
        firm.0
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(count)
}
