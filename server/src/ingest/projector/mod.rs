//! The projector: turns what was received into runs, media and drills, in order per agent.
//!
//! A round is one transaction over the oldest events that wait. What cannot be projected is rolled back to its savepoint
//! and set aside; what fails because the database is in trouble ends the round, and its agent waits for the next one, so
//! that it holds up nobody else.

mod db;
mod event;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use db::InboxEvent;

use crate::agents::{self, Reporter};
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Recovery, Subject};
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::expectations;
use crate::ids::{AgentId, FirmId};

/// Rows looked at in one transaction. Heartbeats cost almost nothing.
const MOST_ROWS: i64 = 500;

/// Events other than heartbeats projected in one transaction, so that it stays short.
const MOST_PROJECTED: usize = 40;

/// How often trouble of the database may interrupt one event before it is taken to be the event's fault.
const MOST_ATTEMPTS: i32 = 10;

/// Projects everything that waits.
pub async fn project(app: &App) -> Result<(), AppError> {
    let mut held_up = BTreeSet::new();
    while !app.shutdown().is_cancelled() {
        match round(app, &held_up).await {
            Ok(0) => break,
            Ok(_) => {}
            Err(Failure { event: None, error }) => return Err(error),
            Err(Failure {
                event: Some(event),
                error,
            }) => {
                tracing::warn!(agent = %event.agent, event = %event.id, %error, "an event could not be projected; it is tried again");
                held_up.insert(event.agent);
                count_attempt(app, &event).await?;
            }
        }
    }
    Ok(())
}

/// What ended a round: with an event, its agent is left out of the next.
struct Failure {
    event: Option<Box<InboxEvent>>,
    error: AppError,
}

impl From<AppError> for Failure {
    fn from(error: AppError) -> Self {
        Self { event: None, error }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        AppError::from(error).into()
    }
}

/// One transaction. Answers how many events it settled.
async fn round(app: &App, held_up: &BTreeSet<AgentId>) -> Result<usize, Failure> {
    let now = app.clock.now();
    let mut transaction = app.db.begin(Scope::Everything).await?;
    if !db::lock_projector(&mut transaction).await? {
        return Ok(0);
    }
    let waiting = db::waiting(&mut transaction, held_up, MOST_ROWS).await?;
    if waiting.is_empty() {
        return Ok(0);
    }
    let mut round = Round::new(app, now, &mut transaction, &waiting).await?;
    for event in waiting {
        if round.projected == MOST_PROJECTED {
            break;
        }
        if let Err(error) = round.settle(&mut transaction, &event).await {
            return Err(Failure {
                event: Some(Box::new(event)),
                error,
            });
        }
    }
    round.finish(&mut transaction).await?;
    transaction.commit().await?;
    Ok(round.after_commit())
}

/// The state of one round.
struct Round<'a> {
    app: &'a App,
    now: Timestamp,
    reporters: BTreeMap<AgentId, Reporter>,
    done: Vec<InboxEvent>,
    heard: BTreeMap<AgentId, Timestamp>,
    set_aside: BTreeMap<AgentId, String>,
    projected: usize,
}

impl<'a> Round<'a> {
    async fn new(
        app: &'a App,
        now: Timestamp,
        transaction: &mut Transaction,
        waiting: &[InboxEvent],
    ) -> Result<Self, AppError> {
        let agents: BTreeSet<AgentId> = waiting.iter().map(|event| event.agent).collect();
        let agents: Vec<AgentId> = agents.into_iter().collect();
        let reporters = agents::reporters(transaction, &agents).await?;
        Ok(Self {
            app,
            now,
            reporters: reporters
                .into_iter()
                .map(|reporter| (reporter.agent, reporter))
                .collect(),
            done: Vec::new(),
            heard: BTreeMap::new(),
            set_aside: BTreeMap::new(),
            projected: 0,
        })
    }

    /// Projects an event or sets it aside. An error is the database's.
    async fn settle(&mut self, transaction: &mut Transaction, event: &InboxEvent) -> Result<(), AppError> {
        let reporter = self.reporters.get(&event.agent).ok_or_else(|| {
            AppError::internal(
                "the inbox holds an event of an agent that does not exist, which its foreign key forbids",
            )
        })?;
        let heard = self.heard.entry(event.agent).or_insert(event.received_at);
        *heard = event.received_at.max(*heard);
        let problem = match event::read(event) {
            Ok(what) if event::is_only_a_sign_of_life(&what) => None,
            Ok(what) => {
                self.projected += 1;
                transaction.savepoint().await?;
                match event::project(self.app, transaction, self.now, reporter, event, &what).await {
                    Ok(()) => {
                        transaction.release_savepoint().await?;
                        None
                    }
                    Err(AppError::Unavailable(cause)) => return Err(AppError::Unavailable(cause)),
                    Err(error) => {
                        transaction.roll_back_to_savepoint().await?;
                        Some(sentence_for(event, &error))
                    }
                }
            }
            Err(sentence) => Some(sentence),
        };
        match problem {
            None => self.done.push(event.clone()),
            Some(problem) => {
                db::set_aside(transaction, event, &problem).await?;
                self.set_aside.insert(event.agent, problem);
            }
        }
        Ok(())
    }

    /// Marks what was projected, and tells of what was set aside and of silences that ended.
    async fn finish(&self, transaction: &mut Transaction) -> Result<(), AppError> {
        db::mark_projected(transaction, self.now, &self.done).await?;
        for (agent, problem) in &self.set_aside {
            if let Some(reporter) = self.reporters.get(agent) {
                tell_unprojectable(self.app, transaction, self.now, reporter, problem).await?;
            }
        }
        let recovered = self
            .done
            .iter()
            .filter(|event| event.attempts > 0)
            .map(|event| event.agent);
        for agent in recovered.collect::<BTreeSet<_>>() {
            if let Some(reporter) = self.reporters.get(&agent) {
                tell_projectable(self.app, transaction, self.now, reporter).await?;
            }
        }
        for (agent, heard_at) in &self.heard {
            if let Some(reporter) = self.reporters.get(agent).filter(|reporter| reporter.is_silent) {
                expectations::agent_heard(self.app, transaction, *heard_at, reporter.firm, *agent).await?;
            }
        }
        Ok(())
    }

    fn after_commit(self) -> usize {
        let firms: BTreeSet<FirmId> = self.reporters.values().map(|reporter| reporter.firm).collect();
        for firm in firms {
            self.app.changes.tell(firm);
        }
        self.app.wake.dispatcher.notify_one();
        self.done.len() + self.set_aside.len()
    }
}

fn sentence_for(event: &InboxEvent, error: &AppError) -> String {
    if matches!(error, AppError::Internal(_)) {
        tracing::error!(agent = %event.agent, event = %event.id, %error, "an event could not be projected; it is set aside");
        return "This server could not make anything of it; the cause is in its log. Retry after an update.".to_owned();
    }
    error.sentence()
}

fn unprojectable(reporter: &Reporter) -> AlertKey {
    AlertKey {
        firm: reporter.firm,
        practice: reporter.practice,
        subject: Subject::agent(reporter.agent, &reporter.name),
        kind: AlertKind::Unprojectable,
    }
}

async fn tell_unprojectable(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    problem: &str,
) -> Result<(), AppError> {
    let (count, since) = db::count_set_aside(transaction, reporter.firm, reporter.agent).await?;
    let facts = AlertFacts::Unprojectable {
        count,
        problem: problem.to_owned(),
    };
    alerts::raise(
        app,
        transaction,
        now,
        &unprojectable(reporter),
        since.unwrap_or(now),
        &facts,
    )
    .await
}

/// Closes the alert when nothing of the agent is set aside any more.
async fn tell_projectable(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
) -> Result<(), AppError> {
    let (count, _) = db::count_set_aside(transaction, reporter.firm, reporter.agent).await?;
    if count == 0 {
        let recovery = Recovery {
            at: now,
            evidence: "Everything this agent reported is understood now.".to_owned(),
        };
        alerts::recover(app, transaction, now, &unprojectable(reporter), &recovery).await?;
    }
    Ok(())
}

/// Counts that an event was interrupted. One that is interrupted again and again is set aside.
async fn count_attempt(app: &App, event: &InboxEvent) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let attempts = db::count_attempt(&mut transaction, event).await?;
    if attempts >= MOST_ATTEMPTS {
        let problem = format!("The database failed {attempts} times while this was read. Retry when it is well again.");
        db::set_aside(&mut transaction, event, &problem).await?;
        if let Some(reporter) = agents::reporters(&mut transaction, &[event.agent]).await?.pop() {
            tell_unprojectable(app, &mut transaction, app.clock.now(), &reporter, &problem).await?;
        }
    }
    transaction.commit().await?;
    Ok(())
}
