//! Firms: the IT consultancies that use this server; every other row belongs to one.

mod db;

pub use db::{add, any_firm, named};
