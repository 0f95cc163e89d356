//! All SQL that judges and writes `slots` and `slot_changes`.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::{JudgedSlot, SlotKey, StoredSlot};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::judge::{Circumstances, Filling, Quiet, RunEvidence, SlotTimes};

/// Locks the expectations of these slots against every other change of their slots, in a fixed order.
pub(super) async fn lock(transaction: &mut Transaction, keys: &[SlotKey]) -> Result<(), AppError> {
    let (firms, slots) = columns(keys);
    sqlx::query!(
        "select e.expectation_id from expectations e
         where (e.firm_id, e.expectation_id) in (
            select s.firm_id, s.expectation_id
            from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, slot_id)
            join slots s using (firm_id, slot_id))
         order by e.firm_id, e.expectation_id
         for no key update",
        &firms,
        &slots
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(())
}

/// These slots with everything their state depends on, but for their runs. `landing`: how long after a silent agent was
/// heard again its reports may still arrive. `hold`: the latest time in which we were down.
pub(super) async fn stored(
    transaction: &mut Transaction,
    keys: &[SlotKey],
    landing: SignedDuration,
    hold: Option<Quiet>,
) -> Result<Vec<StoredSlot>, AppError> {
    let (firms, slots) = columns(keys);
    // By their keys first: in a table without statistics the planner would begin with all expectations of the firm.
    let rows = sqlx::query!(
        r#"with s as materialized (
            select slots.* from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, slot_id) join slots using (firm_id, slot_id))
         select s.firm_id, s.practice_id, s.slot_id, s.job_id, s.state, s.late_at, s.missed_at, s.check_at, s.run_id, s.drill_id,
            s.declared_missed_at, s.reported_late, s.unjudged_since is not null as "unjudged!", s.excused_at is not null as "excused!", e.maximum_run_seconds,
            a.silence_began_at as "silence_began_at?", a.silent_since as "silent_since?", a.heard_again_at as "heard_again_at?"
         from s
         join expectations e on e.firm_id = s.firm_id and e.expectation_id = s.expectation_id
         left join jobs j on j.firm_id = s.firm_id and j.job_id = s.job_id
         left join agents a on a.firm_id = j.firm_id and a.agent_id = j.agent_id and a.revoked_at is null"#,
        &firms,
        &slots
    )
    .fetch_all(&mut **transaction)
    .await?;
    let stored = rows.into_iter().map(|row| StoredSlot {
        key: SlotKey {
            firm: row.firm_id,
            slot: row.slot_id,
        },
        practice: row.practice_id,
        job: row.job_id,
        state: row.state,
        check_at: row.check_at.map(jiff_sqlx::Timestamp::to_jiff),
        run: row.run_id,
        declared_missed_at: row.declared_missed_at.map(jiff_sqlx::Timestamp::to_jiff),
        reported_late: row.reported_late,
        unjudged: row.unjudged,
        times: SlotTimes {
            late_at: row.late_at.to_jiff(),
            missed_at: row.missed_at.to_jiff(),
            maximum_run: SignedDuration::from_secs(i64::from(row.maximum_run_seconds)),
        },
        around: Circumstances {
            excused: row.excused,
            drill: row.drill_id,
            silence: row.silence_began_at.and_then(|began| {
                let landed_by = match (row.silent_since, row.heard_again_at) {
                    (Some(_), _) => None,
                    (None, Some(heard)) => Some(heard.to_jiff() + landing),
                    (None, None) => return None,
                };
                Some(Quiet {
                    from: began.to_jiff(),
                    landed_by,
                })
            }),
            hold,
        },
        runs: Vec::new(),
    });
    Ok(stored.collect())
}

/// The runs of these slots.
pub(super) async fn runs(
    transaction: &mut Transaction,
    keys: &[SlotKey],
) -> Result<Vec<(SlotKey, RunEvidence)>, AppError> {
    let (firms, slots) = columns(keys);
    let rows = sqlx::query!(
        r#"select r.firm_id, r.slot_id as "slot_id!: crate::ids::SlotId", r.run_id, r.started_at, r.finished_at, r.outcome,
            r.will_be_retried
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, slot_id)
         join runs r on r.firm_id = wanted.firm_id and r.slot_id = wanted.slot_id"#,
        &firms,
        &slots
    )
    .fetch_all(&mut **transaction)
    .await?;
    let runs = rows.into_iter().map(|row| {
        let key = SlotKey {
            firm: row.firm_id,
            slot: row.slot_id,
        };
        let evidence = RunEvidence {
            run: row.run_id,
            started_at: row.started_at.to_jiff(),
            finished: row.finished_at.map(jiff_sqlx::Timestamp::to_jiff).zip(row.outcome),
            will_be_retried: row.will_be_retried,
        };
        (key, evidence)
    });
    Ok(runs.collect())
}

/// Writes what was judged.
pub(super) async fn write(
    transaction: &mut Transaction,
    now: Timestamp,
    judged: &[JudgedSlot<'_>],
) -> Result<(), AppError> {
    let keys: Vec<_> = judged.iter().map(|slot| slot.stored.key).collect();
    let (firms, slots) = columns(&keys);
    let states: Vec<String> = judged.iter().map(|slot| slot.judgement.state.to_string()).collect();
    let checks: Vec<_> = judged
        .iter()
        .map(|slot| slot.judgement.check_at.map(jiff_sqlx::ToSqlx::to_sqlx))
        .collect();
    let runs: Vec<Option<Uuid>> = judged
        .iter()
        .map(|slot| match slot.judgement.filling {
            Some(Filling::Run(run)) => Some(run.0),
            Some(Filling::Drill(_)) | None => None,
        })
        .collect();
    let declared: Vec<_> = judged
        .iter()
        .map(|slot| slot.declared_missed_at.map(jiff_sqlx::ToSqlx::to_sqlx))
        .collect();
    let late: Vec<bool> = judged.iter().map(|slot| slot.reported_late).collect();
    sqlx::query!(
        "update slots s
         set state_since = case when s.state = n.state then s.state_since else $1 end,
             state = n.state, check_at = n.check_at, run_id = n.run_id, declared_missed_at = n.declared_missed_at,
             reported_late = n.reported_late, unjudged_since = null
         from unnest($2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[], $6::uuid[], $7::timestamptz[], $8::boolean[])
            as n (firm_id, slot_id, state, check_at, run_id, declared_missed_at, reported_late)
         where s.firm_id = n.firm_id and s.slot_id = n.slot_id",
        now.to_sqlx(),
        &firms,
        &slots,
        &states,
        &checks as &[Option<jiff_sqlx::Timestamp>],
        &runs as &[Option<Uuid>],
        &declared as &[Option<jiff_sqlx::Timestamp>],
        &late,
    )
    .execute(&mut **transaction)
    .await?;
    write_changes(transaction, now, judged).await
}

async fn write_changes(
    transaction: &mut Transaction,
    now: Timestamp,
    judged: &[JudgedSlot<'_>],
) -> Result<(), AppError> {
    let changed: Vec<_> = judged.iter().filter(|slot| slot.changed_state()).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let firms: Vec<Uuid> = changed.iter().map(|slot| slot.stored.key.firm.0).collect();
    let practices: Vec<Uuid> = changed.iter().map(|slot| slot.stored.practice.0).collect();
    let slots: Vec<Uuid> = changed.iter().map(|slot| slot.stored.key.slot.0).collect();
    let from: Vec<String> = changed.iter().map(|slot| slot.stored.state.to_string()).collect();
    let to: Vec<String> = changed.iter().map(|slot| slot.judgement.state.to_string()).collect();
    sqlx::query!(
        "insert into slot_changes (firm_id, practice_id, slot_id, at, from_state, to_state)
         select n.firm_id, n.practice_id, n.slot_id, $1, n.from_state, n.to_state
         from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[])
            as n (firm_id, practice_id, slot_id, from_state, to_state)",
        now.to_sqlx(),
        &firms,
        &practices,
        &slots,
        &from,
        &to,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

fn columns(keys: &[SlotKey]) -> (Vec<Uuid>, Vec<Uuid>) {
    keys.iter().map(|key| (key.firm.0, key.slot.0)).unzip()
}
