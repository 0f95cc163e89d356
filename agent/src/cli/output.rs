//! What the commands print: text for a person, or one JSON object for a script.

use std::fmt;
use std::io::{self, Write as _};

use lastgood_protocol::Outcome;
use serde::Serialize;
use serde_json::json;

/// Something that keeps a command from doing what it was asked.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    remedy: Option<String>,
    code: u8,
}

impl Failure {
    /// What is wrong.
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            remedy: None,
            code: 1,
        }
    }

    /// A command line that cannot be carried out as it is.
    pub(super) fn usage(message: impl Into<String>) -> Self {
        Self {
            code: 2,
            ..Self::new(message)
        }
    }

    /// What to do.
    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    pub(super) fn exit_code(&self) -> u8 {
        self.code
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.remedy {
            Some(remedy) => write!(f, ". {remedy}."),
            None => Ok(()),
        }
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(error.to_string())
    }
}

/// Prints in the form that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Printer {
    json: bool,
}

impl Printer {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether a script reads what is printed.
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result: `text` for a person, `value` for a script.
    pub(super) fn result(self, text: impl fmt::Display, value: &impl Serialize) {
        let line = if self.json {
            serde_json::to_string(value).unwrap_or_else(|error| json!({ "error": error.to_string() }).to_string())
        } else {
            text.to_string()
        };
        say(io::stdout().lock(), line.trim_end());
    }

    /// Prints what is wrong, to standard error.
    pub(super) fn failure(self, failure: &Failure) {
        if self.json {
            let value = json!({ "error": failure.message, "remedy": failure.remedy });
            say(io::stderr().lock(), &value.to_string());
            return;
        }
        note(&failure.message);
        if let Some(remedy) = &failure.remedy {
            say(io::stderr().lock(), &format!("  {remedy}."));
        }
    }
}

/// One line to standard error.
pub(super) fn note(message: &str) {
    say(io::stderr().lock(), &format!("lastgood-agent: {message}"));
}

/// Words for whoever sits at the terminal, to standard error so that standard output stays the result's alone.
pub(super) fn say_to_person(words: &str) {
    let mut terminal = io::stderr().lock();
    // Whoever cannot be told can still answer.
    let _unread = write!(terminal, "{words} ").and_then(|()| terminal.flush());
}

/// A question to a person.
pub(super) fn ask(question: &str) -> io::Result<String> {
    say_to_person(question);
    let mut answer = String::new();
    if io::stdin().read_line(&mut answer)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(answer.trim().to_owned())
}

/// Words of somebody else, short and without what a terminal would obey.
pub(super) fn plain(words: &str, most: usize) -> String {
    words.chars().filter(|c| !c.is_control()).take(most).collect()
}

/// One word for how a backup ended.
pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Warning => "warning",
        Outcome::Failed => "FAILED",
    }
}

fn say(mut to: impl io::Write, line: &str) {
    // Whoever does not read what is printed (`| head`) does not need it.
    let _unread = writeln!(to, "{line}");
}
