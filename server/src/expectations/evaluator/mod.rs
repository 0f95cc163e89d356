//! The evaluator: everything whose stored deadline has passed, in transactions of bounded size, so that its cost grows with
//! what is due and not with what there is.

mod clocks;
mod db;
mod trouble;

use std::collections::BTreeSet;
use std::error::Error;

use jiff::Timestamp;

use super::slots::{self, SlotKey};
use super::standing::JobRef;
use super::{drills, life, silence, standing, writing};
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::FirmId;

pub use clocks::Clocks;

/// Slots judged in one transaction.
const MOST_SLOTS: i64 = 500;

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
    // What one kind of work stumbles over keeps nobody from the others; a round that did not do all of it does not count.
    let done = [
        write_slots(app, now, &mut firms).await,
        find_silent_agents(app, now, &mut firms).await,
        judge_landed_slots(app, now, &mut firms).await,
        judge_due_slots(app, now, &mut firms).await,
        find_no_success(app, now, &mut firms).await,
    ];
    for firm in &firms {
        app.changes.tell(*firm);
    }
    if !firms.is_empty() {
        app.wake.dispatcher.notify_one();
    }
    done.into_iter().collect::<Result<(), AppError>>()?;
    let mut transaction = app.db.begin(Scope::Everything).await?;
    db::note_tick(&mut transaction, now).await?;
    transaction.commit().await?;
    app.pulse.beat(now);
    Ok(())
}

/// Notes the time in which nobody evaluated, and that the clock went back. `false` when another server evaluates at this
/// moment: then its ticks count.
async fn begin(app: &App, now: Timestamp) -> Result<bool, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let is_our_turn = db::take_turn(&mut transaction).await?;
    let life = life::read(&mut transaction).await?;
    if !is_our_turn {
        if let Some(life) = life {
            app.pulse.beat(life.last_tick_at);
        }
        return Ok(false);
    }
    let landing = app.options.landing;
    if let Some(life) = life {
        if let Some(back) = life.gone_back(now, clocks::TOLERATED * 2) {
            db::go_back(&mut transaction, now, landing).await?;
            tracing::warn!(by = %back, "the clock went back: what was put off until a time that is far again is judged anew");
        } else if life.has_gap(now, life::gap_after(app)) {
            let hold = life.hold_after_gap(now, landing);
            db::hold(&mut transaction, now, life.last_tick_at, hold).await?;
            tracing::warn!(from = %life.last_tick_at, until = %now, "nothing was monitored");
        }
    }
    transaction.commit().await?;
    Ok(true)
}

async fn write_slots(app: &App, now: Timestamp, firms: &mut BTreeSet<FirmId>) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let round = writing::write_due(app, &mut transaction, now).await?;
        for broken in &round.broken {
            trouble::raise_broken(app, &mut transaction, now, broken).await?;
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

async fn judge_landed_slots(app: &App, now: Timestamp, firms: &mut BTreeSet<FirmId>) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let (more, changed) = silence::judge_landed(app, &mut transaction, now).await?;
        transaction.commit().await?;
        firms.extend(changed);
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
    drills::settle(app, &mut transaction, now, due).await?;
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
                trouble::put_off_slot(app, now, *key).await?;
                firms.insert(key.firm);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whose "no success for N" has become true. Not while reports that were kept back may still land.
async fn find_no_success(app: &App, now: Timestamp, firms: &mut BTreeSet<FirmId>) -> Result<(), AppError> {
    loop {
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let hold = life::hold(app, &mut transaction, now).await?;
        if hold.is_some_and(|hold| hold.lasts(now)) {
            return Ok(());
        }
        let due = db::due_no_success(&mut transaction, now, MOST_SLOTS).await?;
        if due.is_empty() {
            return Ok(());
        }
        match settle_together(app, transaction, now, &due).await {
            Ok(()) => {}
            // One that cannot be judged must not keep the others from it.
            Err(AppError::Internal(_)) => settle_one_by_one(app, now, &due).await?,
            Err(error) => return Err(error),
        }
        firms.extend(due.iter().map(|job| job.firm));
        if i64::try_from(due.len()).is_ok_and(|count| count < MOST_SLOTS) || app.shutdown().is_cancelled() {
            return Ok(());
        }
    }
}

async fn settle_together(
    app: &App,
    mut transaction: Transaction,
    now: Timestamp,
    due: &[JobRef],
) -> Result<(), AppError> {
    db::move_no_success(&mut transaction, due, None).await?;
    standing::settle(app, &mut transaction, now, due).await?;
    transaction.commit().await?;
    Ok(())
}

async fn settle_one_by_one(app: &App, now: Timestamp, due: &[JobRef]) -> Result<(), AppError> {
    for job in due {
        let transaction = app.db.begin(Scope::Everything).await?;
        match settle_together(app, transaction, now, &[*job]).await {
            Ok(()) => {}
            Err(AppError::Internal(cause)) => {
                tracing::error!(job = %job.job, cause = &*cause as &dyn Error, "a job cannot be judged; tried again in an hour");
                trouble::put_off_job(app, now, *job).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
