//! Somebody with a browser, and what they are answered.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http_body_util::BodyExt as _;
use secrecy::ExposeSecret as _;
use tower::ServiceExt as _;

use crate::web::extract::escape;
use crate::web::page::PeerAddress;
use crate::web::session_cookie::SessionToken;

/// Somebody with a browser, signed in or not.
#[derive(Clone, Copy)]
pub struct Visitor<'a> {
    router: &'a Router,
    token: Option<&'a SessionToken>,
    peer: PeerAddress,
}

impl<'a> Visitor<'a> {
    pub(super) fn new(router: &'a Router, token: Option<&'a SessionToken>) -> Self {
        Self {
            router,
            token,
            peer: PeerAddress("192.0.2.7:50000".parse().unwrap()),
        }
    }

    /// The same person at another address: `198.51.100.9`.
    #[must_use]
    pub fn at_address(mut self, address: &str) -> Self {
        self.peer.0.set_ip(address.parse().unwrap());
        self
    }

    /// Opens a page.
    pub async fn get(self, path: &str) -> Answer {
        let request = Request::builder().method(Method::GET).uri(path);
        self.send(request, Body::empty()).await
    }

    /// Sends a form of a page of this site.
    pub async fn post(self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let form: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.send(request, Body::from(form.join("&"))).await
    }

    /// Sends any request, as this visitor.
    pub async fn send(self, request: axum::http::request::Builder, body: Body) -> Answer {
        let (parts, body) = self.answer_to(request, body).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }

    /// Opens what does not end by itself: the answer's body is the caller's to read.
    pub async fn open(self, request: axum::http::request::Builder) -> Response {
        self.answer_to(request, Body::empty()).await
    }

    async fn answer_to(self, mut request: axum::http::request::Builder, body: Body) -> Response {
        if let Some(token) = self.token {
            let token = URL_SAFE_NO_PAD.encode(token.expose_secret());
            request = request.header(header::COOKIE, format!("__Host-lastgood={token}"));
        }
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(self.peer);
        self.router.clone().oneshot(request).await.unwrap()
    }
}

/// What a visitor was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it was sent.
    pub body: String,
}

impl Answer {
    /// What a reader sees: without markup, white space as single spaces, the commonest entities resolved.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for (index, part) in self.body.split('<').enumerate() {
            let shown = if index == 0 {
                part
            } else {
                part.split_once('>').map_or("", |(_, shown)| shown)
            };
            let tag: String = part
                .trim_start_matches('/')
                .chars()
                .take_while(char::is_ascii_alphanumeric)
                .collect();
            if !["a", "abbr", "b", "code", "em", "small", "span", "strong", "time"].contains(&tag.as_str()) {
                text.push(' ');
            }
            text.push_str(shown);
        }
        let text = text
            .replace("&#34;", "\"")
            .replace("&#39;", "'")
            .replace("&#60;", "<")
            .replace("&#62;", ">")
            .replace("&#38;", "&");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// A header, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The token of the session that this answer began.
    pub fn session(&self) -> SessionToken {
        let cookie = self.header("set-cookie").replace("; ", ";");
        let mut headers = HeaderMap::new();
        headers.insert(header::COOKIE, cookie.parse().unwrap());
        crate::web::session_cookie::read(&headers).expect("the answer should begin a session")
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub fn assert_status(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "the answer was: {}", self.text());
        self
    }

    /// Fails unless this sends the browser on to `path`.
    #[track_caller]
    pub fn assert_redirect(&self, path: &str) -> &Self {
        assert_eq!(
            (self.status.as_u16(), self.header("location")),
            (303, path),
            "the answer was: {}",
            self.text()
        );
        self
    }

    /// Fails unless a reader sees this.
    #[track_caller]
    pub fn assert_shows(&self, words: &str) -> &Self {
        let text = self.text();
        assert!(text.contains(words), "{words:?} should be shown in: {text}");
        self
    }

    /// Fails if this occurs anywhere in the answer, seen or not.
    #[track_caller]
    pub fn assert_hides(&self, words: &str) -> &Self {
        assert!(
            !self.body.contains(words),
            "{words:?} should not occur in: {}",
            self.text()
        );
        self
    }
}
