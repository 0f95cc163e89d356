//! Alerts: open problems, one per practice, subject and kind; opened and closed by evidence in the transaction that found it.
//!
//! The messages about an alert are written in the same transaction. Whoever was told of a problem is told of its end; whoever
//! was not told yet gets one message about both. An alert that comes and goes is told at most every quarter of an hour.

mod db;
mod handling;
mod letters;
pub mod list;
mod model;
mod over;
mod pages;
mod raising;
mod sentences;
mod setting;
mod strip;
#[cfg(test)]
mod tests;
mod undelivered;
mod words;

use jiff::{SignedDuration, Timestamp};

use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, FirmId, PracticeId, UserId};
use crate::notifications::{self, About, DeliveryState, Posting, Purpose};

pub use db::count_open;
pub use handling::{PERIOD, end_due_acknowledgements};
pub use list::{Acknowledgement, OpenAlert, for_subject, open_for_firm, open_for_practice};
pub use model::{AlertFacts, AlertKey, AlertKind, Recovery, Subject, SubjectKind};
pub use pages::routes;
pub use raising::Raising;
pub use undelivered::UndeliveredAlerts;
pub use words::Told;

use db::{Change, Closed, Closing, Written};
use over::Ending;
use setting::Setting;

/// Messages about one key are not sent more often than this, however often it comes and goes.
const QUIET_BETWEEN: SignedDuration = SignedDuration::from_mins(15);

/// How far back messages that wait are looked for: as long as one may wait.
const LOOK_BACK: SignedDuration = SignedDuration::from_hours(72);

/// Opens an alert, or adds to the one that is open: one per practice, subject and kind. The messages about it go into the
/// outbox in the same transaction, held for `app.options.alert_hold`.
pub async fn raise(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    key: &AlertKey,
    since: Timestamp,
    facts: &AlertFacts,
) -> Result<(), AppError> {
    let raising = Raising {
        key: key.clone(),
        since,
        facts: facts.clone(),
    };
    raise_all(app, transaction, now, vec![raising]).await
}

/// Opens many alerts, or adds to those that are open, as [`raise`] does, with queries whose number does not depend on theirs.
pub async fn raise_all(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    raisings: Vec<Raising>,
) -> Result<(), AppError> {
    raising::raise(app, transaction, now, raisings, Tell::AllBut(None)).await
}

/// Who is told that an alert opened.
#[derive(Debug, Clone, Copy)]
enum Tell {
    /// Everybody who receives alerts, but for this one.
    AllBut(Option<UserId>),
    /// Nobody: it stands on the pages.
    Nobody,
}

/// Closes the alert with this key, if one is open, because the evidence says it is over; tells whoever was told of it,
/// saying what was missed. Whether one was open.
pub async fn recover(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    key: &AlertKey,
    recovery: &Recovery,
) -> Result<bool, AppError> {
    let closing = Closing {
        how: "evidence",
        by: "",
        resolution: &recovery.evidence,
    };
    let Some(closed) = db::close(transaction, now, key, closing).await? else {
        return Ok(false);
    };
    let change = Change {
        what: "closed",
        reason: &recovery.evidence,
        ..Change::default()
    };
    db::add_change(transaction, now, (key.firm, key.practice, closed.alert), change).await?;
    tell_of_end(app, transaction, now, key, &closed, End::Evidence(recovery)).await?;
    Ok(true)
}

/// Closes the alert with this key, if one is open, because another explains it; messages about it that were not sent yet
/// are withdrawn. Whether one was open.
pub async fn replace(
    _app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    key: &AlertKey,
    by: AlertKind,
) -> Result<bool, AppError> {
    let closing = Closing {
        how: "replaced",
        by: by.as_str(),
        resolution: "",
    };
    let Some(closed) = db::close(transaction, now, key, closing).await? else {
        return Ok(false);
    };
    let change = Change {
        what: "replaced",
        reason: by.words(),
        ..Change::default()
    };
    db::add_change(transaction, now, (key.firm, key.practice, closed.alert), change).await?;
    notifications::withdraw_about(transaction, key.firm, closed.alert).await?;
    Ok(true)
}

/// Tells everybody who receives this practice's alerts that somebody changed what alerts there are (house rule 9).
pub async fn tell_recipients(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
    sentence: &str,
) -> Result<(), AppError> {
    let (name, _) = db::place(transaction, firm, practice).await?;
    let message = letters::notice(&app.options.public_url, practice, &name, sentence)?;
    let about = About {
        firm,
        practice,
        alert: None,
    };
    notifications::enqueue(app, transaction, now, about, &message, now).await
}

/// Why an alert is over.
#[derive(Debug, Clone, Copy)]
enum End<'a> {
    /// The evidence says so.
    Evidence(&'a Recovery),
    /// Somebody says so.
    Resolution {
        /// Their name.
        by: &'a str,
        /// Their words.
        words: &'a str,
    },
}

/// Tells of the end of an alert. Who was told of its beginning gets an answer to that message. Who was not told yet gets one
/// message about both instead; what else waits about earlier alerts with the same key goes into it. A beginning that is
/// being sent at this moment stays before its end, because messages about one alert keep their order.
async fn tell_of_end(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    key: &AlertKey,
    closed: &Closed,
    end: End<'_>,
) -> Result<(), AppError> {
    let written = db::written_about(transaction, key, closed.alert, now - LOOK_BACK).await?;
    if written.is_empty() {
        return Ok(());
    }
    let unsent: Vec<_> = written
        .iter()
        .filter(|message| message.state == DeliveryState::Waiting)
        .map(|message| message.message)
        .collect();
    let withdrawn = notifications::withdraw(transaction, key.firm, &unsent).await?;
    let place = Setting::find(transaction, now, key).await?;
    let matter = place.matter(app, key, closed.alert, closed.since, &closed.facts);
    let (over, was) = match end {
        End::Evidence(recovery) => {
            let (times, first) = db::came_untold(transaction, now, key).await?;
            let ending = Ending {
                at: recovery.at,
                since: first.unwrap_or(closed.since),
                times,
            };
            (
                matter.over(ending, &recovery.evidence)?,
                matter.was(ending, &recovery.evidence)?,
            )
        }
        End::Resolution { by, words } => {
            let message = matter.resolved(by, words)?;
            (message.clone(), message)
        }
    };
    let about = About {
        firm: key.firm,
        practice: key.practice,
        alert: Some(closed.alert),
    };
    let mut postings: Vec<Posting> = Vec::new();
    for message in &written {
        if postings.iter().any(|posting| posting.recipient == message.recipient) {
            continue;
        }
        let theirs = || written.iter().filter(|other| other.recipient == message.recipient);
        let posting = if let Some(first) = theirs().find(|other| is_told(other, closed.alert)) {
            Posting {
                in_reply_to: Some(first.message_id.clone()),
                ..about.posting(message.recipient.clone(), over.clone(), now)
            }
        } else {
            let waiting = theirs().filter(|other| withdrawn.contains(&other.message));
            let due = waiting.filter_map(|other| other.due).min();
            about.posting(message.recipient.clone(), was.clone(), due.unwrap_or(now).max(now))
        };
        postings.push(posting);
    }
    notifications::post(app, transaction, now, &postings).await
}

/// Whether this message told its recipient of the beginning of this alert, or may have.
fn is_told(message: &Written, alert: AlertId) -> bool {
    let tells = matches!(message.purpose, Purpose::Opened | Purpose::Reminder | Purpose::Notice);
    let sent = matches!(message.state, DeliveryState::Delivered | DeliveryState::Leased);
    message.alert == alert && tells && sent
}
