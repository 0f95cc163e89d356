//! Jobs: what is protected, with which tool, to which destination, how often. What becomes of them is `expectations`'.

pub mod command;
mod db;
pub mod durations;
mod explain;
mod form;
mod model;
mod pages;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::{self, ExpectedJob};
use crate::ids::{self, FirmId, JobId, PracticeId};

pub use db::{JobRow, find, list};
pub use explain::{Explanation, explain};
pub(crate) use form::JobForm;
pub use model::{Destination, Job, JobDetails, OfficeChoice};
pub use pages::routes;
pub(crate) use pages::{ADDED, FormPlace, FormSent, send_form, show_form};

/// Adds a job of a practice and expects its runs, or describes one that so far is known from its agent's reports alone.
///
/// # Errors
/// [`AppError::Conflict`] when the practice has a job of this key that runs are expected of.
pub async fn add(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
    details: &JobDetails,
) -> Result<JobId, AppError> {
    let added = db::add(transaction, now, firm, practice, ids::new(now), details).await?;
    let Some(job) = added else {
        return Err(AppError::Conflict(format!(
            "Key: the practice has a job {} already. Choose another key, or change that job.",
            details.key
        )));
    };
    let expected = ExpectedJob {
        firm,
        practice,
        office: details.office,
        job,
    };
    expectations::expect_runs(transaction, now, expected, &details.rule).await?;
    Ok(job)
}

/// Changes a job. Runs are expected by the new rule from `now` on if it differs from the one in force.
async fn change(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: &Job,
    details: &JobDetails,
) -> Result<(), AppError> {
    let current = expectations::rule_of_job(transaction, firm, job.id).await?;
    db::change(transaction, firm, job.id, details).await?;
    if current.is_none_or(|current| current.rule != details.rule || current.office != details.office) {
        let expected = ExpectedJob {
            firm,
            practice: job.practice,
            office: details.office,
            job: job.id,
        };
        expectations::expect_runs(transaction, now, expected, &details.rule).await?;
    }
    expectations::job_changed(app, transaction, now, firm, job.id).await
}

/// Archives a job: nothing is expected of it any more, its alerts close, its evidence stays.
async fn archive(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    job: JobId,
) -> Result<bool, AppError> {
    if !db::archive(transaction, now, firm, job).await? {
        return Ok(false);
    }
    expectations::expect_nothing(transaction, now, firm, job).await?;
    expectations::job_changed(app, transaction, now, firm, job).await?;
    Ok(true)
}

/// What the audit log keeps of a job's description.
fn audit_details(details: &JobDetails) -> Value {
    let rule = &details.rule;
    json!({
        "key": details.key.as_str(),
        "office": details.office,
        "tool": details.tool,
        "destination": details.destination,
        "schedule": rule.schedule.as_str(),
        "dst_policy": rule.schedule.policy(),
        "opens_before": durations::typed(rule.opens_before),
        "late_after": durations::typed(rule.late_after),
        "missed_after": durations::typed(rule.missed_after),
        "maximum_run": durations::typed(rule.maximum_run),
        "no_success_after": rule.no_success_after.map(durations::typed),
    })
}
