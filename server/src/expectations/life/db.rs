//! SQL that reads the evaluator's life.

use super::Life;
use crate::db::Transaction;
use crate::error::AppError;

/// See [`super::read`].
pub(super) async fn read(transaction: &mut Transaction) -> Result<Option<Life>, AppError> {
    let row = sqlx::query!("select last_tick_at, hold_from, hold_until from evaluator")
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(row.map(|row| Life {
        last_tick_at: row.last_tick_at.to_jiff(),
        hold: row
            .hold_from
            .zip(row.hold_until)
            .map(|(from, until)| (from.to_jiff(), until.to_jiff())),
    }))
}
