//! The practices' agents after the history: what their schedules bring is reported by the protocol, signed with their own
//! keys, through the same door as every report. What fell due while the demo was not running is reported when it runs again.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{
    AgentKey, Basis, Batch, BatchAnswer, Claim, EVENTS_PATH, Encryption, Event, EventBody, EventId, Heartbeat,
    Knowledge, MAX_ANSWER_BYTES, MAX_BATCH_EVENTS, MarkerId, MediumMoved, MediumSighting, RunFacts, RunFinished, RunId,
    RunStarted, ToolIdentity, VERSION,
};
use serde::{Deserialize, Serialize};
use tower::ServiceExt as _;
use uuid::Uuid;

use super::cast::{Job, PRACTICES, Practice, Story};
use super::files;
use super::history::FREE_BYTES;
use super::night::{Opened, Ran, night};
use super::random::Dice;
use super::seed::{agent_id, marker, volume};
use crate::app::App;
use crate::error::AppError;
use crate::expectations::DstPolicy;
use crate::expectations::schedule::Schedule;
use crate::ids;
use crate::routes;
use crate::web::page::PeerAddress;

/// How often each agent says that it is there.
const HEARTBEAT: Duration = Duration::from_mins(1);

/// How far back the company looks for runs that end now: no job of the cast takes longer.
const LONGEST_RUN: SignedDuration = SignedDuration::from_hours(3);

/// How long before a run somebody put the disk in.
const PUT_IN_BEFORE: SignedDuration = SignedDuration::from_hours(5);

/// What the company knows of itself, kept in the state folder.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Company {
    /// When the demo was opened for the first time.
    pub(super) opened: Timestamp,
    /// Everything up to here is reported.
    reported_until: Timestamp,
    /// The last number each machine gave to an event.
    numbers: BTreeMap<String, u64>,
    /// What each machine has yet to deliver. Like an agent's spool: written before it is sent, so that no number is given twice.
    #[serde(default)]
    waiting: BTreeMap<String, Vec<Event>>,
}

/// Reports for the whole cast.
pub(super) struct Reporting {
    app: App,
    door: Router,
    company: Company,
    file: PathBuf,
    agents: Vec<Agent>,
}

struct Agent {
    practice: &'static Practice,
    zone: TimeZone,
    key: AgentKey,
    boot: Uuid,
}

impl Company {
    /// A company whose history ends at `opened`.
    pub(super) fn opened(opened: Timestamp) -> Self {
        Self {
            opened,
            reported_until: opened,
            numbers: BTreeMap::new(),
            waiting: BTreeMap::new(),
        }
    }
}

impl Reporting {
    /// `keys`: one per practice, in the cast's order. `file`: where the company is kept.
    pub(super) fn new(app: &App, company: Company, file: PathBuf, keys: Vec<AgentKey>) -> Result<Self, AppError> {
        let agents = PRACTICES.iter().zip(keys).map(|(practice, key)| {
            Ok(Agent {
                practice,
                zone: TimeZone::get(practice.zone).map_err(AppError::internal)?,
                key,
                boot: Uuid::from_bytes(ids::random()),
            })
        });
        Ok(Self {
            door: routes::service(app),
            app: app.clone(),
            company,
            file,
            agents: agents.collect::<Result<_, AppError>>()?,
        })
    }

    /// Reports until the application stops.
    pub(super) async fn run(mut self) {
        while !self.app.shutdown().is_cancelled() {
            if let Err(error) = self.report().await {
                tracing::warn!(%error, "the demo's practices could not report and will try again");
            }
            tokio::select! {
                () = self.app.shutdown().cancelled() => {}
                () = tokio::time::sleep(HEARTBEAT) => {}
            }
        }
    }

    async fn report(&mut self) -> Result<(), AppError> {
        if self.company.waiting.is_empty() {
            self.write_reports()?;
        }
        for agent in &self.agents {
            let Some(events) = self.company.waiting.get(agent.practice.machine) else {
                continue;
            };
            for events in events.chunks(MAX_BATCH_EVENTS) {
                self.deliver(agent, events).await?;
            }
        }
        self.company.waiting.clear();
        self.keep()
    }

    /// What the machines have to say about the time up to now.
    fn write_reports(&mut self) -> Result<(), AppError> {
        let now = self.app.clock.now();
        let company = &mut self.company;
        for agent in self.agents.iter().filter(|agent| agent.practice.story != Story::Silent) {
            let machine = agent.practice.machine.to_owned();
            let number = company.numbers.entry(machine.clone()).or_default();
            let events = agent.events(company.reported_until, now, Opened(company.opened), number)?;
            company.waiting.insert(machine, events);
        }
        company.reported_until = now;
        self.keep()
    }

    fn keep(&self) -> Result<(), AppError> {
        files::write_json(&self.file, &self.company).map_err(AppError::internal)
    }

    async fn deliver(&self, agent: &Agent, events: &[Event]) -> Result<(), AppError> {
        let now = self.app.clock.now();
        let batch = Batch {
            protocol: VERSION,
            sent_at: now,
            boot: agent.boot,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            events: events.to_vec(),
        };
        let body = serde_json::to_vec(&batch).map_err(AppError::internal)?;
        let token = agent
            .key
            .sign(agent_id(agent.practice), Uuid::from_bytes(ids::random()), now, &body);
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(EVENTS_PATH)
            .header(header::CONTENT_TYPE, "application/json")
            .header(
                header::AUTHORIZATION,
                format!("Bearer {}", token.map_err(AppError::internal)?),
            )
            .body(Body::from(body))
            .map_err(AppError::internal)?;
        request
            .extensions_mut()
            .insert(PeerAddress(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))));
        let response = self.door.clone().oneshot(request).await.map_err(AppError::internal)?;
        let (status, most) = (
            response.status(),
            usize::try_from(MAX_ANSWER_BYTES).unwrap_or(usize::MAX),
        );
        let body = to_bytes(response.into_body(), most).await.map_err(AppError::internal)?;
        let answer: Result<BatchAnswer, _> = serde_json::from_slice(&body);
        let stored = answer.is_ok_and(|answer| answer.results.iter().all(|result| result.status.is_acknowledged()));
        if status == StatusCode::OK && stored {
            return Ok(());
        }
        let (machine, text) = (agent.practice.machine, String::from_utf8_lossy(&body));
        Err(AppError::internal(format!("{machine} was answered {status}: {text}")))
    }
}

impl Agent {
    /// What this agent has to say about the time after `since` up to `now`.
    fn events(
        &self,
        since: Timestamp,
        now: Timestamp,
        opened: Opened,
        number: &mut u64,
    ) -> Result<Vec<Event>, AppError> {
        let mut happened = Vec::new();
        for job in self.practice.jobs {
            let schedule = Schedule::parse(job.cron, DstPolicy::Cron).map_err(AppError::internal)?;
            for due in schedule.between(since - LONGEST_RUN, now, &self.zone) {
                let Some(ran) = night(self.practice, job, due, &self.zone, opened) else {
                    continue;
                };
                if since < ran.started_at && ran.started_at <= now {
                    happened.extend(self.moves(&ran, since));
                    happened.push((
                        ran.started_at,
                        Dice::of(&[&ran.id.to_string(), "started"]).id(),
                        started(job, &ran)?,
                    ));
                }
                if since < ran.finished_at && ran.finished_at <= now {
                    happened.push((
                        ran.finished_at,
                        Dice::of(&[&ran.id.to_string(), "finished"]).id(),
                        self.finished(job, &ran)?,
                    ));
                }
            }
        }
        happened.sort_by_key(|(at, ..)| *at);
        let jobs = self
            .practice
            .jobs
            .iter()
            .map(|job| job.key.parse())
            .collect::<Result<_, _>>();
        let heartbeat = EventBody::Heartbeat(Heartbeat {
            spooled: 0,
            next_in_seconds: 60,
            jobs: jobs.map_err(AppError::internal)?,
        });
        happened.push((now, Uuid::from_bytes(ids::random()), heartbeat));
        let events = happened.into_iter().map(|(occurred_at, id, what)| {
            *number += 1;
            Event {
                id: EventId(id),
                seq: *number,
                occurred_at,
                what,
            }
        });
        Ok(events.collect())
    }

    fn finished(&self, job: &Job, ran: &Ran) -> Result<EventBody, AppError> {
        let count = |number: i64| u64::try_from(number).ok();
        Ok(EventBody::RunFinished(Box::new(RunFinished {
            run: RunId(ran.id),
            job: job.key.parse().map_err(AppError::internal)?,
            started_at: ran.started_at,
            finished_at: ran.finished_at,
            attempt: 1,
            will_be_retried: false,
            outcome: ran.outcome,
            reason: ran.reason.map(str::to_owned),
            exit_code: Some(ran.exit_code),
            tool: ToolIdentity {
                name: job.tool.to_owned(),
                version: (!job.version.is_empty()).then(|| job.version.to_owned()),
            },
            facts: RunFacts {
                bytes_processed: count(ran.bytes_processed),
                bytes_added: count(ran.bytes_added),
                files_total: count(ran.files_total),
                files_new: count(ran.files_new),
                files_changed: count(ran.files_changed),
                errors: count(ran.errors),
                snapshot: ran.snapshot.clone(),
                destination: Some(job.destination),
                encrypted: Some(Claim {
                    holds: true,
                    known: Knowledge::Configured,
                    basis: Some(Basis::ToolNature),
                }),
                ..RunFacts::default()
            },
            medium: ran.set.map(|set| self.medium(set)),
            output: None,
        })))
    }

    fn medium(&self, set: &str) -> MediumSighting {
        MediumSighting {
            volume: volume(self.practice, set).to_string(),
            marker: Some(MarkerId(marker(self.practice, set))),
            label: Some(set.to_owned()),
            size_bytes: Some(2_000_398_934_016),
            free_bytes: Some(FREE_BYTES),
            file_system: Some("ext4".to_owned()),
            removable: Some(true),
            encryption: Some(Encryption::Luks),
            copied_from: None,
        }
    }

    /// The disk that a run writes to was put in some hours before, and the others taken out.
    fn moves(&self, ran: &Ran, since: Timestamp) -> Vec<(Timestamp, Uuid, EventBody)> {
        let at = (ran.started_at - PUT_IN_BEFORE).max(since);
        let sets = self.practice.sets.iter().filter(|_| ran.set.is_some());
        let moved = |set: &str| MediumMoved {
            present: ran.set == Some(set),
            at,
            medium: self.medium(set),
        };
        let id = |set: &str| Dice::of(&[&ran.id.to_string(), "moved", set]).id();
        sets.map(|set| (at, id(set), EventBody::MediumMoved(moved(set))))
            .collect()
    }
}

fn started(job: &Job, ran: &Ran) -> Result<EventBody, AppError> {
    Ok(EventBody::RunStarted(RunStarted {
        run: RunId(ran.id),
        job: job.key.parse().map_err(AppError::internal)?,
        started_at: ran.started_at,
        attempt: 1,
    }))
}
