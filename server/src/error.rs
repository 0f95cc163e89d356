//! The one error of handlers and workers: what a visitor may know, and what only the log may.

use std::error::Error;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// What kept a request from being answered. The cause goes to the log; the visitor gets a sentence and the request's id.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// There is no such thing, or it is not the visitor's: both look the same.
    #[error("not found")]
    NotFound,
    /// The visitor is known and may not do this.
    #[error("not allowed: {0}")]
    Forbidden(&'static str),
    /// The visitor must sign in (again).
    #[error("sign-in needed")]
    SignInNeeded,
    /// The request cannot be carried out as it is; the text names the field and says what to do.
    #[error("invalid: {0}")]
    Invalid(String),
    /// Somebody else changed the same thing in between, or it is already done.
    #[error("conflict: {0}")]
    Conflict(String),
    /// Too many requests of this kind; try again after so many seconds.
    #[error("too many requests")]
    TooMany {
        /// Seconds to wait.
        retry_after: u64,
    },
    /// The database cannot answer now. Nothing was changed.
    #[error("the database is not available: {0}")]
    Unavailable(#[source] sqlx::Error),
    /// A fault of ours.
    #[error("internal error: {0}")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl AppError {
    /// A fault of ours with this cause.
    pub fn internal(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// The status it is answered with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::SignInNeeded => StatusCode::UNAUTHORIZED,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Conflict(_) => StatusCode::CONFLICT,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the visitor reads: what happened, and what to do.
    pub fn sentence(&self) -> String {
        match self {
            Self::NotFound => "There is nothing here. It may have been removed, or the address is mistyped.".to_owned(),
            Self::Forbidden(why) => (*why).to_owned(),
            Self::SignInNeeded => "Sign in to see this page.".to_owned(),
            Self::Invalid(what) | Self::Conflict(what) => what.clone(),
            Self::TooMany { retry_after } => format!("Too many tries. Wait {retry_after} seconds and try again."),
            Self::Unavailable(_) => {
                "The database does not answer at the moment. Nothing was changed. Try again in a few seconds."
                    .to_owned()
            }
            Self::Internal(_) => {
                "Something went wrong on our side. Nothing was changed. Try again; if it stays, tell whoever runs this \
                 server the number below."
                    .to_owned()
            }
        }
    }
}

impl From<sqlx::Error> for AppError {
    /// Tells faults of the connection, which pass, from faults of ours, which do not.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "sqlx may add errors; one that is not known to pass does not pass"
    )]
    fn from(error: sqlx::Error) -> Self {
        let passes = match &error {
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::Protocol(_) => true,
            // Class 08 connection, 40 rollback, 53 resources, 55 locks, 57 operator (shutdown, timeout): PostgreSQL, appendix A.
            sqlx::Error::Database(database) => database.code().is_some_and(|code| {
                ["08", "40", "53", "55", "57"]
                    .iter()
                    .any(|class| code.starts_with(class))
            }),
            _ => false,
        };
        if passes {
            Self::Unavailable(error)
        } else {
            Self::Internal(Box::new(error))
        }
    }
}

/// What the page layer renders an error page from; see [`crate::web::page::render_errors`].
#[derive(Debug, Clone)]
pub struct ErrorNotice {
    /// What the visitor reads.
    pub sentence: String,
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            tracing::error!(error = &self as &dyn Error, cause = self.source(), "request failed");
        }
        let mut response = status.into_response();
        if let Self::TooMany { retry_after } = self {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(retry_after));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response.extensions_mut().insert(ErrorNotice {
            sentence: self.sentence(),
        });
        response
    }
}
