//! What can go wrong with the private Postgres, and what to do about it.

use std::path::{Path, PathBuf};

/// Why the private Postgres cannot be used. Each message is one a person can act on.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No usable installation of PostgreSQL.
    #[error(
        "PostgreSQL 14 or later is needed and was not found{tried}. Type: apt-get install postgresql — or give --pg-bindir, or --database-url-file."
    )]
    NotFound { tried: String },
    /// The cluster was made by a major version that is not installed.
    #[error("the data in {data} was made by PostgreSQL {wanted}, which is not installed (found: {found}). Type: apt-get install postgresql-{wanted}", data = .data.display())]
    WrongMajor { data: PathBuf, wanted: u32, found: String },
    /// Another process holds the state folder.
    #[error("{state} is in use by another lastgood{holder}. Stop that one first, or give this one a folder of its own with --state.", state = .state.display())]
    InUse { state: PathBuf, holder: String },
    /// A server runs, and a command cannot reach its private Postgres.
    #[error("a lastgood server (process {pid}) works in {state}, and its own PostgreSQL does not answer. If it uses another database, give this command the same --database-url-file.", state = .state.display())]
    NotJoined { state: PathBuf, pid: u32 },
    /// PostgreSQL refuses to run as root and there is nobody else to run it as.
    #[error(
        "PostgreSQL does not run as root, and this machine has neither a user `lastgood` nor a user `postgres`. Type: useradd --system --no-create-home lastgood"
    )]
    NoAccount,
    /// A folder on the way to the data or to the programs is closed to the user that Postgres runs as.
    #[error("{folder} is closed to the user {account}, as which PostgreSQL runs. Type: chmod o+x {folder} — or choose another folder with --state.", folder = .folder.display())]
    Closed { folder: PathBuf, account: String },
    /// A folder exists and is not what it should be.
    #[error("{path} {problem}", path = .path.display())]
    Unexpected { path: PathBuf, problem: String },
    /// A file operation failed.
    #[error("{doing} {path} failed: {source}", path = .path.display())]
    File {
        doing: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    /// One of PostgreSQL's programs could not be started, ran too long or reported a failure.
    #[error("{program} {problem}")]
    Program { program: String, problem: String },
    /// The postmaster ended or stayed silent before it was ready.
    #[error("PostgreSQL did not start: {problem}\nIts log is {log}; the last lines are:\n{tail}", log = .log.display())]
    NotStarted {
        problem: String,
        log: PathBuf,
        tail: String,
    },
    /// Postgres answered with an error.
    #[error("{doing}: {source}")]
    Database { doing: &'static str, source: sqlx::Error },
    /// A dump is missing or cannot be what it should be, or a confirmation was not given.
    #[error("{0}")]
    Refused(String),
}

impl PostgresError {
    /// Completes `map_err` on file operations.
    pub(super) fn file(doing: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> PostgresError {
        let path = path.to_owned();
        move |source| PostgresError::File { doing, path, source }
    }

    /// Completes `map_err` on database operations.
    pub(super) fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> PostgresError {
        move |source| PostgresError::Database { doing, source }
    }
}
