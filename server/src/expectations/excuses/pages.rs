//! `/slots/{slot}/excuse`.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::db::{self, Excusable};
use super::{excuse, undo};
use crate::alerts;
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations::SlotState;
use crate::expectations::slots::SlotKey;
use crate::ids::{JobId, SlotId};
use crate::web::extract::field;
use crate::web::page::render;
use crate::web::{Access, Audit, Context, Form, Layout, Path, Route, Section, redirect};

/// A day was excused.
pub(super) const EXCUSED: &str = "slot.excused";
/// An excuse was taken back.
pub(super) const UNDONE: &str = "slot.excuse_undone";

/// The routes of excuses. An excuse quiets an alert, so it asks for the password again.
pub fn routes() -> Vec<Route> {
    let (excused, undone) = (Audit::Records(EXCUSED), Audit::Records(UNDONE));
    vec![
        Route::get("/slots/{slot}/excuse", Access::Operator, show),
        Route::post("/slots/{slot}/excuse", Access::Operator, excused, give).fresh(),
        Route::post("/slots/{slot}/excuse/undo", Access::Operator, undone, take_back),
    ]
}

#[derive(Template)]
#[template(path = "jobs/excuse.html")]
struct ExcusePage {
    layout: Layout,
    slot: SlotId,
    job: JobId,
    job_name: String,
    state: SlotState,
    excused: Option<(String, String)>,
    reason: String,
    problem: String,
}

async fn page(
    context: &Context,
    transaction: &mut Transaction,
    slot: SlotId,
    (reason, problem): (String, String),
) -> Result<ExcusePage, AppError> {
    let key = key(context, slot)?;
    let found = db::find(transaction, key).await?.ok_or(AppError::NotFound)?;
    let title = format!("{}, {}", found.job_name, day(&found));
    let layout = context.layout(transaction, Section::Practices, title).await?;
    Ok(ExcusePage {
        layout,
        slot,
        job: found.job,
        job_name: found.job_name,
        state: found.state,
        excused: found.excused,
        reason,
        problem,
    })
}

fn key(context: &Context, slot: SlotId) -> Result<SlotKey, AppError> {
    let firm = context.person()?.firm;
    Ok(SlotKey { firm, slot })
}

fn day(slot: &Excusable) -> String {
    slot.day.strftime("%a %-d %b %Y").to_string()
}

async fn show(context: Context, Path(slot): Path<SlotId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let shown = page(&context, &mut transaction, slot, <(String, String)>::default()).await?;
    Ok(render(&shown))
}

#[derive(Deserialize)]
struct Excuse {
    #[serde(default)]
    reason: String,
}

async fn give(context: Context, Path(slot): Path<SlotId>, Form(form): Form<Excuse>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let person = context.person()?;
    let reason = match field("Reason", &form.reason, 500) {
        Ok(reason) => reason,
        Err(error) => {
            let shown = page(&context, &mut transaction, slot, (form.reason, error.sentence())).await?;
            let mut response = render(&shown);
            *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
            return Ok(response);
        }
    };
    let key = key(&context, slot)?;
    let excused = excuse(&context.app, &mut transaction, context.now, key, &person.name, &reason).await?;
    let sentence = format!(
        "{} excused {} on {}: {reason}",
        person.name,
        excused.job_name,
        day(&excused)
    );
    finish(&context, transaction, slot, &excused, (EXCUSED, &reason), &sentence).await
}

async fn take_back(context: Context, Path(slot): Path<SlotId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let key = key(&context, slot)?;
    let excused = undo(&context.app, &mut transaction, context.now, key).await?;
    let sentence = format!(
        "{} took back the excuse of {} on {}.",
        context.person()?.name,
        excused.job_name,
        day(&excused)
    );
    finish(&context, transaction, slot, &excused, (UNDONE, ""), &sentence).await
}

async fn finish(
    context: &Context,
    mut transaction: Transaction,
    slot: SlotId,
    excused: &Excusable,
    (action, reason): (&'static str, &str),
    sentence: &str,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let entry = Entry {
        action,
        practice: Some(excused.practice),
        subject_kind: "slot",
        subject: Some(slot.0),
        subject_name: &excused.job_name,
        details: json!({ "day": excused.day, "reason": reason }),
    };
    context.record(&mut transaction, entry).await?;
    let (app, now) = (&context.app, context.now);
    alerts::tell_recipients(app, &mut transaction, now, firm, excused.practice, sentence).await?;
    transaction.commit().await?;
    app.wake.dispatcher.notify_one();
    app.changes.tell(firm);
    Ok(redirect(&format!("/jobs/{}", excused.job)))
}
