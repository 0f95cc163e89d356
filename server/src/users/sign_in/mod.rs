//! Signing in, entering the password again, signing out. An unknown account is answered like a wrong password, after the
//! same work; tries are counted before they are made, in the database, so that neither haste nor a restart buys more.

mod db;
mod pages;
#[cfg(test)]
mod tests;
mod throttle;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

pub(super) use pages::{go_on, routes, user_agent};

use super::sessions::{self, NewSession};
use crate::app::App;
use crate::audit::{self, Actor, Entry, Origin};
use crate::db::{Scope, Transaction};
use crate::error::AppError;

use crate::web::session_cookie::SessionToken;
use db::Account;
use throttle::Subject;

/// A try to sign in.
#[derive(Debug)]
pub(super) struct Try<'a> {
    /// As typed.
    pub(super) email: &'a str,
    /// As typed.
    pub(super) password: &'a SecretString,
    /// Where from.
    pub(super) origin: Origin<'a>,
    /// What the browser says it is.
    pub(super) user_agent: &'a str,
    /// The session this browser had, which the new one replaces.
    pub(super) replaces: Option<&'a SessionToken>,
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Tried {
    /// The password fits: a session began.
    SignedIn(SessionToken),
    /// Account and password do not belong together.
    Wrong,
    /// Too many failures; nothing was looked at.
    Refused {
        /// When to try again.
        until: Timestamp,
    },
}

/// What came of proving who one is.
#[derive(Debug)]
pub(super) enum Proof {
    /// Account and password belong together. The try stays counted until [`forgive`].
    Fits(Account),
    /// They do not.
    Wrong,
    /// Too many failures; nothing was looked at.
    Refused {
        /// When to try again.
        until: Timestamp,
    },
}

/// Counts a try and looks whether account and password belong together.
pub(super) async fn prove(
    app: &App,
    now: Timestamp,
    typed_email: &str,
    address: &str,
    password: &SecretString,
) -> Result<Proof, AppError> {
    let email = super::model::normal_email(typed_email);
    let subjects = [Subject::account(&email), Subject::address(address)];
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let mut refused = None;
    for subject in &subjects {
        refused = refused.max(db::count_try(&mut transaction, now, subject).await?);
    }
    let account = db::account(&mut transaction, &email).await?;
    transaction.commit().await?;
    if let Some(until) = refused {
        tracing::warn!(address, "a sign-in was refused after too many failures");
        return Ok(Proof::Refused { until });
    }
    let hash = account.as_ref().map(|account| account.password_hash.as_str());
    match app.hashing.verify(hash, password).await {
        Ok(fits) => Ok(account.filter(|_| fits).map_or(Proof::Wrong, Proof::Fits)),
        Err(error) => {
            take_back(app, &subjects).await?;
            Err(error)
        }
    }
}

/// Tries to sign somebody in.
pub(super) async fn sign_in(app: &App, now: Timestamp, attempt: &Try<'_>) -> Result<Tried, AppError> {
    match prove(app, now, attempt.email, attempt.origin.address, attempt.password).await? {
        Proof::Fits(account) => begin_session(app, now, attempt, &account).await,
        Proof::Wrong => Ok(Tried::Wrong),
        Proof::Refused { until } => Ok(Tried::Refused { until }),
    }
}

/// After a password that fits: forgets the account's failures, and that this try counted against the address.
pub(super) async fn forgive(transaction: &mut Transaction, account: &Account, address: &str) -> Result<(), AppError> {
    db::forget(transaction, &Subject::account(&account.email)).await?;
    db::uncount_try(transaction, &Subject::address(address)).await
}

/// Locks the account until the transaction ends. Whether its password is still the one that was proven.
pub(super) async fn still_stands(transaction: &mut Transaction, account: &Account) -> Result<bool, AppError> {
    db::still_stands(transaction, account).await
}

/// A try that was counted and could not be made counts for nothing.
async fn take_back(app: &App, subjects: &[Subject; 2]) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    for subject in subjects {
        db::uncount_try(&mut transaction, subject).await?;
    }
    Ok(transaction.commit().await?)
}

async fn begin_session(app: &App, now: Timestamp, attempt: &Try<'_>, account: &Account) -> Result<Tried, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    if !db::still_stands(&mut transaction, account).await? {
        return Ok(Tried::Wrong);
    }
    forgive(&mut transaction, account, attempt.origin.address).await?;
    if let Some(token) = attempt.replaces {
        sessions::end_of_token(&mut transaction, now, token).await?;
    }
    let session = NewSession {
        firm: account.firm,
        user: account.user,
        practice: account.practice,
        address: attempt.origin.address,
        user_agent: attempt.user_agent,
        idle_expires_at: now + app.options.session_idle,
        expires_at: now + app.options.session_absolute,
    };
    let token = sessions::begin(&mut transaction, now, &session).await?;
    let actor = Actor::User {
        firm: account.firm,
        user: account.user,
        name: &account.name,
    };
    let entry = Entry {
        action: "session.begun",
        practice: account.practice,
        subject_kind: "person",
        subject: Some(account.user.0),
        subject_name: &account.name,
        details: json!({}),
    };
    audit::record(&mut transaction, now, actor, attempt.origin, entry).await?;
    transaction.commit().await?;
    Ok(Tried::SignedIn(token))
}

/// Forgets failures that count no longer.
pub(super) async fn forget_old(app: &App, now: Timestamp) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    db::forget_old(&mut transaction, now - throttle::WINDOW).await?;
    Ok(transaction.commit().await?)
}
