//! Journeys through real processes, coverage matrices, faults, migrations, and the form of the sources.

#![expect(
    clippy::disallowed_methods,
    reason = "the world around the product: it reads clocks, starts programs and waits, as people and machines do"
)]

mod bad_input;
mod isolation;
mod migrations;
mod tidy;
