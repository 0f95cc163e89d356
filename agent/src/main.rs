//! The `lastgood-agent` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    lastgood_agent::cli::main()
}
