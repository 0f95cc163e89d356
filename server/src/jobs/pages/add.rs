//! `/practices/{practice}/jobs/add`.

use askama::Template;
use axum::response::Response;

use super::{ADDED, Fields, offices};
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{JobId, PracticeId};
use crate::jobs;
use crate::jobs::form::{JobErrors, JobForm};
use crate::jobs::model::JobDetails;
use crate::web::page::{refuse, render};
use crate::web::{Context, Form, Layout, Path, Section, redirect};

#[derive(Template)]
#[template(path = "jobs/add.html")]
struct AddPage {
    layout: Layout,
    practice: PracticeId,
    practice_name: String,
    fields: Fields,
}

async fn page(
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

pub(super) async fn show(context: Context, Path(practice): Path<PracticeId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let (name, offices) = offices(&context, &mut transaction, practice).await?;
    let form = JobForm::usual(&offices);
    let fields = Fields::new(form, JobErrors::default(), &offices, context.now, false);
    Ok(render(
        &page(&context, &mut transaction, (practice, name), fields).await?,
    ))
}

pub(super) async fn submit(
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
            match jobs::add(&mut transaction, context.now, firm, practice, &details).await {
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
    let page = page(&context, &mut transaction, (practice, name), fields).await?;
    Ok(refuse(&page))
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
        details: jobs::audit_details(details),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    context.app.wake.evaluator.notify_one();
    Ok(redirect(&format!("/jobs/{job}")))
}
