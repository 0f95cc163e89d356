//! The database as its owner sees it with `psql`: for preparing what no page offers, and for looking at what is really there.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection, Row as _};

use crate::process::run;

/// A way to the database.
#[derive(Debug, Clone)]
pub struct Psql {
    arguments: Vec<String>,
}

impl Psql {
    /// To the private PostgreSQL in a state folder.
    pub fn private(state: &Path) -> Self {
        Self::over(&state.join("pg/run"), "lastgood_owner", "lastgood")
    }

    /// Over the socket in `folder`.
    pub fn over(folder: &Path, user: &str, database: &str) -> Self {
        let folder = folder.display().to_string();
        Self {
            arguments: ["-h", &folder, "-U", user, "-d", database].map(str::to_owned).to_vec(),
        }
    }

    /// Runs statements.
    ///
    /// # Panics
    /// When one fails.
    pub fn execute(&self, sql: &str) {
        self.try_execute(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
    }

    /// Runs statements in one transaction; what PostgreSQL says when one fails.
    pub fn try_execute(&self, sql: &str) -> Result<String, String> {
        let ended = run(
            Command::new("psql").args(&self.arguments).args([
                "-X",
                "-q",
                "-At",
                "-1",
                "-v",
                "ON_ERROR_STOP=1",
                "-F",
                "\t",
            ]),
            sql,
        );
        if ended.code == 0 { Ok(ended.out) } else { Err(ended.err) }
    }

    /// The rows of a query, each column as text.
    ///
    /// # Panics
    /// When it fails.
    pub fn rows(&self, sql: &str) -> Vec<Vec<String>> {
        let out = self.try_execute(sql).unwrap_or_else(|error| panic!("{error}\n{sql}"));
        out.lines()
            .map(|line| line.split('\t').map(str::to_owned).collect())
            .collect()
    }

    /// The first column of the rows of a query.
    ///
    /// # Panics
    /// When it fails.
    pub fn column(&self, sql: &str) -> Vec<String> {
        self.rows(sql)
            .into_iter()
            .filter_map(|row| row.into_iter().next())
            .collect()
    }

    /// The one value of a query, as text; empty for null and for no row.
    ///
    /// # Panics
    /// When it fails.
    pub fn value(&self, sql: &str) -> String {
        self.column(sql).into_iter().next().unwrap_or_default()
    }

    /// The one number of a query.
    ///
    /// # Panics
    /// When it fails or gives none.
    pub fn number(&self, sql: &str) -> i64 {
        let value = self.value(sql);
        value
            .parse()
            .unwrap_or_else(|_| panic!("'{value}' is no number: {sql}"))
    }

    /// How `psql` and `pgbench` are told of it.
    pub fn arguments(&self) -> &[String] {
        &self.arguments
    }
}

/// The private database over one connection that is kept, for a test that asks it thousands of times.
#[derive(Debug)]
pub struct Database {
    runtime: tokio::runtime::Runtime,
    connection: RefCell<PgConnection>,
}

impl Database {
    /// Connects as the owner of the tables to the private PostgreSQL in a state folder.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn open(state: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let options = PgConnectOptions::new_without_pgpass()
            .socket(state.join("pg/run"))
            .username("lastgood_owner")
            .database("lastgood");
        let connection = runtime
            .block_on(options.connect())
            .unwrap_or_else(|error| panic!("the database does not answer: {error}"));
        Self {
            runtime,
            connection: RefCell::new(connection),
        }
    }

    /// Runs statements in one transaction.
    ///
    /// # Panics
    /// When one fails.
    pub fn execute(&self, sql: &str) {
        self.ask(sql);
    }

    /// The last row of a query, each column as text; null as an empty one.
    ///
    /// # Panics
    /// When it fails or gives none.
    pub fn row(&self, sql: &str) -> Vec<String> {
        let rows = self.ask(sql);
        let row = rows.last().unwrap_or_else(|| panic!("no row: {sql}"));
        (0..row.len())
            .map(|column| {
                let value: Option<String> = row.try_get_unchecked(column).expect("the simple protocol speaks text");
                value.unwrap_or_default()
            })
            .collect()
    }

    /// The one value of a query, as text; empty for null.
    ///
    /// # Panics
    /// When it fails or gives none.
    pub fn value(&self, sql: &str) -> String {
        self.row(sql).swap_remove(0)
    }

    /// The one number of a query.
    ///
    /// # Panics
    /// When it fails or gives none.
    pub fn number(&self, sql: &str) -> i64 {
        let value = self.value(sql);
        value
            .parse()
            .unwrap_or_else(|_| panic!("'{value}' is no number: {sql}"))
    }

    fn ask(&self, sql: &str) -> Vec<PgRow> {
        let mut connection = self.connection.borrow_mut();
        let asked = sqlx::raw_sql(AssertSqlSafe(sql)).fetch_all(&mut *connection);
        self.runtime
            .block_on(asked)
            .unwrap_or_else(|error| panic!("{error}\n{sql}"))
    }
}

/// A text as SQL writes it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The folder of PostgreSQL's newest programs.
///
/// # Panics
/// When there are none.
pub fn programs() -> PathBuf {
    let versions =
        std::fs::read_dir("/usr/lib/postgresql").expect("PostgreSQL is installed: apt-get install postgresql");
    let newest = versions.filter_map(Result::ok).max_by_key(|version| {
        version
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
            .unwrap_or_default()
    });
    newest
        .expect("PostgreSQL is installed: apt-get install postgresql")
        .path()
        .join("bin")
}
