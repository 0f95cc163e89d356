//! The few statements that are about databases as a whole. Names of databases cannot be bound as parameters, and none
//! of these can be prepared; every name is one of ours and quoted.

use std::time::Duration;

use sqlx::migrate::Migrate as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

/// How long a local connection may take to come about.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a connection attempt showed.
pub(super) enum Answer {
    Ready,
    /// PostgreSQL answers and has no database of this name.
    NoDatabase,
    NotYet(sqlx::Error),
}

/// Opens and closes a connection.
pub(super) async fn ask(options: &PgConnectOptions) -> Answer {
    match tokio::time::timeout(PATIENCE, options.connect()).await {
        Ok(Ok(connection)) => {
            // The connection has served its purpose whether or not it says goodbye.
            connection.close().await.ok();
            Answer::Ready
        }
        Ok(Err(sqlx::Error::Database(error))) if error.code().as_deref() == Some("3D000") => Answer::NoDatabase,
        Ok(Err(error)) => Answer::NotYet(error),
        Err(_) => Answer::NotYet(sqlx::Error::PoolTimedOut),
    }
}

/// Makes a database. `maintenance`: a connection to another database of the same server.
pub(super) async fn create(maintenance: &PgConnectOptions, database: &str) -> sqlx::Result<()> {
    let statement = format!("create database {} template template0", quoted(database));
    on(maintenance, statement).await
}

/// Removes a database of our own making that nobody is connected to.
pub(super) async fn remove(maintenance: &PgConnectOptions, database: &str) -> sqlx::Result<()> {
    on(maintenance, format!("drop database if exists {}", quoted(database))).await
}

/// Gives the name `current` to the database `fresh`, and the name `former` to the one that had it, in one transaction.
pub(super) async fn swap(maintenance: &PgConnectOptions, fresh: &str, current: &str, former: &str) -> sqlx::Result<()> {
    let (fresh, current, former) = (quoted(fresh), quoted(current), quoted(former));
    let statements = format!(
        "begin; alter database {current} rename to {former}; alter database {fresh} rename to {current}; commit;"
    );
    on(maintenance, statements).await
}

/// Makes the application's roles, which belong to the server as a whole and are in no dump.
pub(super) async fn make_roles(options: &PgConnectOptions) -> sqlx::Result<()> {
    let mut connection = options.connect().await?;
    crate::db::ensure_roles(&mut connection).await?;
    connection.close().await
}

/// Gathers the statistics that a dump does not contain and without which the first queries are slow.
pub(super) async fn analyze(options: &PgConnectOptions) -> sqlx::Result<()> {
    on(options, "analyze".to_owned()).await
}

/// The schema's version; `None` if the database was never Lastgood's.
pub(super) async fn schema_version(options: &PgConnectOptions) -> Result<Option<i64>, sqlx::Error> {
    let mut connection = options.connect().await?;
    let ours = sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "ours!""#);
    let version = if ours.fetch_one(&mut connection).await? {
        let applied = connection.list_applied_migrations("_sqlx_migrations").await?;
        applied.iter().map(|migration| migration.version).max()
    } else {
        None
    };
    connection.close().await?;
    Ok(version)
}

/// Size of the connected database in bytes, and the server's version as it states it.
pub(super) async fn size_and_version(options: &PgConnectOptions) -> sqlx::Result<(i64, String)> {
    let mut connection = options.connect().await?;
    let row = sqlx::query!(
        r#"select pg_database_size(current_database()) as "size!", current_setting('server_version') as "version!""#
    )
    .fetch_one(&mut connection)
    .await?;
    connection.close().await?;
    Ok((row.size, row.version))
}

async fn on(maintenance: &PgConnectOptions, statements: String) -> sqlx::Result<()> {
    let mut connection: PgConnection = maintenance.connect().await?;
    sqlx::raw_sql(AssertSqlSafe(statements))
        .execute(&mut connection)
        .await?;
    connection.close().await
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
