//! A database per test: copied from a migrated one, in the PostgreSQL of `LASTGOOD_TEST_DATABASE_URL` or in a private
//! one that all tests of this checkout share and that ends by itself when it has not been used for a quarter of an hour.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest as _, Sha256};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

use crate::db::MIGRATOR;
use crate::postgres::{OWNER, Place, PrivatePostgres};

/// How many databases of ended tests a starting test drops: more than one, so that they become fewer.
const DROPPED_AT_ONCE: usize = 3;

/// A database with all migrations and no rows, that nobody else uses. Connects as the owner of its tables.
#[expect(
    clippy::disallowed_methods,
    reason = "tests have no settings; this is the one variable they read"
)]
pub(super) async fn fresh() -> PgConnectOptions {
    if let Ok(url) = std::env::var("LASTGOOD_TEST_DATABASE_URL") {
        let server: PgConnectOptions = url
            .parse()
            .expect("LASTGOOD_TEST_DATABASE_URL should be a PostgreSQL URL");
        return copy_of_template(server).await;
    }
    let place = Place {
        state: state(),
        bindir: None,
        search_path: std::env::var_os("PATH").unwrap_or_default(),
    };
    // Holds the lock of the state folder until the copy is made, so that one test at a time migrates. Dropping it leaves
    // PostgreSQL running for the next test.
    let private = PrivatePostgres::open_alone(&place, &mut |_| {}).await.unwrap();
    std::fs::write(place.state.join("used"), "").unwrap();
    end_when_unused(&place.state);
    copy_of_template(private.connect_options(OWNER)).await
}

/// Outside the checkout, because PostgreSQL runs as a user of its own when the tests run as root, and a root's home is
/// closed to it.
fn state() -> PathBuf {
    let checkout = Sha256::digest(env!("CARGO_MANIFEST_DIR"));
    let checkout = u32::from_be_bytes(*checkout.first_chunk().unwrap());
    let user = rustix::process::geteuid().as_raw();
    std::env::temp_dir().join(format!("lastgood-tests-{user}-{checkout:08x}"))
}

/// Starts what stops PostgreSQL when no test has begun for 15 minutes, unless it is there already. It leaves the test's
/// process group and holds none of its pipes, so the test runner does not wait for it.
#[expect(
    clippy::disallowed_methods,
    reason = "must outlive the test, which exec with its time limit forbids"
)]
fn end_when_unused(state: &Path) {
    let script =
        "while test -n \"$(find used -mmin -15)\"; do sleep 60; done; kill -INT $(head -n 1 pg/data/postmaster.pid)";
    let status = Command::new("setsid")
        .args(["--fork", "flock", "--nonblock", "--close", "watch", "sh", "-c", script])
        .current_dir(state)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    assert!(
        status.unwrap().success(),
        "setsid and flock of util-linux should be installed"
    );
}

/// The name of a migrated database that holds what this binary's migrations, and what is done around them, make.
fn template() -> String {
    let mut hash = Sha256::new();
    for migration in MIGRATOR.iter() {
        hash.update(&migration.checksum);
    }
    hash.update(include_str!("../db/migrations.rs"));
    hash.update(include_str!("../db/roles.rs"));
    let hash = u64::from_be_bytes(*hash.finalize().first_chunk().unwrap());
    format!("template_{hash:016x}")
}

async fn copy_of_template(server: PgConnectOptions) -> PgConnectOptions {
    let mut connection = server.clone().database("postgres").connect().await.unwrap();
    let template = template();
    // One at a time: a template that somebody is connected to cannot be copied, and two must not make it.
    execute(&mut connection, "select pg_advisory_lock(7309)".to_owned()).await;
    if !exists(&mut connection, &template).await {
        let unfinished = format!("{template}_unfinished");
        execute(
            &mut connection,
            format!("drop database if exists {unfinished} with (force)"),
        )
        .await;
        execute(&mut connection, format!("create database {unfinished}")).await;
        crate::db::migrate(&server.clone().database(&unfinished), async |_| Ok(()))
            .await
            .unwrap();
        execute(
            &mut connection,
            format!("alter database {unfinished} rename to {template}"),
        )
        .await;
    }
    let name = format!(
        "test_{}_{:016x}",
        std::process::id(),
        u64::from_be_bytes(crate::ids::random())
    );
    execute(&mut connection, format!("create database {name} template {template}")).await;
    drop_ended(&mut connection).await;
    connection.close().await.unwrap();
    server.database(&name)
}

async fn exists(connection: &mut PgConnection, database: &str) -> bool {
    names(connection, "datname = $1", database).await.contains(database)
}

/// Drops databases of tests whose process is gone. Another test may be faster; then there is nothing to drop.
async fn drop_ended(connection: &mut PgConnection) {
    let ended = names(connection, "datname like $1", "test\\_%")
        .await
        .into_iter()
        .filter(|name| {
            let process = name.split('_').nth(1).unwrap_or_default();
            !Path::new("/proc").join(process).exists()
        });
    for name in ended.take(DROPPED_AT_ONCE) {
        execute(connection, format!("drop database if exists {name} with (force)")).await;
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "query! knows one database; this asks about all of them"
)]
async fn names(connection: &mut PgConnection, condition: &'static str, value: &str) -> HashSet<String> {
    let query = format!("select datname::text from pg_database where {condition}");
    let names: Vec<String> = sqlx::query_scalar(AssertSqlSafe(query))
        .bind(value)
        .fetch_all(connection)
        .await
        .unwrap();
    names.into_iter().collect()
}

async fn execute(connection: &mut PgConnection, statement: String) {
    sqlx::raw_sql(AssertSqlSafe(statement))
        .execute(connection)
        .await
        .unwrap();
}
