//! A dump becomes the database; the former database stays under another name until somebody removes it.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use jiff::Timestamp;

use super::db;
use super::dump::{LIMIT, stamp};
use super::error::PostgresError;
use super::program::run;
use super::target::Target;

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The name of the database that was replaced.
    pub former: String,
    /// The restored schema's version.
    pub schema: i64,
}

/// Restores into a new database, checks that it is one of Lastgood's that this program understands, and then exchanges
/// the names of the two in one transaction. Until then nothing has changed. Nobody may be connected to the present one.
pub async fn restore(target: &Target, file: &Path, now: Timestamp) -> Result<Restored, PostgresError> {
    check(target, file).await?;
    let fresh = format!("{}_restored_{}", target.name, stamp(now).to_lowercase());
    let former = format!("{}_before_{}", target.name, stamp(now).to_lowercase());
    let made = db::create(&target.maintenance, &fresh).await;
    made.map_err(PostgresError::database("making the database to restore into"))?;
    let result = match fill(target, &fresh, file).await {
        Ok(schema) => exchange(target, &fresh, &former)
            .await
            .map(|()| Restored { former, schema }),
        Err(error) => Err(error),
    };
    if result.is_err()
        && let Err(error) = db::remove(&target.maintenance, &fresh).await
    {
        tracing::warn!(%error, database = fresh, "the half-restored database stays");
    }
    result
}

/// Whether the file is a dump at all, before anything is done.
async fn check(target: &Target, file: &Path) -> Result<(), PostgresError> {
    let mut command = target.programs.command("pg_restore");
    command.arg("--list").stdin(open(file)?);
    run(command, "pg_restore", LIMIT).await.map(drop).map_err(|_| {
        PostgresError::Refused(format!(
            "{} is not a dump that this PostgreSQL ({}) can read. Give a file made by `lastgood db dump`.",
            file.display(),
            target.programs.version,
        ))
    })
}

async fn fill(target: &Target, fresh: &str, file: &Path) -> Result<i64, PostgresError> {
    let options = target.database(fresh);
    db::make_roles(&options)
        .await
        .map_err(PostgresError::database("making the application's roles"))?;
    let mut command = target.command("pg_restore", fresh);
    command.args(["--no-password", "--no-owner", "--exit-on-error", "--single-transaction"]);
    command.arg(format!("--dbname={fresh}")).stdin(open(file)?);
    run(command, "pg_restore", LIMIT).await?;
    let found = db::schema_version(&options)
        .await
        .map_err(PostgresError::database("reading the restored schema"))?;
    let known = crate::db::MIGRATOR
        .iter()
        .map(|migration| migration.version)
        .max()
        .unwrap_or(0);
    match found {
        None => Err(PostgresError::Refused(format!(
            "{} holds no database of Lastgood.",
            file.display()
        ))),
        Some(found) if found > known => Err(PostgresError::Refused(format!(
            "{} was written by a newer Lastgood (schema {found}; this one knows {known}). Restore it with that one.",
            file.display(),
        ))),
        Some(found) => {
            db::analyze(&options)
                .await
                .map_err(PostgresError::database("gathering statistics"))?;
            Ok(found)
        }
    }
}

async fn exchange(target: &Target, fresh: &str, former: &str) -> Result<(), PostgresError> {
    match db::swap(&target.maintenance, fresh, &target.name, former).await {
        // object_in_use
        Err(sqlx::Error::Database(error)) if error.code().as_deref() == Some("55006") => {
            let name = &target.name;
            let text =
                format!("the database {name} is in use. Stop every lastgood that works with it, then restore again.");
            Err(PostgresError::Refused(text))
        }
        other => other.map_err(PostgresError::database("exchanging the databases' names")),
    }
}

/// Opened by us, because PostgreSQL's programs may run as somebody to whom the file is closed.
fn open(file: &Path) -> Result<Stdio, PostgresError> {
    File::open(file)
        .map(Stdio::from)
        .map_err(PostgresError::file("opening", file))
}
