//! The database: two pools for two roles, one transaction type that names its scope, and migrations.
//!
//! Nothing is written outside a [`Transaction`], and nothing is acknowledged before its [`Transaction::commit`] returned.
//! Each connection is rolled back when it goes back to its pool, because sqlx 0.9.0 can leave a transaction open when a
//! handler is cancelled inside `begin` (transact-rs/sqlx #4385).

mod migrations;
mod roles;
#[cfg(test)]
mod tests;
pub mod text_enum;

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Executor as _, PgConnection, PgPool, Postgres};

pub use migrations::{MIGRATOR, Migrated, MigrationError, applied_version, migrate, schema_version};
pub(crate) use roles::ensure as ensure_roles;

use crate::ids::{FirmId, PracticeId};

/// Whose rows a transaction may see; held by row-level security, not only by `where`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Every firm's: ingest, evaluator, dispatcher, sign-in. Never a page.
    Everything,
    /// One firm's: its owners, technicians and readers.
    Firm(FirmId),
    /// One practice's: its viewers.
    Practice(FirmId, PracticeId),
}

/// The application's way to the database.
#[derive(Debug, Clone)]
pub struct Database {
    web: PgPool,
    worker: PgPool,
}

/// A transaction in a [`Scope`]. Dropped without [`Self::commit`], it is rolled back.
#[derive(Debug)]
pub struct Transaction {
    inner: sqlx::Transaction<'static, Postgres>,
}

impl Database {
    /// Connects both roles. `owner` is how the owner of the tables connects; the roles are taken on by `SET ROLE` where
    /// `owner` may not connect as them.
    pub async fn connect(owner: PgConnectOptions, web: u32, worker: u32) -> Result<Self, sqlx::Error> {
        Ok(Self {
            web: pool(&owner, roles::WEB, web).await?,
            worker: pool(&owner, roles::WORKER, worker).await?,
        })
    }

    /// Begins a transaction that sees what `scope` says and nothing else.
    pub async fn begin(&self, scope: Scope) -> Result<Transaction, sqlx::Error> {
        let (pool, firm, practice) = match scope {
            Scope::Everything => {
                return Ok(Transaction {
                    inner: self.worker.begin().await?,
                });
            }
            Scope::Firm(firm) => (&self.web, firm, None),
            Scope::Practice(firm, practice) => (&self.web, firm, Some(practice)),
        };
        let mut inner = pool.begin().await?;
        sqlx::query!(
            "select set_config('lastgood.firm', $1, true) as firm, set_config('lastgood.practice', $2, true) as practice",
            firm.to_string(),
            practice.map(|practice| practice.to_string()).unwrap_or_default(),
        )
        .fetch_one(&mut *inner)
        .await?;
        Ok(Transaction { inner })
    }

    /// Connections in use and open, of the pages' pool and the workers'.
    pub fn pool_sizes(&self) -> [(&'static str, u32, usize); 2] {
        [
            ("web", self.web.size(), self.web.num_idle()),
            ("worker", self.worker.size(), self.worker.num_idle()),
        ]
    }

    /// Closes every connection.
    pub async fn close(&self) {
        tokio::join!(self.web.close(), self.worker.close());
    }
}

impl Transaction {
    /// Marks a point that [`Self::roll_back_to_savepoint`] returns to.
    pub async fn savepoint(&mut self) -> Result<(), sqlx::Error> {
        self.inner.execute("savepoint step").await?;
        Ok(())
    }

    /// Undoes what was done since the last [`Self::savepoint`]; the transaction can be used again.
    pub async fn roll_back_to_savepoint(&mut self) -> Result<(), sqlx::Error> {
        self.inner
            .execute("rollback to savepoint step; release savepoint step")
            .await?;
        Ok(())
    }

    /// Forgets the last [`Self::savepoint`]: what was done since then is part of the transaction.
    pub async fn release_savepoint(&mut self) -> Result<(), sqlx::Error> {
        self.inner.execute("release savepoint step").await?;
        Ok(())
    }

    /// Makes everything done in this transaction durable.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.inner.commit().await
    }
}

impl Deref for Transaction {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}

async fn pool(owner: &PgConnectOptions, role: &'static str, size: u32) -> Result<PgPool, sqlx::Error> {
    let options = owner.clone().application_name(role).options([
        ("statement_timeout", "15s"),
        ("lock_timeout", "10s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ("client_min_messages", "error"),
        ("synchronous_commit", "on"),
        ("timezone", "UTC"),
    ]);
    PgPoolOptions::new()
        .max_connections(size)
        .min_connections(1)
        .acquire_timeout(Duration::from_secs(5))
        .max_lifetime(Duration::from_mins(30))
        .test_before_acquire(true)
        .after_connect(move |connection, _| {
            Box::pin(async move {
                connection.execute(roles::take_on(role)).await?;
                Ok(())
            })
        })
        .after_release(|connection, _| {
            Box::pin(async move {
                // Ends what a handler that was cancelled left open; without the first word PostgreSQL would log, each time, that there
                // was nothing to end.
                connection.execute("begin; rollback").await?;
                Ok(true)
            })
        })
        .connect_with(options)
        .await
}
