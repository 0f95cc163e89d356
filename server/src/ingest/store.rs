//! One transaction of the committer: append what is new, tell duplicates from conflicts, note that its agents were heard.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::batch::ReceivedEvent;
use super::committer::{Answer, Committed, NotStored, Submission, Verdict};
use super::continuity::{self, Break, Known};
use super::db::{self, Heard, KnownAgent, NewEvent};
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Subject};
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{AgentId, EventId};

/// The event of an agent.
pub(super) type EventKey = (AgentId, EventId);

/// Stores submissions, all or none. An error means that nothing was committed, or that nobody knows.
pub(super) async fn store(app: &App, submissions: &[Submission]) -> Result<Vec<Answer>, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let senders: BTreeSet<AgentId> = submissions.iter().map(|submission| submission.agent).collect();
    let agents = db::lock_agents(&mut transaction, &senders).await?;

    let offered = first_of_each(submissions, &agents);
    let inserted = db::insert_events(&mut transaction, &offered).await?;
    let others: Vec<EventKey> = offered.keys().filter(|key| !inserted.contains(key)).copied().collect();
    let before = db::stored_hashes(&mut transaction, &others).await?;

    let stored = u64::try_from(inserted.len()).unwrap_or_default();
    let mut ledger = Ledger {
        offered: &offered,
        inserted,
        before,
    };
    let judged: Vec<Option<Vec<Verdict>>> = submissions
        .iter()
        .map(|submission| agents.contains_key(&submission.agent).then(|| ledger.judge(submission)))
        .collect();

    let heard = heard(submissions, &judged);
    db::note_heard(&mut transaction, &heard).await?;
    let alerted = raise_alerts(app, &mut transaction, submissions, &judged, &agents).await?;
    transaction.commit().await?;
    metrics::counter!("lastgood_events_stored_total").increment(stored);

    let answers = submissions.iter().zip(judged).map(|(submission, verdicts)| {
        let agent = agents.get(&submission.agent).ok_or(NotStored::UnknownAgent)?;
        Ok(Committed {
            firm: agent.firm,
            unsettled: submission.events.iter().any(|event| !db::is_settled(agent, event)),
            verdicts: verdicts.ok_or(NotStored::UnknownAgent)?,
            alerted: alerted.contains(&submission.agent),
        })
    });
    Ok(answers.collect())
}

/// Each event once, as it came first: a batch may hold the same event twice, and two batches of one agent may overlap.
fn first_of_each<'a>(
    submissions: &'a [Submission],
    agents: &'a BTreeMap<AgentId, KnownAgent>,
) -> BTreeMap<EventKey, NewEvent<'a>> {
    let mut offered = BTreeMap::new();
    for submission in submissions {
        let Some(agent) = agents.get(&submission.agent) else {
            continue;
        };
        for event in &submission.events {
            offered.entry((submission.agent, event.id)).or_insert(NewEvent {
                agent,
                event,
                submission,
            });
        }
    }
    offered
}

/// Which events are there, from when, with what content.
struct Ledger<'a> {
    offered: &'a BTreeMap<EventKey, NewEvent<'a>>,
    /// Inserted by this transaction and not yet claimed by the event that came first.
    inserted: BTreeSet<EventKey>,
    before: BTreeMap<EventKey, Vec<u8>>,
}

impl Ledger<'_> {
    fn judge(&mut self, submission: &Submission) -> Vec<Verdict> {
        let agent = submission.agent;
        submission
            .events
            .iter()
            .map(|event| self.verdict(agent, event))
            .collect()
    }

    fn verdict(&mut self, agent: AgentId, event: &ReceivedEvent) -> Verdict {
        let key = (agent, event.id);
        if self.inserted.remove(&key) {
            return Verdict::Stored;
        }
        let first = match self.before.get(&key) {
            Some(hash) => Some(hash.as_slice()),
            None => self.offered.get(&key).map(|first| first.event.hash.as_slice()),
        };
        if first == Some(event.hash.as_slice()) {
            Verdict::Duplicate
        } else {
            Verdict::Conflict
        }
    }
}

/// What is noted of each agent that had something new to say. An empty batch is an agent whose spool is full: it is alive.
/// Duplicates alone are no sign of life, for anybody may have recorded them.
fn heard(submissions: &[Submission], judged: &[Option<Vec<Verdict>>]) -> BTreeMap<AgentId, Heard> {
    let mut heard = BTreeMap::new();
    for (submission, verdicts) in submissions.iter().zip(judged) {
        let Some(verdicts) = verdicts else { continue };
        let stored = stored_events(submission, verdicts);
        let is_empty = submission.events.is_empty() && submission.rejected_seqs.is_empty();
        if stored.is_empty() && !is_empty {
            continue;
        }
        let seqs = stored
            .iter()
            .map(|event| event.seq)
            .chain(submission.rejected_seqs.iter().copied());
        let entry: &mut Heard = heard.entry(submission.agent).or_insert_with(|| Heard::of(submission));
        entry.highest_seq = seqs.fold(entry.highest_seq, i64::max);
        entry.spooled = stored.iter().rev().find_map(|event| event.spooled).or(entry.spooled);
    }
    heard
}

fn stored_events<'a>(submission: &'a Submission, verdicts: &[Verdict]) -> Vec<&'a ReceivedEvent> {
    let judged = submission.events.iter().zip(verdicts);
    judged
        .filter(|(_, verdict)| **verdict == Verdict::Stored)
        .map(|(event, _)| event)
        .collect()
}

/// Alerts about agents that contradict themselves or whose numbers do not follow. Answers about which agents.
async fn raise_alerts(
    app: &App,
    transaction: &mut Transaction,
    submissions: &[Submission],
    judged: &[Option<Vec<Verdict>>],
    agents: &BTreeMap<AgentId, KnownAgent>,
) -> Result<BTreeSet<AgentId>, AppError> {
    let mut known: BTreeMap<AgentId, Known> = agents.iter().map(|(id, agent)| (*id, agent.known)).collect();
    let mut alerted = BTreeSet::new();
    for (submission, verdicts) in submissions.iter().zip(judged) {
        let (Some(verdicts), Some(agent)) = (verdicts, agents.get(&submission.agent)) else {
            continue;
        };
        let at = submission.received_at;
        let conflicts = verdicts.iter().filter(|verdict| **verdict == Verdict::Conflict).count();
        if conflicts > 0 {
            let count = u32::try_from(conflicts).unwrap_or(u32::MAX);
            let facts = AlertFacts::Equivocation { count };
            raise(app, transaction, agent, at, AlertKind::Equivocation, &facts).await?;
            alerted.insert(submission.agent);
        }
        let entry = known.entry(submission.agent).or_insert(agent.known);
        if let Some(found) = follow(entry, submission, verdicts) {
            let facts = AlertFacts::AgentProblem {
                message: found.sentence(),
                count: found.count(),
            };
            raise(app, transaction, agent, at, AlertKind::AgentProblem, &facts).await?;
            alerted.insert(submission.agent);
        }
    }
    Ok(alerted)
}

fn follow(known: &mut Known, submission: &Submission, verdicts: &[Verdict]) -> Option<Break> {
    let stored: Vec<i64> = stored_events(submission, verdicts)
        .iter()
        .map(|event| event.seq)
        .collect();
    let found = continuity::judge(*known, submission.boot, &stored, &submission.rejected_seqs);
    let highest = stored.iter().chain(&submission.rejected_seqs).copied().max();
    if let Some(highest) = highest.filter(|_| !stored.is_empty()) {
        *known = Known {
            last_seq: known.last_seq.max(highest),
            last_boot: Some(submission.boot),
        };
    }
    found
}

async fn raise(
    app: &App,
    transaction: &mut Transaction,
    agent: &KnownAgent,
    at: Timestamp,
    kind: AlertKind,
    facts: &AlertFacts,
) -> Result<(), AppError> {
    let key = AlertKey {
        firm: agent.firm,
        practice: agent.practice,
        subject: Subject::agent(agent.agent, &agent.name),
        kind,
    };
    alerts::raise(app, transaction, at, &key, at, facts).await
}
