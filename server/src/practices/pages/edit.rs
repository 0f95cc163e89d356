//! `/practices/…/edit`: its name, its offices, its end.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::{About, record};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations;
use crate::ids::PracticeId;
use crate::practices::db::{self, InUse};
use crate::practices::offices::{self, OfficeRow};
use crate::users;
use crate::web::extract::{field, keep};
use crate::web::page::{refuse, render};
use crate::web::{Context, Form, Layout, Path, Section, redirect};

#[derive(Debug, Deserialize)]
pub(super) struct Rename {
    #[serde(default)]
    practice: String,
}

/// The name, typed to confirm.
#[derive(Debug, Deserialize)]
pub(super) struct Confirm {
    #[serde(default)]
    name: String,
}

#[derive(Default)]
struct Problems {
    name: String,
    archive: String,
}

#[derive(Template)]
#[template(path = "practices/edit.html")]
struct EditPage {
    layout: Layout,
    id: PracticeId,
    /// As it is called now.
    known_as: String,
    /// As it was typed.
    typed: String,
    offices: Vec<OfficeRow>,
    in_use: InUse,
    archive_path: String,
    problems: Problems,
}

async fn page(
    context: &Context,
    transaction: &mut Transaction,
    id: PracticeId,
    typed: Option<String>,
    problems: Problems,
) -> Result<EditPage, AppError> {
    let firm = context.person()?.firm;
    let known_as = db::name(transaction, firm, id).await?;
    Ok(EditPage {
        layout: context
            .layout(transaction, Section::Practices, known_as.clone())
            .await?,
        id,
        typed: typed.unwrap_or_else(|| known_as.clone()),
        known_as,
        offices: offices::offices(transaction, firm, id).await?,
        in_use: db::in_use(transaction, firm, id).await?,
        archive_path: format!("/practices/{id}/archive"),
        problems,
    })
}

pub(super) async fn show(context: Context, Path(id): Path<PracticeId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let page = page(&context, &mut transaction, id, None, Problems::default()).await?;
    transaction.commit().await?;
    Ok(render(&page))
}

pub(super) async fn rename(
    context: Context,
    Path(id): Path<PracticeId>,
    Form(fields): Form<Rename>,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let before = db::name(&mut transaction, firm, id).await?;
    let mut problems = Problems::default();
    let name = keep(field("Name", &fields.practice, 200), &mut problems.name)?;
    if problems.name.is_empty() {
        keep(db::rename(&mut transaction, firm, id, &name).await, &mut problems.name)?;
    }
    if !problems.name.is_empty() {
        // A name that is taken ended the transaction.
        let mut transaction = context.begin().await?;
        return Ok(refuse(
            &page(&context, &mut transaction, id, Some(fields.practice), problems).await?,
        ));
    }
    let what = (name.as_str(), json!({ "from": before }));
    record(
        &context,
        &mut transaction,
        "practice.renamed",
        id,
        About::Practice,
        what,
    )
    .await?;
    transaction.commit().await?;
    context.app.changes.tell(firm);
    Ok(redirect(&format!("/practices/{id}/edit")))
}

pub(super) async fn archive(
    context: Context,
    Path(id): Path<PracticeId>,
    Form(fields): Form<Confirm>,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let name = db::name(&mut transaction, firm, id).await?;
    let in_use = db::in_use(&mut transaction, firm, id).await?;
    let mut problems = Problems::default();
    if in_use.any() {
        problems.archive = String::from("The practice is still in use, see above.");
    } else if fields.name.trim() != name {
        problems.archive = format!("Name is not the practice's. Type {name}.");
    }
    if !problems.archive.is_empty() {
        return Ok(refuse(&page(&context, &mut transaction, id, None, problems).await?));
    }
    expectations::expect_no_drills(&mut transaction, context.now, firm, id).await?;
    db::archive(&mut transaction, context.now, firm, id).await?;
    let viewers = users::disable_viewers(&mut transaction, context.now, firm, id).await?;
    record(
        &context,
        &mut transaction,
        "practice.archived",
        id,
        About::Practice,
        (&name, json!({ "viewers_disabled": viewers })),
    )
    .await?;
    let by = &context.person()?.name;
    let sentence = format!("{by} archived the practice. Nothing is expected of it any more.");
    crate::alerts::tell_recipients(&context.app, &mut transaction, context.now, firm, id, &sentence).await?;
    transaction.commit().await?;
    context.app.changes.tell(firm);
    Ok(redirect("/practices"))
}
