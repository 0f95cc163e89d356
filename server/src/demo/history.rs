//! What happened in the 90 days: runs, used media and drills, played one day after the other. They are written as they would
//! have been reported, and the product's own evaluator judges each day as of its end.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::Outcome;
use serde_json::json;

use super::cast::{Job, PRACTICES, Story};
use super::db::{self, DrillRow, RunRow};
use super::night::{Opened, Ran, last_word, night};
use super::random::Dice;
use super::seed::{Seeded, schedule};
use crate::agents::Reporter;
use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{DrillId, FirmId, JobId, MediumId, RunId};
use crate::{expectations, media};

/// What is free on each medium after each use.
pub(super) const FREE_BYTES: u64 = 1_200_000_000_000;

/// The last part of the history, in which alerts are told to somebody and the rotation of media is judged use by use.
const NEAR: SignedDuration = SignedDuration::from_hours(72);

/// The days, one after the other; the last three in steps of three hours.
pub(super) async fn play(
    app: &App,
    begin: Timestamp,
    opened: Opened,
    firm: FirmId,
    seeded: &[Seeded],
) -> Result<(), AppError> {
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
        if opened.0.duration_since(now) < SignedDuration::from_hours(30) {
            db::send_alerts(&mut transaction, firm).await?;
        }
        db::add_runs(&mut transaction, &ended).await?;
        if opened.0.duration_since(now) < NEAR {
            judge_rotation(app, &mut transaction, now, seeded, &ended).await?;
        } else {
            db::add_sightings(&mut transaction, &ended, FREE_BYTES.cast_signed()).await?;
        }
        for drill in drills.iter().filter(|drill| is_within(drill.finished_at)) {
            db::add_drill(&mut transaction, drill).await?;
            expectations::drill_recorded(app, &mut transaction, drill.finished_at, firm, DrillId(drill.drill_id))
                .await?;
        }
        transaction.commit().await?;
        expectations::evaluate_at(app, now).await?;
        before = now;
    }
    let mut transaction = app.db.begin(Scope::Everything).await?;
    db::count_from_last_good(&mut transaction, firm).await?;
    db::place_media(&mut transaction, opened.0, firm).await?;
    transaction.commit().await?;
    Ok(())
}

/// Each use of a medium as if it had been reported: the demo has few of them, and the rule looks at one at a time.
async fn judge_rotation(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    seeded: &[Seeded],
    runs: &[RunRow],
) -> Result<(), AppError> {
    let mut runs: Vec<&RunRow> = runs.iter().collect();
    runs.sort_by_key(|run| run.finished_at);
    for run in runs {
        let Some((medium, (seeded, job))) = run.medium_id.zip(played_by(seeded, run)) else {
            continue;
        };
        let used = media::Use {
            run: RunId(run.run_id),
            job: JobId(run.job_id),
            job_name: job.name,
            medium: MediumId(medium),
            backup_day: run.backup_day,
            at: run.finished_at,
            free_bytes: Some(FREE_BYTES),
            made_backup: run.outcome != "failed",
        };
        media::record_use(app, transaction, now, &seeded.reporter(FirmId(run.firm_id)), &used).await?;
    }
    Ok(())
}

fn played_by<'a>(seeded: &'a [Seeded], run: &RunRow) -> Option<(&'a Seeded, &'static Job)> {
    let seeded = seeded.iter().find(|seeded| seeded.agent.0 == run.agent_id)?;
    let (job, _) = seeded
        .practice
        .jobs
        .iter()
        .zip(&seeded.jobs)
        .find(|(_, id)| id.0 == run.job_id)?;
    Some((seeded, job))
}

fn steps(begin: Timestamp, end: Timestamp) -> Vec<Timestamp> {
    let mut steps = vec![begin];
    let mut at = begin;
    while at < end {
        let is_near = end.duration_since(at) <= NEAR;
        at = (at + SignedDuration::from_hours(if is_near { 3 } else { 24 })).min(end);
        steps.push(at);
    }
    steps
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
    fn reporter(&self, firm: FirmId) -> Reporter {
        Reporter {
            firm,
            practice: self.practice_id,
            office: self.office,
            agent: self.agent,
            name: self.practice.machine.to_owned(),
            is_silent: false,
        }
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
            stderr: (self.practice.story == Story::FailedLastNight)
                .then_some(ran.stderr)
                .flatten(),
        }
    }

    pub(super) fn drill(&self, firm: FirmId, finished_at: Timestamp, outcome: &'static str) -> DrillRow {
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
