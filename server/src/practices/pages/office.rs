//! `/practices/…/offices/add` and `/practices/…/offices/…/edit`.

use askama::Template;
use axum::response::Response;
use serde_json::json;

use super::closures::ClosureForm;
use super::fields::{OfficeErrors, OfficeFields, zones};
use super::{About, record};
use crate::db::Transaction;
use crate::error::AppError;
use crate::expectations;
use crate::ids::{OfficeId, PracticeId};
use crate::practices::offices::{self, ClosureRow};
use crate::practices::{OfficeDetails, add_office, db};
use crate::web::page::{refuse, render};
use crate::web::{Context, Form, Layout, Path, Section, redirect};

#[derive(Template)]
#[template(path = "practices/office_add.html")]
struct AddPage {
    layout: Layout,
    id: PracticeId,
    practice: String,
    office: OfficeFields,
    office_errors: OfficeErrors,
    zone_is_fixed: bool,
    zones: Vec<String>,
}

async fn add_page(
    context: &Context,
    transaction: &mut Transaction,
    id: PracticeId,
    office: Option<OfficeFields>,
    office_errors: OfficeErrors,
) -> Result<AddPage, AppError> {
    let firm = context.person()?.firm;
    let practice = db::name(transaction, firm, id).await?;
    let zone = offices::offices(transaction, firm, id)
        .await?
        .pop()
        .map(|office| office.details.zone);
    let usual = || OfficeFields::of(&OfficeDetails::usual("", zone.unwrap_or_default()));
    Ok(AddPage {
        layout: context.layout(transaction, Section::Practices, "Add an office").await?,
        id,
        practice,
        office: office.unwrap_or_else(usual),
        office_errors,
        zone_is_fixed: false,
        zones: zones(),
    })
}

pub(super) async fn show_add(context: Context, Path(id): Path<PracticeId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let page = add_page(&context, &mut transaction, id, None, OfficeErrors::default()).await?;
    transaction.commit().await?;
    Ok(render(&page))
}

pub(super) async fn add(
    context: Context,
    Path(id): Path<PracticeId>,
    Form(fields): Form<OfficeFields>,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    db::name(&mut transaction, firm, id).await?;
    let mut errors = OfficeErrors::default();
    let office = fields.details(&mut errors)?;
    if errors.any() {
        return Ok(refuse(
            &add_page(&context, &mut transaction, id, Some(fields), errors).await?,
        ));
    }
    let added = add_office(&mut transaction, context.now, firm, id, &office).await?;
    let what = (office.name.as_str(), json!({ "zone": office.zone }));
    record(
        &context,
        &mut transaction,
        "office.added",
        id,
        About::Office(added),
        what,
    )
    .await?;
    transaction.commit().await?;
    Ok(redirect(&format!("/practices/{id}/edit")))
}

#[derive(Template)]
#[template(path = "practices/office_edit.html")]
pub(super) struct EditPage {
    layout: Layout,
    id: PracticeId,
    office_id: OfficeId,
    practice: String,
    office: OfficeFields,
    office_errors: OfficeErrors,
    /// Its jobs' dates were written with it.
    zone_is_fixed: bool,
    zones: Vec<String>,
    closures: Vec<ClosureRow>,
    closure: ClosureForm,
}

pub(super) async fn edit_page(
    context: &Context,
    transaction: &mut Transaction,
    (id, office_id): (PracticeId, OfficeId),
    office: Option<(OfficeFields, OfficeErrors)>,
    closure: ClosureForm,
) -> Result<EditPage, AppError> {
    let firm = context.person()?.firm;
    let practice = db::name(transaction, firm, id).await?;
    let stored = offices::office(transaction, firm, id, office_id).await?;
    let title = format!("{practice}, {}", stored.details.name);
    let (office, office_errors) =
        office.unwrap_or_else(|| (OfficeFields::of(&stored.details), OfficeErrors::default()));
    Ok(EditPage {
        layout: context.layout(transaction, Section::Practices, title).await?,
        id,
        office_id,
        practice,
        office,
        office_errors,
        zone_is_fixed: stored.has_jobs,
        zones: zones(),
        closures: offices::closures(transaction, firm, office_id).await?,
        closure,
    })
}

pub(super) async fn show(context: Context, Path(place): Path<(PracticeId, OfficeId)>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let page = edit_page(&context, &mut transaction, place, None, ClosureForm::default()).await?;
    transaction.commit().await?;
    Ok(render(&page))
}

pub(super) async fn change(
    context: Context,
    Path((id, office_id)): Path<(PracticeId, OfficeId)>,
    Form(mut fields): Form<OfficeFields>,
) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let before = offices::office(&mut transaction, person.firm, id, office_id).await?;
    if before.has_jobs {
        // These two stand on the page as text then, and are not sent.
        let stored = OfficeFields::of(&before.details);
        fields.zone = stored.zone;
        fields.starts = stored.starts;
    }
    let mut errors = OfficeErrors::default();
    let office = fields.details(&mut errors)?;
    if errors.any() {
        let (place, typed) = ((id, office_id), Some((fields, errors)));
        return Ok(refuse(
            &edit_page(&context, &mut transaction, place, typed, ClosureForm::default()).await?,
        ));
    }
    offices::change_office(&mut transaction, person.firm, office_id, &office).await?;
    expectations::closures_changed(&mut transaction, context.now, person.firm, office_id).await?;
    let details = json!({
        "zone": office.zone, "closed_weekdays": office.closed_weekdays, "from": before.details.closed_weekdays,
    });
    let what = (office.name.as_str(), details);
    record(
        &context,
        &mut transaction,
        "office.changed",
        id,
        About::Office(office_id),
        what,
    )
    .await?;
    let closes_more = office
        .closed_weekdays
        .iter()
        .any(|day| !before.details.closed_weekdays.contains(day));
    if closes_more {
        let sentence = format!(
            "{} closed {} on more days of the week. Nothing is expected there on a closed day.",
            person.name, office.name
        );
        crate::alerts::tell_recipients(&context.app, &mut transaction, context.now, person.firm, id, &sentence).await?;
    }
    transaction.commit().await?;
    context.app.changes.tell(person.firm);
    Ok(redirect(&format!("/practices/{id}/edit")))
}
