//! The pages about agents.

pub(super) mod db;
pub(super) mod enrol;
mod list;
mod show;

pub(super) use list::agents;
pub(super) use show::{agent, revoke};
