//! People: who may sign in, what they may do, their sessions.

mod db;
mod model;
pub mod sessions;

pub use db::add;
pub use model::{NewPerson, Role};
