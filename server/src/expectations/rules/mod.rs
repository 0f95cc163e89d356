//! Rules: what is expected of a job or a practice, begun, changed and ended.

mod db;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::calendar::OfficeCalendar;
use super::drills;
use super::schedule::Schedule;
use super::writing::{self, CALENDAR, NewSlot, RuleKey};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, ExpectationId, FirmId, JobId, OfficeId, PracticeId};

/// A restore is practised once a quarter, unless somebody says otherwise.
pub const DRILL_INTERVAL_DAYS: i32 = 90;

/// The job something is expected of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExpectedJob {
    /// The firm.
    pub firm: FirmId,
    /// The practice.
    pub practice: PracticeId,
    /// The office whose clocks and closed days count.
    pub office: OfficeId,
    /// The job.
    pub job: JobId,
}

/// What is expected of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRule {
    /// When a run is due.
    pub schedule: Schedule,
    /// A run may begin this long before; never further back than half way to the time before.
    pub opens_before: SignedDuration,
    /// Nothing yet is late after this.
    pub late_after: SignedDuration,
    /// Nothing is a miss after this.
    pub missed_after: SignedDuration,
    /// A run may take this long.
    pub maximum_run: SignedDuration,
    /// No good run for this long alerts, whatever else happened.
    pub no_success_after: Option<SignedDuration>,
}

impl RunRule {
    /// The usual durations for a schedule: late after 1 h, missed after 3 h (less for one that comes more often), 4 h for a
    /// run, and no success for three times its interval.
    pub fn usual(schedule: Schedule, now: Timestamp, zone: &TimeZone) -> Self {
        let interval = schedule.interval(now, zone);
        Self {
            opens_before: SignedDuration::from_hours(2).min(interval / 2),
            late_after: SignedDuration::from_hours(1).min(interval / 2),
            missed_after: SignedDuration::from_hours(3).min(interval),
            maximum_run: SignedDuration::from_hours(4),
            no_success_after: interval.checked_mul(3),
            schedule,
        }
    }

    /// Whether this rule notices less, or later, than `before`: such a change asks for a fresh sign-in (house rule 9).
    pub fn is_looser_than(&self, before: &Self, now: Timestamp, zone: &TimeZone) -> bool {
        let month_ahead = now + SignedDuration::from_hours(35 * 24);
        let times = |rule: &Self| rule.schedule.between(now, month_ahead, zone).take(2_000).count();
        let first = |rule: &Self| rule.schedule.next_after(now, zone).unwrap_or(Timestamp::MAX);
        let limit = |rule: &Self| rule.no_success_after.unwrap_or(SignedDuration::MAX);
        self.opens_before > before.opens_before
            || self.late_after > before.late_after
            || self.missed_after > before.missed_after
            || self.maximum_run > before.maximum_run
            || limit(self) > limit(before)
            || (self.schedule != before.schedule && (times(self) < times(before) || first(self) > first(before)))
    }
}

/// The rule of a job that is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentRule {
    /// Its id.
    pub expectation: ExpectationId,
    /// The office whose clocks and closed days count.
    pub office: OfficeId,
    /// The zone of its clocks.
    pub zone: TimeZone,
    /// The rule.
    pub rule: RunRule,
}

/// What is expected of the job at present, if anything is.
///
/// # Errors
/// A stored schedule that this version does not understand is a fault of ours.
pub async fn rule_of_job(
    transaction: &mut Transaction,
    firm: FirmId,
    job: JobId,
) -> Result<Option<CurrentRule>, AppError> {
    let Some(stored) = db::of_job(transaction, firm, job).await? else {
        return Ok(None);
    };
    let schedule = Schedule::parse(&stored.cron, stored.policy).map_err(AppError::internal)?;
    Ok(Some(CurrentRule {
        expectation: stored.expectation,
        office: stored.office,
        zone: crate::web::words::zone(&stored.zone),
        rule: RunRule {
            schedule,
            opens_before: stored.opens_before,
            late_after: stored.late_after,
            missed_after: stored.missed_after,
            maximum_run: stored.maximum_run,
            no_success_after: stored.no_success_after,
        },
    }))
}

/// Expects runs of a job by this rule from `now` on. A rule that was in force ends: what it expected in the past stays, what
/// it expected of the future is taken back. The evaluator writes the slots; wake it after the commit.
pub async fn expect_runs(
    transaction: &mut Transaction,
    now: Timestamp,
    job: ExpectedJob,
    rule: &RunRule,
) -> Result<ExpectationId, AppError> {
    db::retire(transaction, now, job.firm, job.job).await?;
    let id = ids::new(now);
    db::begin_runs(transaction, now, id, job, rule).await?;
    db::note_job_state(transaction, job.firm, job.job).await?;
    Ok(id)
}

/// Expects nothing of a job any more.
pub async fn expect_nothing(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
) -> Result<(), AppError> {
    db::retire(transaction, now, firm, job).await?;
    db::note_job_state(transaction, firm, job).await
}

/// Expects a passed restore drill of a practice every `interval_days` days, counted from the last one or from `now`. Nothing
/// changes when drills are expected of it already.
pub async fn expect_drills(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
    office: OfficeId,
    interval_days: i32,
) -> Result<(), AppError> {
    let expectation = ids::new(now);
    let of = (firm, practice, office);
    let begun = db::begin_drills(transaction, now, expectation, of, interval_days, drills::OVERDUE_AFTER).await?;
    let Some(zone) = begun else { return Ok(()) };
    let counted_from = db::last_passed_drill(transaction, firm, practice).await?.unwrap_or(now);
    let slot = NewSlot {
        slot: ids::new(now),
        rule: RuleKey {
            firm,
            practice,
            expectation,
            job: None,
        },
        planned: drills::slot_after(counted_from, interval_days, &zone),
        closes_at: None,
        excuse: None,
    };
    writing::write_one(transaction, now, slot).await
}

/// Expects no drills of a practice any more.
pub async fn expect_no_drills(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
) -> Result<(), AppError> {
    db::retire_drills(transaction, now, firm, practice).await
}

/// The closed days of an office changed: slots to come are excused, or no longer excused, by its calendar.
pub async fn closures_changed(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    office: OfficeId,
) -> Result<(), AppError> {
    // Slots that are being written at this moment may not know of the change: they are waited for.
    db::lock_of_office(transaction, firm, office).await?;
    let Some(stored) = db::office(transaction, firm, office).await? else {
        return Err(AppError::NotFound);
    };
    let calendar = OfficeCalendar {
        zone: crate::web::words::zone(&stored.zone),
        business_day_starts: stored.business_day_starts,
        closed_weekdays: stored.closed_weekdays,
        closures: stored.closures,
    };
    let days: Vec<_> = db::days_to_come(transaction, now, firm, office)
        .await?
        .into_iter()
        .map(|day| (day, calendar.closed_because(day)))
        .collect();
    db::apply_calendar(transaction, now, (firm, office), &days, CALENDAR).await
}
