//! Slots: judged from the evidence stored for them, written with the history of their changes.

mod db;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::judge::{Circumstances, Filling, Judgement, RunEvidence, SlotTimes, judge};
use super::standing::{self, JobRef};
use super::{SlotState, life};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, JobId, PracticeId, RunId, SlotId};

/// A slot of a firm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SlotKey {
    pub(super) firm: FirmId,
    pub(super) slot: SlotId,
}

/// A slot as it is stored, with everything its state depends on.
struct StoredSlot {
    key: SlotKey,
    practice: PracticeId,
    job: Option<JobId>,
    state: SlotState,
    check_at: Option<Timestamp>,
    run: Option<RunId>,
    declared_missed_at: Option<Timestamp>,
    reported_late: bool,
    /// It could not be judged when that was last tried.
    unjudged: bool,
    times: SlotTimes,
    around: Circumstances,
    runs: Vec<RunEvidence>,
}

/// A slot with its new state.
struct JudgedSlot<'a> {
    stored: &'a StoredSlot,
    judgement: Judgement,
    declared_missed_at: Option<Timestamp>,
    reported_late: bool,
}

impl JudgedSlot<'_> {
    fn of(stored: &StoredSlot, now: Timestamp) -> JudgedSlot<'_> {
        let judgement = judge(&stored.times, &stored.runs, &stored.around, now);
        let declared_missed_at = match judgement.state {
            SlotState::Missed => stored.declared_missed_at.or(Some(now)),
            SlotState::Waiting
            | SlotState::Running
            | SlotState::Ok
            | SlotState::Warning
            | SlotState::Failed
            | SlotState::Late
            | SlotState::Overrun
            | SlotState::Excused
            | SlotState::NotMonitored
            | SlotState::Unknown => stored.declared_missed_at,
        };
        JudgedSlot {
            reported_late: declared_missed_at.is_some() && ended_in_time(stored, &judgement),
            stored,
            judgement,
            declared_missed_at,
        }
    }

    fn changed_state(&self) -> bool {
        self.judgement.state != self.stored.state
    }

    fn changed(&self) -> bool {
        let run = match self.judgement.filling {
            Some(Filling::Run(run)) => Some(run),
            Some(Filling::Drill(_)) | None => None,
        };
        self.changed_state()
            || self.stored.unjudged
            || self.judgement.check_at != self.stored.check_at
            || run != self.stored.run
            || self.declared_missed_at != self.stored.declared_missed_at
            || self.reported_late != self.stored.reported_late
    }
}

/// Whether the run that fills the slot ended before the slot counted as missed: then it was the report that came late, and
/// not the backup.
fn ended_in_time(stored: &StoredSlot, judgement: &Judgement) -> bool {
    let Some(Filling::Run(filling)) = judgement.filling else {
        return false;
    };
    stored
        .runs
        .iter()
        .filter(|run| run.run == filling)
        .filter_map(|run| run.finished)
        .any(|(finished_at, _)| finished_at <= stored.times.missed_at)
}

/// Keeps everybody else from changing these slots until this transaction ends.
pub(super) async fn lock(transaction: &mut Transaction, keys: &[SlotKey]) -> Result<(), AppError> {
    db::lock(transaction, keys).await
}

/// Computes these slots anew and, where anything changed, their jobs' standing and alerts, all in this transaction. Returns
/// the firms in which something changed.
pub(super) async fn judge_anew(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    keys: &[SlotKey],
    beside: &[JobRef],
) -> Result<BTreeSet<FirmId>, AppError> {
    db::lock(transaction, keys).await?;
    let mut runs: BTreeMap<SlotKey, Vec<RunEvidence>> = BTreeMap::new();
    for (key, run) in db::runs(transaction, keys).await? {
        runs.entry(key).or_default().push(run);
    }
    let hold = life::hold(app, transaction, now).await?;
    let mut stored = db::stored(transaction, keys, app.options.landing, hold).await?;
    for slot in &mut stored {
        slot.runs = runs.remove(&slot.key).unwrap_or_default();
    }
    let changed: Vec<_> = stored
        .iter()
        .map(|slot| JudgedSlot::of(slot, now))
        .filter(JudgedSlot::changed)
        .collect();
    db::write(transaction, now, &changed).await?;
    let mut jobs: BTreeSet<JobRef> = beside.iter().copied().collect();
    jobs.extend(changed.iter().filter_map(|slot| {
        Some(JobRef {
            firm: slot.stored.key.firm,
            job: slot.stored.job?,
        })
    }));
    let jobs: Vec<_> = jobs.into_iter().collect();
    standing::settle(app, transaction, now, &jobs).await?;
    Ok(changed.iter().map(|slot| slot.stored.key.firm).collect())
}
