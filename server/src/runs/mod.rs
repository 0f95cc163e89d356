//! Runs: one execution of a job each, with the facts measured.

mod model;

pub use model::Outcome;
