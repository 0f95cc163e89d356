//! The evaluator: everything whose stored deadline has passed, in transactions of bounded size, so that its cost grows with
//! what is due and not with what there is.

mod clocks;
mod db;

use std::collections::BTreeSet;
use std::error::Error;

use jiff::{SignedDuration, Timestamp};

use super::slots::{self, SlotKey};
use super::writing::Broken;
use super::{drills, silence, standing, writing};
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Subject};
use crate::app::{App, EVALUATOR_STALE_AFTER};
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::FirmId;

pub use clocks::Clocks;

/// Slots judged in one transaction.
const MOST_SLOTS: i64 = 500;

/// A slot that cannot be judged is looked at again after this.
const PUT_OFF: SignedDuration = SignedDuration::from_hours(1);

/// One round at the application's present time, if its clock can be believed.
pub(super) async fn evaluate(app: &App) -> Result<(), AppError> {
    let now = app.clock.now();
    if !app.clock.is_held() {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let database_now = db::database_now(&mut transaction).await?;
        drop(transaction);
        if let Some(doubt) = app.clocks.doubt(app.clock.now(), database_now) {
            tracing::error!(%doubt, "nothing is judged until the clocks agree");
            return Ok(());
        }
    }
    evaluate_at(app, now).await
}

/// One round as of `now`.
pub(super) async fn evaluate_at(app: &App, now: Timestamp) -> Result<(), AppError> {
    if !begin(app, now).await? {
        return Ok(());
    }
    let mut firms = BTreeSet::new();
    write_slots(app, now, &mut firms).await?;
    find_silent_agents(app, now, &mut firms).await?;
    judge_due_slots(app, now, &mut firms).await?;
    find_no_success(app, now, &mut firms).await?;
    let mut transaction = app.db.begin(Scope::Everything).await?;
    db::note_tick(&mut transaction, now).await?;
    transaction.commit().await?;
    app.pulse.beat(now);
    for firm in &firms {
        app.changes.tell(*firm);
    }
    if !firms.is_empty() {
        app.wake.dispatcher.notify_one();
    }
    Ok(())
}

/// Notes the time in which nobody evaluated. `false` when another server evaluates at this moment: then its ticks count.
async fn begin(app: &App, now: Timestamp) -> Result<bool, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let is_our_turn = db::take_turn(&mut transaction).await?;
    let life = db::life(&mut transaction).await?;
    if !is_our_turn {
        if let Some(life) = life {
            app.pulse.beat(life.last_tick_at);
        }
        return Ok(false);
    }
    if let Some(life) = life
        && now.duration_since(life.last_tick_at) > gap_after(app)
    {
        // A gap that begins before the reports of the one before it had time to arrive is the same gap.
        let hold_from = match (life.hold_from, life.hold_until) {
            (Some(from), Some(until)) if life.last_tick_at < until => from,
            _ => life.last_tick_at,
        };
        let hold_until = now + app.options.landing;
        db::hold(&mut transaction, now, life.last_tick_at, hold_from, hold_until).await?;
        tracing::warn!(from = %life.last_tick_at, until = %now, "nothing was monitored");
    }
    transaction.commit().await?;
    Ok(true)
}

/// A pause longer than this means that nobody evaluated.
fn gap_after(app: &App) -> SignedDuration {
    let three_periods = SignedDuration::try_from(app.options.evaluator_period.saturating_mul(3));
    three_periods.map_or(EVALUATOR_STALE_AFTER, |periods| periods.max(EVALUATOR_STALE_AFTER))
}

async fn write_slots(app: &App, now: Timestamp, firms: &mut BTreeSet<FirmId>) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let round = writing::write_due(app, &mut transaction, now).await?;
        for broken in &round.broken {
            raise_broken(app, &mut transaction, now, broken).await?;
        }
        transaction.commit().await?;
        firms.extend(round.firms);
        if !round.more || app.shutdown().is_cancelled() {
            return Ok(());
        }
    }
}

async fn find_silent_agents(app: &App, now: Timestamp, firms: &mut BTreeSet<FirmId>) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let (more, silent) = silence::fall_silent(app, &mut transaction, now).await?;
        transaction.commit().await?;
        firms.extend(silent);
        if !more || app.shutdown().is_cancelled() {
            return Ok(());
        }
    }
}

async fn judge_due_slots(app: &App, now: Timestamp, firms: &mut BTreeSet<FirmId>) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let due = db::due_slots(&mut transaction, now, MOST_SLOTS).await?;
        if due.is_empty() {
            return Ok(());
        }
        match judge_together(app, transaction, now, &due).await {
            Ok(changed) => firms.extend(changed),
            // One that cannot be judged must not keep the others from it.
            Err(AppError::Internal(_)) => judge_one_by_one(app, now, &due, firms).await?,
            Err(error) => return Err(error),
        }
        if i64::try_from(due.len()).is_ok_and(|count| count < MOST_SLOTS) || app.shutdown().is_cancelled() {
            return Ok(());
        }
    }
}

async fn judge_together(
    app: &App,
    mut transaction: Transaction,
    now: Timestamp,
    due: &[SlotKey],
) -> Result<BTreeSet<FirmId>, AppError> {
    let changed = slots::judge_anew(app, &mut transaction, now, due, &[]).await?;
    drills::raise_overdue(app, &mut transaction, now, due).await?;
    transaction.commit().await?;
    Ok(changed)
}

/// The way when judging a batch failed: each by itself, and the one that fails is put off, logged and alerted.
async fn judge_one_by_one(
    app: &App,
    now: Timestamp,
    due: &[SlotKey],
    firms: &mut BTreeSet<FirmId>,
) -> Result<(), AppError> {
    for key in due {
        let transaction = app.db.begin(Scope::Everything).await?;
        match judge_together(app, transaction, now, &[*key]).await {
            Ok(changed) => firms.extend(changed),
            Err(AppError::Internal(cause)) => {
                tracing::error!(slot = %key.slot.0, cause = &*cause as &dyn Error, "a slot cannot be judged; tried again in an hour");
                put_off(app, now, *key, &*cause).await?;
                firms.insert(key.firm);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

async fn put_off(app: &App, now: Timestamp, key: SlotKey, cause: &(dyn Error + Send + Sync)) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    if let Some(poisoned) = db::put_off(&mut transaction, key, now + PUT_OFF).await? {
        let broken = Broken {
            firm: key.firm,
            practice: poisoned.practice,
            job: poisoned.job,
            why: "Lastgood cannot judge it; its log says why.".to_owned(),
        };
        raise_named(app, &mut transaction, now, &broken, &poisoned.name).await?;
    }
    tracing::debug!(%cause, "put off");
    transaction.commit().await?;
    Ok(())
}

async fn raise_broken(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    broken: &Broken,
) -> Result<(), AppError> {
    tracing::error!(practice = %broken.practice, why = broken.why, "a rule cannot be followed; tried again in an hour");
    let name = db::name_of(transaction, broken.firm, broken.practice, broken.job).await?;
    raise_named(app, transaction, now, broken, &name).await
}

async fn raise_named(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    broken: &Broken,
    name: &str,
) -> Result<(), AppError> {
    let key = AlertKey {
        firm: broken.firm,
        practice: broken.practice,
        subject: match broken.job {
            Some(job) => Subject::job(job, name),
            None => Subject::practice(broken.practice, name),
        },
        kind: AlertKind::AgentProblem,
    };
    let facts = AlertFacts::AgentProblem {
        message: broken.why.clone(),
        count: 1,
    };
    alerts::raise(app, transaction, now, &key, now, &facts).await
}

async fn find_no_success(app: &App, now: Timestamp, firms: &mut BTreeSet<FirmId>) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let life = db::life(&mut transaction).await?;
        if life.and_then(|life| life.hold_until).is_some_and(|until| now < until) {
            return Ok(());
        }
        let jobs = db::take_no_success(&mut transaction, now, MOST_SLOTS).await?;
        if jobs.is_empty() {
            return Ok(());
        }
        standing::settle(app, &mut transaction, now, &jobs).await?;
        transaction.commit().await?;
        firms.extend(jobs.iter().map(|job| job.firm));
        if i64::try_from(jobs.len()).is_ok_and(|count| count < MOST_SLOTS) || app.shutdown().is_cancelled() {
            return Ok(());
        }
    }
}
