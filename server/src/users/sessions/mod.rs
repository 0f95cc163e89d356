//! Sessions: server-side, known by the SHA-256 of a token, ended by time, by hand or by a change of the account.

mod db;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use secrecy::SecretBox;

use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, FirmId, PracticeId, UserId};
use crate::web::Person;
use crate::web::session_cookie::SessionToken;

/// Who a token belongs to; nobody when its session has ended or the account is disabled. Notes that it was used.
pub async fn person_of(app: &App, now: Timestamp, token: &SessionToken) -> Result<Option<Person>, AppError> {
    db::person_of(app, now, token).await
}

/// A session to be begun.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    /// Their firm.
    pub firm: FirmId,
    /// Who signed in.
    pub user: UserId,
    /// The practice of a practice viewer.
    pub practice: Option<PracticeId>,
    /// Where from.
    pub address: &'a str,
    /// What the browser says it is.
    pub user_agent: &'a str,
    /// When it ends if it is not used.
    pub idle_expires_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
}

/// Begins a session for somebody who has just entered their password, and returns its token, which is never seen again.
/// Needs [`crate::db::Scope::Everything`]: no page may.
pub async fn begin(
    transaction: &mut Transaction,
    now: Timestamp,
    session: &NewSession<'_>,
) -> Result<SessionToken, AppError> {
    let token = SecretBox::new(Box::new(ids::random()));
    db::begin(transaction, now, session, &token).await?;
    Ok(token)
}
