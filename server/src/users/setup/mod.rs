//! One-time links: by which the first owner of a server sets it up, and by which an invited person, or one who forgot it,
//! chooses a password. A link holds a 256-bit token, the database its SHA-256; it lives a day and works once.

mod db;
mod pages;
#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

pub(super) use pages::routes;

use crate::app::App;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::firms;
use crate::ids::{self, FirmId, UserId};

/// How long a link may be used.
const LIFE: SignedDuration = SignedDuration::from_hours(24);

/// A new link for the first owner, while the server has no firm; links made before are worth nothing from then on.
pub async fn first_owner_link(app: &App) -> Result<Option<String>, AppError> {
    let now = app.clock.now();
    let mut transaction = app.db.begin(Scope::Everything).await?;
    if firms::any_firm(&mut transaction).await?.is_some() {
        return Ok(None);
    }
    db::end_first_owner_links(&mut transaction, now).await?;
    let token = new_token();
    db::add(&mut transaction, now, now + LIFE, &hash(&token), None).await?;
    transaction.commit().await?;
    Ok(Some(format!("{}/set-up/{token}", app.options.public_url)))
}

/// A new link by which this person chooses their password. It is shown once, to whoever asked for it.
pub async fn password_link(
    app: &App,
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    user: UserId,
) -> Result<String, AppError> {
    let token = new_token();
    db::add(transaction, now, now + LIFE, &hash(&token), Some((firm, user))).await?;
    Ok(format!("{}/set-password/{token}", app.options.public_url))
}

fn new_token() -> String {
    URL_SAFE_NO_PAD.encode(ids::random::<32>())
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}
