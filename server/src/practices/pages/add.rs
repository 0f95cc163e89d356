//! `/practices/add`.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::fields::{OfficeErrors, OfficeFields, zones};
use super::{About, record};
use crate::db::Transaction;
use crate::error::AppError;
use crate::practices::{self, NewPractice, OfficeDetails};
use crate::web::extract::{field, keep};
use crate::web::page::{refuse, render};
use crate::web::{Context, Form, Layout, Section, redirect};

#[derive(Debug, Default, Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(flatten)]
    office: OfficeFields,
}

#[derive(Template)]
#[template(path = "practices/add.html")]
struct AddPage {
    layout: Layout,
    practice: String,
    problem: String,
    office: OfficeFields,
    office_errors: OfficeErrors,
    zone_is_fixed: bool,
    zones: Vec<String>,
}

async fn page(
    context: &Context,
    transaction: &mut Transaction,
    fields: Fields,
    (problem, office_errors): (String, OfficeErrors),
) -> Result<AddPage, AppError> {
    Ok(AddPage {
        layout: context
            .layout(transaction, Section::Practices, "Add a practice")
            .await?,
        practice: fields.name,
        problem,
        office: fields.office,
        office_errors,
        zone_is_fixed: false,
        zones: zones(),
    })
}

pub(super) async fn show(context: Context) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let fields = Fields {
        name: String::new(),
        office: OfficeFields::of(&OfficeDetails::usual("Main office", "")),
    };
    let page = page(&context, &mut transaction, fields, Default::default()).await?;
    transaction.commit().await?;
    Ok(render(&page))
}

pub(super) async fn submit(context: Context, Form(fields): Form<Fields>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut problem = String::new();
    let mut office_errors = OfficeErrors::default();
    let practice = NewPractice {
        name: keep(field("Name", &fields.name, 200), &mut problem)?,
        office: fields.office.details(&mut office_errors)?,
    };
    let mut transaction = context.begin().await?;
    let mut added = None;
    if problem.is_empty() && !office_errors.any() {
        let created = practices::create(&mut transaction, context.now, firm, &practice).await;
        added = keep(created.map(Some), &mut problem)?;
    }
    let Some((id, _)) = added else {
        let errors = (problem, office_errors);
        return Ok(refuse(&page(&context, &mut transaction, fields, errors).await?));
    };
    let details = json!({ "office": practice.office.name, "zone": practice.office.zone });
    let what = (practice.name.as_str(), details);
    record(&context, &mut transaction, "practice.added", id, About::Practice, what).await?;
    transaction.commit().await?;
    context.app.changes.tell(firm);
    Ok(redirect(&format!("/practices/{id}")))
}
