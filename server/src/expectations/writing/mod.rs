//! Writes slots ahead, so that what should happen stands in the database before it should.

mod db;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::DstPolicy;
use super::calendar::{Allowances, Closure, OfficeCalendar, Plan, PlannedSlot, plan};
use super::schedule::Schedule;
use super::slots::{self, SlotKey};
use super::standing::{self, JobRef};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, ExpectationId, FirmId, JobId, OfficeId, PracticeId, SlotId};

/// Who excuses a slot on a day on which its office is closed.
pub(super) const CALENDAR: &str = "the office's calendar";

/// Rules in one transaction; each writes up to 32 slots.
const MOST_RULES: i64 = 100;

/// A rule that cannot be followed is looked at again after this.
const PUT_OFF: SignedDuration = SignedDuration::from_hours(1);

/// A rule for which slots must be written.
struct DueRule {
    firm: FirmId,
    expectation: ExpectationId,
    practice: PracticeId,
    job: Option<JobId>,
    office: OfficeId,
    cron: String,
    policy: DstPolicy,
    allowances: Allowances,
    active_from: Timestamp,
    written_until: Timestamp,
    zone: String,
    closed_weekdays: Vec<i16>,
    business_day_starts: i32,
    /// It could not be followed when that was last tried.
    was_broken: bool,
}

/// What a new slot takes from its rule.
#[derive(Debug, Clone, Copy)]
pub(super) struct RuleKey {
    pub(super) firm: FirmId,
    pub(super) practice: PracticeId,
    pub(super) expectation: ExpectationId,
    pub(super) job: Option<JobId>,
}

/// A slot to be written.
pub(super) struct NewSlot {
    pub(super) slot: SlotId,
    pub(super) rule: RuleKey,
    pub(super) planned: PlannedSlot,
    pub(super) closes_at: Option<Timestamp>,
    pub(super) excuse: Option<String>,
}

/// How far a rule's slots are written.
struct WrittenRule {
    firm: FirmId,
    expectation: ExpectationId,
    written_until: Timestamp,
    materialise_at: Option<Timestamp>,
    first_opens_at: Option<Timestamp>,
    is_broken: bool,
}

/// What one round wrote.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Whether there may be more to write.
    pub(super) more: bool,
    /// Firms whose pages changed.
    pub(super) firms: BTreeSet<FirmId>,
    /// Rules that cannot be followed, and why.
    pub(super) broken: Vec<Broken>,
}

/// A rule that cannot be followed.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) firm: FirmId,
    pub(super) practice: PracticeId,
    pub(super) job: Option<JobId>,
    /// Why, as a sentence.
    pub(super) why: String,
}

/// Writes the slots that are to be written by `now`, for a bounded number of rules.
pub(super) async fn write_due(app: &App, transaction: &mut Transaction, now: Timestamp) -> Result<Round, AppError> {
    let due = db::due(transaction, now, MOST_RULES).await?;
    let mut round = Round {
        more: i64::try_from(due.len()).is_ok_and(|count| count == MOST_RULES),
        ..Round::default()
    };
    if due.is_empty() {
        return Ok(round);
    }
    let closures = closures_by_office(transaction, &due).await?;
    let mut new_slots = Vec::new();
    let mut written = Vec::new();
    let mut mended = Vec::new();
    for rule in &due {
        let closures = closures.get(&rule.office).cloned().unwrap_or_default();
        match rule.plan(closures, now) {
            Ok((plan, calendar)) => {
                round.more |= plan.materialise_at.is_some_and(|at| at <= now);
                written.push(rule.written(&plan));
                mended.extend(rule.job_if_mended());
                new_slots.extend(rule.new_slots(&plan, &calendar, now));
                round.firms.insert(rule.firm);
            }
            Err(why) => {
                let nothing = Plan {
                    slots: Vec::new(),
                    materialise_at: Some(now + PUT_OFF),
                };
                written.push(WrittenRule {
                    is_broken: true,
                    ..rule.written(&nothing)
                });
                round.broken.push(Broken {
                    firm: rule.firm,
                    practice: rule.practice,
                    job: rule.job,
                    why,
                });
            }
        }
    }
    db::insert(transaction, now, &new_slots).await?;
    db::note(transaction, now, &written).await?;
    standing::settle(app, transaction, now, &mended).await?;
    let already_open: Vec<SlotKey> = new_slots
        .iter()
        .filter(|slot| slot.planned.opens_at <= now && slot.rule.job.is_some())
        .map(|slot| SlotKey {
            firm: slot.rule.firm,
            slot: slot.slot,
        })
        .collect();
    if !already_open.is_empty() {
        let touched = db::adopt(transaction, &already_open).await?;
        slots::judge_anew(app, transaction, now, &touched, &[]).await?;
    }
    Ok(round)
}

/// Writes one slot of a rule that has one at a time.
pub(super) async fn write_one(transaction: &mut Transaction, now: Timestamp, slot: NewSlot) -> Result<(), AppError> {
    db::insert(transaction, now, &[slot]).await
}

async fn closures_by_office(
    transaction: &mut Transaction,
    due: &[DueRule],
) -> Result<BTreeMap<OfficeId, Vec<Closure>>, AppError> {
    let offices: BTreeSet<_> = due.iter().map(|rule| (rule.firm, rule.office)).collect();
    let offices: Vec<_> = offices.into_iter().collect();
    let since = due
        .iter()
        .map(|rule| rule.written_until)
        .min()
        .map_or(Date::MIN, |earliest| TimeZone::UTC.to_datetime(earliest).date());
    // A zone's day may be one behind UTC's, and its backup day one behind that.
    let since = since.checked_sub(jiff::Span::new().days(2)).unwrap_or(since);
    let mut by_office: BTreeMap<OfficeId, Vec<Closure>> = BTreeMap::new();
    for (office, closure) in db::closures(transaction, &offices, since).await? {
        by_office.entry(office).or_default().push(closure);
    }
    Ok(by_office)
}

impl DueRule {
    fn plan(&self, closures: Vec<Closure>, now: Timestamp) -> Result<(Plan, OfficeCalendar), String> {
        let calendar = OfficeCalendar {
            zone: TimeZone::get(&self.zone).map_err(|error| format!("Time zone of the office: {error}."))?,
            business_day_starts: self.business_day_starts,
            closed_weekdays: self.closed_weekdays.clone(),
            closures,
        };
        let schedule = Schedule::parse(&self.cron, self.policy).map_err(|error| error.to_string())?;
        let plan = plan(
            &schedule,
            &self.allowances,
            &calendar,
            self.active_from,
            self.written_until,
            now,
        );
        Ok((plan, calendar))
    }

    fn written(&self, plan: &Plan) -> WrittenRule {
        WrittenRule {
            firm: self.firm,
            expectation: self.expectation,
            written_until: plan.slots.last().map_or(self.written_until, |slot| slot.due_at),
            materialise_at: plan.materialise_at,
            first_opens_at: plan.slots.first().map(|slot| slot.opens_at),
            is_broken: false,
        }
    }

    fn job_if_mended(&self) -> Option<JobRef> {
        let job = self.job.filter(|_| self.was_broken)?;
        Some(JobRef { firm: self.firm, job })
    }

    fn new_slots(&self, plan: &Plan, calendar: &OfficeCalendar, now: Timestamp) -> Vec<NewSlot> {
        let rule = RuleKey {
            firm: self.firm,
            practice: self.practice,
            expectation: self.expectation,
            job: self.job,
        };
        let closes = plan.slots.iter().skip(1).map(|next| Some(next.opens_at)).chain([None]);
        plan.slots
            .iter()
            .zip(closes)
            .map(|(planned, closes_at)| NewSlot {
                slot: ids::new(now),
                rule,
                planned: *planned,
                closes_at,
                excuse: calendar.closed_because(planned.backup_day),
            })
            .collect()
    }
}
