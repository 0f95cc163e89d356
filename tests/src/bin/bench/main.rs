//! `make bench`: figures and ratios, measured on the real programs in this build.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it prints what it measured, and measures with the system's clocks"
)]

mod agent;
mod evaluator;
mod events;
mod figures;
mod memory;
mod today;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|one| one == name);
    if is_wanted("events") {
        events::measure();
    }
    if is_wanted("today") {
        today::measure();
    }
    if is_wanted("evaluator") {
        evaluator::measure();
    }
    if is_wanted("memory") {
        memory::measure();
    }
    if is_wanted("agent") {
        agent::measure();
    }
}
