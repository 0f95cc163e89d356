//! What a reader's browser remembers: the colours they chose, and the zone of their clock. Cookies that carry no secret.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::extract::local_path;
use super::{Access, Audit, Form, Route};

const THEME: &str = "lastgood-theme";
/// Set by static/copy.js; without it every time is shown with its zone.
const ZONE: &str = "lastgood-zone";

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

/// The colours the request's cookie says; the system's without one.
pub fn theme(headers: &HeaderMap) -> Theme {
    cookie(headers, THEME)
        .and_then(|value| value.parse().ok())
        .unwrap_or(Theme::System)
}

/// The zone of the reader's clock, where their browser has said it.
pub fn zone(headers: &HeaderMap) -> Option<TimeZone> {
    TimeZone::get(cookie(headers, ZONE)?).ok()
}

fn cookie<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| *name == wanted)
        .map(|(_, value)| value)
}

/// The route that changes the colours.
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
        "{THEME}={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax",
        choice.theme
    );
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}
