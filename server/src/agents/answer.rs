//! What an agent's request is answered with when it is not carried out: always JSON, always with the server's clock.

use axum::Json;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use jiff::Timestamp;
use lastgood_protocol::{MAX_BATCH_BYTES, Problem, ProblemClass};

use crate::app::App;
use crate::error::AppError;

/// Seconds an agent is asked to wait when nothing can be stored.
const UNAVAILABLE_RETRY: u64 = 5;

/// Why an agent's request is not carried out. An agent acts on its class alone; the sentence is for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: StatusCode,
    class: ProblemClass,
    message: String,
    field: Option<String>,
    retry_after: Option<u64>,
}

impl Refusal {
    /// A refusal with the usual status of its class.
    pub fn new(class: ProblemClass, message: impl Into<String>) -> Self {
        let status = match class {
            ProblemClass::Malformed => StatusCode::BAD_REQUEST,
            ProblemClass::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ProblemClass::Unauthenticated | ProblemClass::Clock | ProblemClass::UnknownAgent => {
                StatusCode::UNAUTHORIZED
            }
            ProblemClass::TokenUnknown | ProblemClass::TokenUsed | ProblemClass::TokenExpired => StatusCode::FORBIDDEN,
            ProblemClass::SlowDown => StatusCode::TOO_MANY_REQUESTS,
            ProblemClass::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ProblemClass::NotFound => StatusCode::NOT_FOUND,
        };
        Self {
            status,
            class,
            message: message.into(),
            field: None,
            retry_after: None,
        }
    }

    /// Readable JSON that says something impossible in this field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            field: Some(field.into()),
            ..Self::new(ProblemClass::Malformed, message)
        }
    }

    /// Too many requests: wait so many seconds.
    pub fn slow_down(seconds: u64) -> Self {
        Self {
            retry_after: Some(seconds),
            ..Self::new(ProblemClass::SlowDown, format!("Too many requests. Wait {seconds} s."))
        }
    }

    /// Nothing can be stored at the moment.
    pub fn unavailable() -> Self {
        Self {
            retry_after: Some(UNAVAILABLE_RETRY),
            ..Self::new(
                ProblemClass::Unavailable,
                "Nothing can be stored at the moment. Keep everything and try again.",
            )
        }
    }

    /// The same refusal with another status.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The class an agent acts on.
    pub fn class(&self) -> ProblemClass {
        self.class
    }

    /// The answer, with the server's clock.
    pub fn answer(self, now: Timestamp) -> Response {
        let mut response = Json(Problem {
            class: self.class,
            message: self.message,
            field: self.field,
            server_time: now,
        })
        .into_response();
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<AppError> for Refusal {
    fn from(error: AppError) -> Self {
        match error {
            AppError::NotFound => Self::new(ProblemClass::NotFound, "There is nothing at this address."),
            AppError::TooMany { retry_after } => Self::slow_down(retry_after),
            AppError::Invalid(what) | AppError::Conflict(what) => {
                Self::new(ProblemClass::Malformed, what).with_status(StatusCode::UNPROCESSABLE_ENTITY)
            }
            AppError::Forbidden(why) => {
                Self::new(ProblemClass::Unauthenticated, why).with_status(StatusCode::FORBIDDEN)
            }
            AppError::SignInNeeded => Self::new(ProblemClass::Unauthenticated, "The request is not signed."),
            AppError::Unavailable(cause) => {
                tracing::warn!(%cause, "the database did not answer an agent's request");
                Self::unavailable()
            }
            AppError::Internal(cause) => {
                tracing::error!(%cause, "an agent's request failed");
                Self::unavailable().with_status(StatusCode::INTERNAL_SERVER_ERROR)
            }
        }
    }
}

impl From<sqlx::Error> for Refusal {
    fn from(error: sqlx::Error) -> Self {
        AppError::from(error).into()
    }
}

/// The body of an agent's request: JSON, not compressed, at most [`MAX_BATCH_BYTES`] long.
pub async fn read_json(request: Request) -> Result<Bytes, Refusal> {
    let (parts, body) = request.into_parts();
    check_headers(&parts.headers)?;
    to_bytes(body, MAX_BATCH_BYTES).await.map_err(|error| {
        if error.into_inner().is::<http_body_util::LengthLimitError>() {
            too_large()
        } else {
            Refusal::new(ProblemClass::Malformed, "The request broke off before its end.")
        }
    })
}

fn check_headers(headers: &HeaderMap) -> Result<(), Refusal> {
    let unsupported =
        |what: &str| Err(Refusal::new(ProblemClass::Malformed, what).with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    if headers.contains_key(header::CONTENT_ENCODING) {
        return unsupported("Compressed requests are not read. Send the JSON as it is.");
    }
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.and_then(|value| value.split(';').next()).map(str::trim);
    if !essence.is_some_and(|essence| essence.eq_ignore_ascii_case("application/json")) {
        return unsupported("The request's content type must be application/json.");
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > MAX_BATCH_BYTES as u64) {
        return Err(too_large());
    }
    Ok(())
}

fn too_large() -> Refusal {
    let message = format!("The request is larger than {} KiB.", MAX_BATCH_BYTES / 1024);
    Refusal::new(ProblemClass::TooLarge, message)
}

/// Sees to it that agents never get a page: whatever fails under `/agent/` without an answer of its own (no such address,
/// wrong method, a fault of ours) is answered in JSON too.
pub async fn answer_in_json(State(app): State<App>, request: Request, next: Next) -> Response {
    let from_agent = request.uri().path().starts_with("/agent/");
    let response = next.run(request).await;
    let status = response.status();
    let has_answer = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if !from_agent || has_answer || !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let refusal = match status {
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Refusal::new(
            ProblemClass::NotFound,
            "There is nothing at this address for this method.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ if status.is_server_error() => Refusal::unavailable(),
        _ => Refusal::new(
            ProblemClass::Malformed,
            format!("The request cannot be answered: {status}."),
        ),
    };
    refusal.with_status(status).answer(app.clock.now())
}
