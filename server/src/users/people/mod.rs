//! The people of a firm: who they are, what they may do, who receives alerts. Owners change it.

mod add;
mod change;
mod db;
mod notice;
mod pages;
#[cfg(test)]
mod tests;

use crate::ids::{PracticeId, UserId};
use crate::users::Role;
use crate::web::words::Moment;
use crate::web::{Access, Audit, Route};

/// The routes of the people pages. Whoever works for the firm may see who its people are, because the notice that somebody
/// receives alerts no longer leads there, and so does the question whom to ask; owners alone change it. What takes somebody's alerts away asks for the password again.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/people", Access::Reader, pages::list),
        Route::get("/people/add", Access::Owner, add::show),
        Route::post(
            "/people/add",
            Access::Owner,
            Audit::Records("person.added"),
            add::submit,
        ),
        Route::get("/people/{user}", Access::Owner, pages::show),
        Route::post(
            "/people/{user}/role",
            Access::Owner,
            Audit::Records("person.role_changed"),
            change::role,
        )
        .fresh(),
        Route::post(
            "/people/{user}/alerts/on",
            Access::Owner,
            Audit::Records("person.alerts_on"),
            change::alerts_on,
        ),
        Route::post(
            "/people/{user}/alerts/off",
            Access::Owner,
            Audit::Records("person.alerts_off"),
            change::alerts_off,
        )
        .fresh(),
        Route::post(
            "/people/{user}/disable",
            Access::Owner,
            Audit::Records("person.disabled"),
            change::disable,
        )
        .fresh(),
        Route::post(
            "/people/{user}/enable",
            Access::Owner,
            Audit::Records("person.enabled"),
            change::enable,
        ),
        Route::post(
            "/people/{user}/password-link",
            Access::Owner,
            Audit::Records("person.invited"),
            change::password_link,
        ),
    ]
}

/// Somebody, as these pages show them.
#[derive(Debug, Clone)]
struct PersonRow {
    user: UserId,
    name: String,
    email: String,
    role: Role,
    practice: Option<PracticeId>,
    practice_name: Option<String>,
    receives_alerts: bool,
    disabled: bool,
    has_password: bool,
    last_seen: Option<Moment>,
}

impl PersonRow {
    fn state(&self) -> &'static str {
        match (self.disabled, self.has_password) {
            (true, _) => "disabled",
            (false, false) => "invited, no password yet",
            (false, true) => "may sign in",
        }
    }

    /// What they may do, in words; a viewer's with the practice.
    fn role_words(&self) -> String {
        match &self.practice_name {
            Some(practice) => format!("{}: {practice}", words(self.role)),
            None => words(self.role).to_owned(),
        }
    }

    /// Whether alerts are really sent to them.
    fn hears(&self) -> bool {
        self.receives_alerts && !self.disabled && self.role != Role::PracticeViewer
    }
}

/// A role as people call it.
fn words(role: Role) -> &'static str {
    match role {
        Role::Owner => "Owner",
        Role::Technician => "Technician",
        Role::ReadOnly => "Read only",
        Role::PracticeViewer => "Practice viewer",
    }
}

/// The choice of a role: its word and what it means.
fn role_options() -> Vec<(String, &'static str)> {
    Role::ALL
        .iter()
        .map(|role| {
            let meaning = match role {
                Role::Owner => "Owner: everything, people included",
                Role::Technician => "Technician: everything but people",
                Role::ReadOnly => "Read only: sees everything, changes nothing",
                Role::PracticeViewer => "Practice viewer: sees the page of one practice",
            };
            (role.to_string(), meaning)
        })
        .collect()
}
