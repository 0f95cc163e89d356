//! Runs: one execution of a job each, with the facts measured.

mod db;
mod model;
mod output;

use jiff::Timestamp;
use lastgood_protocol::{RunFinished, RunStarted};

use crate::agents::Reporter;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, JobId, MediumId, RunId};

pub use db::{JobOfReport, find, job_by_key, of_job, place_of_day};
pub use model::{Outcome, PlaceOfDay, Reported, Run, RunLine};
pub use output::Output;

/// Stores that a run began. Whether that was new: its end may have been reported before.
///
/// # Errors
/// [`AppError::Conflict`] when the run is known as another's, and [`AppError::Invalid`] naming a field that cannot be.
pub async fn began(
    transaction: &mut Transaction,
    reporter: &Reporter,
    job: JobId,
    received: Reported,
    started: &RunStarted,
) -> Result<bool, AppError> {
    let started_at = received.past("started_at", started.started_at)?;
    let run = RunId(started.run.0);
    if db::insert_started(transaction, reporter, job, received, started, started_at).await? {
        return Ok(true);
    }
    same_run(transaction, reporter, job, run).await?;
    Ok(false)
}

/// Stores how a run ended. Whether that was new.
///
/// # Errors
/// [`AppError::Conflict`] when the run is known as another's or has ended otherwise, and [`AppError::Invalid`] naming a
/// field that cannot be.
pub async fn ended(
    transaction: &mut Transaction,
    reporter: &Reporter,
    job: JobId,
    received: Reported,
    finished: &RunFinished,
    medium: Option<MediumId>,
) -> Result<bool, AppError> {
    let row = model::FinishedRow::new(received, finished)?;
    if db::upsert_finished(transaction, reporter, job, received, &row, medium).await? {
        if let Some(output) = Output::of(finished) {
            db::insert_output(transaction, reporter, row.run, &output).await?;
        }
        return Ok(true);
    }
    let known = same_run(transaction, reporter, job, row.run).await?;
    if known == Some((row.finished_at, row.outcome)) {
        return Ok(false);
    }
    Err(AppError::Conflict(
        "This run was reported as ended before, with another result. The first report stays.".to_owned(),
    ))
}

/// Fails when the run is known as a run of another job or agent. Answers how it ended, if it has.
async fn same_run(
    transaction: &mut Transaction,
    reporter: &Reporter,
    job: JobId,
    run: RunId,
) -> Result<Option<(Timestamp, Outcome)>, AppError> {
    let known = db::owner_of(transaction, reporter.firm, run).await?;
    let known = known.ok_or_else(|| AppError::internal("a run that exists could not be found again"))?;
    if known.agent != reporter.agent {
        let sentence = "This run is known as another agent's. Two machines may share one configuration folder.";
        return Err(AppError::Conflict(sentence.to_owned()));
    }
    if known.job != job {
        let sentence = "This run is known as a run of another job.";
        return Err(AppError::Conflict(sentence.to_owned()));
    }
    Ok(known.ended)
}

/// The backup day a stored run belongs to: its slot's, else the day at its job's office on which it began.
pub async fn backup_day(
    transaction: &mut Transaction,
    firm: FirmId,
    run: RunId,
) -> Result<jiff::civil::Date, AppError> {
    let place = place_of_day(transaction, firm, run).await?.ok_or(AppError::NotFound)?;
    Ok(place.slot_day.unwrap_or_else(|| {
        let zone = crate::web::words::zone(&place.zone);
        crate::expectations::backup_day(place.started_at, &zone, place.business_day_starts)
    }))
}
