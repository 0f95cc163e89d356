//! `lastgood config show`.

use clap::Subcommand;
use serde_json::{Map, Value};

use super::{CommandError, Output};
use crate::config::{Settings, show};

/// What can be done with the settings.
#[derive(Debug, Clone, Subcommand)]
pub(super) enum ConfigCommand {
    /// Print the settings in force, as a settings file, without secrets
    Show,
}

pub(super) fn run(command: &ConfigCommand, settings: &Settings, output: Output) -> Result<(), CommandError> {
    let ConfigCommand::Show = command;
    let text = show(settings);
    let table: toml::Table = text
        .parse()
        .map_err(|error| CommandError::Refused(format!("the settings cannot be shown: {error}")))?;
    let value: Map<String, Value> = table
        .into_iter()
        .map(|(name, value)| (name, Value::from(value.as_str().unwrap_or_default())))
        .collect();
    output.print(text.trim_end(), &Value::Object(value));
    Ok(())
}
