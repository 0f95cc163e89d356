//! The settings as command-line flags.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, FromArgMatches, builder::NonEmptyStringValueParser};

use super::setting::{SETTINGS, Setting};

/// The settings given as flags. Flatten it into the command line: `#[command(flatten)] settings: SettingsArgs`. The
/// flags are global, so `lastgood serve --state X` and `lastgood --state X serve` are the same.
#[derive(Debug, Clone, Default)]
pub struct SettingsArgs {
    /// `--config`: the settings file.
    pub(super) config: Option<PathBuf>,
    /// What was given, by the setting's name. That of a secret is the name of a file.
    pub(super) given: BTreeMap<&'static str, String>,
}

impl SettingsArgs {
    /// As if `--NAME VALUE` had been given, for commands that bring their own defaults (`lastgood demo`). A flag that
    /// the person gave wins. `name` is the key of the settings file.
    #[must_use]
    pub fn or(mut self, name: &'static str, value: impl Into<String>) -> Self {
        debug_assert!(super::setting::find(name).is_some(), "there is no setting {name}");
        self.given.entry(name).or_insert_with(|| value.into());
        self
    }
}

fn argument(setting: &'static Setting) -> Arg {
    let mut help = setting.help.to_owned();
    if !setting.default.is_empty() {
        help = format!("{help} [default: {}]", setting.default);
    }
    let variable = if setting.secret {
        format!("{}, {}", setting.variable(), setting.file_variable())
    } else {
        setting.variable()
    };
    Arg::new(setting.name)
        .long(setting.flag())
        .value_name(if setting.secret { "FILE" } else { setting.value })
        .help(format!("{help} [env: {variable}]"))
        .help_heading("Settings")
        .value_parser(NonEmptyStringValueParser::new())
        .allow_hyphen_values(false)
        .hide_short_help(!setting.common)
        .global(true)
}

impl clap::Args for SettingsArgs {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new("config")
            .long("config")
            .value_name("FILE")
            .help("Settings file in TOML [default: /etc/lastgood/lastgood.toml if it is there] [env: LASTGOOD_CONFIG]")
            .help_heading("Settings")
            .value_parser(clap::value_parser!(PathBuf))
            .global(true);
        command.arg(config).args(SETTINGS.iter().map(argument))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for SettingsArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = SETTINGS
            .iter()
            .filter_map(|setting| Some((setting.name, matches.get_one::<String>(setting.name)?.clone())))
            .collect();
        Ok(SettingsArgs {
            config: matches.get_one::<PathBuf>("config").cloned(),
            given,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        let SettingsArgs { config, given } = Self::from_arg_matches(matches)?;
        self.config = config.or(self.config.take());
        self.given.extend(given);
        Ok(())
    }
}
