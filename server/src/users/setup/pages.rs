//! `/set-up/…` and `/set-password/…`.

use askama::Template;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::db::{self, Invited};
use super::hash;
use crate::audit::{self, Actor, Entry, Origin};
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::firms;
use crate::ids::{FirmId, PracticeId, UserId};
use crate::users::model::{NewPerson, Role, email};
use crate::users::sessions::{self, NewSession};
use crate::users::sign_in::{go_on, user_agent};
use crate::users::{self, password};
use crate::web::extract::{field, keep};
use crate::web::page::{refuse, render};
use crate::web::session_cookie::SessionToken;
use crate::web::{Access, Audit, Context, Form, Ids, Layout, Path, Route};

/// The routes of one-time links.
pub(in crate::users) fn routes() -> Vec<Route> {
    vec![
        Route::get("/set-up/{token}", Access::Anyone, show_set_up).by(Ids::FirstLink),
        Route::post("/set-up/{token}", Access::Anyone, Audit::Records("firm.added"), set_up).by(Ids::FirstLink),
        Route::get("/set-password/{token}", Access::Anyone, show_password).by(Ids::Link),
        Route::post(
            "/set-password/{token}",
            Access::Anyone,
            Audit::Records("password.changed"),
            set_password,
        )
        .by(Ids::Link),
    ]
}

#[derive(Template)]
#[template(path = "users/link_is_void.html")]
struct VoidPage {
    layout: Layout,
    first_owner: bool,
}

/// Unknown, used and ended links are answered alike: whoever guesses learns nothing.
fn void(context: &Context, first_owner: bool) -> Response {
    let page = VoidPage {
        layout: Layout::plain("This link works no longer", context.now),
        first_owner,
    };
    let mut response = render(&page);
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

#[derive(Default, Deserialize)]
struct SetUp {
    #[serde(default)]
    firm: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
}

#[derive(Default)]
struct SetUpErrors {
    firm: String,
    name: String,
    email: String,
    password: String,
}

#[derive(Template)]
#[template(path = "users/set_up.html")]
struct SetUpPage {
    layout: Layout,
    form: SetUp,
    errors: SetUpErrors,
}

impl SetUpPage {
    fn new(context: &Context, form: SetUp, errors: SetUpErrors) -> Self {
        Self {
            layout: Layout::plain("Set up Lastgood", context.now),
            form,
            errors,
        }
    }
}

/// Whether this link may set the server up now.
async fn is_usable(context: &Context, token: &str) -> Result<bool, AppError> {
    let mut transaction = context.app.db.begin(Scope::Everything).await?;
    let usable = db::is_first_owner_link(&mut transaction, context.now, &hash(token)).await?
        && firms::any_firm(&mut transaction).await?.is_none();
    transaction.commit().await?;
    Ok(usable)
}

async fn show_set_up(context: Context, Path(token): Path<String>) -> Result<Response, AppError> {
    if !is_usable(&context, &token).await? {
        return Ok(void(&context, true));
    }
    let page = SetUpPage::new(&context, SetUp::default(), SetUpErrors::default());
    Ok(render(&page))
}

async fn set_up(
    context: Context,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(form): Form<SetUp>,
) -> Result<Response, AppError> {
    if !is_usable(&context, &token).await? {
        return Ok(void(&context, true));
    }
    let mut errors = SetUpErrors::default();
    let firm_name = keep(field("Firm", &form.firm, 200), &mut errors.firm)?;
    let owner = NewPerson {
        email: keep(email(&form.email), &mut errors.email)?,
        name: keep(field("Your name", &form.name, 200), &mut errors.name)?,
        role: Role::Owner,
        practice: None,
        receives_alerts: true,
    };
    keep(password::check(&form.password, &owner.email), &mut errors.password)?;
    if [&errors.firm, &errors.name, &errors.email, &errors.password]
        .iter()
        .any(|error| !error.is_empty())
    {
        return Ok(refuse(&SetUpPage::new(&context, form, errors)));
    }
    let password_hash = context.app.hashing.hash(&form.password).await?;
    let mut transaction = context.app.db.begin(Scope::Everything).await?;
    let usable = db::use_first_owner_link(&mut transaction, context.now, &hash(&token)).await?;
    if !usable || firms::any_firm(&mut transaction).await?.is_some() {
        return Ok(void(&context, true));
    }
    let firm_id = firms::add(&mut transaction, context.now, &firm_name).await?;
    let user = users::add(&mut transaction, context.now, firm_id, &owner, Some(&password_hash)).await?;
    let entry = Entry {
        action: "firm.added",
        practice: None,
        subject_kind: "firm",
        subject: Some(firm_id.0),
        subject_name: &firm_name,
        details: json!({ "owner": owner.email }),
    };
    let who = Who {
        firm: firm_id,
        user,
        practice: None,
        name: &owner.name,
    };
    let session = begin(&context, &mut transaction, &headers, &who, entry).await?;
    transaction.commit().await?;
    Ok(go_on("/", &session))
}

struct Who<'a> {
    firm: FirmId,
    user: UserId,
    practice: Option<PracticeId>,
    name: &'a str,
}

/// Records what they did and signs them in.
async fn begin(
    context: &Context,
    transaction: &mut Transaction,
    headers: &HeaderMap,
    who: &Who<'_>,
    entry: Entry<'_>,
) -> Result<SessionToken, AppError> {
    let actor = Actor::User {
        firm: who.firm,
        user: who.user,
        name: who.name,
    };
    let origin = Origin {
        address: &context.address,
        request_id: &context.request_id,
    };
    audit::record(transaction, context.now, actor, origin, entry).await?;
    let session = NewSession {
        firm: who.firm,
        user: who.user,
        practice: who.practice,
        address: &context.address,
        user_agent: &user_agent(headers),
        idle_expires_at: context.now + context.app.options.session_idle,
        expires_at: context.now + context.app.options.session_absolute,
    };
    sessions::begin(transaction, context.now, &session).await
}

#[derive(Template)]
#[template(path = "users/set_password.html")]
struct PasswordPage {
    layout: Layout,
    person: Invited,
    problem: String,
}

#[derive(Deserialize)]
struct NewPassword {
    #[serde(default)]
    password: SecretString,
}

async fn show_password(context: Context, Path(token): Path<String>) -> Result<Response, AppError> {
    let mut transaction = context.app.db.begin(Scope::Everything).await?;
    let invited = db::invited(&mut transaction, context.now, &hash(&token)).await?;
    transaction.commit().await?;
    let Some(person) = invited else {
        return Ok(void(&context, false));
    };
    Ok(render(&PasswordPage {
        layout: Layout::plain("Choose your password", context.now),
        person,
        problem: String::new(),
    }))
}

async fn set_password(
    context: Context,
    Path(token): Path<String>,
    headers: HeaderMap,
    Form(form): Form<NewPassword>,
) -> Result<Response, AppError> {
    let mut transaction = context.app.db.begin(Scope::Everything).await?;
    let invited = db::invited(&mut transaction, context.now, &hash(&token)).await?;
    transaction.commit().await?;
    let Some(person) = invited else {
        return Ok(void(&context, false));
    };
    let mut problem = String::new();
    keep(password::check(&form.password, &person.email), &mut problem)?;
    if !problem.is_empty() {
        let layout = Layout::plain("Choose your password", context.now);
        return Ok(refuse(&PasswordPage {
            layout,
            person,
            problem,
        }));
    }
    let password_hash = context.app.hashing.hash(&form.password).await?;
    let mut transaction = context.app.db.begin(Scope::Everything).await?;
    if !db::use_password_links(&mut transaction, context.now, &hash(&token), &person).await? {
        return Ok(void(&context, false));
    }
    users::set_password(&mut transaction, person.firm, person.user, &password_hash).await?;
    sessions::end_all(&mut transaction, context.now, person.firm, person.user, None).await?;
    let entry = Entry {
        action: "password.changed",
        practice: person.practice,
        subject_kind: "person",
        subject: Some(person.user.0),
        subject_name: &person.name,
        details: json!({ "how": "link" }),
    };
    let who = Who {
        firm: person.firm,
        user: person.user,
        practice: person.practice,
        name: &person.name,
    };
    let session = begin(&context, &mut transaction, &headers, &who, entry).await?;
    transaction.commit().await?;
    Ok(go_on("/", &session))
}
