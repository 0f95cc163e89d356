//! `/practices/{practice}/jobs/add`, and the form of a new job for others that prefill it.

use askama::Template;
use axum::response::Response;

use super::{ADDED, Fields, offices};
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{JobId, PracticeId};
use crate::jobs;
use crate::jobs::form::{JobErrors, JobForm};
use crate::jobs::model::{JobDetails, OfficeChoice};
use crate::web::page::{refuse, render};
use crate::web::{Context, Form, Layout, Path, Section, redirect};

/// Where the form of a new job stands, and what it says above its fields.
#[derive(Debug, Clone)]
pub(crate) struct FormPlace {
    /// The practice the job is added to.
    pub(crate) practice: PracticeId,
    /// Where the form is sent.
    pub(crate) path: String,
    /// Sentences above the fields.
    pub(crate) lead: Vec<String>,
}

impl FormPlace {
    fn of_practice(practice: PracticeId) -> Self {
        Self {
            practice,
            path: format!("/practices/{practice}/jobs/add"),
            lead: Vec::new(),
        }
    }
}

/// What became of a form that was sent.
pub(crate) enum FormSent {
    /// The job was added and is in the audit log; the transaction is still to be committed.
    Added(JobId),
    /// The form again, with its dates or with what is wrong.
    Again(Response),
}

#[derive(Template)]
#[template(path = "jobs/add.html")]
struct AddPage {
    layout: Layout,
    place: FormPlace,
    practice_name: String,
    fields: Fields,
}

async fn page(
    context: &Context,
    transaction: &mut Transaction,
    (place, practice_name): (FormPlace, String),
    fields: Fields,
) -> Result<AddPage, AppError> {
    let layout = context.layout(transaction, Section::Practices, "Add a job").await?;
    Ok(AddPage {
        layout,
        place,
        practice_name,
        fields,
    })
}

/// The form of a new job, filled with what `filled` makes of the practice's offices.
pub(crate) async fn show_form(
    context: &Context,
    transaction: &mut Transaction,
    place: FormPlace,
    filled: impl FnOnce(&[OfficeChoice]) -> JobForm,
) -> Result<Response, AppError> {
    let (name, offices) = offices(context, transaction, place.practice).await?;
    let fields = Fields::new(filled(&offices), JobErrors::default(), &offices, context.now, false);
    Ok(render(&page(context, transaction, (place, name), fields).await?))
}

/// Takes what was typed into the form of a new job.
pub(crate) async fn send_form(
    context: &Context,
    transaction: &mut Transaction,
    place: FormPlace,
    typed: JobForm,
) -> Result<FormSent, AppError> {
    let firm = context.person()?.firm;
    let (name, offices) = offices(context, transaction, place.practice).await?;
    let understood = typed.understand(&offices, context.now);
    let errors = match understood {
        Ok(details) if typed.act != "preview" => {
            match jobs::add(transaction, context.now, firm, place.practice, &details).await {
                Ok(job) => {
                    record(context, transaction, place.practice, job, &details).await?;
                    return Ok(FormSent::Added(job));
                }
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
    let page = page(context, transaction, (place, name), fields).await?;
    Ok(FormSent::Again(refuse(&page)))
}

async fn record(
    context: &Context,
    transaction: &mut Transaction,
    practice: PracticeId,
    job: JobId,
    details: &JobDetails,
) -> Result<(), AppError> {
    let entry = Entry {
        action: ADDED,
        practice: Some(practice),
        subject_kind: "job",
        subject: Some(job.0),
        subject_name: &details.name,
        details: jobs::audit_details(details),
    };
    context.record(transaction, entry).await
}

pub(super) async fn show(context: Context, Path(practice): Path<PracticeId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let place = FormPlace::of_practice(practice);
    show_form(&context, &mut transaction, place, JobForm::usual).await
}

pub(super) async fn submit(
    context: Context,
    Path(practice): Path<PracticeId>,
    Form(typed): Form<JobForm>,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let place = FormPlace::of_practice(practice);
    match send_form(&context, &mut transaction, place, typed).await? {
        FormSent::Added(job) => {
            transaction.commit().await?;
            context.app.wake.evaluator.notify_one();
            Ok(redirect(&format!("/jobs/{job}")))
        }
        FormSent::Again(form) => Ok(form),
    }
}
