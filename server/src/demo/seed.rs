//! The firm of the demo in an empty database: its people and practices, and what is expected of each job.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{AgentKey, DestinationKind};
use uuid::Uuid;

use super::cast::{FIRM, HARBOR, Job, PRACTICES, Practice, Story};
use super::db::{self, AgentRow, ClosureRow, JobRow, MediumRow};
use super::history;
use super::night::Opened;
use super::proposed;
use super::random::Dice;
use crate::app::App;
use crate::db::Scope;
use crate::error::AppError;
use crate::expectations::schedule::Schedule;
use crate::expectations::{self, DRILL_INTERVAL_DAYS, DstPolicy, ExpectedJob, RunRule, backup_day};
use crate::ids::{AgentId, FirmId, JobId, OfficeId, PracticeId};
use crate::practices::{NewPractice, OfficeDetails};
use crate::users::{NewPerson, Role};
use crate::{firms, practices, users};

/// How much history there is.
const DAYS: i64 = 90;

/// An agent that the demo plays counts as silent after this.
const SILENT_AFTER_SECONDS: i64 = 1800;

/// What the demo knows of a practice after seeding it.
#[derive(Debug)]
pub(super) struct Seeded {
    pub(super) practice: &'static Practice,
    pub(super) zone: TimeZone,
    pub(super) practice_id: PracticeId,
    pub(super) office: OfficeId,
    pub(super) agent: AgentId,
    /// In the order of the cast's jobs.
    pub(super) jobs: Vec<JobId>,
    pub(super) media: BTreeMap<&'static str, Uuid>,
}

/// Logins to be made.
#[derive(Debug)]
pub(super) struct Login {
    pub(super) email: &'static str,
    pub(super) name: &'static str,
    pub(super) password_hash: String,
}

/// A password and a key for each agent are made by the caller: this is about time alone.
pub(super) async fn seed(
    app: &App,
    opened: Timestamp,
    keys: &[AgentKey],
    consultant: &Login,
    viewer: &Login,
) -> Result<(), AppError> {
    let begin = opened - SignedDuration::from_hours(24 * DAYS);
    let (firm, seeded) = people(app, begin, keys, consultant, viewer).await?;
    expect(app, begin, firm, &seeded).await?;
    history::play(app, begin, Opened(opened), firm, &seeded).await?;
    proposed::propose(app, opened, firm, &seeded).await
}

/// The firm, its people, practices, agents, jobs and media.
async fn people(
    app: &App,
    begin: Timestamp,
    keys: &[AgentKey],
    consultant: &Login,
    viewer: &Login,
) -> Result<(FirmId, Vec<Seeded>), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let firm = firms::add(&mut transaction, begin, FIRM).await?;
    let mut seeded = Vec::new();
    for practice in &PRACTICES {
        let office = OfficeDetails {
            closed_weekdays: Vec::new(),
            ..OfficeDetails::usual(practice.office, practice.zone)
        };
        let new = NewPractice {
            name: practice.name.to_owned(),
            office,
        };
        let (practice_id, office) = practices::add(&mut transaction, begin, firm, &new).await?;
        let mut dice = Dice::of(&[practice.name]);
        seeded.push(Seeded {
            practice,
            zone: TimeZone::get(practice.zone).map_err(AppError::internal)?,
            practice_id,
            office,
            agent: AgentId(agent_id(practice).0),
            jobs: practice.jobs.iter().map(|_| JobId(dice.id())).collect(),
            media: practice.sets.iter().map(|set| (*set, dice.id())).collect(),
        });
    }
    for (login, role, of) in [
        (consultant, Role::Owner, None),
        (viewer, Role::PracticeViewer, Some(HARBOR)),
    ] {
        let practice = of.and_then(|name| seeded.iter().find(|seeded| seeded.practice.name == name));
        let person = NewPerson {
            email: login.email.to_owned(),
            name: login.name.to_owned(),
            role,
            practice: practice.map(|seeded| seeded.practice_id),
            // Until the last day nobody is told: nobody wants 90 days of mail.
            receives_alerts: false,
        };
        users::add(&mut transaction, begin, firm, &person, Some(&login.password_hash)).await?;
    }
    let agents: Vec<AgentRow> = seeded
        .iter()
        .zip(keys)
        .map(|(seeded, key)| seeded.agent_row(firm, begin, key))
        .collect();
    db::add_agents(&mut transaction, &agents).await?;
    let jobs: Vec<JobRow> = seeded.iter().flat_map(|seeded| seeded.job_rows(firm, begin)).collect();
    db::add_jobs(&mut transaction, &jobs).await?;
    let media: Vec<MediumRow> = seeded
        .iter()
        .flat_map(|seeded| seeded.medium_rows(firm, begin))
        .collect();
    db::add_media(&mut transaction, &media).await?;
    let closures: Vec<ClosureRow> = seeded
        .iter()
        .step_by(5)
        .map(|seeded| seeded.closure(firm, begin))
        .collect();
    db::add_closures(&mut transaction, &closures).await?;
    transaction.commit().await?;
    Ok((firm, seeded))
}

/// What is expected of each job and practice, from the first day on.
async fn expect(app: &App, begin: Timestamp, firm: FirmId, seeded: &[Seeded]) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    for seeded in seeded {
        for (job, id) in seeded.practice.jobs.iter().zip(&seeded.jobs) {
            let schedule = schedule(job)?;
            let rule = RunRule::usual(schedule, begin, &seeded.zone);
            let expected = ExpectedJob {
                firm,
                practice: seeded.practice_id,
                office: seeded.office,
                job: *id,
            };
            expectations::expect_runs(&mut transaction, begin, expected, &rule).await?;
        }
        if seeded.practice.story == Story::DrillOverdue {
            // Practised before the history begins, so that the next one fell due in it.
            let at = begin - SignedDuration::from_hours(40 * 24);
            db::add_drill(&mut transaction, &seeded.drill(firm, at, "passed")).await?;
        }
        let (practice, office) = (seeded.practice_id, seeded.office);
        expectations::expect_drills(&mut transaction, begin, firm, practice, office, DRILL_INTERVAL_DAYS).await?;
    }
    transaction.commit().await?;
    Ok(())
}

pub(super) fn schedule(job: &Job) -> Result<Schedule, AppError> {
    Schedule::parse(job.cron, DstPolicy::Cron).map_err(AppError::internal)
}

impl Seeded {
    fn agent_row(&self, firm: FirmId, begin: Timestamp, key: &AgentKey) -> AgentRow {
        AgentRow {
            firm_id: firm.0,
            agent_id: self.agent.0,
            practice_id: self.practice_id.0,
            office_id: self.office.0,
            name: self.practice.machine.to_owned(),
            public_key: BASE64.encode(key.public().as_bytes()),
            enrolled_at: begin,
            silent_after_seconds: SILENT_AFTER_SECONDS,
        }
    }

    fn job_rows(&self, firm: FirmId, begin: Timestamp) -> impl Iterator<Item = JobRow> {
        self.practice.jobs.iter().zip(&self.jobs).map(move |(job, id)| JobRow {
            firm_id: firm.0,
            job_id: id.0,
            practice_id: self.practice_id.0,
            office_id: self.office.0,
            agent_id: self.agent.0,
            key: job.key,
            name: job.name,
            tool: job.tool,
            destination: match job.destination {
                DestinationKind::Medium => "medium",
                DestinationKind::Vendor => "vendor",
                DestinationKind::Disk => "disk",
            },
            created_at: begin,
        })
    }

    fn medium_rows(&self, firm: FirmId, begin: Timestamp) -> impl Iterator<Item = MediumRow> {
        let writes_to_media = self
            .practice
            .jobs
            .iter()
            .any(|job| job.destination == DestinationKind::Medium);
        self.media
            .iter()
            .filter(move |_| writes_to_media)
            .map(move |(set, id)| MediumRow {
                firm_id: firm.0,
                medium_id: *id,
                practice_id: self.practice_id.0,
                volume: volume(self.practice, set).to_string(),
                marker_id: marker(self.practice, set),
                label: set,
                size_bytes: 2_000_398_934_016,
                registered_at: begin,
            })
    }

    /// Two closed days in the second month.
    fn closure(&self, firm: FirmId, begin: Timestamp) -> ClosureRow {
        let (first_day, last_day) = self.closed_days(begin);
        ClosureRow {
            firm_id: firm.0,
            closure_id: Dice::of(&[self.practice.name, "closure"]).id(),
            practice_id: self.practice_id.0,
            office_id: self.office.0,
            first_day,
            last_day,
            reason: "The office is being painted",
        }
    }

    pub(super) fn closed_days(&self, begin: Timestamp) -> (Date, Date) {
        let first = backup_day(begin + SignedDuration::from_hours(41 * 24), &self.zone, 720);
        (first, first.tomorrow().unwrap_or(first))
    }
}

/// Who the agent of a practice is.
pub(super) fn agent_id(practice: &Practice) -> lastgood_protocol::AgentId {
    lastgood_protocol::AgentId(Dice::of(&[practice.name, "agent"]).id())
}

/// The file system's UUID of a practice's set.
pub(super) fn volume(practice: &Practice, set: &str) -> Uuid {
    Dice::of(&[practice.name, set, "volume"]).id()
}

/// What stands in its marker file.
pub(super) fn marker(practice: &Practice, set: &str) -> Uuid {
    Dice::of(&[practice.name, set, "marker"]).id()
}
