//! Journeys through real processes, coverage matrices, faults, migrations, and the form of the sources.

#![expect(
    clippy::disallowed_methods,
    reason = "the world around the product: it reads clocks, starts programs and waits, as people and machines do"
)]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::too_many_lines,
    reason = "a test fails by panicking, and a table of cases is as long as it is"
)]

mod bad_input;
mod coverage;
mod faults;
mod isolation;
mod journeys;
mod migrations;
mod packages;
mod tidy;
