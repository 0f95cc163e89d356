//! Sessions: server-side, known by the SHA-256 of a token, ended by time, by hand or by a change of the account.

mod db;
#[cfg(test)]
mod tests;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretBox;

use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{self, FirmId, PracticeId, SessionId, UserId};
use crate::web::Person;
use crate::web::session_cookie::SessionToken;

/// Who a token belongs to; nobody when its session has ended or the account is disabled. Notes that it was used.
pub async fn person_of(app: &App, now: Timestamp, token: &SessionToken) -> Result<Option<Person>, AppError> {
    db::person_of(app, now, token).await
}

/// Like [`person_of`], for what a page asks by itself while nobody touches it: does not count as use, so that a page left
/// open does not keep its session alive.
pub async fn person_watching(app: &App, now: Timestamp, token: &SessionToken) -> Result<Option<Person>, AppError> {
    db::person_watching(app, now, token).await
}

/// Whether this session still stands. Does not count as use.
pub async fn is_alive(app: &App, now: Timestamp, firm: FirmId, session: SessionId) -> Result<bool, AppError> {
    db::is_alive(app, now, firm, session).await
}

/// How long an ended session is kept, so that its person can still see it.
const KEPT_AFTER_END: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Forgets sessions that ended long ago.
pub(super) async fn forget_old(app: &App, now: Timestamp) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    db::forget_old(&mut transaction, now - KEPT_AFTER_END).await?;
    Ok(transaction.commit().await?)
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

/// Ends the session of this token, if there is one. Needs [`crate::db::Scope::Everything`].
pub async fn end_of_token(transaction: &mut Transaction, now: Timestamp, token: &SessionToken) -> Result<(), AppError> {
    db::end_of_token(transaction, now, token).await
}

/// Ends one session of this person. Whether there was one to end.
pub async fn end(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    user: UserId,
    session: SessionId,
) -> Result<bool, AppError> {
    db::end(transaction, now, firm, user, session).await
}

/// Ends all sessions of this person, but for `kept`. How many.
pub async fn end_all(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    user: UserId,
    kept: Option<SessionId>,
) -> Result<u64, AppError> {
    db::end_all(transaction, now, firm, user, kept).await
}

/// Ends all sessions of this practice's viewers.
pub async fn end_of_practice(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    practice: PracticeId,
) -> Result<(), AppError> {
    db::end_of_practice(transaction, now, firm, practice).await
}
