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

/// The firm of this name, or the only one there is.
///
/// # Errors
/// [`AppError::Invalid`] when there is no such firm, or several to choose from.
pub async fn named(transaction: &mut Transaction, name: Option<&str>) -> Result<FirmId, AppError> {
    let firms = sqlx::query!("select firm_id, name from firms order by created_at, firm_id")
        .fetch_all(&mut **transaction)
        .await?;
    if firms.is_empty() {
        return Err(AppError::Invalid(
            "There is no firm yet. Add its owner first: lastgood user add --role owner --email E-MAIL --password-stdin"
                .to_owned(),
        ));
    }
    let names: Vec<&str> = firms.iter().map(|firm| firm.name.as_str()).collect();
    let fitting: Vec<FirmId> = firms
        .iter()
        .filter(|firm| name.is_none_or(|name| firm.name.eq_ignore_ascii_case(name.trim())))
        .map(|firm| firm.firm_id)
        .collect();
    match (fitting.as_slice(), name) {
        ([firm], _) => Ok(*firm),
        (_, Some(name)) => Err(AppError::Invalid(format!(
            "There is no firm {name}. There is: {}.",
            names.join(", ")
        ))),
        (_, None) => Err(AppError::Invalid(format!(
            "Say which firm, with --firm: {}.",
            names.join(", ")
        ))),
    }
}

/// Gives a firm another name.
pub(super) async fn rename(transaction: &mut Transaction, firm: FirmId, name: &str) -> Result<(), AppError> {
    sqlx::query!("update firms set name = $2 where firm_id = $1", firm.0, name)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
