//! Extractors that answer with our error page, and treat a malformed id like a missing one.

use std::fmt::Write as _;

use axum::extract::rejection::{FormRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::error::AppError;

/// The ids in a path. One that cannot be an id is answered like one that does not exist.
#[derive(Debug, Clone, Copy)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Path<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        #[expect(clippy::disallowed_types, reason = "this is its replacement")]
        let path = axum::extract::Path::<T>::from_request_parts(parts, app).await;
        path.map(|path| Self(path.0)).map_err(|_| AppError::NotFound)
    }
}

/// The fields of a query string.
#[derive(Debug, Clone, Copy)]
pub struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Query<T> {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, AppError> {
        #[expect(clippy::disallowed_types, reason = "this is its replacement")]
        let query = axum::extract::Query::<T>::from_request_parts(parts, app).await;
        query.map(|query| Self(query.0)).map_err(|rejection: QueryRejection| {
            AppError::Invalid(format!("This address is not one of ours: {}.", rejection.body_text()))
        })
    }
}

/// The fields of a form. Text is trimmed and checked by [`field`].
#[derive(Debug, Clone, Copy)]
pub struct Form<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequest<App> for Form<T> {
    type Rejection = AppError;

    async fn from_request(request: Request, app: &App) -> Result<Self, AppError> {
        #[expect(clippy::disallowed_types, reason = "this is its replacement")]
        let form = axum::extract::Form::<T>::from_request(request, app).await;
        form.map(|form| Self(form.0)).map_err(|rejection: FormRejection| {
            AppError::Invalid(format!("The form could not be read: {}.", rejection.body_text()))
        })
    }
}

/// A text field of a form: trimmed, not empty, at most `most` characters, without control characters.
///
/// # Errors
/// [`AppError::Invalid`] naming the field and what is wrong with it.
pub fn field(name: &str, text: &str, most: usize) -> Result<String, AppError> {
    let text = optional_field(name, text, most)?;
    text.ok_or_else(|| AppError::Invalid(format!("{name} is empty. Fill it in.")))
}

/// Like [`field`], for one that may be left empty.
///
/// # Errors
/// [`AppError::Invalid`] naming the field and what is wrong with it.
pub fn optional_field(name: &str, text: &str, most: usize) -> Result<Option<String>, AppError> {
    let text = text.trim();
    if text
        .chars()
        .any(|c| c.is_control() && c != '\n' && c != '\t' && c != '\r')
        || text.contains('\0')
    {
        return Err(AppError::Invalid(format!(
            "{name} contains control characters. Type it again without them."
        )));
    }
    if text.chars().count() > most {
        return Err(AppError::Invalid(format!(
            "{name} is longer than {most} characters. Shorten it."
        )));
    }
    Ok((!text.is_empty()).then(|| text.to_owned()))
}

/// The value of a field, or nothing and what is wrong with it, to be shown beside the field.
///
/// # Errors
/// What the visitor cannot set right.
pub fn keep<Value: Default>(checked: Result<Value, AppError>, problem: &mut String) -> Result<Value, AppError> {
    match checked {
        Ok(value) => Ok(value),
        Err(AppError::Invalid(what) | AppError::Conflict(what)) => {
            *problem = what;
            Ok(Value::default())
        }
        Err(other) => Err(other),
    }
}

/// Percent-encodes everything that has a meaning in a query string.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => {
                escaped.push(char::from(byte));
            }
            _ => write!(escaped, "%{byte:02X}").expect("writing to a String does not fail"),
        }
    }
    escaped
}

/// A path of this server to go on to, or `/` for anything that leads elsewhere.
pub fn local_path(next: &str) -> &str {
    let leads_away = !next.starts_with('/') || next.starts_with("//") || next.contains('\\');
    if leads_away || next.chars().any(char::is_control) {
        "/"
    } else {
        next
    }
}
