//! `/sign-in`, `/sign-in/again`, `/sign-out`.

use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::{Tried, Try, sign_in};
use crate::audit::{Entry, Origin};
use crate::error::AppError;
use crate::users::sessions;
use crate::web::extract::local_path;
use crate::web::page::{refuse, render};
use crate::web::session_cookie::{self, SessionToken};
use crate::web::words;
use crate::web::{Access, Audit, Context, Form, Layout, Query, Route, redirect};

/// The routes of signing in and out.
pub(in crate::users) fn routes() -> Vec<Route> {
    vec![
        Route::get("/sign-in", Access::Anyone, show),
        Route::post("/sign-in", Access::Anyone, Audit::Records("session.begun"), submit),
        Route::get("/sign-in/again", Access::SignedIn, show_again),
        Route::post(
            "/sign-in/again",
            Access::SignedIn,
            Audit::Records("session.begun"),
            submit_again,
        ),
        Route::post("/sign-out", Access::SignedIn, Audit::Records("session.ended"), sign_out),
    ]
}

#[derive(Debug, Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct SignIn {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
    #[serde(default)]
    next: String,
}

/// What stands above the form after a try that did not sign in.
enum Problem {
    Wrong,
    TooMany { seconds: u64, wait: String },
}

#[derive(Template)]
#[template(path = "users/sign_in.html")]
struct SignInPage {
    layout: Layout,
    /// Who enters their password again; nobody at a first sign-in.
    again: Option<String>,
    email: String,
    next: String,
    problem: Option<Problem>,
}

impl SignInPage {
    fn new(now: Timestamp, next: &str) -> Self {
        Self {
            layout: Layout::plain("Sign in", now),
            again: None,
            email: String::new(),
            next: local_path(next).to_owned(),
            problem: None,
        }
    }

    fn again(context: &Context, next: &str) -> Result<Self, AppError> {
        let person = context.person()?;
        Ok(Self {
            layout: Layout::plain("Enter your password again", context.now),
            again: Some(person.name.clone()),
            email: person.email.clone(),
            ..Self::new(context.now, next)
        })
    }
}

async fn show(context: Context, Query(Next { next }): Query<Next>) -> Result<Response, AppError> {
    if context.visitor().is_some() {
        return Ok(redirect(local_path(&next)));
    }
    Ok(render(&SignInPage::new(context.now, &next)))
}

async fn submit(context: Context, headers: HeaderMap, Form(form): Form<SignIn>) -> Result<Response, AppError> {
    let page = SignInPage {
        email: form.email.trim().chars().take(300).collect(),
        ..SignInPage::new(context.now, &form.next)
    };
    answer(&context, &headers, &form.password, page).await
}

async fn show_again(context: Context, Query(Next { next }): Query<Next>) -> Result<Response, AppError> {
    Ok(render(&SignInPage::again(&context, &next)?))
}

async fn submit_again(context: Context, headers: HeaderMap, Form(form): Form<SignIn>) -> Result<Response, AppError> {
    let page = SignInPage::again(&context, &form.next)?;
    answer(&context, &headers, &form.password, page).await
}

/// Tries the account of the page with this password: goes on to where the visitor wanted to, or shows the page again.
async fn answer(
    context: &Context,
    headers: &HeaderMap,
    password: &SecretString,
    mut page: SignInPage,
) -> Result<Response, AppError> {
    let replaces = session_cookie::read(headers);
    let attempt = Try {
        email: &page.email,
        password,
        origin: Origin {
            address: &context.address,
            request_id: &context.request_id,
        },
        user_agent: &user_agent(headers),
        replaces: replaces.as_ref(),
    };
    match sign_in(&context.app, context.now, &attempt).await? {
        Tried::SignedIn(token) => Ok(go_on(&page.next, &token)),
        Tried::Wrong => {
            page.problem = Some(Problem::Wrong);
            Ok(refuse(&page))
        }
        Tried::Refused { until } => {
            let wait = until.duration_since(context.now);
            let seconds = u64::try_from(wait.as_secs()).unwrap_or_default().max(1);
            page.problem = Some(Problem::TooMany {
                seconds,
                wait: words::duration(wait),
            });
            let mut response = render(&page);
            *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            Ok(response)
        }
    }
}

/// To where they wanted to go, with their session.
pub(in crate::users) fn go_on(next: &str, token: &SessionToken) -> Response {
    let mut response = redirect(local_path(next));
    response
        .headers_mut()
        .insert(header::SET_COOKIE, session_cookie::set(token));
    response
}

/// What the browser says it is, cut to what is worth keeping.
pub(in crate::users) fn user_agent(headers: &HeaderMap) -> String {
    let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok());
    agent.unwrap_or_default().chars().take(300).collect()
}

async fn sign_out(context: Context) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    sessions::end(&mut transaction, context.now, person.firm, person.user, person.session).await?;
    let entry = Entry {
        action: "session.ended",
        practice: person.practice,
        subject_kind: "person",
        subject: Some(person.user.0),
        subject_name: &person.name,
        details: json!({}),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    let mut response = redirect("/sign-in");
    response
        .headers_mut()
        .insert(header::SET_COOKIE, session_cookie::clear());
    Ok(response)
}
