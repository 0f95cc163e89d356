//! People: who may sign in, what they may do, their sessions.

mod account;
pub mod command;
mod db;
mod model;
pub mod password;
mod people;
pub mod sessions;
pub mod setup;
mod sign_in;

pub use db::{add, disable_viewers, set_password};
pub use model::{NewPerson, Role, email};

use crate::app::App;
use crate::error::AppError;
use crate::web::Route;

/// Forgets what no longer matters: failed sign-ins that count no longer, sessions that ended long ago.
pub async fn tidy(app: &App) -> Result<(), AppError> {
    let now = app.clock.now();
    sign_in::forget_old(app, now).await?;
    sessions::forget_old(app, now).await
}

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    [sign_in::routes(), setup::routes(), people::routes(), account::routes()]
        .into_iter()
        .flatten()
        .collect()
}
