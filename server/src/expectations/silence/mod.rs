//! The silence of agents: one alert instead of a miss for each of its jobs.

mod db;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::slots;
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Raising, Recovery, Subject};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, FirmId, PracticeId};

/// Agents declared silent, or heard again, in one transaction.
const MOST_AGENTS: i64 = 100;

/// An agent that has just been declared silent.
struct SilentAgent {
    firm: FirmId,
    practice: PracticeId,
    agent: AgentId,
    name: String,
    last_heard: Option<Timestamp>,
    since: Timestamp,
    jobs: u32,
}

fn key(firm: FirmId, practice: PracticeId, agent: AgentId, name: &str) -> AlertKey {
    AlertKey {
        firm,
        practice,
        subject: Subject::agent(agent, name),
        kind: AlertKind::AgentSilent,
    }
}

/// See [`super::agent_heard`].
pub(super) async fn heard(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    agent: AgentId,
) -> Result<(), AppError> {
    let Some(heard) = db::heard(transaction, now, firm, agent, app.options.landing).await? else {
        return Ok(());
    };
    if !heard.was_silent {
        return Ok(());
    }
    let recovery = Recovery {
        at: now,
        evidence: "The agent was heard from again.".to_owned(),
    };
    let key = key(firm, heard.practice, agent, &heard.name);
    alerts::recover(app, transaction, now, &key, &recovery).await?;
    Ok(())
}

/// Declares agents silent whose deadline has passed, a bounded number. Returns whether there may be more, and whose pages
/// changed.
pub(super) async fn fall_silent(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<(bool, BTreeSet<FirmId>), AppError> {
    db::move_deadlines(transaction, now).await?;
    let agents = db::fall_silent(transaction, now, app.options.landing, MOST_AGENTS).await?;
    if agents.is_empty() {
        return Ok((false, BTreeSet::new()));
    }
    let raisings = agents.iter().map(|agent| Raising {
        key: key(agent.firm, agent.practice, agent.agent, &agent.name),
        since: agent.since,
        facts: AlertFacts::AgentSilent {
            last_heard: agent.last_heard,
            jobs: agent.jobs,
        },
    });
    alerts::raise_all(app, transaction, now, raisings.collect()).await?;
    let missed = db::missed_since_last_word(transaction, &agents).await?;
    slots::judge_anew(app, transaction, now, &missed, &[]).await?;
    let more = i64::try_from(agents.len()).is_ok_and(|count| count == MOST_AGENTS);
    Ok((more, agents.iter().map(|agent| agent.firm).collect()))
}

/// Judges what could not be judged while agents were silent, once what they kept back has had time to arrive: a bounded number
/// of agents. A deadline of the agent and not of its slots, so that a slot which became unknown in the moment in which the
/// agent was heard from is found too. Returns whether there may be more, and whose pages changed.
pub(super) async fn judge_landed(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
) -> Result<(bool, BTreeSet<FirmId>), AppError> {
    let agents = db::take_landed(transaction, now, MOST_AGENTS).await?;
    if agents.is_empty() {
        return Ok((false, BTreeSet::new()));
    }
    let unknown = db::unknown(transaction, &agents).await?;
    let changed = slots::judge_anew(app, transaction, now, &unknown, &[]).await?;
    let more = i64::try_from(agents.len()).is_ok_and(|count| count == MOST_AGENTS);
    Ok((more, changed))
}
