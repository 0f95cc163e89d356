//! Refuses changes that another site asks a browser to make.

use axum::extract::Request;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use crate::error::AppError;

/// Lets a change pass only when the browser says that it comes from this site: `Sec-Fetch-Site` where it is sent, else an
/// `Origin` that equals the host asked for. A request with neither is refused. Agents' routes carry no cookie and are not
/// a browser's business.
pub async fn refuse_cross_site(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !request.uri().path().starts_with("/agent/") && !is_same_origin(request.headers()) {
        return AppError::Forbidden(
            "This change was not asked for by a page of this site. Open the page here and try again.",
        )
        .into_response();
    }
    next.run(request).await
}

fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text(header::HeaderName::from_static("sec-fetch-site")) {
        return site == "same-origin";
    }
    let (Some(origin), Some(host)) = (text(header::ORIGIN), text(header::HOST)) else {
        return false;
    };
    origin
        .split_once("://")
        .is_some_and(|(_, origin_host)| origin_host.eq_ignore_ascii_case(host))
}
