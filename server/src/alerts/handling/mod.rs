//! What people do with an alert: look after it until a time, take that back, close it with a written resolution. And what
//! follows when that time has come.

mod db;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, ToSpan as _};

use super::db::{Change, Closing, add_change};
use super::letters::Matter;
use super::list::OpenAlert;
use super::model::SubjectKind;
use super::{End, list, tell_of_end};
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{FirmId, JobId, UserId};
use crate::notifications::{self, About, Message};

/// Nobody looks after anything for longer than this without being asked again.
const LONGEST: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Until when somebody looks after an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// Nine in the morning of the next day, at the practice.
    Tomorrow,
    /// When the job's next backup should have come.
    NextBackup,
    /// Three days from now.
    ThreeDays,
    /// Seven days from now: the longest.
    SevenDays,
}

impl Until {
    /// Every choice, the usual one first.
    pub(super) const ALL: [Self; 4] = [Self::Tomorrow, Self::NextBackup, Self::ThreeDays, Self::SevenDays];

    /// The word for it in the form.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Tomorrow => "tomorrow",
            Self::NextBackup => "next_backup",
            Self::ThreeDays => "3_days",
            Self::SevenDays => "7_days",
        }
    }

    /// What the form says.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Tomorrow => "tomorrow morning",
            Self::NextBackup => "the next backup should have come",
            Self::ThreeDays => "three days from now",
            Self::SevenDays => "seven days from now",
        }
    }

    /// The time it stands for; `None` where no next backup is expected within the longest time.
    pub(super) fn time(self, alert: &OpenAlert, now: Timestamp, next_backup: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Self::Tomorrow => {
                let tomorrow = now.to_zoned(alert.zone.clone()).date().checked_add(1.day()).ok()?;
                let nine = tomorrow.at(9, 0, 0, 0).to_zoned(alert.zone.clone()).ok()?;
                Some(nine.timestamp())
            }
            Self::NextBackup => next_backup.filter(|next| *next > now && *next <= now + LONGEST),
            Self::ThreeDays => Some(now + SignedDuration::from_hours(72)),
            Self::SevenDays => Some(now + LONGEST),
        }
    }
}

/// When this alert's job should have its next backup; `None` where it is about no job.
pub(super) async fn next_backup(
    transaction: &mut Transaction,
    now: Timestamp,
    alert: &OpenAlert,
) -> Result<Option<Timestamp>, AppError> {
    if alert.subject.kind != SubjectKind::Job {
        return Ok(None);
    }
    db::next_deadline(transaction, now, alert.firm, JobId(alert.subject.id)).await
}

/// Who does something with an alert.
#[derive(Debug, Clone, Copy)]
pub(super) struct By<'a> {
    pub(super) user: UserId,
    pub(super) name: &'a str,
}

/// Notes that somebody looks after an alert, and tells the others who receive alerts (house rule 9). It stays open.
pub(super) async fn acknowledge(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    alert: &OpenAlert,
    by: By<'_>,
    (reason, until): (&str, Timestamp),
) -> Result<(), AppError> {
    if !db::acknowledge(transaction, now, (alert.firm, alert.id), by.name, reason, until).await? {
        return Err(already_closed());
    }
    change(transaction, now, alert, ("acknowledged", by.name, reason)).await?;
    let end = alert.moment(&until);
    let end = format!("{}{}", end.words(), end.zone_note(None));
    let message = matter(app, alert).acknowledged(by.name, reason, &end)?;
    tell_others(app, transaction, now, alert, by, &message).await
}

/// Takes an acknowledgement back: the question is open again, and the others know that nobody looks after it.
pub(super) async fn undo(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    alert: &OpenAlert,
    by: By<'_>,
) -> Result<(), AppError> {
    if !db::undo_acknowledgement(transaction, now, (alert.firm, alert.id)).await? {
        return Err(AppError::Conflict(
            "Nobody has acknowledged this alert, or it is closed by now. Open it again to see.".to_owned(),
        ));
    }
    change(transaction, now, alert, ("acknowledgement_undone", by.name, "")).await?;
    let message = matter(app, alert).acknowledgement_undone(by.name)?;
    tell_others(app, transaction, now, alert, by, &message).await
}

/// Writes to everybody who receives alerts, but not to whoever did it.
async fn tell_others(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    alert: &OpenAlert,
    by: By<'_>,
    message: &Message,
) -> Result<(), AppError> {
    let recipients = notifications::recipients(transaction, &[alert.firm]).await?;
    let others = recipients.into_iter().filter(|recipient| recipient.user != by.user);
    let about = about(alert);
    let postings: Vec<_> = others
        .map(|recipient| about.posting(recipient, message.clone(), now))
        .collect();
    notifications::post(app, transaction, now, &postings).await
}

fn matter<'a>(app: &'a App, alert: &'a OpenAlert) -> Matter<'a> {
    Matter {
        alert: alert.id,
        told: alert.told(),
        days: Vec::new(),
        public_url: &app.options.public_url,
    }
}

fn about(alert: &OpenAlert) -> About {
    About {
        firm: alert.firm,
        practice: alert.practice,
        alert: Some(alert.id),
    }
}

/// Closes an alert with a written resolution, and tells those who were told of it.
pub(super) async fn close(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    alert: &OpenAlert,
    by: &str,
    resolution: &str,
) -> Result<(), AppError> {
    let key = alert.key();
    let closing = Closing {
        how: "resolution",
        by,
        resolution,
    };
    let Some(closed) = super::db::close(transaction, now, &key, closing)
        .await?
        .filter(|closed| closed.alert == alert.id)
    else {
        return Err(already_closed());
    };
    change(transaction, now, alert, ("closed", by, resolution)).await?;
    let end = End::Resolution { by, words: resolution };
    tell_of_end(app, transaction, now, &key, &closed, end).await
}

fn already_closed() -> AppError {
    AppError::Conflict("This alert is closed by now. Open it again to see how.".to_owned())
}

async fn change(
    transaction: &mut Transaction,
    now: Timestamp,
    alert: &OpenAlert,
    (what, who, reason): (&str, &str, &str),
) -> Result<(), AppError> {
    let change = Change {
        what,
        who,
        reason,
        facts: None,
    };
    add_change(transaction, now, (alert.firm, alert.practice, alert.id), change).await
}

/// How often acknowledgements that reached their end are looked for.
pub const PERIOD: Duration = Duration::from_secs(20);

/// How many acknowledgements end in one transaction.
const ENDED_AT_ONCE: i64 = 200;

/// Ends all acknowledgements whose end has come, in transactions of bounded size.
pub async fn end_due_acknowledgements(app: &App) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let more = end_acknowledgements(app, &mut transaction, app.clock.now()).await?;
        transaction.commit().await?;
        if !more {
            return Ok(());
        }
    }
}

/// Ends acknowledgements whose end has come: the question is open again, the history says so, and everybody is reminded.
/// A few at a time; whether there may be more.
async fn end_acknowledgements(app: &App, transaction: &mut Transaction, now: Timestamp) -> Result<bool, AppError> {
    let ended = db::end_acknowledgements(transaction, now, ENDED_AT_ONCE).await?;
    if ended.is_empty() {
        return Ok(false);
    }
    let ids = ended.iter().map(|ended| ended.alert).collect();
    let alerts = list::db::by_ids(transaction, ids).await?;
    let mut firms: Vec<FirmId> = ended.iter().map(|ended| ended.firm).collect();
    firms.sort_unstable();
    firms.dedup();
    let recipients = notifications::recipients(transaction, &firms).await?;
    let mut postings = Vec::new();
    for alert in &alerts {
        let Some(acknowledgement) = ended.iter().find(|ended| ended.alert == alert.id) else {
            continue;
        };
        let message = matter(app, alert).reminder(&acknowledgement.by, &acknowledgement.reason)?;
        let about = about(alert);
        let told = recipients.iter().filter(|recipient| recipient.firm == alert.firm);
        postings.extend(told.map(|recipient| about.posting(recipient.clone(), message.clone(), now)));
    }
    notifications::post(app, transaction, now, &postings).await?;
    Ok(i64::try_from(ended.len()).is_ok_and(|number| number == ENDED_AT_ONCE))
}
