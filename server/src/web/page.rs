//! Pages: what every page shows around its own content, error pages, and the identity of a request.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use tracing::Instrument as _;

use super::context::Context;
use super::session_cookie;
use crate::app::App;
use crate::db::Transaction;
use crate::error::{AppError, ErrorNotice};
use crate::users::Role;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Where a page stands in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What needs somebody today.
    Today,
    /// Practices and what belongs to one.
    Practices,
    /// Alerts.
    Alerts,
    /// Agents and their enrolment.
    Agents,
    /// Media.
    Media,
    /// Drills.
    Drills,
    /// Sent messages.
    Messages,
    /// The audit log.
    Audit,
    /// People and the own account.
    People,
    /// A practice viewer's own page.
    Practice,
    /// Pages outside the navigation.
    None,
}

/// What `templates/_layout/page.html` shows around a page.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The page's title, without the product's name.
    pub title: String,
    /// The marked place in the navigation.
    pub section: Section,
    /// Who is signed in.
    pub person: Option<LayoutPerson>,
    /// Open alerts that nobody acknowledged, in the title and the favicon.
    pub open_alerts: i64,
    /// Why nothing on this page may be believed at the moment.
    pub stale: Option<String>,
    /// Whether this is the demo.
    pub demo: bool,
    /// When the page was made.
    pub now: Timestamp,
    /// The page's own path, for the live refresh.
    pub path: String,
}

/// Who is signed in, as the layout shows it.
#[derive(Debug, Clone)]
pub struct LayoutPerson {
    /// Their name.
    pub name: String,
    /// Their firm's name.
    pub firm: String,
    /// What they may do.
    pub role: Role,
}

impl LayoutPerson {
    /// Whether they look after practices, as opposed to belonging to one.
    pub fn works_for_firm(&self) -> bool {
        self.role != Role::PracticeViewer
    }
}

impl Layout {
    /// The layout of a page for a stranger: sign-in, set-up, errors.
    pub fn plain(title: impl Into<String>, now: Timestamp) -> Self {
        Self {
            title: title.into(),
            section: Section::None,
            person: None,
            open_alerts: 0,
            stale: None,
            demo: false,
            now,
            path: String::new(),
        }
    }
}

impl Context {
    /// The layout of a page for whoever is signed in.
    pub async fn layout(
        &self,
        transaction: &mut Transaction,
        section: Section,
        title: impl Into<String>,
    ) -> Result<Layout, AppError> {
        let person = self.person()?;
        let open_alerts = match person.practice {
            Some(_) => 0,
            None => crate::alerts::count_open(transaction, person.firm).await?,
        };
        Ok(Layout {
            section,
            person: Some(LayoutPerson {
                name: person.name.clone(),
                firm: person.firm_name.clone(),
                role: person.role,
            }),
            open_alerts,
            stale: stale_notice(&self.app, self.now),
            demo: self.app.options.demo,
            path: self.path.clone(),
            ..Layout::plain(title, self.now)
        })
    }
}

fn stale_notice(app: &App, now: Timestamp) -> Option<String> {
    if app.pulse.is_alive(now) {
        return None;
    }
    Some(match app.pulse.last() {
        Some(last) => format!(
            "Evaluation stopped {} ago. Nothing below can be relied on until it runs again.",
            super::words::duration(now.duration_since(last))
        ),
        None => "Evaluation has not run since the server was started. Nothing below can be relied on until it has."
            .to_owned(),
    })
}

/// A rendered page, or the error page when the template cannot be rendered.
pub fn render(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => AppError::internal(error).into_response(),
    }
}

/// See other: the answer to a form that did what it was asked to (RFC 9110, 15.4.4).
pub fn redirect(path: &str) -> Response {
    match HeaderValue::try_from(path) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(error) => AppError::internal(error).into_response(),
    }
}

/// What a request is called in the log and on error pages, and where it came from.
#[derive(Debug, Clone, Default)]
pub struct RequestIdentity {
    /// 16 hexadecimal digits.
    pub request_id: String,
    /// The client's address.
    pub address: String,
}

/// The peer of a connection, put into each request by the listener.
#[derive(Debug, Clone, Copy)]
pub struct PeerAddress(pub SocketAddr);

/// Gives each request its identity and answers it with it.
pub async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let number = u64::from_be_bytes(crate::ids::random());
    let identity = RequestIdentity {
        request_id: format!("{number:016x}"),
        address: client_address(&app, &request),
    };
    request.extensions_mut().insert(identity.clone());
    let span = tracing::info_span!("request", id = identity.request_id, method = %request.method(), path = request.uri().path());
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(identity.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The peer's address, or what a trusted proxy says of it.
fn client_address(app: &App, request: &Request) -> String {
    let Some(PeerAddress(peer)) = request.extensions().get::<PeerAddress>().copied() else {
        return String::new();
    };
    let forwarded = request.headers().get_all("x-forwarded-for").iter();
    app.options
        .trusted_proxies
        .caller(peer.ip(), forwarded.filter_map(|value| value.to_str().ok()))
        .to_string()
}

#[derive(Template)]
#[template(path = "_layout/error.html")]
struct ErrorPage {
    layout: Layout,
    sentence: String,
    request_id: String,
    status: u16,
}

/// Turns what handlers refuse into a page that says what to do and carries the request's id.
pub async fn render_errors(State(app): State<App>, request: Request, next: Next) -> Response {
    let identity = request
        .extensions()
        .get::<RequestIdentity>()
        .cloned()
        .unwrap_or_default();
    let was_signed_in = session_cookie::read(request.headers()).is_some();
    let mut response = next.run(request).await;
    let notice = response.extensions_mut().remove::<ErrorNotice>();
    let status = response.status();
    let bare = (status.is_client_error() || status.is_server_error())
        && !response.headers().contains_key(header::CONTENT_TYPE);
    let sentence = match notice {
        Some(notice) => notice.sentence,
        None if bare => default_sentence(status),
        None => return response,
    };
    let title = if status == StatusCode::NOT_FOUND {
        "Nothing here"
    } else {
        "That did not work"
    };
    let page = ErrorPage {
        layout: Layout::plain(title, app.clock.now()),
        sentence,
        request_id: identity.request_id,
        status: status.as_u16(),
    };
    let mut rendered = render(&page);
    *rendered.status_mut() = status;
    if let Some(retry_after) = response.headers_mut().remove(header::RETRY_AFTER) {
        rendered.headers_mut().insert(header::RETRY_AFTER, retry_after);
    }
    if status == StatusCode::UNAUTHORIZED && was_signed_in {
        rendered
            .headers_mut()
            .insert(header::SET_COOKIE, session_cookie::clear());
    }
    rendered
}

fn default_sentence(status: StatusCode) -> String {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => "This address does not take that kind of request.".to_owned(),
        StatusCode::PAYLOAD_TOO_LARGE => "What was sent is larger than this page takes.".to_owned(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "What was sent is not a form.".to_owned(),
        StatusCode::REQUEST_TIMEOUT => "The request took too long to arrive. Try again.".to_owned(),
        _ => format!("The server answered: {status}."),
    }
}
