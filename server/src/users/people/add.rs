//! `/people/add`: somebody new, with a link by which they choose their password.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::{pages, role_options};
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId};
use crate::practices;
use crate::users::setup::password_link;
use crate::users::{self, NewPerson, Role, email};
use crate::web::Section;
use crate::web::extract::{field, keep};
use crate::web::page::{refuse, render};
use crate::web::{Context, Form, Layout};

#[derive(Default, Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    practice: String,
    #[serde(default)]
    receives_alerts: Option<String>,
}

#[derive(Default)]
struct Errors {
    name: String,
    email: String,
    role: String,
    practice: String,
}

impl Errors {
    fn any(&self) -> bool {
        [&self.name, &self.email, &self.role, &self.practice]
            .iter()
            .any(|error| !error.is_empty())
    }
}

#[derive(Template)]
#[template(path = "users/add.html")]
struct AddPage {
    layout: Layout,
    form: Fields,
    errors: Errors,
    roles: Vec<(String, &'static str)>,
    practices: Vec<(PracticeId, String)>,
}

impl AddPage {
    async fn new(
        context: &Context,
        transaction: &mut Transaction,
        form: Fields,
        errors: Errors,
    ) -> Result<Self, AppError> {
        Ok(Self {
            layout: context.layout(transaction, Section::People, "Add somebody").await?,
            form,
            errors,
            roles: role_options(),
            practices: practices::names(transaction, context.person()?.firm).await?,
        })
    }
}

pub(super) async fn show(context: Context) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let form = Fields {
        role: Role::Technician.to_string(),
        receives_alerts: Some("true".to_owned()),
        ..Fields::default()
    };
    let page = AddPage::new(&context, &mut transaction, form, Errors::default()).await?;
    transaction.commit().await?;
    Ok(render(&page))
}

pub(super) async fn submit(context: Context, Form(fields): Form<Fields>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let mut errors = Errors::default();
    let role = keep(role(&fields.role).map(Some), &mut errors.role)?;
    let mut person = NewPerson {
        email: keep(email(&fields.email), &mut errors.email)?,
        name: keep(field("Name", &fields.name, 200), &mut errors.name)?,
        role: role.unwrap_or(Role::ReadOnly),
        practice: None,
        receives_alerts: fields.receives_alerts.is_some() && role != Some(Role::PracticeViewer),
    };
    if role == Some(Role::PracticeViewer) {
        let chosen = practice(&mut transaction, firm, &fields.practice).await.map(Some);
        person.practice = keep(chosen, &mut errors.practice)?;
    }
    let added = if errors.any() {
        None
    } else {
        let added = users::add(&mut transaction, context.now, firm, &person, None).await;
        keep(added.map(Some), &mut errors.email)?
    };
    let Some(user) = added else {
        return Ok(refuse(&AddPage::new(&context, &mut transaction, fields, errors).await?));
    };
    let link = password_link(&context.app, &mut transaction, context.now, firm, user).await?;
    let entry = Entry {
        action: "person.added",
        practice: person.practice,
        subject_kind: "person",
        subject: Some(user.0),
        subject_name: &person.name,
        details: json!({ "email": person.email, "role": person.role, "receives_alerts": person.receives_alerts }),
    };
    context.record(&mut transaction, entry).await?;
    let title = format!("{} was added", person.name);
    let layout = context.layout(&mut transaction, Section::People, title).await?;
    transaction.commit().await?;
    Ok(pages::link(layout, &person.name, &person.email, link))
}

/// The role of a form.
pub(super) fn role(word: &str) -> Result<Role, AppError> {
    word.parse()
        .map_err(|problem| AppError::Invalid(format!("Role {problem}.")))
}

/// The practice of a form: one of the firm's that is in use.
pub(super) async fn practice(transaction: &mut Transaction, firm: FirmId, id: &str) -> Result<PracticeId, AppError> {
    if let Ok(practice) = id.parse()
        && practices::keep_in_use(transaction, firm, practice).await?
    {
        return Ok(practice);
    }
    Err(AppError::Invalid(
        "Practice is not chosen. A practice viewer sees one practice: choose it.".to_owned(),
    ))
}
