//! What commands print: sentences for people, or JSON.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::CommandError;

/// Where a command's result goes.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
}

impl Output {
    /// Sentences, or JSON.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether JSON was asked for.
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints the result: `text` for people, `value` for programs. A reader that has gone away is no error.
    pub fn print(self, text: &str, value: &Value) {
        let mut out = std::io::stdout().lock();
        let printed = if self.json {
            writeln!(out, "{value}")
        } else {
            writeln!(out, "{text}")
        };
        printed.and_then(|()| out.flush()).unwrap_or_default();
    }

    /// A line about what is being done, for somebody who waits at a terminal, on the error output.
    pub fn progress(self, line: &str) {
        if !self.json && std::io::stderr().is_terminal() {
            writeln!(std::io::stderr(), "{line}").unwrap_or_default();
        }
    }

    /// Prints why the command was not done, and gives its exit code.
    pub fn fail(self, error: &CommandError) -> ExitCode {
        let mut err = std::io::stderr().lock();
        let printed = if self.json {
            writeln!(err, "{}", json!({ "error": error.to_string() }))
        } else {
            writeln!(err, "lastgood: {error}")
        };
        printed.unwrap_or_default();
        ExitCode::FAILURE
    }
}
