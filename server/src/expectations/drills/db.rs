//! SQL of drills as evidence.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use serde_json::Value;
use uuid::Uuid;

use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::CANNOT_BE_JUDGED;
use crate::expectations::slots::SlotKey;
use crate::ids::{DrillId, ExpectationId, FirmId, PracticeId, SlotId};

/// The practice's latest drill and its latest passed one.
pub(super) struct Drills {
    pub(super) practice: PracticeId,
    pub(super) practice_name: String,
    /// The zone of the practice's first office.
    pub(super) zone: String,
    pub(super) latest: DrillId,
    pub(super) latest_passed: bool,
    pub(super) latest_finished_at: Timestamp,
    pub(super) steps: Value,
    pub(super) checks: Value,
    pub(super) last_passed: Option<(DrillId, Timestamp)>,
}

/// How the practice of this drill stands with drills.
pub(super) async fn of_practice(
    transaction: &mut Transaction,
    firm: FirmId,
    drill: DrillId,
) -> Result<Option<Drills>, AppError> {
    let row = sqlx::query!(
        r#"select p.practice_id, p.name, latest.drill_id, latest.outcome, latest.finished_at, latest.steps, latest.checks,
            passed.drill_id as "passed?: DrillId", passed.finished_at as "passed_at?",
            (select o.zone from offices o where o.firm_id = p.firm_id and o.practice_id = p.practice_id
             order by o.created_at, o.office_id limit 1) as "zone!"
         from drills this
         join practices p on p.firm_id = this.firm_id and p.practice_id = this.practice_id
         cross join lateral (
            select d.drill_id, d.outcome, d.finished_at, d.steps, d.checks from drills d
            where d.firm_id = this.firm_id and d.practice_id = this.practice_id
            order by d.finished_at desc, d.drill_id desc limit 1) latest
         left join lateral (
            select d.drill_id, d.finished_at from drills d
            where d.firm_id = this.firm_id and d.practice_id = this.practice_id and d.outcome in ('passed', 'passed_with_notes')
            order by d.finished_at desc, d.drill_id desc limit 1) passed on true
         where this.firm_id = $1 and this.drill_id = $2"#,
        firm.0,
        drill.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Drills {
        practice: row.practice_id,
        practice_name: row.name,
        zone: row.zone,
        latest: row.drill_id,
        latest_passed: row.outcome.starts_with("passed"),
        latest_finished_at: row.finished_at.to_jiff(),
        steps: row.steps,
        checks: row.checks,
        last_passed: row.passed.zip(row.passed_at.map(jiff_sqlx::Timestamp::to_jiff)),
    }))
}

/// The practice's open drill slot and its rule.
pub(super) struct OpenSlot {
    pub(super) slot: SlotId,
    pub(super) expectation: ExpectationId,
    pub(super) practice: PracticeId,
    pub(super) opens_at: Timestamp,
    pub(super) interval_days: i32,
    pub(super) zone: String,
}

/// Locks the practice's drill rule and finds its open slot.
pub(super) async fn open_slot(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Option<OpenSlot>, AppError> {
    let rule = sqlx::query_scalar!(
        "select expectation_id from expectations
         where firm_id = $1 and practice_id = $2 and kind = 'drill' and retired_at is null
         for no key update",
        firm.0,
        practice.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    let Some(rule) = rule else { return Ok(None) };
    let row = sqlx::query!(
        r#"select s.slot_id, s.expectation_id, s.practice_id, s.opens_at, e.interval_days as "interval_days!", o.zone
         from slots s
         join expectations e on e.firm_id = s.firm_id and e.expectation_id = s.expectation_id
         join offices o on o.firm_id = e.firm_id and o.office_id = e.office_id
         where s.firm_id = $1 and s.expectation_id = $2 and s.closes_at is null
         order by s.opens_at desc limit 1"#,
        firm.0,
        rule.0
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| OpenSlot {
        slot: row.slot_id,
        expectation: row.expectation_id,
        practice: row.practice_id,
        opens_at: row.opens_at.to_jiff(),
        interval_days: row.interval_days,
        zone: row.zone,
    }))
}

/// Fills the slot with a passed drill. The slot closes with it.
pub(super) async fn fill(
    transaction: &mut Transaction,
    firm: FirmId,
    slot: SlotId,
    drill: DrillId,
    closes_at: Timestamp,
) -> Result<(), AppError> {
    sqlx::query!(
        "update slots set drill_id = $3, closes_at = $4 where firm_id = $1 and slot_id = $2",
        firm.0,
        slot.0,
        drill.0,
        closes_at.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A drill slot that nothing filled in time.
pub(super) struct Overdue {
    pub(super) firm: FirmId,
    pub(super) practice: PracticeId,
    pub(super) practice_name: String,
    pub(super) due_at: Timestamp,
    pub(super) last_passed: Option<Timestamp>,
}

/// Which of these slots are overdue drills.
pub(super) async fn overdue(transaction: &mut Transaction, slots: &[SlotKey]) -> Result<Vec<Overdue>, AppError> {
    let (firms, ids): (Vec<Uuid>, Vec<Uuid>) = slots.iter().map(|key| (key.firm.0, key.slot.0)).unzip();
    let rows = sqlx::query!(
        r#"select s.firm_id, s.practice_id, p.name, s.due_at,
            (select max(d.finished_at) from drills d
             where d.firm_id = s.firm_id and d.practice_id = s.practice_id and d.outcome in ('passed', 'passed_with_notes'))
                as "last_passed?: jiff_sqlx::Timestamp"
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, slot_id)
         join slots s using (firm_id, slot_id)
         join practices p on p.firm_id = s.firm_id and p.practice_id = s.practice_id
         where s.job_id is null and s.state = 'missed'"#,
        &firms,
        &ids
    )
    .fetch_all(&mut **transaction)
    .await?;
    let overdue = rows.into_iter().map(|row| Overdue {
        firm: row.firm_id,
        practice: row.practice_id,
        practice_name: row.name,
        due_at: row.due_at.to_jiff(),
        last_passed: row.last_passed.map(jiff_sqlx::Timestamp::to_jiff),
    });
    Ok(overdue.collect())
}

/// The practices of those of these slots that are drills, where an open alert says that a drill cannot be judged and none is
/// unjudged any more.
pub(super) async fn judged_again(
    transaction: &mut Transaction,
    slots: &[SlotKey],
) -> Result<Vec<(FirmId, PracticeId, String)>, AppError> {
    let (firms, ids): (Vec<Uuid>, Vec<Uuid>) = slots.iter().map(|key| (key.firm.0, key.slot.0)).unzip();
    let rows = sqlx::query!(
        "select distinct p.firm_id, p.practice_id, p.name
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, slot_id)
         join slots s using (firm_id, slot_id)
         join practices p on p.firm_id = s.firm_id and p.practice_id = s.practice_id
         join alerts a on a.firm_id = s.firm_id and a.practice_id = s.practice_id and a.subject_kind = 'practice'
            and a.subject_id = s.practice_id and a.kind = 'agent_problem' and a.closed_at is null and a.facts->>'message' = $3
         where s.job_id is null
           and not exists (select from slots u where u.firm_id = s.firm_id and u.practice_id = s.practice_id and u.job_id is null
                           and u.unjudged_since is not null)",
        &firms,
        &ids,
        CANNOT_BE_JUDGED
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.firm_id, row.practice_id, row.name))
        .collect())
}
