//! The SQL of `notifications` that reads for pages.

use uuid::Uuid;

use super::LoggedMessage;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, FirmId, NotificationId, PracticeId, UserId};
use crate::notifications::model::{DeliveryState, Leased, Purpose};
use crate::web::words::zone;

/// What the log is narrowed to. Empty fields narrow nothing.
#[derive(Debug, Clone, Default)]
pub(in crate::notifications) struct Narrowing {
    pub(in crate::notifications) state: Option<DeliveryState>,
    pub(in crate::notifications) recipient: Option<String>,
    pub(in crate::notifications) alert: Option<AlertId>,
    pub(in crate::notifications) message: Option<NotificationId>,
    /// Only what stands before this place.
    pub(in crate::notifications) before: Option<i64>,
}

/// Messages of a firm, newest first.
pub(in crate::notifications) async fn read(
    transaction: &mut Transaction,
    firm: FirmId,
    narrowing: Narrowing,
    most: i64,
) -> Result<Vec<LoggedMessage>, AppError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select n.notification_id as "id: NotificationId", n.position, n.practice_id as "practice: PracticeId",
               p.name as "practice_name?",
               coalesce((select o.zone from offices o where o.firm_id = n.firm_id and o.practice_id = n.practice_id
                   order by o.created_at, o.office_id limit 1), 'UTC') as "zone!",
               n.alert_id as "alert: AlertId", n.purpose as "purpose: Purpose", n.recipient, n.subject, n.created_at, n.due_at,
               n.state as "state: DeliveryState", n.attempts, n.last_attempt_at, n.last_problem, n.delivered_at, n.delivered_by
           from notifications n left join practices p on p.firm_id = n.firm_id and p.practice_id = n.practice_id
           where n.firm_id = $1 and ($2::text is null or n.state = $2) and ($3::text is null or n.recipient = $3)
             and ($4::uuid is null or n.alert_id = $4) and ($5::uuid is null or n.notification_id = $5)
             and ($6::bigint is null or n.position < $6)
           order by n.position desc limit $7"#,
        firm.0,
        narrowing.state.map(DeliveryState::as_str),
        narrowing.recipient,
        narrowing.alert.map(|alert| alert.0) as Option<Uuid>,
        narrowing.message.map(|message| message.0) as Option<Uuid>,
        narrowing.before,
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(Row::logged).collect())
}

struct Row {
    id: NotificationId,
    position: i64,
    practice: Option<PracticeId>,
    practice_name: Option<String>,
    zone: String,
    alert: Option<AlertId>,
    purpose: Purpose,
    recipient: String,
    subject: String,
    created_at: jiff_sqlx::Timestamp,
    due_at: Option<jiff_sqlx::Timestamp>,
    state: DeliveryState,
    attempts: i32,
    last_attempt_at: Option<jiff_sqlx::Timestamp>,
    last_problem: Option<String>,
    delivered_at: Option<jiff_sqlx::Timestamp>,
    delivered_by: Option<String>,
}

impl Row {
    fn logged(self) -> LoggedMessage {
        LoggedMessage {
            id: self.id,
            position: self.position,
            practice: self.practice.zip(self.practice_name),
            zone: zone(&self.zone),
            alert: self.alert,
            purpose: self.purpose,
            recipient: self.recipient,
            subject: self.subject,
            created_at: self.created_at.to_jiff(),
            due_at: self.due_at.map(jiff_sqlx::Timestamp::to_jiff),
            state: self.state,
            attempts: self.attempts,
            last_attempt_at: self.last_attempt_at.map(jiff_sqlx::Timestamp::to_jiff),
            last_problem: self.last_problem,
            delivered_at: self.delivered_at.map(jiff_sqlx::Timestamp::to_jiff),
            delivered_by: self.delivered_by,
        }
    }
}

/// One message with its text, as the dispatcher would take it.
pub(in crate::notifications) async fn whole(
    transaction: &mut Transaction,
    firm: FirmId,
    message: NotificationId,
) -> Result<Leased, AppError> {
    let row = sqlx::query!(
        r#"select practice_id as "practice: PracticeId", user_id as "user: UserId", recipient, message_id, in_reply_to, subject,
               text_part, html_part, created_at, expires_at, attempts
           from notifications where firm_id = $1 and notification_id = $2"#,
        firm.0,
        message.0,
    )
    .fetch_optional(&mut **transaction)
    .await?
    .ok_or(AppError::NotFound)?;
    Ok(Leased {
        firm,
        id: message,
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
    })
}

/// Everybody who was ever written to, for the filter.
pub(in crate::notifications) async fn recipients(
    transaction: &mut Transaction,
    firm: FirmId,
) -> Result<Vec<String>, AppError> {
    let recipients = sqlx::query_scalar!(
        "select email as recipient from users u where firm_id = $1
           and exists (select from notifications n where n.firm_id = u.firm_id and n.user_id = u.user_id)
         order by email",
        firm.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(recipients)
}
