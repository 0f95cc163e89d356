//! Reading a command line for the few options that say something about the backup.

use super::{is_one_of, program_names};
use crate::config::Program;

/// The arguments of a tool, when a command starts it directly; a shell's script is not looked into.
#[derive(Debug, Clone, Copy)]
pub(super) struct Options<'a> {
    /// The program as it is started.
    pub(super) program: Option<&'a str>,
    /// What follows it.
    pub(super) arguments: &'a [String],
}

impl<'a> Options<'a> {
    /// The arguments of `program`, or none when the command starts something else.
    pub(super) fn of(program: Program, command: &'a [String]) -> Self {
        match command.split_first() {
            Some((first, arguments)) if is_one_of(first, program_names(program)) => Self {
                program: Some(first),
                arguments,
            },
            _ => Self {
                program: None,
                arguments: &[],
            },
        }
    }

    /// Whether the tool is started directly, so that an option that is not here was not given.
    pub(super) fn are_known(&self) -> bool {
        self.program.is_some()
    }

    /// Whether one of these is given, alone or as `--name=value`.
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.arguments.iter().any(|argument| {
            names
                .iter()
                .any(|name| argument == name || argument.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
        })
    }

    /// The value of an option: the next argument, what follows `=`, or what follows a single letter directly.
    pub(super) fn value(&self, names: &[&str]) -> Option<&'a str> {
        for (index, argument) in self.arguments.iter().enumerate() {
            for name in names {
                if argument == name {
                    return self.arguments.get(index + 1).map(String::as_str);
                }
                let Some(rest) = argument.strip_prefix(name).filter(|rest| !rest.is_empty()) else {
                    continue;
                };
                if name.starts_with("--") {
                    if let Some(value) = rest.strip_prefix('=') {
                        return Some(value);
                    }
                } else {
                    return Some(rest);
                }
            }
        }
        None
    }

    /// The arguments that are no options.
    pub(super) fn words(&self) -> impl Iterator<Item = &'a str> {
        self.arguments
            .iter()
            .map(String::as_str)
            .filter(|argument| !argument.starts_with('-'))
    }
}
