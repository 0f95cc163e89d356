//! The account page and what it changes.

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};

use super::db::{self, SessionRow};
use crate::audit::Entry;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::SessionId;
use crate::users::sign_in::{self, Proof};
use crate::users::{password, sessions, set_password};
use crate::web::extract::keep;
use crate::web::page::{refuse, render};
use crate::web::words;
use crate::web::{Access, Audit, Context, Form, Layout, Path, Person, Route, Section, redirect};

/// The routes of the own account.
pub(in crate::users) fn routes() -> Vec<Route> {
    let ended = Audit::Records("session.ended");
    vec![
        Route::get("/account", Access::SignedIn, show),
        Route::post("/account/sessions/{session}/end", Access::SignedIn, ended, end),
        Route::post("/account/sessions/end-others", Access::SignedIn, ended, end_others),
        Route::post(
            "/account/password",
            Access::SignedIn,
            Audit::Records("password.changed"),
            change_password,
        ),
    ]
}

#[derive(Default)]
struct Errors {
    current: String,
    password: String,
}

#[derive(Template)]
#[template(path = "users/account.html")]
struct AccountPage {
    layout: Layout,
    person: Person,
    sessions: Vec<SessionRow>,
    errors: Errors,
}

impl AccountPage {
    async fn new(context: &Context, errors: Errors) -> Result<Self, AppError> {
        let person = context.person()?.clone();
        let mut transaction = context.begin().await?;
        let page = Self {
            layout: context
                .layout(&mut transaction, Section::People, "Your account")
                .await?,
            sessions: db::sessions(&mut transaction, context.now, person.firm, person.user).await?,
            person,
            errors,
        };
        transaction.commit().await?;
        Ok(page)
    }
}

async fn show(context: Context) -> Result<Response, AppError> {
    Ok(render(&AccountPage::new(&context, Errors::default()).await?))
}

async fn end(context: Context, Path(session): Path<SessionId>) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    if !sessions::end(&mut transaction, context.now, person.firm, person.user, session).await? {
        return Err(AppError::NotFound);
    }
    record(
        &context,
        &mut transaction,
        "session.ended",
        json!({ "session": session }),
    )
    .await?;
    transaction.commit().await?;
    Ok(redirect("/account"))
}

async fn end_others(context: Context) -> Result<Response, AppError> {
    let person = context.person()?;
    let kept = Some(person.session);
    let mut transaction = context.begin().await?;
    let ended = sessions::end_all(&mut transaction, context.now, person.firm, person.user, kept).await?;
    record(&context, &mut transaction, "session.ended", json!({ "ended": ended })).await?;
    transaction.commit().await?;
    Ok(redirect("/account"))
}

#[derive(Deserialize)]
struct PasswordFields {
    #[serde(default)]
    current: SecretString,
    #[serde(default)]
    password: SecretString,
}

async fn change_password(context: Context, Form(form): Form<PasswordFields>) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut errors = Errors::default();
    keep(password::check(&form.password, &person.email), &mut errors.password)?;
    if !errors.password.is_empty() {
        return Ok(refuse(&AccountPage::new(&context, errors).await?));
    }
    let proof = sign_in::prove(
        &context.app,
        context.now,
        &person.email,
        &context.address,
        &form.current,
    )
    .await?;
    let account = match proof {
        Proof::Fits(account) => account,
        Proof::Wrong => {
            "Your present password is another one. Type it again.".clone_into(&mut errors.current);
            return Ok(refuse(&AccountPage::new(&context, errors).await?));
        }
        Proof::Refused { until } => {
            let wait = until.duration_since(context.now);
            errors.current = format!("Too many tries failed. Try again in {}.", words::duration(wait));
            let mut response = render(&AccountPage::new(&context, errors).await?);
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            let seconds = HeaderValue::from(wait.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return Ok(response);
        }
    };
    let password_hash = context.app.hashing.hash(&form.password).await?;
    let mut transaction = context.app.db.begin(Scope::Everything).await?;
    if !sign_in::still_stands(&mut transaction, &account).await? {
        return Err(AppError::Conflict(
            "Your password was changed elsewhere at the same moment. Sign in again.".to_owned(),
        ));
    }
    sign_in::forgive(&mut transaction, &account, &context.address).await?;
    set_password(&mut transaction, person.firm, person.user, &password_hash).await?;
    sessions::end_all(
        &mut transaction,
        context.now,
        person.firm,
        person.user,
        Some(person.session),
    )
    .await?;
    record(
        &context,
        &mut transaction,
        "password.changed",
        json!({ "how": "account" }),
    )
    .await?;
    transaction.commit().await?;
    Ok(redirect("/account"))
}

async fn record(
    context: &Context,
    transaction: &mut Transaction,
    action: &'static str,
    details: Value,
) -> Result<(), AppError> {
    let person = context.person()?;
    let entry = Entry {
        action,
        practice: person.practice,
        subject_kind: "person",
        subject: Some(person.user.0),
        subject_name: &person.name,
        details,
    };
    context.record(transaction, entry).await
}
