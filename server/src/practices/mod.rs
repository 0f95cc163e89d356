//! Practices: a firm's clients, their offices with time zone and closed days, and the days an office is closed besides.

mod db;
mod model;

pub use db::{add, add_office};
pub use model::{NewPractice, OfficeDetails};
