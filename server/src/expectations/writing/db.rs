//! SQL that writes slots ahead.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::{DueRule, NewSlot, WrittenRule};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::calendar::{Allowances, Closure};
use crate::expectations::slots::SlotKey;
use crate::ids::{FirmId, OfficeId};

/// Locks and reads the rules for which slots must be written, at most `most`, the most urgent first.
pub(super) async fn due(transaction: &mut Transaction, now: Timestamp, most: i64) -> Result<Vec<DueRule>, AppError> {
    let rows = sqlx::query!(
        r#"select e.firm_id, e.expectation_id, e.practice_id, e.job_id, e.office_id, e.cron as "cron!", e.dst_policy,
            e.opens_before_seconds, e.late_after_seconds, e.missed_after_seconds, e.active_from, e.materialised_until,
            e.broken_since is not null as "was_broken!", o.zone, o.closed_weekdays, o.business_day_starts
         from expectations e
         join offices o on o.firm_id = e.firm_id and o.office_id = e.office_id
         where e.materialise_at <= $1 and e.retired_at is null and e.cron is not null
         order by e.materialise_at
         limit $2
         for no key update of e skip locked"#,
        now.to_sqlx(),
        most
    )
    .fetch_all(&mut **transaction)
    .await?;
    let rules = rows.into_iter().map(|row| DueRule {
        firm: row.firm_id,
        expectation: row.expectation_id,
        practice: row.practice_id,
        job: row.job_id,
        office: row.office_id,
        cron: row.cron,
        policy: row.dst_policy,
        allowances: Allowances {
            opens_before: seconds(row.opens_before_seconds),
            late_after: seconds(row.late_after_seconds),
            missed_after: seconds(row.missed_after_seconds),
        },
        active_from: row.active_from.to_jiff(),
        written_until: row.materialised_until.to_jiff(),
        zone: row.zone,
        closed_weekdays: row.closed_weekdays,
        business_day_starts: row.business_day_starts,
        was_broken: row.was_broken,
    });
    Ok(rules.collect())
}

fn seconds(seconds: i32) -> SignedDuration {
    SignedDuration::from_secs(i64::from(seconds))
}

/// The closures of these offices that are not over by `since`.
pub(super) async fn closures(
    transaction: &mut Transaction,
    offices: &[(FirmId, OfficeId)],
    since: jiff::civil::Date,
) -> Result<Vec<(OfficeId, Closure)>, AppError> {
    let (firms, offices): (Vec<Uuid>, Vec<Uuid>) = offices.iter().map(|(firm, office)| (firm.0, office.0)).unzip();
    let rows = sqlx::query!(
        "select c.office_id, c.first_day, c.last_day, c.reason
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, office_id)
         join office_closures c using (firm_id, office_id)
         where c.last_day >= $3
         order by c.first_day, c.closure_id",
        &firms,
        &offices,
        since.to_sqlx()
    )
    .fetch_all(&mut **transaction)
    .await?;
    let closures = rows.into_iter().map(|row| {
        let closure = Closure {
            first: row.first_day.to_jiff(),
            last: row.last_day.to_jiff(),
            reason: row.reason,
        };
        (row.office_id, closure)
    });
    Ok(closures.collect())
}

/// Writes slots. The last slot written before them closes when the first of them opens.
pub(super) async fn insert(transaction: &mut Transaction, now: Timestamp, slots: &[NewSlot]) -> Result<(), AppError> {
    let ids: Vec<Uuid> = slots.iter().map(|slot| slot.slot.0).collect();
    let firms: Vec<Uuid> = slots.iter().map(|slot| slot.rule.firm.0).collect();
    let practices: Vec<Uuid> = slots.iter().map(|slot| slot.rule.practice.0).collect();
    let expectations: Vec<Uuid> = slots.iter().map(|slot| slot.rule.expectation.0).collect();
    let jobs: Vec<Option<Uuid>> = slots.iter().map(|slot| slot.rule.job.map(|job| job.0)).collect();
    let days: Vec<_> = slots.iter().map(|slot| slot.planned.backup_day.to_sqlx()).collect();
    let opens: Vec<_> = slots.iter().map(|slot| slot.planned.opens_at.to_sqlx()).collect();
    let dues: Vec<_> = slots.iter().map(|slot| slot.planned.due_at.to_sqlx()).collect();
    let lates: Vec<_> = slots.iter().map(|slot| slot.planned.late_at.to_sqlx()).collect();
    let misseds: Vec<_> = slots.iter().map(|slot| slot.planned.missed_at.to_sqlx()).collect();
    let closes: Vec<_> = slots
        .iter()
        .map(|slot| slot.closes_at.map(jiff_sqlx::ToSqlx::to_sqlx))
        .collect();
    let excuses: Vec<Option<String>> = slots.iter().map(|slot| slot.excuse.clone()).collect();
    sqlx::query!(
        "insert into slots (firm_id, slot_id, practice_id, expectation_id, job_id, backup_day, opens_at, due_at, late_at, missed_at,
            closes_at, state, state_since, check_at, excused_at, excused_by, excuse_reason, excused_by_calendar)
         select n.firm_id, n.slot_id, n.practice_id, n.expectation_id, n.job_id, n.backup_day, n.opens_at, n.due_at, n.late_at, n.missed_at,
            n.closes_at,
            case when n.excuse is null then 'waiting' else 'excused' end, $1::timestamptz,
            case when n.excuse is null then n.late_at end,
            case when n.excuse is not null then $1::timestamptz end,
            case when n.excuse is not null then $14::text end,
            n.excuse, n.excuse is not null
         from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::date[], $8::timestamptz[], $9::timestamptz[],
            $10::timestamptz[], $11::timestamptz[], $12::timestamptz[], $13::text[])
            as n (slot_id, firm_id, practice_id, expectation_id, job_id, backup_day, opens_at, due_at, late_at, missed_at, closes_at, excuse)",
        now.to_sqlx(),
        &ids,
        &firms,
        &practices,
        &expectations,
        &jobs as &[Option<Uuid>],
        &days as &[jiff_sqlx::Date],
        &opens as &[jiff_sqlx::Timestamp],
        &dues as &[jiff_sqlx::Timestamp],
        &lates as &[jiff_sqlx::Timestamp],
        &misseds as &[jiff_sqlx::Timestamp],
        &closes as &[Option<jiff_sqlx::Timestamp>],
        &excuses as &[Option<String>],
        super::CALENDAR,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Notes how far slots are written, when to write more, which rules cannot be followed, and when the last slot before the new
/// ones closes.
pub(super) async fn note(
    transaction: &mut Transaction,
    now: Timestamp,
    written: &[WrittenRule],
) -> Result<(), AppError> {
    let firms: Vec<Uuid> = written.iter().map(|rule| rule.firm.0).collect();
    let expectations: Vec<Uuid> = written.iter().map(|rule| rule.expectation.0).collect();
    let untils: Vec<_> = written.iter().map(|rule| rule.written_until.to_sqlx()).collect();
    let nexts: Vec<_> = written
        .iter()
        .map(|rule| rule.materialise_at.map(jiff_sqlx::ToSqlx::to_sqlx))
        .collect();
    let opens: Vec<_> = written
        .iter()
        .map(|rule| rule.first_opens_at.map(jiff_sqlx::ToSqlx::to_sqlx))
        .collect();
    let broken: Vec<bool> = written.iter().map(|rule| rule.is_broken).collect();
    sqlx::query!(
        "update slots s set closes_at = n.opens_at
         from unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) as n (firm_id, expectation_id, opens_at)
         where s.firm_id = n.firm_id and s.expectation_id = n.expectation_id and s.closes_at is null and s.opens_at < n.opens_at",
        &firms,
        &expectations,
        &opens as &[Option<jiff_sqlx::Timestamp>],
    )
    .execute(&mut **transaction)
    .await?;
    sqlx::query!(
        "update expectations e set materialised_until = n.written_until, materialise_at = n.materialise_at,
            broken_since = case when n.is_broken then coalesce(e.broken_since, $6) end
         from unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::boolean[])
            as n (firm_id, expectation_id, written_until, materialise_at, is_broken)
         where e.firm_id = n.firm_id and e.expectation_id = n.expectation_id",
        &firms,
        &expectations,
        &untils as &[jiff_sqlx::Timestamp],
        &nexts as &[Option<jiff_sqlx::Timestamp>],
        &broken,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Puts the runs that began in these slots into them, and returns every slot that lost or won one. Only slots that are
/// written after they opened can have such runs.
pub(super) async fn adopt(transaction: &mut Transaction, slots: &[SlotKey]) -> Result<Vec<SlotKey>, AppError> {
    let (firms, ids): (Vec<Uuid>, Vec<Uuid>) = slots.iter().map(|key| (key.firm.0, key.slot.0)).unzip();
    let rows = sqlx::query!(
        r#"with adopted as materialized (
            select r.firm_id, r.run_id, r.slot_id as lost_by, s.slot_id as won_by
            from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, slot_id)
            join slots s using (firm_id, slot_id)
            join runs r on r.firm_id = s.firm_id and r.job_id = s.job_id and r.started_at >= s.opens_at
                and (s.closes_at is null or r.started_at < s.closes_at) and r.slot_id is distinct from s.slot_id),
         moved as (
            update runs r set slot_id = adopted.won_by from adopted
            where r.firm_id = adopted.firm_id and r.run_id = adopted.run_id)
         select firm_id as "firm_id!: FirmId", won_by as "slot_id!: crate::ids::SlotId" from adopted
         union select firm_id, lost_by from adopted where lost_by is not null"#,
        &firms,
        &ids
    )
    .fetch_all(&mut **transaction)
    .await?;
    let touched = rows.into_iter().map(|row| SlotKey {
        firm: row.firm_id,
        slot: row.slot_id,
    });
    Ok(touched.collect())
}
