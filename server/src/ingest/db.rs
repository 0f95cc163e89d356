//! All SQL of the `inbox` where events are received.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::batch::ReceivedEvent;
use super::committer::Submission;
use super::continuity::Known;
use super::store::EventKey;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AgentId, FirmId, PracticeId};

/// An agent that may report.
#[derive(Debug, Clone)]
pub(super) struct KnownAgent {
    /// It.
    pub(super) agent: AgentId,
    /// Its firm.
    pub(super) firm: FirmId,
    /// Its practice.
    pub(super) practice: PracticeId,
    /// Its name.
    pub(super) name: String,
    /// How far its numbers went.
    pub(super) known: Known,
    /// Whether it counts as silent, until the projector ends that.
    pub(super) is_silent: bool,
}

/// An event to be appended, with who sent it and how.
#[derive(Debug, Clone, Copy)]
pub(super) struct NewEvent<'a> {
    /// Who sent it.
    pub(super) agent: &'a KnownAgent,
    /// It.
    pub(super) event: &'a ReceivedEvent,
    /// With what it came.
    pub(super) submission: &'a Submission,
}

/// Whether the projector has nothing to do with an event: all that a heartbeat says is noted where it is stored, unless it
/// ends a silence.
pub(super) fn is_settled(agent: &KnownAgent, event: &ReceivedEvent) -> bool {
    event.spooled.is_some() && !agent.is_silent
}

/// What is noted of an agent that was heard.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    received_at: Timestamp,
    skew_ms: i64,
    boot: Uuid,
    agent_version: String,
    /// The highest number stored or rejected.
    pub(super) highest_seq: i64,
    /// Events in its spool.
    pub(super) spooled: Option<i64>,
}

impl Heard {
    /// What a submission says, but for its events.
    pub(super) fn of(submission: &Submission) -> Self {
        let skew = submission.sent_at.duration_since(submission.received_at);
        Self {
            received_at: submission.received_at,
            skew_ms: i64::try_from(skew.as_millis()).unwrap_or_default(),
            boot: submission.boot,
            agent_version: submission.agent_version.clone(),
            highest_seq: 0,
            spooled: None,
        }
    }
}

/// Those of the agents that are not revoked, locked until the end of the transaction: what each sends is stored in order,
/// and none is revoked in between. Always locked in the same order, so that two groups cannot wait for each other.
pub(super) async fn lock_agents(
    transaction: &mut Transaction,
    agents: &BTreeSet<AgentId>,
) -> Result<BTreeMap<AgentId, KnownAgent>, AppError> {
    let ids: Vec<Uuid> = agents.iter().map(|agent| agent.0).collect();
    let rows = sqlx::query!(
        r#"select firm_id, practice_id, agent_id, name, last_seq, last_boot, silent_since is not null as "is_silent!"
         from agents where agent_id = any($1) and revoked_at is null order by agent_id for no key update"#,
        &ids
    )
    .fetch_all(&mut **transaction)
    .await?;
    let known = rows.into_iter().map(|row| {
        let agent = KnownAgent {
            agent: row.agent_id,
            firm: row.firm_id,
            practice: row.practice_id,
            name: row.name,
            known: Known {
                last_seq: row.last_seq,
                last_boot: row.last_boot,
            },
            is_silent: row.is_silent,
        };
        (row.agent_id, agent)
    });
    Ok(known.collect())
}

/// Appends the events that are not there yet, agent by agent in the order of their numbers. Answers which those were.
pub(super) async fn insert_events(
    transaction: &mut Transaction,
    events: &BTreeMap<EventKey, NewEvent<'_>>,
) -> Result<BTreeSet<EventKey>, AppError> {
    if events.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut in_order: Vec<&NewEvent<'_>> = events.values().collect();
    in_order.sort_by_key(|new| (new.agent.agent, new.event.seq));
    let mut columns = Columns::default();
    for new in in_order {
        columns.push(new);
    }
    let rows = sqlx::query!(
        "insert into inbox (firm_id, practice_id, agent_id, event_id, seq, kind, occurred_at, sent_at, received_at, body,
            body_hash, state, projected_at)
         select new.*, case when new.state = 'projected' then new.received_at end
         from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[],
            $8::timestamptz[], $9::timestamptz[], $10::text[], $11::bytea[], $12::text[])
            as new (firm_id, practice_id, agent_id, event_id, seq, kind, occurred_at, sent_at, received_at, body, body_hash,
                state)
         on conflict (firm_id, agent_id, event_id) do nothing
         returning agent_id, event_id",
        &columns.firms,
        &columns.practices,
        &columns.agents,
        &columns.ids,
        &columns.seqs,
        &columns.kinds as &[&str],
        &columns.occurred_at as &[jiff_sqlx::Timestamp],
        &columns.sent_at as &[jiff_sqlx::Timestamp],
        &columns.received_at as &[jiff_sqlx::Timestamp],
        &columns.texts as &[&str],
        &columns.hashes as &[&[u8]],
        &columns.states as &[&str],
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.agent_id, row.event_id)).collect())
}

#[derive(Default)]
struct Columns<'a> {
    firms: Vec<Uuid>,
    practices: Vec<Uuid>,
    agents: Vec<Uuid>,
    ids: Vec<Uuid>,
    seqs: Vec<i64>,
    kinds: Vec<&'a str>,
    occurred_at: Vec<jiff_sqlx::Timestamp>,
    sent_at: Vec<jiff_sqlx::Timestamp>,
    received_at: Vec<jiff_sqlx::Timestamp>,
    texts: Vec<&'a str>,
    hashes: Vec<&'a [u8]>,
    states: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, new: &NewEvent<'a>) {
        let NewEvent {
            agent,
            event,
            submission,
        } = *new;
        self.firms.push(agent.firm.0);
        self.practices.push(agent.practice.0);
        self.agents.push(agent.agent.0);
        self.ids.push(event.id.0);
        self.seqs.push(event.seq);
        self.kinds.push(&event.kind);
        self.occurred_at.push(event.occurred_at.to_sqlx());
        self.sent_at.push(submission.sent_at.to_sqlx());
        self.received_at.push(submission.received_at.to_sqlx());
        self.texts.push(&event.text);
        self.hashes.push(&event.hash);
        self.states.push(if is_settled(agent, event) {
            "projected"
        } else {
            "received"
        });
    }
}

/// The content hashes of events that were there before.
pub(super) async fn stored_hashes(
    transaction: &mut Transaction,
    keys: &[EventKey],
) -> Result<BTreeMap<EventKey, Vec<u8>>, AppError> {
    if keys.is_empty() {
        return Ok(BTreeMap::new());
    }
    let (agents, events): (Vec<Uuid>, Vec<Uuid>) = keys.iter().map(|(agent, event)| (agent.0, event.0)).unzip();
    let rows = sqlx::query!(
        "select i.agent_id, i.event_id, i.body_hash
         from unnest($1::uuid[], $2::uuid[]) as wanted (agent_id, event_id)
         join agents a on a.agent_id = wanted.agent_id
         join inbox i on i.firm_id = a.firm_id and i.agent_id = wanted.agent_id and i.event_id = wanted.event_id",
        &agents,
        &events,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| ((row.agent_id, row.event_id), row.body_hash))
        .collect())
}

/// Notes that agents were heard. No column of an index is written, so that an agent that reports a thousand times leaves no
/// thousand dead entries in each of them; the deadline after which it counts as silent is moved when it is looked at.
pub(super) async fn note_heard(
    transaction: &mut Transaction,
    heard: &BTreeMap<AgentId, Heard>,
) -> Result<(), AppError> {
    if heard.is_empty() {
        return Ok(());
    }
    let agents: Vec<Uuid> = heard.keys().map(|agent| agent.0).collect();
    let at: Vec<jiff_sqlx::Timestamp> = heard.values().map(|heard| heard.received_at.to_sqlx()).collect();
    let seqs: Vec<i64> = heard.values().map(|heard| heard.highest_seq).collect();
    let boots: Vec<Uuid> = heard.values().map(|heard| heard.boot).collect();
    let skews: Vec<i64> = heard.values().map(|heard| heard.skew_ms).collect();
    let versions: Vec<&str> = heard.values().map(|heard| heard.agent_version.as_str()).collect();
    let spooled: Vec<Option<i64>> = heard.values().map(|heard| heard.spooled).collect();
    sqlx::query!(
        "update agents a set
            last_heard_at = greatest(a.last_heard_at, heard.at),
            last_seq = greatest(a.last_seq, heard.seq),
            last_boot = heard.boot,
            clock_skew_ms = heard.skew,
            agent_version = heard.version,
            spooled = coalesce(heard.spooled, a.spooled)
         from unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::uuid[], $5::bigint[], $6::text[], $7::bigint[])
            as heard (agent_id, at, seq, boot, skew, version, spooled)
         where a.agent_id = heard.agent_id",
        &agents,
        &at as &[jiff_sqlx::Timestamp],
        &seqs,
        &boots,
        &skews,
        &versions as &[&str],
        &spooled as &[Option<i64>],
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}
