//! Firms: the IT consultancies that use this server; every other row belongs to one.

mod db;
mod pages;
#[cfg(test)]
mod tests;

pub use db::{add, any_firm, named};
pub use pages::routes;
