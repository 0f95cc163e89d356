//! Sessions: server-side, known by the SHA-256 of a token, ended by time, by hand or by a change of the account.

mod db;

use jiff::Timestamp;

use crate::app::App;
use crate::error::AppError;
use crate::web::Person;
use crate::web::session_cookie::SessionToken;

/// Who a token belongs to; nobody when its session has ended or the account is disabled. Notes that it was used.
pub async fn person_of(app: &App, now: Timestamp, token: &SessionToken) -> Result<Option<Person>, AppError> {
    db::person_of(app, now, token).await
}
