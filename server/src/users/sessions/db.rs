//! All SQL of `sessions`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};

use crate::app::App;
use crate::db::Scope;
use crate::error::AppError;
use crate::web::Person;
use crate::web::session_cookie::SessionToken;

pub(super) async fn person_of(app: &App, now: Timestamp, token: &SessionToken) -> Result<Option<Person>, AppError> {
    let hash = Sha256::digest(token.expose_secret());
    let idle_expires_at = now + app.options.session_idle;
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let person = sqlx::query!(
        "update sessions s set seen_at = $2, idle_expires_at = $3
         from users u join firms f on f.firm_id = u.firm_id
         where s.token_hash = $1 and s.ended_at is null and s.idle_expires_at > $2 and s.expires_at > $2
           and u.firm_id = s.firm_id and u.user_id = s.user_id and u.disabled_at is null
         returning s.session_id, s.authenticated_at, u.firm_id, u.user_id, u.name, u.email, u.role, u.practice_id,
            f.name as firm_name",
        &hash[..],
        now.to_sqlx(),
        idle_expires_at.to_sqlx(),
    )
    .fetch_optional(&mut *transaction)
    .await?;
    transaction.commit().await?;
    Ok(person.map(|row| Person {
        firm: row.firm_id,
        firm_name: row.firm_name,
        user: row.user_id,
        name: row.name,
        email: row.email,
        role: row.role,
        practice: row.practice_id,
        session: row.session_id,
        authenticated_at: row.authenticated_at.to_jiff(),
    }))
}
