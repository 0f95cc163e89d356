//! Light, dark, or as the system has it: chosen by the reader, kept in a cookie, rendered by the server.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use serde::Deserialize;

use super::extract::local_path;
use super::{Access, Audit, Form, Route};

/// Not a secret and bound to nothing, so a plain cookie: it only says which colours somebody likes.
const NAME: &str = "lastgood-theme";

crate::text_enum! {
    /// The colours somebody chose.
    pub enum Theme {
        /// As their system has it.
        System = "system",
        /// Dark on light.
        Light = "light",
        /// Light on dark.
        Dark = "dark",
    }
}

impl Theme {
    /// What its button says.
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// What the request's cookie says; the system's colours without one.
pub fn read(headers: &HeaderMap) -> Theme {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == NAME)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(Theme::System)
}

/// The route that changes it.
pub fn routes() -> Vec<Route> {
    vec![Route::post("/theme", Access::Anyone, Audit::Nothing, choose)]
}

#[derive(Debug, Deserialize)]
struct Choice {
    theme: Theme,
    next: String,
}

async fn choose(Form(choice): Form<Choice>) -> Response {
    let mut response = super::redirect(local_path(&choice.next));
    let cookie = format!(
        "{NAME}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
        choice.theme
    );
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
