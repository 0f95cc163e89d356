//! What is wanted, as a person is told it.

use std::collections::BTreeSet;

use super::{Name, Wanted};

/// What was found where a medium is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found<'a> {
    /// No medium at all.
    Nothing,
    /// One that was never registered.
    Unregistered,
    /// This one.
    Medium(&'a Name),
}

impl Wanted {
    /// The medium that is wanted, in a few words; `None` when none is in particular.
    pub(crate) fn name(&self) -> Option<String> {
        match self {
            Self::Anything => None,
            Self::Registered => Some("a registered medium".to_owned()),
            Self::Named(name) => Some(quoted(name)),
            Self::AnotherThan { next: Some(next), .. } => Some(quoted(next)),
            Self::AnotherThan { sets, next: None } => Some(format!("another set than {}", list(sets))),
        }
    }

    /// Why a job that wants this does not begin with what was found.
    pub(crate) fn refusal(&self, found: Found<'_>) -> String {
        let wanted = self.name().unwrap_or_else(|| "a medium".to_owned());
        let is_there = match (self, found) {
            (_, Found::Nothing) => "No medium is connected where the job writes to".to_owned(),
            (_, Found::Unregistered) => "The medium in the drive is not registered".to_owned(),
            (Self::AnotherThan { .. }, Found::Medium(name)) => {
                format!(
                    "{} is in the drive, of the set of the last backup day",
                    quoted(&name.label)
                )
            }
            (Self::Anything | Self::Registered | Self::Named(_), Found::Medium(name)) => {
                format!("{} is in the drive", quoted(&name.label))
            }
        };
        let more = match self {
            Self::AnotherThan { next: Some(_), .. } => ", or another set",
            Self::AnotherThan { next: None, .. } | Self::Anything | Self::Registered | Self::Named(_) => "",
        };
        format!("{is_there}; wanted is {wanted}{more}. No backup was made.")
    }
}

fn quoted(name: &str) -> String {
    format!("“{name}”")
}

fn list(sets: &BTreeSet<String>) -> String {
    let sets: Vec<String> = sets.iter().map(|set| quoted(set)).collect();
    sets.join(" and ")
}
