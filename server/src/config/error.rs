//! What is wrong with a setting, where it was given, and what to do about it.

use std::path::PathBuf;

use super::source::Origin;

/// Why the settings cannot be used. Each message names the setting, where it came from and the remedy; none repeats
/// the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that a setting names, or the settings file itself, cannot be read.
    #[error("{path} cannot be read ({source}), and {wanted_by} names it. Correct the path or the file's permissions.", path = path.display())]
    Unreadable {
        path: PathBuf,
        wanted_by: String,
        source: std::io::Error,
    },
    /// The settings file is not TOML.
    #[error("{path} line {line} is not valid TOML: {problem}.", path = path.display())]
    NotToml {
        path: PathBuf,
        line: usize,
        problem: String,
    },
    /// A setting that does not exist.
    #[error("there is no setting `{key}` ({origin}). {hint}")]
    UnknownSetting { key: String, origin: Origin, hint: String },
    /// A setting whose value cannot be used.
    #[error("the setting `{setting}` ({origin}) {problem}. {remedy}")]
    Invalid {
        setting: &'static str,
        origin: Origin,
        problem: String,
        remedy: String,
    },
}
