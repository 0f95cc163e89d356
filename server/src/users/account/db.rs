//! The SQL of the account page.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use jiff_sqlx::ToSqlx as _;

use super::browser;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{FirmId, SessionId, UserId};
use crate::web::words::Moment;

/// A session that has not ended.
#[derive(Debug, Clone)]
pub(super) struct SessionRow {
    pub(super) session: SessionId,
    pub(super) address: String,
    pub(super) browser: String,
    pub(super) began: Moment,
    pub(super) seen: Moment,
}

/// The sessions of this person that have not ended, the last used first.
pub(super) async fn sessions(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    user: UserId,
) -> Result<Vec<SessionRow>, AppError> {
    let rows = sqlx::query!(
        "select session_id, address, user_agent, created_at, seen_at from sessions
         where firm_id = $1 and user_id = $2 and ended_at is null and idle_expires_at > $3 and expires_at > $3
         order by seen_at desc, session_id",
        firm.0,
        user.0,
        now.to_sqlx(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    let moment = |at: jiff_sqlx::Timestamp| Moment {
        at: at.to_jiff(),
        zone: TimeZone::UTC,
    };
    let sessions = rows.into_iter().map(|row| SessionRow {
        session: row.session_id,
        address: row.address,
        browser: browser::words(&row.user_agent),
        began: moment(row.created_at),
        seen: moment(row.seen_at),
    });
    Ok(sessions.collect())
}
