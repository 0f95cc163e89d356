//! The few statements that are about databases as a whole. Names of databases cannot be bound as parameters, and none
//! of these can be prepared; every name is one of ours and quoted.

use std::time::Duration;

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
