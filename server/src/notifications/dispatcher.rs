//! Empties the outbox: takes due messages by lease, sends them outside any transaction, and notes what became of each.
//!
//! A process that dies anywhere in here loses nothing: its leases run out, and another dispatcher sends the messages under
//! the same Message-ID. One is sent twice only when the process dies between the mail server's yes and our commit. A
//! dispatcher that was stopped for longer than its lease finds, by the row count of its update, that the message is not its
//! any more.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use lettre::Address;
use uuid::Uuid;

use super::db::{self, Setback};
use super::handover;
use super::mailer::SendError;
use super::mime;
use super::model::{EXPIRES_AFTER, Leased, OVERDUE_AFTER, PAUSE_AFTER_REFUSAL, Recipient, Undelivered, pause_after};
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;

/// How many messages are sent at the same time.
const AT_ONCE: usize = 4;

/// How often the outbox is looked at while messages are being sent; also [`crate::worker`]'s period.
pub const PERIOD: Duration = Duration::from_secs(2);

/// How long messages that are being sent may go on when the server stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// What follows from a message's fate, in the transaction that notes it. Alerts stand before notifications, so they are not
/// called from here by name.
pub trait Consequences: Sync {
    /// A message could not be delivered: refused, too old, or expired.
    fn undelivered(
        &self,
        app: &App,
        transaction: &mut Transaction,
        now: Timestamp,
        undelivered: &Undelivered,
    ) -> impl Future<Output = Result<(), AppError>> + Send;

    /// A message was delivered, and none to this recipient is refused at present.
    fn delivered(
        &self,
        app: &App,
        transaction: &mut Transaction,
        now: Timestamp,
        recipient: &Recipient,
    ) -> impl Future<Output = Result<(), AppError>> + Send;
}

/// Sends what is due, a few messages at a time, until nothing is due any more. A message that takes long keeps its place
/// and no other's.
pub async fn dispatch(app: &App, consequences: &impl Consequences) -> Result<(), AppError> {
    let mut sending = FuturesUnordered::new();
    let mut held = Vec::new();
    let mut outcome = Ok(());
    while !app.shutdown().is_cancelled() {
        let room = AT_ONCE - sending.len();
        if room > 0 && outcome.is_ok() {
            let lease = Uuid::from_bytes(crate::ids::random());
            // What is being sent goes on meanwhile: it may hold the very connections that this waits for.
            let mut taking = pin!(take(app, lease, room));
            let taken = loop {
                tokio::select! {
                    taken = &mut taking => break taken,
                    Some(noted) = sending.next() => outcome = outcome.and(noted),
                }
            };
            match taken {
                Ok(messages) => sending.extend(messages.into_iter().map(|message| {
                    held.push(lease);
                    deliver(app, consequences, lease, message)
                })),
                Err(error) => outcome = Err(error),
            }
        }
        if sending.is_empty() {
            return outcome;
        }
        tokio::select! {
            () = app.shutdown().cancelled() => {}
            () = app.wake.dispatcher.notified() => {}
            () = tokio::time::sleep(PERIOD) => {}
            Some(noted) = sending.next() => outcome = outcome.and(noted),
        }
    }
    let finish = async { while sending.next().await.is_some() {} };
    if tokio::time::timeout(FAREWELL, finish).await.is_err() {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        db::release(&mut transaction, app.clock.now(), &held).await?;
        transaction.commit().await?;
    }
    outcome
}

/// Leases up to `most` due messages.
pub(super) async fn take(app: &App, lease: Uuid, most: usize) -> Result<Vec<Leased>, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let (now, most) = (app.clock.now(), i64::try_from(most).unwrap_or(1));
    handover::hand_over(app, &mut transaction, now).await?;
    let messages = db::lease(&mut transaction, now, lease, most).await?;
    transaction.commit().await?;
    Ok(messages)
}

async fn deliver(app: &App, consequences: &impl Consequences, lease: Uuid, message: Leased) -> Result<(), AppError> {
    let sent = send(app, &message).await;
    note(app, consequences, lease, &message, sent).await
}

/// Sends one message. No transaction is open meanwhile.
pub(super) async fn send(app: &App, message: &Leased) -> Result<String, SendError> {
    let to = message
        .recipient
        .parse::<Address>()
        .ok()
        .filter(|_| message.recipient.is_ascii())
        .ok_or_else(|| SendError {
            problem: "this is not an address that mail can be sent to".to_owned(),
            refused: true,
        })?;
    let mime = mime::build(app.mailer.from(), &to, message).map_err(|error| SendError {
        problem: format!("no mail could be made of this message: {error}"),
        refused: true,
    })?;
    let name = format!("{}-{}", message.created_at.strftime("%Y%m%dT%H%M%SZ"), message.id);
    app.mailer.send(&to, &name, &mime).await
}

/// Notes what became of a message, and what follows from it, in one transaction.
pub(super) async fn note(
    app: &App,
    consequences: &impl Consequences,
    lease: Uuid,
    message: &Leased,
    sent: Result<String, SendError>,
) -> Result<(), AppError> {
    let now = app.clock.now();
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let still_ours = match &sent {
        Ok(way) => {
            let marked = db::mark_delivered(&mut transaction, now, lease, message, way).await?;
            if marked && !db::is_refused(&mut transaction, message.firm, message.user).await? {
                consequences
                    .delivered(app, &mut transaction, now, &recipient(message))
                    .await?;
            }
            marked
        }
        Err(error) => note_setback(app, consequences, &mut transaction, now, (lease, message), error).await?,
    };
    transaction.commit().await?;
    if !still_ours {
        tracing::warn!(message = %message.id, "took longer than its lease; another dispatcher has it");
    }
    app.changes.tell(message.firm);
    Ok(())
}

async fn note_setback(
    app: &App,
    consequences: &impl Consequences,
    transaction: &mut Transaction,
    now: Timestamp,
    (lease, message): (Uuid, &Leased),
    error: &SendError,
) -> Result<bool, AppError> {
    let pause = if error.refused {
        PAUSE_AFTER_REFUSAL
    } else {
        pause_after(message.attempt)
    };
    let next = (now < message.expires_at).then_some(now + pause);
    let setback = Setback {
        problem: &error.problem,
        refused: error.refused,
        next,
    };
    if !db::mark_setback(transaction, now, lease, message, setback).await? {
        return Ok(false);
    }
    tracing::warn!(message = %message.id, attempt = message.attempt, refused = error.refused, problem = error.problem, "not delivered");
    let due = message.expires_at - EXPIRES_AFTER;
    let noteworthy = error.refused || next.is_none() || now.duration_since(due) >= OVERDUE_AFTER;
    if let (true, Some(practice)) = (noteworthy, message.practice) {
        let count = db::undelivered(transaction, message.firm, message.user, practice, now - EXPIRES_AFTER).await?;
        let undelivered = Undelivered {
            recipient: recipient(message),
            practice,
            due,
            count: u32::try_from(count).unwrap_or(u32::MAX).max(1),
            problem: error.problem.clone(),
            refused: error.refused,
        };
        consequences.undelivered(app, transaction, now, &undelivered).await?;
    }
    Ok(true)
}

fn recipient(message: &Leased) -> Recipient {
    Recipient {
        firm: message.firm,
        user: message.user,
        address: message.recipient.clone(),
    }
}
