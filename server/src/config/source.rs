//! Where settings come from: flags, then the environment, then the settings file; the first that speaks wins.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use toml::de::{DeTable, DeValue};

use super::arguments::SettingsArgs;
use super::error::ConfigError;
use super::setting::{SETTINGS, Setting, find};

/// Variables of other programs that share our prefix.
const OTHERS: [&str; 2] = ["LASTGOOD_AGENT_", "LASTGOOD_TEST_"];
const DEFAULT_FILE: &str = "/etc/lastgood/lastgood.toml";

/// Where a value was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    Flag(String),
    Variable(String),
    File(PathBuf, usize),
    Default,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => write!(f, "given as --{flag}"),
            Origin::Variable(name) => write!(f, "given as the environment variable {name}"),
            Origin::File(path, line) => write!(f, "given in {} line {line}", path.display()),
            Origin::Default => write!(f, "by default"),
        }
    }
}

/// A value as it was given. Secret until its setting says otherwise, so that it cannot be printed by accident.
#[derive(Debug, Clone)]
pub(super) struct Given {
    pub(super) value: SecretString,
    pub(super) origin: Origin,
}

/// The process's environment, read once.
#[derive(Debug, Clone, Default)]
pub struct Environment(BTreeMap<String, OsString>);

impl Environment {
    /// Variables whose names are not Unicode cannot be ours and are left out.
    pub fn of_process() -> Environment {
        Environment(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect(),
        )
    }

    pub(super) fn raw(&self, name: &str) -> Option<&OsString> {
        self.0.get(name).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).and_then(|value| value.to_str())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Environment {
        Environment(
            variables
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.into()))
                .collect(),
        )
    }
}

/// Everything given, one value a setting.
pub(super) fn gather(
    args: &SettingsArgs,
    environment: &Environment,
) -> Result<BTreeMap<&'static str, Given>, ConfigError> {
    let mut given = from_file(args, environment)?;
    given.extend(from_environment(environment)?);
    for (name, value) in &args.given {
        let Some(setting) = find(name) else { continue };
        let origin = Origin::Flag(setting.flag());
        let value = if setting.secret {
            read_secret(Path::new(value), &origin)?
        } else {
            value.clone().into()
        };
        given.insert(setting.name, Given { value, origin });
    }
    Ok(given)
}

fn from_environment(environment: &Environment) -> Result<BTreeMap<&'static str, Given>, ConfigError> {
    let mut given = BTreeMap::new();
    if let Some(url) = environment.text("DATABASE_URL") {
        given.insert(
            "database_url",
            Given {
                value: url.into(),
                origin: Origin::Variable("DATABASE_URL".into()),
            },
        );
    }
    for name in environment.0.keys().filter(|name| name.starts_with("LASTGOOD_")) {
        // The agent's variables, and those of the tests, may stand in the same shell.
        if name == "LASTGOOD_CONFIG" || OTHERS.iter().any(|others| name.starts_with(others)) {
            continue;
        }
        let Some(value) = environment.raw(name) else { continue };
        let origin = Origin::Variable(name.clone());
        if let Some(setting) = SETTINGS.iter().find(|setting| setting.variable() == *name) {
            let text = value.to_str().ok_or_else(|| ConfigError::Invalid {
                setting: setting.name,
                origin: origin.clone(),
                problem: "is not UTF-8".into(),
                remedy: "Give it as UTF-8 text.".into(),
            })?;
            if setting.secret && environment.raw(&setting.file_variable()).is_some() {
                return Err(given_twice(setting, origin, &setting.file_variable()));
            }
            given.insert(
                setting.name,
                Given {
                    value: text.into(),
                    origin,
                },
            );
        } else if let Some(setting) = SETTINGS.iter().find(|s| s.secret && s.file_variable() == *name) {
            let value = read_secret(Path::new(value), &origin)?;
            given.insert(setting.name, Given { value, origin });
        } else {
            let key = name.trim_start_matches("LASTGOOD_").to_ascii_lowercase();
            return Err(unknown(&key, origin));
        }
    }
    Ok(given)
}

fn from_file(args: &SettingsArgs, environment: &Environment) -> Result<BTreeMap<&'static str, Given>, ConfigError> {
    let (path, wanted_by) = match (&args.config, environment.raw("LASTGOOD_CONFIG")) {
        (Some(path), _) => (path.clone(), "--config"),
        (None, Some(path)) => (PathBuf::from(path), "the environment variable LASTGOOD_CONFIG"),
        (None, None) => (PathBuf::from(DEFAULT_FILE), "the default"),
    };
    if wanted_by == "the default" && !path.exists() {
        return Ok(BTreeMap::new());
    }
    let unreadable = |source| ConfigError::Unreadable {
        path: path.clone(),
        wanted_by: wanted_by.into(),
        source,
    };
    let text = std::fs::read_to_string(&path).map_err(unreadable)?;
    let mode = std::fs::metadata(&path).map_err(unreadable)?.permissions().mode();
    parse_file(&path, &text, mode & 0o004 != 0)
}

/// The settings file's text. `open_to_all`: whether every user of the machine can read the file.
pub(super) fn parse_file(
    path: &Path,
    text: &str,
    open_to_all: bool,
) -> Result<BTreeMap<&'static str, Given>, ConfigError> {
    let line_of = |offset: usize| text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1;
    let table = DeTable::parse(text).map_err(|error| ConfigError::NotToml {
        path: path.to_owned(),
        line: line_of(error.span().map_or(0, |span| span.start)),
        problem: error.message().to_owned(),
    })?;
    let mut given = BTreeMap::new();
    for (key, value) in table.get_ref() {
        let name = key.get_ref().as_ref();
        let origin = Origin::File(path.to_owned(), line_of(key.span().start));
        let by_file = SETTINGS
            .iter()
            .find(|setting| setting.secret && setting.file_key() == name);
        let Some(setting) = find(name).or(by_file) else {
            return Err(unknown(name, origin));
        };
        let text = plain(value.get_ref()).ok_or_else(|| ConfigError::Invalid {
            setting: setting.name,
            origin: origin.clone(),
            problem: "is neither a text, a number, on or off, nor a list of texts".into(),
            remedy: format!("Write `{name} = \"…\"`."),
        })?;
        let value = if by_file.is_some() {
            read_secret(Path::new(&text), &origin)?
        } else if setting.secret && open_to_all {
            return Err(ConfigError::Invalid {
                setting: setting.name,
                origin,
                problem: "is a secret in a file that every user of this machine can read".into(),
                remedy: format!(
                    "Run `chmod o-r {}`, or keep it in a file of its own: {}.",
                    path.display(),
                    setting.file_key()
                ),
            });
        } else {
            text.into()
        };
        if given.contains_key(setting.name) {
            return Err(given_twice(setting, origin, &setting.file_key()));
        }
        given.insert(setting.name, Given { value, origin });
    }
    Ok(given)
}

/// A TOML value as the text that a flag would have.
fn plain(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.as_str().replace('_', "")),
        DeValue::Boolean(true) => Some("on".into()),
        DeValue::Boolean(false) => Some("off".into()),
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items
                .iter()
                .map(|item| item.get_ref().as_str().map(str::to_owned))
                .collect();
            Some(items?.join(","))
        }
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// The secret in a file, without the line break that editors leave at its end.
fn read_secret(path: &Path, origin: &Origin) -> Result<SecretString, ConfigError> {
    let text: SecretString = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable {
            path: path.to_owned(),
            wanted_by: format!("the secret {origin}"),
            source,
        })?
        .into();
    Ok(text.expose_secret().trim_end_matches(['\r', '\n']).into())
}

fn given_twice(setting: &Setting, origin: Origin, other: &str) -> ConfigError {
    ConfigError::Invalid {
        setting: setting.name,
        origin,
        problem: format!("is given twice, the other time as {other}"),
        remedy: "Keep one of them.".into(),
    }
}

fn unknown(key: &str, origin: Origin) -> ConfigError {
    let nearest = SETTINGS
        .iter()
        .map(|setting| (distance(setting.name, key), setting.name))
        .min();
    let hint = match nearest {
        Some((distance, name)) if distance <= 3 => format!("Did you mean `{name}`?"),
        _ => "`lastgood serve --help` lists the settings.".to_owned(),
    };
    ConfigError::UnknownSetting {
        key: key.to_owned(),
        origin,
        hint,
    }
}

/// Levenshtein's distance: how many letters to add, drop or change.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(other.chars()) {
            let changed = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = changed.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}
