//! The route table: no route exists without saying who may call it and what it leaves in the audit log.

use std::fmt;

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use jiff::{SignedDuration, Timestamp};

use super::context::{Context, Person};
use super::session_cookie::{self, SessionToken};
use crate::app::App;
use crate::error::AppError;
use crate::users::Role;

/// How long after entering their password a person may do what quiets alerting.
pub const FRESH_SIGN_IN: SignedDuration = SignedDuration::from_mins(10);

/// Who may call a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody, without a session: sign-in, health, static files.
    Anyone,
    /// An agent, by the token that signs its request; the handler verifies it.
    Agent,
    /// Anybody signed in, practice viewers included.
    SignedIn,
    /// A practice viewer alone.
    Viewer,
    /// Owner, technician or read-only: who works for the firm. For a practice viewer the route does not exist.
    Reader,
    /// Owner or technician: who changes things.
    Operator,
    /// The firm's owner.
    Owner,
}

impl Access {
    /// Whether somebody of this role may call the route; `None` is a visitor without a session.
    pub fn admits(self, role: Option<Role>) -> bool {
        match self {
            Self::Anyone | Self::Agent => true,
            Self::SignedIn => role.is_some(),
            Self::Viewer => role == Some(Role::PracticeViewer),
            Self::Reader => role.is_some_and(|role| role != Role::PracticeViewer),
            Self::Operator => matches!(role, Some(Role::Owner | Role::Technician)),
            Self::Owner => role == Some(Role::Owner),
        }
    }
}

/// What a successful call leaves in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audit {
    /// Nothing: it changes nothing.
    Nothing,
    /// One entry with this action, in the transaction of the change.
    Records(&'static str),
}

/// What the `{…}` in a path stand for, and so whom they are open to. In every case one that is unknown is answered with 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ids {
    /// Rows of one's firm. Another firm's and another practice's are answered like those that do not exist.
    Rows,
    /// The secret of a one-time link, which lets in whoever has it, once.
    Link,
    /// The secret of the link that sets a server up: worth nothing from its first firm on.
    FirstLink,
    /// The name of a file that is inside the program, the same for everybody.
    File,
}

/// One line of the route table.
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, with `{…}` for its ids.
    pub path: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What the ids in the path are.
    pub ids: Ids,
    /// What it records.
    pub audit: Audit,
    /// Whether the sign-in must be fresh ([`FRESH_SIGN_IN`]), because the route quiets alerting.
    pub fresh: bool,
    handler: MethodRouter<App>,
}

impl Route {
    /// A page or a download; it changes nothing.
    pub fn get<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, handler: H) -> Self {
        let handler = on(MethodFilter::GET, handler);
        Self {
            method: Method::GET,
            path,
            access,
            ids: Ids::Rows,
            audit: Audit::Nothing,
            fresh: false,
            handler,
        }
    }

    /// A change.
    pub fn post<H: Handler<T, App>, T: 'static>(path: &'static str, access: Access, audit: Audit, handler: H) -> Self {
        let handler = on(MethodFilter::POST, handler);
        Self {
            method: Method::POST,
            path,
            access,
            ids: Ids::Rows,
            audit,
            fresh: false,
            handler,
        }
    }

    /// The same route, whose path holds something else than ids of rows.
    #[must_use]
    pub fn by(mut self, ids: Ids) -> Self {
        self.ids = ids;
        self
    }

    /// The same route, for those alone who entered their password within the last minutes.
    #[must_use]
    pub fn fresh(mut self) -> Self {
        self.fresh = true;
        self
    }
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {:?} {:?}", self.method, self.path, self.access, self.audit)
    }
}

#[derive(Clone)]
struct Guard {
    app: App,
    access: Access,
    fresh: bool,
}

/// The router of a table, each route behind its guard.
pub fn router(app: &App, table: Vec<Route>) -> Router<App> {
    table.into_iter().fold(Router::new(), |router, route| {
        let guard = Guard {
            app: app.clone(),
            access: route.access,
            fresh: route.fresh,
        };
        router.route(route.path, route.handler.layer(from_fn_with_state(guard, admit)))
    })
}

/// Finds out who is calling, refuses whom the route does not admit, and hands the rest their [`Context`].
async fn admit(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    if guard.access == Access::Agent {
        return next.run(request).await;
    }
    let now = guard.app.clock.now();
    let token = session_cookie::read(request.headers());
    let person = match signed_in(&guard.app, token, now, asks_by_itself(&request)).await {
        Ok(person) => person,
        Err(error) => return error.into_response(),
    };
    if !guard.access.admits(person.as_ref().map(|person| person.role)) {
        return refuse(&guard, &request, person.as_ref());
    }
    if guard.fresh
        && !person
            .as_ref()
            .is_some_and(|person| person.signed_in_since(now - FRESH_SIGN_IN))
    {
        return super::page::redirect(&format!("/sign-in/again?next={}", referring_path(&request))).into_response();
    }
    let context = Context::of_request(guard.app, now, person, &request);
    request.extensions_mut().insert(context);
    next.run(request).await
}

async fn signed_in(
    app: &App,
    token: Option<SessionToken>,
    now: Timestamp,
    by_itself: bool,
) -> Result<Option<Person>, AppError> {
    match token {
        Some(token) if by_itself => crate::users::sessions::person_watching(app, now, &token).await,
        Some(token) => crate::users::sessions::person_of(app, now, &token).await,
        None => Ok(None),
    }
}

/// Whether an open page asks, not a person: htmx marks its requests, and ours only refresh (static/live.js).
fn asks_by_itself(request: &Request) -> bool {
    request.method() == Method::GET && request.headers().contains_key("hx-request")
}

/// A stranger is sent to sign in; a practice viewer is told that there is nothing here; a colleague that they may not.
fn refuse(guard: &Guard, request: &Request, person: Option<&Person>) -> Response {
    match person {
        None if request.method() == Method::GET && wants_page(request) => {
            let here = request.uri().path_and_query().map_or("/", |path| path.as_str());
            super::page::redirect(&format!("/sign-in?next={}", super::extract::escape(here))).into_response()
        }
        None => AppError::SignInNeeded.into_response(),
        Some(person) if person.role == Role::PracticeViewer || guard.access == Access::Viewer => {
            AppError::NotFound.into_response()
        }
        Some(_) => AppError::Forbidden("Your account may look at this and not change it. Ask an owner of your firm.")
            .into_response(),
    }
}

fn wants_page(request: &Request) -> bool {
    let accepts = request
        .headers()
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .unwrap_or("text/html");
    accepts.contains("text/html") || accepts.contains("*/*")
}

/// The page a form was on, to come back to after entering the password again.
fn referring_path(request: &Request) -> String {
    let referrer = request
        .headers()
        .get(header::REFERER)
        .and_then(|referrer| referrer.to_str().ok())
        .unwrap_or("/");
    let path = referrer
        .split_once("://")
        .and_then(|(_, rest)| rest.find('/').and_then(|slash| rest.get(slash..)))
        .unwrap_or("/");
    super::extract::escape(path)
}

/// The answer of addresses that are in no table.
pub async fn nowhere() -> AppError {
    AppError::NotFound
}

/// The answer of a known address to an unknown method.
pub async fn wrong_method() -> Response {
    StatusCode::METHOD_NOT_ALLOWED.into_response()
}
