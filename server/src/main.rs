//! The `lastgood` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lastgood::command::run()
}
