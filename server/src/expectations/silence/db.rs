//! SQL of the silence of agents: the deadline, the silence, and the slots it covers.

use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::SilentAgent;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::slots::SlotKey;
use crate::ids::{AgentId, FirmId};

/// An agent that was heard from.
pub(super) struct Heard {
    pub(super) practice: crate::ids::PracticeId,
    pub(super) name: String,
    /// It was silent until now.
    pub(super) was_silent: bool,
}

/// Notes that the agent was heard; ends its silence, and notes when what it kept back has had `landing` to arrive. A revoked
/// agent has neither.
pub(super) async fn heard(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    agent: AgentId,
    landing: SignedDuration,
) -> Result<Option<Heard>, AppError> {
    let row = sqlx::query!(
        r#"update agents a
         set last_heard_at = greatest(a.last_heard_at, $3),
             silent_at = case when before.silent_since is null then a.silent_at
                else greatest(a.last_heard_at, $3) + make_interval(secs => a.silent_after_seconds) end,
             heard_again_at = case when before.silent_since is null then a.heard_again_at else $3 end,
             landed_at = case when before.silent_since is null then a.landed_at else $3 + make_interval(secs => $4) end,
             silent_since = null
         from (select firm_id, agent_id, silent_since from agents where firm_id = $1 and agent_id = $2 for no key update) before
         where a.firm_id = before.firm_id and a.agent_id = before.agent_id and a.revoked_at is null
         returning a.practice_id, a.name, before.silent_since is not null as "was_silent!""#,
        firm.0,
        agent.0,
        now.to_sqlx(),
        landing.as_secs_f64()
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(row.map(|row| Heard {
        practice: row.practice_id,
        name: row.name,
        was_silent: row.was_silent,
    }))
}

/// Takes agents whose kept-back reports have had time to arrive, at most `most`.
pub(super) async fn take_landed(
    transaction: &mut Transaction,
    now: Timestamp,
    most: i64,
) -> Result<Vec<(FirmId, AgentId)>, AppError> {
    let rows = sqlx::query!(
        "with due as (
            select firm_id, agent_id from agents
            where landed_at <= $1 order by landed_at limit $2 for no key update skip locked)
         update agents a set landed_at = null
         from due
         where a.firm_id = due.firm_id and a.agent_id = due.agent_id
         returning a.firm_id, a.agent_id",
        now.to_sqlx(),
        most
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.firm_id, row.agent_id)).collect())
}

/// Slots of these agents' jobs that could not be judged because of the silence.
pub(super) async fn unknown(
    transaction: &mut Transaction,
    agents: &[(FirmId, AgentId)],
) -> Result<Vec<SlotKey>, AppError> {
    let (firms, ids): (Vec<Uuid>, Vec<Uuid>) = agents.iter().map(|(firm, agent)| (firm.0, agent.0)).unzip();
    let rows = sqlx::query!(
        "select s.firm_id, s.slot_id
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, agent_id)
         join jobs j on j.firm_id = wanted.firm_id and j.agent_id = wanted.agent_id
         join slots s on s.firm_id = j.firm_id and s.job_id = j.job_id
         where s.state = 'unknown'",
        &firms,
        &ids
    )
    .fetch_all(&mut **transaction)
    .await?;
    let keys = rows.into_iter().map(|row| SlotKey {
        firm: row.firm_id,
        slot: row.slot_id,
    });
    Ok(keys.collect())
}

/// Moves on the deadlines that have passed of agents that were heard meanwhile: where an agent is heard its deadline stays as it
/// is, so that this costs once in the time after which an agent counts as silent, and not once for each of its reports.
pub(super) async fn move_deadlines(transaction: &mut Transaction, now: Timestamp) -> Result<(), AppError> {
    sqlx::query!(
        "update agents set silent_at = last_heard_at + make_interval(secs => silent_after_seconds)
         where silent_at <= $1 and silent_since is null and revoked_at is null
            and last_heard_at + make_interval(secs => silent_after_seconds) > $1",
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Declares agents silent whose deadline has passed, at most `most`. A silence that begins before the reports of the one
/// before it have had `landing` to arrive is the same silence.
pub(super) async fn fall_silent(
    transaction: &mut Transaction,
    now: Timestamp,
    landing: SignedDuration,
    most: i64,
) -> Result<Vec<SilentAgent>, AppError> {
    let rows = sqlx::query!(
        r#"with due as (
            select firm_id, agent_id from agents
            where silent_at <= $1 and silent_since is null and revoked_at is null
                and (last_heard_at is null or last_heard_at + make_interval(secs => silent_after_seconds) <= $1)
            order by silent_at limit $3 for no key update skip locked)
         update agents a
         set silent_since = coalesce(a.last_heard_at, a.enrolled_at),
             landed_at = null,
             silence_began_at = case
                when a.heard_again_at + make_interval(secs => $2) > coalesce(a.last_heard_at, a.enrolled_at) then a.silence_began_at
                else coalesce(a.last_heard_at, a.enrolled_at) end
         from due
         where a.firm_id = due.firm_id and a.agent_id = due.agent_id
         returning a.firm_id, a.practice_id, a.agent_id, a.name, a.last_heard_at, a.silent_since as "silent_since!",
            (select count(*) from jobs j where j.firm_id = a.firm_id and j.agent_id = a.agent_id and j.archived_at is null) as "jobs!""#,
        now.to_sqlx(),
        landing.as_secs_f64(),
        most
    )
    .fetch_all(&mut **transaction)
    .await?;
    let agents = rows.into_iter().map(|row| SilentAgent {
        firm: row.firm_id,
        practice: row.practice_id,
        agent: row.agent_id,
        name: row.name,
        last_heard: row.last_heard_at.map(jiff_sqlx::Timestamp::to_jiff),
        since: row.silent_since.to_jiff(),
        jobs: u32::try_from(row.jobs).unwrap_or(u32::MAX),
    });
    Ok(agents.collect())
}

/// Slots of these agents' jobs that were declared missed after their agent's last word.
pub(super) async fn missed_since_last_word(
    transaction: &mut Transaction,
    agents: &[SilentAgent],
) -> Result<Vec<SlotKey>, AppError> {
    let (firms, ids): (Vec<Uuid>, Vec<Uuid>) = agents.iter().map(|agent| (agent.firm.0, agent.agent.0)).unzip();
    let rows = sqlx::query!(
        "select s.firm_id, s.slot_id
         from unnest($1::uuid[], $2::uuid[]) as wanted (firm_id, agent_id)
         join agents a using (firm_id, agent_id)
         join jobs j on j.firm_id = a.firm_id and j.agent_id = a.agent_id
         join slots s on s.firm_id = j.firm_id and s.job_id = j.job_id
         where s.state = 'missed' and s.declared_missed_at is not null and s.missed_at > a.silence_began_at",
        &firms,
        &ids
    )
    .fetch_all(&mut **transaction)
    .await?;
    let keys = rows.into_iter().map(|row| SlotKey {
        firm: row.firm_id,
        slot: row.slot_id,
    });
    Ok(keys.collect())
}
