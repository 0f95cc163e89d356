//! The pages on which a job is added, changed and archived, and what a schedule means while it is typed.

mod add;
mod edit;
mod preview;

use jiff::Timestamp;

pub(crate) use self::add::{FormPlace, FormSent, send_form, show_form};
use self::preview::Preview;
use super::db;
use super::form::{JobErrors, JobForm};
use super::model::{Destination, OfficeChoice};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::DstPolicy;
use crate::ids::PracticeId;
use crate::web::{Access, Audit, Context, Route};

/// A job was added.
pub(crate) const ADDED: &str = "job.added";
/// A job was changed.
pub(super) const CHANGED: &str = "job.changed";
/// A job was archived.
pub(super) const ARCHIVED: &str = "job.archived";

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/jobs/schedule-preview", Access::Operator, preview::show),
        Route::get("/practices/{practice}/jobs/add", Access::Operator, add::show),
        Route::post(
            "/practices/{practice}/jobs/add",
            Access::Operator,
            Audit::Records(ADDED),
            add::submit,
        ),
        Route::get("/jobs/{job}/edit", Access::Operator, edit::show),
        Route::post(
            "/jobs/{job}/edit",
            Access::Operator,
            Audit::Records(CHANGED),
            edit::submit,
        ),
        Route::post(
            "/jobs/{job}/archive",
            Access::Operator,
            Audit::Records(ARCHIVED),
            edit::archive,
        )
        .fresh(),
    ]
}

/// What `jobs/fields.html` shows.
struct Fields {
    form: JobForm,
    errors: JobErrors,
    offices: Vec<(String, String)>,
    destinations: Vec<(String, String)>,
    policies: Vec<(String, String)>,
    preview: Preview,
    /// The key cannot be changed any more.
    key_stays: bool,
}

impl Fields {
    fn new(form: JobForm, errors: JobErrors, offices: &[OfficeChoice], now: Timestamp, key_stays: bool) -> Self {
        let zone = form.office(offices).map_or("UTC", |office| &office.zone);
        let preview = Preview::of(&form.cron, &form.dst_policy, zone, now);
        let places = Destination::ALL
            .iter()
            .map(|place| (place.to_string(), place.words().to_owned()));
        Self {
            offices: offices
                .iter()
                .map(|office| (office.id.to_string(), format!("{}, {}", office.name, office.zone)))
                .collect(),
            destinations: std::iter::once((String::new(), "As its agent says".to_owned()))
                .chain(places)
                .collect(),
            policies: vec![
                (
                    DstPolicy::Cron.to_string(),
                    "Lastgood's agent, cron or Task Scheduler: a skipped time runs at the end of the gap".to_owned(),
                ),
                (
                    DstPolicy::Systemd.to_string(),
                    "A systemd timer: a skipped time does not run".to_owned(),
                ),
            ],
            form,
            errors,
            preview,
            key_stays,
        }
    }
}

async fn offices(
    context: &Context,
    transaction: &mut Transaction,
    practice: PracticeId,
) -> Result<(String, Vec<OfficeChoice>), AppError> {
    let known = db::offices(transaction, context.person()?.firm, practice).await?;
    known.ok_or(AppError::NotFound)
}
