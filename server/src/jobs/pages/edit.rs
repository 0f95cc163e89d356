//! `/jobs/{job}/edit` and `/jobs/{job}/archive`.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::{ARCHIVED, CHANGED, Fields, offices};
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::JobId;
use crate::jobs::form::{JobErrors, JobForm};
use crate::jobs::model::{Job, JobDetails};
use crate::jobs::{self, db, durations};
use crate::web::access::FRESH_SIGN_IN;
use crate::web::page::{refuse, render};
use crate::web::{Context, Form, Layout, Path, Section, redirect};
use crate::{alerts, expectations};

#[derive(Template)]
#[template(path = "jobs/edit.html")]
struct EditPage {
    layout: Layout,
    job: Job,
    fields: Fields,
    archive_path: String,
    confirm_problem: String,
}

async fn job_in_use(context: &Context, transaction: &mut Transaction, job: JobId) -> Result<Job, AppError> {
    let job = db::find(transaction, context.person()?.firm, job).await?;
    job.filter(|job| !job.archived).ok_or(AppError::NotFound)
}

async fn page(
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

pub(super) async fn show(context: Context, Path(job): Path<JobId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let job = job_in_use(&context, &mut transaction, job).await?;
    let fields = stored_fields(&context, &mut transaction, &job).await?;
    Ok(render(&page(&context, &mut transaction, job, fields, "").await?))
}

pub(super) async fn submit(
    context: Context,
    Path(job): Path<JobId>,
    Form(mut form): Form<JobForm>,
) -> Result<Response, AppError> {
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
    Ok(refuse(&page(&context, &mut transaction, job, fields, "").await?))
}

async fn save(
    context: &Context,
    mut transaction: Transaction,
    job: &Job,
    details: &JobDetails,
    rule_differs: bool,
) -> Result<Response, AppError> {
    let person = context.person()?;
    jobs::change(&context.app, &mut transaction, context.now, person.firm, job, details).await?;
    let entry = Entry {
        action: CHANGED,
        practice: Some(job.practice),
        subject_kind: "job",
        subject: Some(job.id.0),
        subject_name: &details.name,
        details: jobs::audit_details(details),
    };
    context.record(&mut transaction, entry).await?;
    if rule_differs {
        let sentence = format!(
            "{} changed what is expected of {}: {} Late after {}, missed after {}.",
            person.name,
            details.name,
            details.rule.schedule.sentence(),
            durations::typed(details.rule.late_after),
            durations::typed(details.rule.missed_after),
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
pub(super) struct Confirmation {
    #[serde(default)]
    name: String,
}

pub(super) async fn archive(
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
        return Ok(refuse(&page(&context, &mut transaction, job, fields, problem).await?));
    }
    jobs::archive(&context.app, &mut transaction, context.now, person.firm, job.id).await?;
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
