//! Migrations: forward only, dumped before, refused when the schema is newer than this binary.

use std::future::Future;

use sqlx::migrate::{Migrate as _, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection};

use super::roles;

/// Every migration this binary knows.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// What [`migrate`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migrated {
    /// Migrations applied now.
    pub applied: usize,
    /// The schema's version after that.
    pub version: i64,
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// The database was used by a newer Lastgood.
    #[error(
        "the database has schema {found}, and this Lastgood knows schemas up to {known}: \
         start the newer Lastgood that wrote it, or restore an older dump with `lastgood db restore`"
    )]
    Newer {
        /// The schema found.
        found: i64,
        /// The newest this binary knows.
        known: i64,
    },
    /// The dump that is taken first did not succeed; nothing was changed.
    #[error("no migration was applied, because the dump that is taken before failed: {0}")]
    Dump(String),
    /// A migration failed. It was rolled back.
    #[error("a migration failed and was rolled back: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The database did not answer.
    #[error("the database did not answer: {0}")]
    Database(#[from] sqlx::Error),
}

/// The newest migration applied to the database; 0 for an empty one.
pub async fn schema_version(connection: &mut PgConnection) -> Result<i64, MigrationError> {
    connection.ensure_migrations_table("_sqlx_migrations").await?;
    let applied = connection.list_applied_migrations("_sqlx_migrations").await?;
    Ok(applied.iter().map(|migration| migration.version).max().unwrap_or(0))
}

/// The newest migration applied, as the worker role sees it; 0 for none.
#[expect(
    clippy::disallowed_methods,
    reason = "the table is sqlx's own and not in migrations, so query! cannot know it"
)]
pub async fn applied_version(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("select coalesce(max(version), 0) from _sqlx_migrations where success")
        .fetch_one(connection)
        .await
}

/// Brings the schema up to this binary's. `dump` is called before anything is applied to a database that holds something.
pub async fn migrate<Dumping>(
    owner: &PgConnectOptions,
    dump: impl FnOnce(i64) -> Dumping,
) -> Result<Migrated, MigrationError>
where
    Dumping: Future<Output = Result<(), String>>,
{
    // Quiet: that the table of migrations exists already is no news.
    let quiet = owner.clone().options([("client_min_messages", "warning")]);
    let mut connection = PgConnection::connect_with(&quiet).await?;
    let found = schema_version(&mut connection).await?;
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known {
        return Err(MigrationError::Newer { found, known });
    }
    let applied = MIGRATOR.iter().filter(|migration| migration.version > found).count();
    if applied > 0 && found > 0 {
        dump(found).await.map_err(MigrationError::Dump)?;
    }
    roles::ensure(&mut connection).await?;
    MIGRATOR.run(&mut connection).await?;
    connection
        .execute("grant select on _sqlx_migrations to lastgood_worker")
        .await?;
    connection.close().await?;
    Ok(Migrated {
        applied,
        version: known,
    })
}
