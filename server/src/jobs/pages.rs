//! `/practices/{practice}/jobs/add`, `/jobs/{job}/edit`, `/jobs/{job}/archive`, `/jobs/schedule-preview`.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::db;
use super::form::{JobErrors, JobForm};
use super::model::{Destination, Job, JobDetails, OfficeChoice};
use crate::alerts;
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::schedule::Schedule;
use crate::expectations::{self, DstPolicy};
use crate::ids::{JobId, OfficeId, PracticeId};
use crate::web::access::FRESH_SIGN_IN;
use crate::web::page::render;
use crate::web::words::{self, Moment};
use crate::web::{Access, Audit, Context, Form, Layout, Path, Query, Route, Section, redirect};

/// A job was added.
pub(super) const ADDED: &str = "job.added";
/// A job was changed.
pub(super) const CHANGED: &str = "job.changed";
/// A job was archived.
pub(super) const ARCHIVED: &str = "job.archived";

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/jobs/schedule-preview", Access::Operator, show_preview),
        Route::get("/practices/{practice}/jobs/add", Access::Operator, show_add),
        Route::post(
            "/practices/{practice}/jobs/add",
            Access::Operator,
            Audit::Records(ADDED),
            add,
        ),
        Route::get("/jobs/{job}/edit", Access::Operator, show_edit),
        Route::post("/jobs/{job}/edit", Access::Operator, Audit::Records(CHANGED), edit),
        Route::post(
            "/jobs/{job}/archive",
            Access::Operator,
            Audit::Records(ARCHIVED),
            archive,
        )
        .fresh(),
    ]
}

/// What a schedule means: its sentence and its next dates, or what is wrong with it.
#[derive(Template)]
#[template(path = "jobs/preview.html")]
struct Preview {
    sentence: String,
    next: Vec<Moment>,
    zone: String,
    problem: String,
}

impl Preview {
    fn of(cron: &str, policy: &str, zone: &str, now: Timestamp) -> Self {
        let policy = policy.parse().unwrap_or(DstPolicy::Cron);
        let (sentence, next, problem) = match Schedule::parse(cron, policy) {
            Ok(schedule) => (
                schedule.sentence(),
                schedule.next_five(now, &words::zone(zone)),
                String::new(),
            ),
            Err(error) => (String::new(), Vec::new(), error.to_string()),
        };
        Self {
            sentence,
            next: next
                .into_iter()
                .map(|at| Moment {
                    at,
                    zone: words::zone(zone),
                })
                .collect(),
            zone: zone.to_owned(),
            problem,
        }
    }
}

#[derive(Deserialize)]
struct Asked {
    #[serde(default)]
    cron: String,
    #[serde(default)]
    office: String,
    #[serde(default)]
    dst_policy: String,
}

async fn show_preview(context: Context, Query(asked): Query<Asked>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let office = asked.office.parse::<OfficeId>().map_err(|_| AppError::NotFound)?;
    let zone = db::zone_of(&mut transaction, context.person()?.firm, office).await?;
    let zone = zone.ok_or(AppError::NotFound)?;
    Ok(render(&Preview::of(&asked.cron, &asked.dst_policy, &zone, context.now)))
}

#[derive(Template)]
#[template(path = "jobs/add.html")]
struct AddPage {
    layout: Layout,
    practice: PracticeId,
    practice_name: String,
    fields: Fields,
}

#[derive(Template)]
#[template(path = "jobs/edit.html")]
struct EditPage {
    layout: Layout,
    job: Job,
    fields: Fields,
    archive_path: String,
    confirm_problem: String,
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

async fn add_page(
    context: &Context,
    transaction: &mut Transaction,
    (practice, practice_name): (PracticeId, String),
    fields: Fields,
) -> Result<AddPage, AppError> {
    let layout = context.layout(transaction, Section::Practices, "Add a job").await?;
    Ok(AddPage {
        layout,
        practice,
        practice_name,
        fields,
    })
}

async fn show_add(context: Context, Path(practice): Path<PracticeId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let (name, offices) = offices(&context, &mut transaction, practice).await?;
    let form = JobForm::usual(&offices);
    let fields = Fields::new(form, JobErrors::default(), &offices, context.now, false);
    Ok(render(
        &add_page(&context, &mut transaction, (practice, name), fields).await?,
    ))
}

async fn add(
    context: Context,
    Path(practice): Path<PracticeId>,
    Form(typed): Form<JobForm>,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let firm = context.person()?.firm;
    let (name, offices) = offices(&context, &mut transaction, practice).await?;
    let understood = typed.understand(&offices, context.now);
    let errors = match understood {
        Ok(details) if typed.act != "preview" => {
            match super::add(&mut transaction, context.now, firm, practice, &details).await {
                Ok(job) => return added(&context, transaction, practice, job, &details).await,
                Err(AppError::Conflict(taken)) => JobErrors {
                    key: taken,
                    ..JobErrors::default()
                },
                Err(error) => return Err(error),
            }
        }
        Ok(_) => JobErrors::default(),
        Err(errors) => *errors,
    };
    let fields = Fields::new(typed, errors, &offices, context.now, false);
    let page = add_page(&context, &mut transaction, (practice, name), fields).await?;
    Ok(refused(&page))
}

async fn added(
    context: &Context,
    mut transaction: Transaction,
    practice: PracticeId,
    job: JobId,
    details: &JobDetails,
) -> Result<Response, AppError> {
    let entry = Entry {
        action: ADDED,
        practice: Some(practice),
        subject_kind: "job",
        subject: Some(job.0),
        subject_name: &details.name,
        details: super::audit_details(details),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    context.app.wake.evaluator.notify_one();
    Ok(redirect(&format!("/jobs/{job}")))
}

async fn offices(
    context: &Context,
    transaction: &mut Transaction,
    practice: PracticeId,
) -> Result<(String, Vec<OfficeChoice>), AppError> {
    let known = db::offices(transaction, context.person()?.firm, practice).await?;
    known.ok_or(AppError::NotFound)
}

/// The page again, because what was typed cannot be saved or was not to be saved yet.
fn refused(page: &impl Template) -> Response {
    let mut response = render(page);
    if response.status().is_success() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}

async fn job_in_use(context: &Context, transaction: &mut Transaction, job: JobId) -> Result<Job, AppError> {
    let job = db::find(transaction, context.person()?.firm, job).await?;
    job.filter(|job| !job.archived).ok_or(AppError::NotFound)
}

async fn edit_page(
    context: &Context,
    transaction: &mut Transaction,
    job: Job,
    fields: Fields,
    confirm_problem: &str,
) -> Result<EditPage, AppError> {
    let title = format!("Change {}", job.name);
    let layout = context.layout(transaction, Section::Practices, title).await?;
    Ok(EditPage {
        layout,
        archive_path: format!("/jobs/{}/archive", job.id),
        job,
        fields,
        confirm_problem: confirm_problem.to_owned(),
    })
}

async fn stored_fields(context: &Context, transaction: &mut Transaction, job: &Job) -> Result<Fields, AppError> {
    let (_, offices) = offices(context, transaction, job.practice).await?;
    let rule = expectations::rule_of_job(transaction, context.person()?.firm, job.id).await?;
    let form = JobForm::of(job, rule.as_ref().map(|current| &current.rule));
    Ok(Fields::new(form, JobErrors::default(), &offices, context.now, true))
}

async fn show_edit(context: Context, Path(job): Path<JobId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let job = job_in_use(&context, &mut transaction, job).await?;
    let fields = stored_fields(&context, &mut transaction, &job).await?;
    Ok(render(&edit_page(&context, &mut transaction, job, fields, "").await?))
}

async fn edit(context: Context, Path(job): Path<JobId>, Form(mut form): Form<JobForm>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let person = context.person()?;
    let job = job_in_use(&context, &mut transaction, job).await?;
    let (_, offices) = offices(&context, &mut transaction, job.practice).await?;
    form.key.clone_from(&job.key);
    let errors = match form.understand(&offices, context.now) {
        Ok(details) if form.act != "preview" => {
            let current = expectations::rule_of_job(&mut transaction, person.firm, job.id).await?;
            let loosens = current
                .as_ref()
                .is_some_and(|current| details.rule.is_looser_than(&current.rule, context.now, &current.zone));
            if loosens && !person.signed_in_since(context.now - FRESH_SIGN_IN) {
                return Ok(redirect(&format!("/sign-in/again?next=/jobs/{}/edit", job.id)));
            }
            let differs = current.is_none_or(|current| current.rule != details.rule);
            return save(&context, transaction, &job, &details, differs).await;
        }
        Ok(_) => JobErrors::default(),
        Err(errors) => *errors,
    };
    let fields = Fields::new(form, errors, &offices, context.now, true);
    Ok(refused(&edit_page(&context, &mut transaction, job, fields, "").await?))
}

async fn save(
    context: &Context,
    mut transaction: Transaction,
    job: &Job,
    details: &JobDetails,
    rule_differs: bool,
) -> Result<Response, AppError> {
    let person = context.person()?;
    super::change(&context.app, &mut transaction, context.now, person.firm, job, details).await?;
    let entry = Entry {
        action: CHANGED,
        practice: Some(job.practice),
        subject_kind: "job",
        subject: Some(job.id.0),
        subject_name: &details.name,
        details: super::audit_details(details),
    };
    context.record(&mut transaction, entry).await?;
    if rule_differs {
        let sentence = format!(
            "{} changed what is expected of {}: {} Late after {}, missed after {}.",
            person.name,
            details.name,
            details.rule.schedule.sentence(),
            super::durations::typed(details.rule.late_after),
            super::durations::typed(details.rule.missed_after),
        );
        alerts::tell_recipients(
            &context.app,
            &mut transaction,
            context.now,
            person.firm,
            job.practice,
            &sentence,
        )
        .await?;
    }
    transaction.commit().await?;
    context.app.wake.evaluator.notify_one();
    Ok(redirect(&format!("/jobs/{}", job.id)))
}

#[derive(Deserialize)]
struct Confirmation {
    #[serde(default)]
    name: String,
}

async fn archive(
    context: Context,
    Path(job): Path<JobId>,
    Form(confirmation): Form<Confirmation>,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let person = context.person()?;
    let job = job_in_use(&context, &mut transaction, job).await?;
    if confirmation.name.trim() != job.name {
        let fields = stored_fields(&context, &mut transaction, &job).await?;
        let problem = "That is not its name. Nothing was archived.";
        return Ok(refused(
            &edit_page(&context, &mut transaction, job, fields, problem).await?,
        ));
    }
    super::archive(&context.app, &mut transaction, context.now, person.firm, job.id).await?;
    let entry = Entry {
        action: ARCHIVED,
        practice: Some(job.practice),
        subject_kind: "job",
        subject: Some(job.id.0),
        subject_name: &job.name,
        details: json!({ "key": job.key }),
    };
    context.record(&mut transaction, entry).await?;
    let sentence = format!(
        "{} archived {}: no run of it is expected any more.",
        person.name, job.name
    );
    alerts::tell_recipients(
        &context.app,
        &mut transaction,
        context.now,
        person.firm,
        job.practice,
        &sentence,
    )
    .await?;
    transaction.commit().await?;
    context.app.wake.dispatcher.notify_one();
    Ok(redirect(&format!("/practices/{}", job.practice)))
}
