//! All SQL of `alerts` and `alert_changes`.

use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::FirmId;

/// Open alerts that nobody acknowledged.
pub async fn count_open(transaction: &mut Transaction, firm: FirmId) -> Result<i64, AppError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from alerts where firm_id = $1 and closed_at is null and acknowledged_at is null"#,
        firm.0
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(count)
}
