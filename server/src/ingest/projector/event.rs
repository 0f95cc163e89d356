//! One event of the inbox, and what is made of it.

use jiff::Timestamp;
use lastgood_protocol::{
    AgentProblem, DrillRecorded, Event, EventBody, MediumMoved, MediumRegistered, RunFinished, RunStarted,
};
use serde::Deserialize;

use super::db::InboxEvent;
use crate::agents::Reporter;
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Subject};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{DrillId, MediumId, RunId};
use crate::runs::{Outcome, Reported};
use crate::{discovery, drills, expectations, media, runs};

/// What an event says, or why that cannot be understood.
pub(super) fn read(event: &InboxEvent) -> Result<EventBody, String> {
    #[derive(Deserialize)]
    struct Kind {
        kind: String,
    }
    serde_json::from_str::<Event>(&event.body)
        .map(|event| event.what)
        .map_err(|error| {
            let kind = serde_json::from_str::<Kind>(&event.body).map_or_else(|_| "?".to_owned(), |read| read.kind);
            let known = [
                "heartbeat",
                "run_started",
                "run_finished",
                "medium_registered",
                "medium_moved",
                "drill_recorded",
                "agent_problem",
                "jobs_proposed",
            ];
            if known.contains(&kind.as_str()) {
                format!("This is not a {kind} as this server knows it: {error}.")
            } else {
                format!("This server does not know reports of the kind {kind}. Update the server, then retry.")
            }
        })
}

/// Whether there is nothing to do about it but to note that it came.
pub(super) fn is_only_a_sign_of_life(what: &EventBody) -> bool {
    matches!(what, EventBody::Heartbeat(_))
}

/// Makes of an event what it says.
///
/// # Errors
/// [`AppError::Unavailable`] when the database is in trouble; anything else means that the event is to be set aside.
pub(super) async fn project(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    event: &InboxEvent,
    what: &EventBody,
) -> Result<(), AppError> {
    let received = Reported::new(event.sent_at, event.received_at);
    let mut projection = Projection {
        app,
        transaction,
        now,
        reporter,
        received,
    };
    match what {
        EventBody::Heartbeat(_) => Ok(()),
        EventBody::RunStarted(started) => projection.run_started(started).await,
        EventBody::RunFinished(finished) => projection.run_finished(finished).await,
        EventBody::MediumRegistered(registered) => projection.medium_registered(registered).await,
        EventBody::MediumMoved(moved) => projection.medium_moved(moved).await,
        EventBody::DrillRecorded(recorded) => projection.drill_recorded(recorded).await,
        EventBody::AgentProblem(problem) => {
            let occurred_at = received.past("occurred_at", event.occurred_at)?;
            projection.agent_problem(problem, occurred_at).await
        }
        EventBody::JobsProposed(proposed) => {
            discovery::propose(projection.transaction, reporter, received, proposed).await
        }
    }
}

struct Projection<'a> {
    app: &'a App,
    transaction: &'a mut Transaction,
    now: Timestamp,
    reporter: &'a Reporter,
    received: Reported,
}

impl Projection<'_> {
    async fn run_started(&mut self, started: &RunStarted) -> Result<(), AppError> {
        let job = runs::job_by_key(self.transaction, self.now, self.reporter, &started.job, "", None).await?;
        if runs::began(self.transaction, self.reporter, job.id, self.received, started).await? {
            let (firm, run) = (self.reporter.firm, RunId(started.run.0));
            expectations::run_changed(self.app, self.transaction, self.now, firm, run).await?;
        }
        Ok(())
    }

    async fn run_finished(&mut self, finished: &RunFinished) -> Result<(), AppError> {
        let (tool, destination) = (&finished.tool.name, finished.facts.destination);
        let job = runs::job_by_key(
            self.transaction,
            self.now,
            self.reporter,
            &finished.job,
            tool,
            destination,
        )
        .await?;
        let at = self.received.past("finished_at", finished.finished_at)?;
        let medium = match &finished.medium {
            Some(sighting) => {
                let seen = media::see(self.app, self.transaction, self.now, self.reporter, at, sighting).await?;
                Some((seen, sighting.free_bytes))
            }
            None => None,
        };
        let medium_id = medium.map(|(medium, _)| medium);
        if !runs::ended(
            self.transaction,
            self.reporter,
            job.id,
            self.received,
            finished,
            medium_id,
        )
        .await?
        {
            return Ok(());
        }
        let (firm, run) = (self.reporter.firm, RunId(finished.run.0));
        expectations::run_changed(self.app, self.transaction, self.now, firm, run).await?;
        let Some((medium, free_bytes)) = medium else {
            return Ok(());
        };
        let used = media::Use {
            run,
            job: job.id,
            job_name: &job.name,
            medium,
            backup_day: runs::backup_day(self.transaction, firm, run).await?,
            at,
            free_bytes,
            made_backup: Outcome::from(finished.outcome) != Outcome::Failed,
        };
        media::record_use(self.app, self.transaction, self.now, self.reporter, &used).await
    }

    async fn medium_registered(&mut self, registered: &MediumRegistered) -> Result<(), AppError> {
        let at = self.received.past("registered_at", registered.registered_at)?;
        media::register(self.app, self.transaction, self.now, self.reporter, at, registered).await?;
        Ok(())
    }

    async fn medium_moved(&mut self, moved: &MediumMoved) -> Result<(), AppError> {
        let at = self.received.past("at", moved.at)?;
        media::moved(self.app, self.transaction, self.now, self.reporter, at, moved).await
    }

    async fn drill_recorded(&mut self, recorded: &DrillRecorded) -> Result<(), AppError> {
        let job = match &recorded.job {
            Some(key) => Some(
                runs::job_by_key(self.transaction, self.now, self.reporter, key, "", None)
                    .await?
                    .id,
            ),
            None => None,
        };
        let medium = match &recorded.medium {
            Some(sighting) => Some(self.medium_of_drill(recorded, sighting).await?),
            None => None,
        };
        if drills::record(self.transaction, self.reporter, self.received, recorded, job, medium).await? {
            let (firm, drill) = (self.reporter.firm, DrillId(recorded.drill.0));
            expectations::drill_recorded(self.app, self.transaction, self.now, firm, drill).await?;
        }
        Ok(())
    }

    async fn medium_of_drill(
        &mut self,
        recorded: &DrillRecorded,
        sighting: &lastgood_protocol::MediumSighting,
    ) -> Result<MediumId, AppError> {
        let at = self.received.past("finished_at", recorded.finished_at)?;
        media::see(self.app, self.transaction, self.now, self.reporter, at, sighting).await
    }

    async fn agent_problem(&mut self, problem: &AgentProblem, occurred_at: Timestamp) -> Result<(), AppError> {
        let key = AlertKey {
            firm: self.reporter.firm,
            practice: self.reporter.practice,
            subject: Subject::agent(self.reporter.agent, &self.reporter.name),
            kind: AlertKind::AgentProblem,
        };
        let facts = AlertFacts::AgentProblem {
            message: problem.message.clone(),
            count: problem.count,
        };
        alerts::raise(self.app, self.transaction, self.now, &key, occurred_at, &facts).await
    }
}
