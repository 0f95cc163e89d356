//! Plays 90 days into an empty database: runs and drills are written as they would have been reported, and the product's own
//! evaluator judges each day as of its end.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{AgentKey, DestinationKind, Outcome};
use serde_json::json;
use uuid::Uuid;

use super::cast::{FIRM, HARBOR, Job, PRACTICES, Practice, Story};
use super::db::{self, AgentRow, ClosureRow, DrillRow, JobRow, MediumRow, RunRow};
use super::night::{Opened, Ran, last_word, night};
use super::random::Dice;
use crate::app::App;
use crate::db::Scope;
use crate::error::AppError;
use crate::expectations::schedule::Schedule;
use crate::expectations::{self, DRILL_INTERVAL_DAYS, DstPolicy, ExpectedJob, RunRule, backup_day};
use crate::ids::{AgentId, DrillId, FirmId, JobId, OfficeId, PracticeId};
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
    media: BTreeMap<&'static str, Uuid>,
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
    play(app, begin, Opened(opened), firm, &seeded).await
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

/// The days, one after the other; the last three in steps of three hours.
async fn play(app: &App, begin: Timestamp, opened: Opened, firm: FirmId, seeded: &[Seeded]) -> Result<(), AppError> {
    let runs = all_runs(begin, opened, firm, seeded)?;
    let drills = all_drills(begin, opened, firm, seeded);
    let silent = seeded.iter().find(|seeded| seeded.practice.story == Story::Silent);
    let mut before = Timestamp::MIN;
    for now in steps(begin, opened.0) {
        let is_within = |at: Timestamp| before < at && at <= now;
        let ended: Vec<RunRow> = runs.iter().filter(|run| is_within(run.finished_at)).cloned().collect();
        let mut transaction = app.db.begin(Scope::Everything).await?;
        let stays_silent = silent.filter(|_| now > last_word(opened)).map(|seeded| seeded.agent);
        db::live_until(&mut transaction, now, firm, stays_silent).await?;
        db::add_runs(&mut transaction, &ended).await?;
        for drill in drills.iter().filter(|drill| is_within(drill.finished_at)) {
            db::add_drill(&mut transaction, drill).await?;
            expectations::drill_recorded(app, &mut transaction, drill.finished_at, firm, DrillId(drill.drill_id))
                .await?;
        }
        if opened.0.duration_since(now) < SignedDuration::from_hours(30) {
            db::send_alerts(&mut transaction, firm).await?;
        }
        transaction.commit().await?;
        expectations::evaluate_at(app, now).await?;
        before = now;
    }
    let mut transaction = app.db.begin(Scope::Everything).await?;
    db::count_from_last_good(&mut transaction, firm).await?;
    transaction.commit().await?;
    Ok(())
}

fn steps(begin: Timestamp, end: Timestamp) -> Vec<Timestamp> {
    let mut steps = vec![begin];
    let mut at = begin;
    while at < end {
        let is_near = end.duration_since(at) <= SignedDuration::from_hours(72);
        at = (at + SignedDuration::from_hours(if is_near { 3 } else { 24 })).min(end);
        steps.push(at);
    }
    steps
}

fn schedule(job: &Job) -> Result<Schedule, AppError> {
    Schedule::parse(job.cron, DstPolicy::Cron).map_err(AppError::internal)
}

fn all_runs(begin: Timestamp, opened: Opened, firm: FirmId, seeded: &[Seeded]) -> Result<Vec<RunRow>, AppError> {
    let mut rows = Vec::new();
    for seeded in seeded {
        for (job, id) in seeded.practice.jobs.iter().zip(&seeded.jobs) {
            let schedule = schedule(job)?;
            for due in schedule.between(begin, opened.0, &seeded.zone) {
                let ran = night(seeded.practice, job, due, &seeded.zone, opened);
                let ran = ran.filter(|ran| !seeded.is_closed(begin, ran.backup_day));
                rows.extend(ran.map(|ran| seeded.run_row(firm, job, *id, ran)));
            }
        }
    }
    Ok(rows)
}

fn all_drills(begin: Timestamp, opened: Opened, firm: FirmId, seeded: &[Seeded]) -> Vec<DrillRow> {
    let mut rows = Vec::new();
    for seeded in seeded
        .iter()
        .filter(|seeded| seeded.practice.story != Story::DrillOverdue)
    {
        let day = Dice::of(&[seeded.practice.name, "drill"]).below(50) + 12;
        let at = begin + SignedDuration::from_hours(day * 24 + 17);
        rows.push(seeded.drill(firm, at, "passed"));
        if seeded.practice.story == Story::DrillFailed {
            rows.push(seeded.drill(firm, opened.0 - SignedDuration::from_hours(20), "failed"));
        }
    }
    rows
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

    fn closed_days(&self, begin: Timestamp) -> (Date, Date) {
        let first = backup_day(begin + SignedDuration::from_hours(41 * 24), &self.zone, 720);
        (first, first.tomorrow().unwrap_or(first))
    }

    fn is_closed(&self, begin: Timestamp, day: Date) -> bool {
        let has_closure = PRACTICES
            .iter()
            .step_by(5)
            .any(|practice| practice.name == self.practice.name);
        let (first, last) = self.closed_days(begin);
        has_closure && (first..=last).contains(&day)
    }

    fn run_row(&self, firm: FirmId, job: &Job, id: JobId, ran: Ran) -> RunRow {
        RunRow {
            firm_id: firm.0,
            run_id: ran.id,
            practice_id: self.practice_id.0,
            job_id: id.0,
            agent_id: self.agent.0,
            started_at: ran.started_at,
            finished_at: ran.finished_at,
            outcome: match ran.outcome {
                Outcome::Ok => "ok",
                Outcome::Warning => "warning",
                Outcome::Failed => "failed",
            },
            reason: ran.reason,
            exit_code: ran.exit_code,
            tool: job.tool,
            tool_version: (!job.version.is_empty()).then_some(job.version),
            bytes_processed: ran.bytes_processed,
            bytes_added: ran.bytes_added,
            files_total: ran.files_total,
            files_new: ran.files_new,
            files_changed: ran.files_changed,
            errors: ran.errors,
            snapshot: ran.snapshot,
            facts: json!({ "encrypted": { "holds": true, "known": "configured" } }),
            medium_id: ran.set.and_then(|set| self.media.get(set).copied()),
            backup_day: ran.backup_day,
        }
    }

    fn drill(&self, firm: FirmId, finished_at: Timestamp, outcome: &'static str) -> DrillRow {
        let minutes = |minutes| finished_at - SignedDuration::from_mins(minutes);
        let failed = outcome == "failed";
        let step = |name: &str, from: i64, to: i64, outcome: &str| json!({ "name": name, "started_at": minutes(from), "finished_at": minutes(to), "outcome": outcome });
        DrillRow {
            firm_id: firm.0,
            drill_id: Dice::of(&[self.practice.name, "drill", outcome]).id(),
            practice_id: self.practice_id.0,
            agent_id: self.agent.0,
            job_id: self.jobs.first().map(|job| job.0).unwrap_or_default(),
            backup: "the newest snapshot".to_owned(),
            backup_made_at: finished_at - SignedDuration::from_hours(13),
            started_at: minutes(58),
            finished_at,
            outcome,
            steps: json!([
                step("Fetch the disk", 58, 49, "done"),
                step("Restore to the spare machine", 49, 12, "done"),
                step(
                    "Open the scheduling program",
                    12,
                    4,
                    if failed { "failed" } else { "done" }
                ),
            ]),
            checks: json!([
                { "what": "The program opens", "passed": !failed },
                { "what": "Yesterday's appointments are there", "passed": !failed },
            ]),
            performed_by: "Nora Whitfield",
            notes: failed.then_some("The database file is there, and the program says that it is of an older version."),
        }
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
