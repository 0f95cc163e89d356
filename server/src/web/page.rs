//! Answers of pages: rendering, redirects, error pages, and the identity of a request.

use std::net::SocketAddr;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use tracing::Instrument as _;

use super::{reader, session_cookie};
use crate::app::App;
use crate::error::{AppError, ErrorNotice};

pub use super::layout::{Layout, LayoutPerson, Section};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A rendered page, or the error page when the template cannot be rendered.
pub fn render(template: &impl Template) -> Response {
    match template.render() {
        Ok(html) => Html(html).into_response(),
        Err(error) => AppError::internal(error).into_response(),
    }
}

/// A form again, with what was typed and what is wrong with it.
pub fn refuse(template: &impl Template) -> Response {
    let mut response = render(template);
    if response.status().is_success() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
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
    let span = tracing::info_span!("request", id = identity.request_id, method = %request.method(), path = loggable(request.uri().path()));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::try_from(identity.request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A path as the log may hold it: one-time links carry their secret in the path.
fn loggable(path: &str) -> &str {
    ["/set-up", "/set-password"]
        .into_iter()
        .find(|link| path.strip_prefix(link).is_some_and(|rest| rest.starts_with('/')))
        .unwrap_or(path)
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
    let theme = reader::theme(request.headers());
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
        layout: Layout {
            theme,
            ..Layout::plain(title, app.clock.now())
        },
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
