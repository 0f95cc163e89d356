//! Values: text in, something that can be used out, or a sentence about what is wrong.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};

use super::error::ConfigError;
use super::source::{Given, Origin};

/// What was given, to be taken by name and parsed.
pub(super) struct Values(pub(super) BTreeMap<&'static str, Given>);

impl Values {
    pub(super) fn secret(&self, name: &'static str) -> Option<SecretString> {
        self.0.get(name).map(|given| given.value.clone())
    }

    pub(super) fn text(&self, name: &'static str) -> Option<String> {
        self.0.get(name).map(|given| given.value.expose_secret().to_owned())
    }

    pub(super) fn path(&self, name: &'static str) -> Option<PathBuf> {
        self.text(name).map(PathBuf::from)
    }

    /// The items of a list separated by commas, none of them empty.
    pub(super) fn list(&self, name: &'static str) -> Vec<String> {
        let text = self.text(name).unwrap_or_default();
        text.split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// The value made by `parse`, whose error completes "the setting … {error}".
    pub(super) fn parsed<T>(
        &self,
        name: &'static str,
        remedy: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        parse(text.trim())
            .map(Some)
            .map_err(|problem| self.invalid(name, problem, remedy))
    }

    pub(super) fn origin(&self, name: &'static str) -> Origin {
        self.0.get(name).map_or(Origin::Default, |given| given.origin.clone())
    }

    pub(super) fn invalid(&self, setting: &'static str, problem: impl Into<String>, remedy: &str) -> ConfigError {
        ConfigError::Invalid {
            setting,
            origin: self.origin(setting),
            problem: problem.into(),
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn duration(
        &self,
        name: &'static str,
        default: Duration,
        (shortest, longest): (Duration, Duration),
    ) -> Result<Duration, ConfigError> {
        let remedy = format!("Write it as `90 s`, `30 min` or `12 h`, between {shortest:?} and {longest:?}.");
        let given = self.parsed(name, &remedy, |text| {
            let duration = duration(text)?;
            if duration < shortest || duration > longest {
                return Err(format!("is out of range: `{text}`"));
            }
            Ok(duration)
        })?;
        Ok(given.unwrap_or(default))
    }

    pub(super) fn switch(&self, name: &'static str, default: bool) -> Result<bool, ConfigError> {
        let given = self.parsed(name, "Write `on` or `off`.", |text| match text {
            "on" | "true" | "yes" | "1" => Ok(true),
            "off" | "false" | "no" | "0" => Ok(false),
            _ => Err(format!("is neither on nor off: `{text}`")),
        })?;
        Ok(given.unwrap_or(default))
    }

    /// An address to listen on; `none` for nowhere.
    pub(super) fn listener(
        &self,
        name: &'static str,
        default: Option<SocketAddr>,
    ) -> Result<Option<SocketAddr>, ConfigError> {
        if self.text(name).as_deref() == Some("none") {
            return Ok(None);
        }
        let remedy = "Write an address and a port, as 0.0.0.0:8443 or [::]:8443, or `none`.";
        let given = self.parsed(name, remedy, |text| {
            text.parse()
                .map_err(|_| format!("is not an address with a port: `{text}`"))
        })?;
        Ok(given.or(default))
    }

    /// The given file, which must be there and readable now rather than at the first mail or handshake.
    pub(super) fn readable(&self, name: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        let Some(path) = self.path(name) else { return Ok(None) };
        std::fs::File::open(&path).map_err(|source| ConfigError::Unreadable {
            path: path.clone(),
            wanted_by: format!("the setting `{name}` ({})", self.origin(name)),
            source,
        })?;
        Ok(Some(path))
    }
}

/// `90 s`, `1 h 30 min`, `PT30M`, or a bare number of seconds.
fn duration(text: &str) -> Result<Duration, String> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Ok(Duration::from_secs(seconds));
    }
    let wrong = || format!("is not a duration: `{text}`");
    let signed: jiff::SignedDuration = text.parse().map_err(|_| wrong())?;
    Duration::try_from(signed).map_err(|_| wrong())
}

/// `https://lastgood.example.net:8443`, without a slash at its end.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let wrong = |what: &str| format!("{what}: `{text}`");
    let uri: axum::http::Uri = text.parse().map_err(|_| wrong("is not a URL"))?;
    let host = uri.host().unwrap_or_default();
    if host.is_empty() || !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong("does not begin with https:// and a host"));
    }
    if uri.scheme_str() == Some("http") && !is_loopback(host) {
        return Err(wrong(
            "is plain HTTP to another machine, over which no session cookie may travel",
        ));
    }
    if uri.path() != "/" || uri.query().is_some() || text.contains('#') {
        return Err(wrong("has a path, but Lastgood is served at the root of its host"));
    }
    if uri
        .authority()
        .is_some_and(|authority| authority.as_str().contains('@'))
    {
        return Err(wrong("contains a user name"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether a host in a setting is this machine, by address or by its reserved name.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || address
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// A host name as certificates and mail addresses know it, or an address.
pub(super) fn host_name(text: &str) -> Result<String, String> {
    if text.parse::<std::net::IpAddr>().is_ok() {
        return Ok(text.to_owned());
    }
    let name = text.strip_prefix("*.").unwrap_or(text);
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    };
    if name.len() > 253 || !name.split('.').all(label) {
        return Err(format!(
            "contains `{text}`, which is neither a host name nor an address"
        ));
    }
    Ok(text.to_ascii_lowercase())
}
