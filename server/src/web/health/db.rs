//! What the figures count. Needs [`crate::db::Scope::Everything`].

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use crate::db::Transaction;
use crate::error::AppError;

/// Counts over all firms.
pub(super) struct Counted {
    pub(super) alerts_open: i64,
    /// Messages that are due and not delivered.
    pub(super) waiting: i64,
    /// How long the oldest of them has been due, in seconds; 0 when there is none.
    pub(super) oldest_seconds: i64,
}

pub(super) async fn count(transaction: &mut Transaction, now: Timestamp) -> Result<Counted, AppError> {
    let row = sqlx::query!(
        r#"select
            (select count(*) from alerts where closed_at is null) as "alerts_open!",
            (select count(*) from notifications where state in ('waiting', 'leased') and due_at <= $1) as "waiting!",
            (select min(due_at) from notifications where state in ('waiting', 'leased') and due_at <= $1) as oldest"#,
        now.to_sqlx(),
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(Counted {
        alerts_open: row.alerts_open,
        waiting: row.waiting,
        oldest_seconds: row
            .oldest
            .map_or(0, |oldest| now.duration_since(oldest.to_jiff()).as_secs()),
    })
}

/// When the evaluator last finished a tick, in whichever process it runs.
pub async fn last_tick(transaction: &mut Transaction) -> Result<Option<Timestamp>, AppError> {
    let last = sqlx::query_scalar!("select last_tick_at from evaluator")
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(last.map(jiff_sqlx::Timestamp::to_jiff))
}
