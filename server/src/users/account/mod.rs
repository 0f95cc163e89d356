//! `/account`: the own sessions and the own password.

mod browser;
mod db;
mod pages;
#[cfg(test)]
mod tests;

pub(super) use pages::routes;
