//! The outbox and its dispatcher: messages to people, leased until they are delivered, and the log of all of them.
//!
//! A message is put into the outbox in the transaction of the change it is about. It is delivered at least once, under one
//! Message-ID, and tried for three days; what cannot be delivered is itself a problem ([`Consequences`]).

mod db;
mod dispatcher;
mod handover;
mod letter;
mod log;
mod mailer;
mod mime;
mod model;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, FirmId, NotificationId, PracticeId};

pub use dispatcher::{Consequences, PERIOD, dispatch};
pub use letter::{DayMark, Letter};
pub use log::{LoggedMessage, routes};
pub use mailer::{Mailer, MailerError, SmtpServer};
pub use model::{DeliveryState, Message, Posting, Purpose, Recipient, Undelivered, cut, one_line};

/// What a message is about.
#[derive(Debug, Clone, Copy)]
pub struct About {
    /// The firm whose people get it.
    pub firm: FirmId,
    /// The practice.
    pub practice: PracticeId,
    /// The alert, if it is about one.
    pub alert: Option<AlertId>,
}

/// Puts a message for everybody who receives alerts of this firm into the outbox, in the transaction of the change it is
/// about. It is sent at `due` or soon after. Where nobody receives alerts, nothing is written: [`has_recipients`] tells.
pub async fn enqueue(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    about: About,
    message: &Message,
    due: Timestamp,
) -> Result<(), AppError> {
    let recipients = recipients(transaction, &[about.firm]).await?;
    let postings: Vec<Posting> = recipients
        .into_iter()
        .map(|recipient| about.posting(recipient, message.clone(), due))
        .collect();
    post(app, transaction, now, &postings).await
}

impl About {
    /// A message about this to one recipient, answering none.
    pub fn posting(self, recipient: Recipient, message: Message, due: Timestamp) -> Posting {
        Posting {
            recipient,
            practice: Some(self.practice),
            alert: self.alert,
            message,
            in_reply_to: None,
            due,
        }
    }
}

/// Who receives alerts of these firms: their own people who want to and may sign in.
pub async fn recipients(transaction: &mut Transaction, firms: &[FirmId]) -> Result<Vec<Recipient>, AppError> {
    db::recipients(transaction, firms).await
}

/// Whether anybody receives this firm's alerts. Where nobody does, pages say so.
pub async fn has_recipients(transaction: &mut Transaction, firm: FirmId) -> Result<bool, AppError> {
    Ok(db::count_recipients(transaction, firm).await? > 0)
}

/// Puts these messages into the outbox and wakes the dispatcher.
pub async fn post(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    postings: &[Posting],
) -> Result<(), AppError> {
    db::insert(transaction, now, app.mailer.domain(), postings).await?;
    // Before the commit, hence a hint that may come too early; the dispatcher looks by itself too.
    app.wake.dispatcher.notify_one();
    Ok(())
}

/// Withdraws those of these messages that nobody is sending. Which they were.
pub async fn withdraw(
    transaction: &mut Transaction,
    firm: FirmId,
    messages: &[NotificationId],
) -> Result<Vec<NotificationId>, AppError> {
    db::withdraw(transaction, firm, messages).await
}

/// Withdraws everything about this alert that nobody is sending.
pub async fn withdraw_about(transaction: &mut Transaction, firm: FirmId, alert: AlertId) -> Result<(), AppError> {
    db::withdraw_about(transaction, firm, alert).await
}

/// The messages about an alert, newest first.
pub async fn about_alert(
    transaction: &mut Transaction,
    firm: FirmId,
    alert: AlertId,
) -> Result<Vec<LoggedMessage>, AppError> {
    let narrowing = log::db::Narrowing {
        alert: Some(alert),
        ..log::db::Narrowing::default()
    };
    log::db::read(transaction, firm, narrowing, 200).await
}
