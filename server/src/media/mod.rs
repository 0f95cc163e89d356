//! Media: the disks, tapes and cartridges a practice rotates, where each was seen, and whether the rotation holds.

mod db;
mod model;
mod pages;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{MediumMoved, MediumRegistered, MediumSighting};

use crate::agents::Reporter;
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Recovery, Subject};
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, JobId, MediumId, PracticeId, RunId};
use crate::web::{Access, Route};

pub use model::{Encryption, Whereabouts, nature};

/// A set that was not seen for so long takes no turn any more.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(60 * 24);

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/media", Access::Reader, pages::register)]
}

/// A medium was seen: it is in the register from now on. Says so when it carries another one's marker.
///
/// # Errors
/// [`AppError::Invalid`] naming a field that cannot be.
pub async fn see(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    seen_at: Timestamp,
    sighting: &MediumSighting,
) -> Result<MediumId, AppError> {
    let seen = model::SeenMedium::new(sighting)?;
    let (medium, is_new) = db::upsert_seen(transaction, now, reporter, seen_at, &seen).await?;
    if is_new {
        tell_of_clone(app, transaction, now, reporter, &seen).await?;
    }
    Ok(medium)
}

/// A medium was given a marker, a label and a set.
///
/// # Errors
/// [`AppError::Invalid`] naming a field that cannot be.
pub async fn register(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    registered_at: Timestamp,
    registered: &MediumRegistered,
) -> Result<MediumId, AppError> {
    let label = model::short_text("label", &registered.label)?;
    let set = model::short_text("set", registered.set.as_deref().unwrap_or(label))?;
    let medium = see(app, transaction, now, reporter, registered_at, &registered.medium).await?;
    db::set_label(transaction, reporter.firm, medium, label, set, registered_at).await?;
    Ok(medium)
}

/// A medium came or went.
///
/// # Errors
/// [`AppError::Invalid`] naming a field that cannot be.
pub async fn moved(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    at: Timestamp,
    moved: &MediumMoved,
) -> Result<(), AppError> {
    let medium = see(app, transaction, now, reporter, at, &moved.medium).await?;
    let moved = db::Move {
        medium,
        present: moved.present,
        at,
    };
    db::insert_move(transaction, now, reporter, &moved).await
}

/// Of each of these practices the set that is to be used next: the one that was not used for the longest time, where there
/// are several.
pub async fn sets_next_in_turn(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practices: &[PracticeId],
) -> Result<BTreeMap<PracticeId, String>, AppError> {
    db::sets_next_in_turn(transaction, firm, practices, now - FORGOTTEN).await
}

async fn tell_of_clone(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    seen: &model::SeenMedium<'_>,
) -> Result<(), AppError> {
    let other = match db::other_with_marker(transaction, reporter, seen).await? {
        Some(label) => format!("“{label}”"),
        // The agent knows by the marker itself what this server never saw.
        None => match seen.copied_from {
            Some(volume) => format!("“{}” on volume {volume}", seen.label),
            None => return Ok(()),
        },
    };
    let key = AlertKey {
        firm: reporter.firm,
        practice: reporter.practice,
        subject: Subject::agent(reporter.agent, &reporter.name),
        kind: AlertKind::AgentProblem,
    };
    let facts = AlertFacts::AgentProblem {
        message: format!(
            "Two media carry the marker of {other}: one is a copy of the other, or was formatted anew and its marker \
             copied back. They are counted as two. Register the newer one again under a label of its own."
        ),
        count: 1,
    };
    alerts::raise(app, transaction, now, &key, now, &facts).await
}

/// What a run wrote to a medium, and when.
#[derive(Debug, Clone)]
pub struct Use<'a> {
    /// The run.
    pub run: RunId,
    /// Its job.
    pub job: JobId,
    /// The job's name.
    pub job_name: &'a str,
    /// The medium.
    pub medium: MediumId,
    /// The backup day it counts for.
    pub backup_day: Date,
    /// When the run ended.
    pub at: Timestamp,
    /// Free space after it.
    pub free_bytes: Option<u64>,
    /// Whether a backup was made at all.
    pub made_backup: bool,
}

/// A run wrote to a medium: keeps the sighting, and judges the rotation of its job.
pub async fn record_use(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    used: &Use<'_>,
) -> Result<(), AppError> {
    let changes_nothing = !used.made_backup || db::is_used(transaction, reporter.firm, used).await?;
    db::insert_sighting(transaction, reporter, used).await?;
    if changes_nothing {
        return Ok(());
    }
    let days = db::days_of_use(transaction, reporter.firm, used.job, model::DAYS_JUDGED).await?;
    for rotation in [
        (AlertKind::SameMedium, model::same_medium(&days)),
        (AlertKind::FewSets, model::few_sets(&days)),
    ] {
        judge(app, transaction, now, reporter, used, rotation).await?;
    }
    Ok(())
}

/// Raises the alert of this kind, or closes it, as the rotation of the job now stands.
async fn judge(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    reporter: &Reporter,
    used: &Use<'_>,
    (kind, rotation): (AlertKind, model::Rotation),
) -> Result<(), AppError> {
    let key = AlertKey {
        firm: reporter.firm,
        practice: reporter.practice,
        subject: Subject::job(used.job, used.job_name),
        kind,
    };
    match rotation {
        model::Rotation::Unknown => Ok(()),
        model::Rotation::Broken(facts) => alerts::raise(app, transaction, now, &key, used.at, &facts).await,
        model::Rotation::Holds(evidence) => {
            let recovery = Recovery { at: used.at, evidence };
            alerts::recover(app, transaction, now, &key, &recovery).await?;
            Ok(())
        }
    }
}
