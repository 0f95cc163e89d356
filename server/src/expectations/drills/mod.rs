//! Drills as evidence. Exactly one drill slot of a practice is open; a passed drill fills it and begins the next, a failed
//! one alerts and does not stop the clock.

mod db;

use jiff::civil::Date;
use jiff::{SignedDuration, Span, Timestamp};
use serde_json::Value;

use super::calendar::{OfficeCalendar, PlannedSlot};
use super::slots::{self, SlotKey};
use super::writing::{self, NewSlot, RuleKey};
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Raising, Recovery, Subject};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, DrillId, FirmId, PracticeId};
use crate::web::words::{self, Moment};

/// A drill that is due is overdue after this.
pub(super) const OVERDUE_AFTER: SignedDuration = SignedDuration::from_hours(24);

/// The drill slot that begins with `opens_at`: due at the end of the day, `interval_days` later.
pub(super) fn slot_after(opens_at: Timestamp, interval_days: i32, zone: &str) -> PlannedSlot {
    let calendar = OfficeCalendar {
        zone: words::zone(zone),
        business_day_starts: 0,
        closed_weekdays: Vec::new(),
        closures: Vec::new(),
    };
    let day = calendar
        .backup_day(opens_at)
        .checked_add(Span::new().days(interval_days))
        .unwrap_or(Date::MAX);
    let due_at = calendar.end_of_day(day);
    PlannedSlot {
        backup_day: day,
        opens_at,
        due_at,
        late_at: due_at,
        missed_at: due_at.checked_add(OVERDUE_AFTER).unwrap_or(Timestamp::MAX),
    }
}

/// See [`super::drill_recorded`].
pub(super) async fn recorded(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    drill: DrillId,
) -> Result<(), AppError> {
    let Some(drills) = db::of_practice(transaction, firm, drill).await? else {
        return Err(AppError::internal(format!(
            "drill {drill} is to be judged and is not stored"
        )));
    };
    if let Some((passed, finished_at)) = drills.last_passed {
        fill_open_slot(app, transaction, now, (firm, drills.practice), (passed, finished_at)).await?;
        let key = key(firm, drills.practice, &drills.practice_name, AlertKind::DrillOverdue);
        if slot_is_current(transaction, now, firm, drills.practice).await? {
            alerts::recover(app, transaction, now, &key, &recovery(finished_at, &drills.zone)).await?;
        }
    }
    let key = key(firm, drills.practice, &drills.practice_name, AlertKind::DrillFailed);
    if drills.latest_passed {
        alerts::recover(
            app,
            transaction,
            now,
            &key,
            &recovery(drills.latest_finished_at, &drills.zone),
        )
        .await?;
    } else {
        let facts = AlertFacts::DrillFailed {
            drill: drills.latest,
            finished_at: drills.latest_finished_at,
            what: what_failed(&drills.steps, &drills.checks),
        };
        alerts::raise(app, transaction, now, &key, drills.latest_finished_at, &facts).await?;
    }
    Ok(())
}

/// Fills the open slot with the practice's last passed drill, if that ended in it, and begins the next.
async fn fill_open_slot(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, practice): (FirmId, PracticeId),
    (passed, finished_at): (DrillId, Timestamp),
) -> Result<(), AppError> {
    let Some(open) = db::open_slot(transaction, firm, practice).await? else {
        return Ok(());
    };
    if finished_at <= open.opens_at {
        return Ok(());
    }
    db::fill(transaction, firm, open.slot, passed, finished_at).await?;
    let next = NewSlot {
        slot: ids::new(now),
        rule: RuleKey {
            firm,
            practice: open.practice,
            expectation: open.expectation,
            job: None,
        },
        planned: slot_after(finished_at, open.interval_days, &open.zone),
        closes_at: None,
        excuse: None,
    };
    let keys = [open.slot, next.slot].map(|slot| SlotKey { firm, slot });
    writing::write_one(transaction, now, next).await?;
    slots::judge_anew(app, transaction, now, &keys, &[]).await?;
    end_trouble(app, transaction, now, &keys).await
}

/// Whether the open slot is not overdue itself: a drill reported long after it took place does not end what is overdue since.
async fn slot_is_current(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
) -> Result<bool, AppError> {
    let open = db::open_slot(transaction, firm, practice).await?;
    Ok(open.is_none_or(|open| now < slot_after(open.opens_at, open.interval_days, &open.zone).missed_at))
}

/// Alerts of the drills among these slots that are overdue, and ends the alerts of those that can be judged again.
pub(super) async fn settle(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    slots: &[SlotKey],
) -> Result<(), AppError> {
    let overdue = db::overdue(transaction, slots).await?.into_iter();
    let raisings = overdue.map(|overdue| Raising {
        key: key(
            overdue.firm,
            overdue.practice,
            &overdue.practice_name,
            AlertKind::DrillOverdue,
        ),
        since: overdue.due_at,
        facts: AlertFacts::DrillOverdue {
            due_at: overdue.due_at,
            last_passed: overdue.last_passed,
        },
    });
    alerts::raise_all(app, transaction, now, raisings.collect()).await?;
    end_trouble(app, transaction, now, slots).await
}

/// Ends the alerts of drill slots that could not be judged and are. Almost always there are none.
async fn end_trouble(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    slots: &[SlotKey],
) -> Result<(), AppError> {
    for (firm, practice, name) in db::judged_again(transaction, slots).await? {
        let recovery = Recovery {
            at: now,
            evidence: "Lastgood can judge the practised restores again.".to_owned(),
        };
        let key = key(firm, practice, &name, AlertKind::AgentProblem);
        alerts::recover(app, transaction, now, &key, &recovery).await?;
    }
    Ok(())
}

fn key(firm: FirmId, practice: PracticeId, name: &str, kind: AlertKind) -> AlertKey {
    AlertKey {
        firm,
        practice,
        subject: Subject::practice(practice, name),
        kind,
    }
}

fn recovery(at: Timestamp, zone: &str) -> Recovery {
    let moment = Moment {
        at,
        zone: words::zone(zone),
    };
    Recovery {
        at,
        evidence: format!("A practised restore passed on {}.", moment.day()),
    }
}

/// The names of the steps and checks that failed.
fn what_failed(steps: &Value, checks: &Value) -> Vec<String> {
    let named = |list: &Value, name: &str, failed: fn(&Value) -> bool| -> Vec<String> {
        list.as_array()
            .into_iter()
            .flatten()
            .filter(|entry| failed(entry))
            .filter_map(|entry| entry.get(name)?.as_str().map(str::to_owned))
            .collect()
    };
    let mut what = named(steps, "name", |step| {
        step.get("outcome").and_then(Value::as_str) == Some("failed")
    });
    what.extend(named(checks, "what", |check| {
        check.get("passed").and_then(Value::as_bool) == Some(false)
    }));
    what
}
