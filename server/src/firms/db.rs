//! All SQL of `firms`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, FirmId};

/// Adds a firm. Needs [`crate::db::Scope::Everything`]: no page may.
pub async fn add(transaction: &mut Transaction, now: Timestamp, name: &str) -> Result<FirmId, AppError> {
    let firm = ids::new::<FirmId>(now);
    sqlx::query!(
        "insert into firms (firm_id, name, created_at) values ($1, $2, $3)",
        firm.0,
        name,
        now.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(firm)
}

/// The firm that was added first, if there is one. On a server for one firm, the firm.
pub async fn any_firm(transaction: &mut Transaction) -> Result<Option<FirmId>, AppError> {
    let firm = sqlx::query_scalar!("select firm_id from firms order by created_at, firm_id limit 1")
        .fetch_optional(&mut **transaction)
        .await?;
    Ok(firm)
}
