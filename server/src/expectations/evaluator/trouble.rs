//! What cannot be judged: put off, told, and tried again.

use jiff::{SignedDuration, Timestamp};

use super::db::{self, Poisoned};
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Subject};
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::expectations::CANNOT_BE_JUDGED;
use crate::expectations::slots::SlotKey;
use crate::expectations::standing::JobRef;
use crate::expectations::writing::Broken;
use crate::ids::FirmId;

/// What cannot be judged is looked at again after this.
const PUT_OFF: SignedDuration = SignedDuration::from_hours(1);

/// Puts off a slot that cannot be judged, and alerts.
pub(super) async fn put_off_slot(app: &App, now: Timestamp, key: SlotKey) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    if let Some(poisoned) = db::put_off(&mut transaction, now, key, now + PUT_OFF).await? {
        raise(app, &mut transaction, now, key.firm, &poisoned, CANNOT_BE_JUDGED).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Puts off a job whose "no success for N" cannot be judged, and alerts.
pub(super) async fn put_off_job(app: &App, now: Timestamp, job: JobRef) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    db::move_no_success(&mut transaction, &[job], Some(now + PUT_OFF)).await?;
    if let Some(poisoned) = db::job(&mut transaction, job).await? {
        raise(app, &mut transaction, now, job.firm, &poisoned, CANNOT_BE_JUDGED).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Alerts of a rule that cannot be followed.
pub(super) async fn raise_broken(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    broken: &Broken,
) -> Result<(), AppError> {
    tracing::error!(practice = %broken.practice, why = broken.why, "a rule cannot be followed; tried again in an hour");
    let poisoned = Poisoned {
        practice: broken.practice,
        job: broken.job,
        name: db::name_of(transaction, broken.firm, broken.practice, broken.job).await?,
    };
    raise(app, transaction, now, broken.firm, &poisoned, &broken.why).await
}

async fn raise(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    poisoned: &Poisoned,
    why: &str,
) -> Result<(), AppError> {
    let key = AlertKey {
        firm,
        practice: poisoned.practice,
        subject: match poisoned.job {
            Some(job) => Subject::job(job, poisoned.name.clone()),
            None => Subject::practice(poisoned.practice, poisoned.name.clone()),
        },
        kind: AlertKind::AgentProblem,
    };
    let facts = AlertFacts::AgentProblem {
        message: why.to_owned(),
        count: 1,
    };
    alerts::raise(app, transaction, now, &key, now, &facts).await
}
