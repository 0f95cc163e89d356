//! People: who may sign in, what they may do, their sessions.

mod model;
pub mod sessions;

pub use model::Role;
