//! `/firm`: the firm's name.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::db;
use crate::audit::Entry;
use crate::error::AppError;
use crate::web::extract::{field, keep};
use crate::web::page::{refuse, render};
use crate::web::{Access, Audit, Context, Form, Layout, Route, Section, redirect};

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/firm", Access::Owner, show),
        Route::post("/firm", Access::Owner, Audit::Records("firm.renamed"), rename),
    ]
}

#[derive(Deserialize)]
struct Fields {
    #[serde(default)]
    name: String,
}

#[derive(Template)]
#[template(path = "firms/edit.html")]
struct FirmPage {
    layout: Layout,
    firm: String,
    problem: String,
}

async fn page(context: &Context, firm: String, problem: String) -> Result<FirmPage, AppError> {
    let mut transaction = context.begin().await?;
    let layout = context.layout(&mut transaction, Section::People, "Your firm").await?;
    transaction.commit().await?;
    Ok(FirmPage { layout, firm, problem })
}

async fn show(context: Context) -> Result<Response, AppError> {
    let name = context.person()?.firm_name.clone();
    Ok(render(&page(&context, name, String::new()).await?))
}

async fn rename(context: Context, Form(form): Form<Fields>) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut problem = String::new();
    let name = keep(field("Name", &form.name, 200), &mut problem)?;
    if !problem.is_empty() {
        return Ok(refuse(&page(&context, form.name, problem).await?));
    }
    let mut transaction = context.begin().await?;
    db::rename(&mut transaction, person.firm, &name).await?;
    let entry = Entry {
        action: "firm.renamed",
        practice: None,
        subject_kind: "firm",
        subject: Some(person.firm.0),
        subject_name: &name,
        details: json!({ "from": person.firm_name }),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(redirect("/people"))
}
