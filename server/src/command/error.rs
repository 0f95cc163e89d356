//! Why a command did not do what it was asked to: one line for whoever typed it.

use crate::config::ConfigError;
use crate::db::MigrationError;
use crate::error::AppError;
use crate::listen::ListenError;
use crate::notifications::MailerError;
use crate::postgres::PostgresError;
use crate::tls::TlsError;

/// What kept a command from being done. Each message says what to do, where something can be done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The private PostgreSQL cannot be used.
    #[error(transparent)]
    Postgres(#[from] PostgresError),
    /// The schema could not be brought up to date.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// The certificate cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Mail cannot leave as the settings say.
    #[error(transparent)]
    Mail(#[from] MailerError),
    /// Nobody can be served at an address.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The database cannot be reached.
    #[error("the database does not answer: {0}. Check that it runs and that `database_url` is right.")]
    Unreachable(#[source] sqlx::Error),
    /// The application refused or could not.
    #[error("{}", in_full(.0))]
    App(#[from] AppError),
    /// Something that only this command knows.
    #[error("{0}")]
    Refused(String),
}

/// What a visitor would read; for faults also their cause, because whoever types commands runs the server.
fn in_full(error: &AppError) -> String {
    match error {
        AppError::NotFound => "there is no such thing".to_owned(),
        AppError::Invalid(what) | AppError::Conflict(what) => what.clone(),
        AppError::Forbidden(_) | AppError::SignInNeeded | AppError::TooMany { .. } => error.sentence(),
        AppError::Unavailable(_) | AppError::Internal(_) => error.to_string(),
    }
}

impl From<sqlx::Error> for CommandError {
    fn from(error: sqlx::Error) -> Self {
        Self::App(error.into())
    }
}
