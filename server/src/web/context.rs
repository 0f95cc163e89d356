//! What a handler knows about the request it answers.

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::app::App;
use crate::audit;
use crate::db::{Scope, Transaction};
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId, SessionId, UserId};
use crate::users::Role;

/// Somebody who is signed in.
#[derive(Debug, Clone)]
pub struct Person {
    /// Their firm.
    pub firm: FirmId,
    /// The firm's name.
    pub firm_name: String,
    /// They.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with.
    pub email: String,
    /// What they may do.
    pub role: Role,
    /// The one practice of a practice viewer.
    pub practice: Option<PracticeId>,
    /// The session of this request.
    pub session: SessionId,
    /// When they last entered their password in this session.
    pub authenticated_at: Timestamp,
}

impl Person {
    /// Whose rows they may see.
    pub fn scope(&self) -> Scope {
        match self.practice {
            Some(practice) => Scope::Practice(self.firm, practice),
            None => Scope::Firm(self.firm),
        }
    }

    /// Whether they entered their password at `since` or later.
    pub fn signed_in_since(&self, since: Timestamp) -> bool {
        self.authenticated_at >= since
    }
}

/// The request: who, when, and the way to the database in their scope. Made by the route table's guard.
#[derive(Clone)]
pub struct Context {
    /// The application.
    pub app: App,
    /// When the request came; the one "now" of the whole answer.
    pub now: Timestamp,
    /// The request's id, in the answer's header, the log and on error pages.
    pub request_id: String,
    /// The address it came from, by the rules for trusted proxies.
    pub address: String,
    /// The path asked for.
    pub path: String,
    /// The colours the reader chose.
    pub theme: super::Theme,
    /// The zone of the reader's clock, where it is known.
    pub zone: Option<TimeZone>,
    person: Option<Person>,
}

impl Context {
    pub(super) fn of_request(app: App, now: Timestamp, person: Option<Person>, request: &Request) -> Self {
        let identity = request
            .extensions()
            .get::<super::page::RequestIdentity>()
            .cloned()
            .unwrap_or_default();
        let path = request.uri().path().to_owned();
        Self {
            app,
            now,
            request_id: identity.request_id,
            address: identity.address,
            path,
            theme: super::reader::theme(request.headers()),
            zone: super::reader::zone(request.headers()),
            person,
        }
    }

    /// Who is signed in. An error on a route that admits strangers.
    pub fn person(&self) -> Result<&Person, AppError> {
        self.person.as_ref().ok_or(AppError::SignInNeeded)
    }

    /// Who is signed in, if anybody.
    pub fn visitor(&self) -> Option<&Person> {
        self.person.as_ref()
    }

    /// Begins a transaction that sees what this person may see.
    pub async fn begin(&self) -> Result<Transaction, AppError> {
        Ok(self.app.db.begin(self.person()?.scope()).await?)
    }

    /// Writes what this person did to the audit log, in the transaction of the change.
    pub async fn record(&self, transaction: &mut Transaction, entry: audit::Entry<'_>) -> Result<(), AppError> {
        let person = self.person()?;
        let actor = audit::Actor::User {
            firm: person.firm,
            user: person.user,
            name: &person.name,
        };
        let origin = audit::Origin {
            address: &self.address,
            request_id: &self.request_id,
        };
        audit::record(transaction, self.now, actor, origin, entry).await
    }
}

impl FromRequestParts<App> for Context {
    type Rejection = AppError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, AppError> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| AppError::internal("a handler outside the route table asked for its context"))
    }
}
