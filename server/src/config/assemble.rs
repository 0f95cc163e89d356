//! From what was given to settings that can be used.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;

use super::arguments::SettingsArgs;
use super::error::ConfigError;
use super::network::{Network, TrustedProxies};
use super::parse::{self, Values};
use super::source::{self, Environment};
use super::{GivenCertificate, LogFormat, MailSettings, Settings, SmtpSecurity, TlsSettings};

impl Settings {
    /// The settings from these sources. `machine`: its name. `root`: whether the process may use /var/lib.
    pub fn from_sources(
        args: &SettingsArgs,
        environment: &Environment,
        machine: &str,
        root: bool,
    ) -> Result<Settings, ConfigError> {
        let values = Values(source::gather(args, environment)?);
        let listen = values.listener("listen", Some(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8443))))?;
        let url = values.parsed(
            "public_url",
            "Write it as https://lastgood.example.net:8443.",
            parse::public_url,
        )?;
        let public_host = url.as_deref().map_or_else(|| machine.to_owned(), host_of);
        let (second, day) = (Duration::from_secs(1), Duration::from_hours(24));
        Ok(Settings {
            state: state(&values, environment, root)?,
            database_url: database_url(&values)?,
            pg_bindir: values.path("pg_bindir"),
            dumps_kept: dumps_kept(&values)?,
            listen,
            listen_plain: listen_plain(&values, listen)?,
            tls: tls(&values, &public_host)?,
            mail: mail(&values, &public_host)?,
            public_url_given: url,
            alert_hold: values.duration("alert_hold", second * 60, (Duration::ZERO, second * 3600))?,
            silent_after: values.duration("silent_after", second * 1800, (second, day * 7))?,
            evaluator_period: values.duration("evaluator_period", second * 5, (second / 10, second * 300))?,
            trusted_proxies: trusted_proxies(&values)?,
            metrics: values.switch("metrics", true)?,
            session_idle: values.duration("session_idle", second * 3600, (second, day * 30))?,
            session_absolute: values.duration("session_absolute", second * 43_200, (second, day * 90))?,
            log: log(&values)?,
            log_format: log_format(&values)?,
            machine: machine.to_owned(),
            search_path: environment.raw("PATH").cloned().unwrap_or_default(),
        })
    }
}

fn host_of(url: &str) -> String {
    let host = url
        .parse::<axum::http::Uri>()
        .ok()
        .and_then(|uri| uri.host().map(str::to_owned));
    host.unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned()
}

fn state(values: &Values, environment: &Environment, root: bool) -> Result<PathBuf, ConfigError> {
    if let Some(path) = values.path("state") {
        return std::path::absolute(&path)
            .map_err(|error| values.invalid("state", format!("is no usable path ({error})"), "Give a folder."));
    }
    let folder = |name: &str| {
        environment
            .raw(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let state = if root {
        Some(PathBuf::from("/var/lib"))
    } else {
        folder("XDG_STATE_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/state")))
    };
    state.map(|path| path.join("lastgood")).ok_or_else(|| {
        values.invalid(
            "state",
            "has no default here, because HOME is not set",
            "Give --state FOLDER.",
        )
    })
}

fn database_url(values: &Values) -> Result<Option<SecretString>, ConfigError> {
    let parsed = values.parsed(
        "database_url",
        "Write it as postgres://user:password@host/database.",
        |text| {
            // The parser's own message may repeat parts of the URL, and with them the password.
            text.parse::<sqlx::postgres::PgConnectOptions>()
                .map_err(|_| "is not a PostgreSQL URL (its value is not shown, it may hold a password)".to_owned())
                .and_then(|options| match options.get_database() {
                    Some(_) => Ok(()),
                    None => Err("names no database".to_owned()),
                })
        },
    )?;
    Ok(parsed.and_then(|()| values.secret("database_url")))
}

fn dumps_kept(values: &Values) -> Result<usize, ConfigError> {
    let parsed = values.parsed("dumps_kept", "Write a number from 1 to 1000.", |text| {
        let number = text.parse::<usize>().ok().filter(|number| (1..=1000).contains(number));
        number.ok_or_else(|| format!("is out of range: `{text}`"))
    })?;
    Ok(parsed.unwrap_or(5))
}

fn listen_plain(values: &Values, listen: Option<SocketAddr>) -> Result<Option<SocketAddr>, ConfigError> {
    let plain = values.listener("listen_plain", None)?;
    if let Some(address) = plain.filter(|address| !address.ip().to_canonical().is_loopback()) {
        return Err(values.invalid(
            "listen_plain",
            format!("would serve plain HTTP to other machines on {address}"),
            "Use 127.0.0.1 or [::1] behind a proxy, or serve HTTPS with `listen`.",
        ));
    }
    if plain.is_none() && listen.is_none() {
        let remedy = "Give an address to `listen`, or to `listen_plain` behind a proxy.";
        return Err(values.invalid(
            "listen",
            "is none and `listen_plain` is none, so nobody could reach the server",
            remedy,
        ));
    }
    Ok(plain)
}

fn tls(values: &Values, public_host: &str) -> Result<TlsSettings, ConfigError> {
    let (certificate, key) = (values.readable("tls_certificate")?, values.readable("tls_key")?);
    let authority = values.readable("tls_authority")?;
    let given = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(GivenCertificate {
            certificate,
            key,
            authority,
        }),
        (Some(_), None) => return Err(values.invalid("tls_certificate", "needs its key", "Give `tls_key` too.")),
        (None, Some(_)) => {
            return Err(values.invalid("tls_key", "needs its certificate", "Give `tls_certificate` too."));
        }
        (None, None) if authority.is_some() => {
            let problem = "belongs to a certificate that is not given";
            return Err(values.invalid("tls_authority", problem, "Give `tls_certificate` and `tls_key` too."));
        }
        (None, None) => None,
    };
    let remedy = "Write names and addresses with commas between them, as backup.example.net,192.0.2.7.";
    let mut host_names = Vec::new();
    for name in values.list("host_names") {
        host_names.push(parse::host_name(&name).map_err(|problem| values.invalid("host_names", problem, remedy))?);
    }
    if values.text("public_url").is_some() && !host_names.iter().any(|name| name == public_host) {
        host_names.push(public_host.to_owned());
    }
    Ok(TlsSettings { given, host_names })
}

fn mail(values: &Values, public_host: &str) -> Result<MailSettings, ConfigError> {
    let host = values.parsed(
        "smtp_host",
        "Write its name or address, without a port.",
        parse::host_name,
    )?;
    let security = values.parsed("smtp_security", "Write starttls, tls or none.", |text| match text {
        "starttls" => Ok(SmtpSecurity::StartTls),
        "tls" => Ok(SmtpSecurity::Tls),
        "none" => Ok(SmtpSecurity::None),
        _ => Err(format!("is none of its kinds: `{text}`")),
    })?;
    let security = security.unwrap_or(SmtpSecurity::StartTls);
    if security == SmtpSecurity::None && host.as_deref().is_some_and(|host| !parse::is_loopback(host)) {
        let problem = "is none, which would send mails about practices unprotected over the network";
        return Err(values.invalid(
            "smtp_security",
            problem,
            "Use starttls or tls, or a mail server on this machine.",
        ));
    }
    let usual = match security {
        SmtpSecurity::StartTls => 587,
        SmtpSecurity::Tls => 465,
        SmtpSecurity::None => 25,
    };
    let port = values.parsed("smtp_port", "Write a number from 1 to 65535.", |text| {
        text.parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| format!("is no port: `{text}`"))
    })?;
    let (user, password) = (values.text("smtp_user"), values.secret("smtp_password"));
    if user.is_some() != password.is_some() {
        let (given, missing) = if user.is_some() {
            ("smtp_user", "smtp_password")
        } else {
            ("smtp_password", "smtp_user")
        };
        return Err(values.invalid(
            given,
            format!("is given without `{missing}`"),
            &format!("Give `{missing}` too."),
        ));
    }
    let from = values.parsed("mail_from", "Write it as `Lastgood <backups@example.net>`.", |text| {
        text.parse::<Mailbox>()
            .map_err(|_| format!("is not a mail address: `{text}`"))
    })?;
    Ok(MailSettings {
        smtp_host: host,
        smtp_port: port.unwrap_or(usual),
        smtp_user: user,
        smtp_password: password,
        smtp_security: security,
        smtp_authority_file: values.readable("smtp_authority_file")?,
        from: match from {
            Some(from) => from,
            None => default_sender(public_host)
                .ok_or_else(|| values.invalid("mail_from", "has no default on this machine", "Give `mail_from`."))?,
        },
    })
}

/// `Lastgood <lastgood@host>`; an address in place of the host is written in brackets, as mail wants it.
fn default_sender(public_host: &str) -> Option<Mailbox> {
    let host = match public_host.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(address)) => format!("[{address}]"),
        Ok(std::net::IpAddr::V6(address)) => format!("[IPv6:{address}]"),
        Err(_) => public_host.to_owned(),
    };
    let address = lettre::Address::new("lastgood", host).or_else(|_| lettre::Address::new("lastgood", "localhost"));
    address
        .ok()
        .map(|address| Mailbox::new(Some("Lastgood".to_owned()), address))
}

fn trusted_proxies(values: &Values) -> Result<TrustedProxies, ConfigError> {
    let remedy = "Write networks with commas between them, as 10.0.0.0/8,::1.";
    let networks: Result<Vec<Network>, ConfigError> = values
        .list("trusted_proxies")
        .into_iter()
        .filter(|item| item != "none")
        .map(|item| {
            item.parse()
                .map_err(|problem| values.invalid("trusted_proxies", format!("is wrong: {problem}"), remedy))
        })
        .collect();
    Ok(TrustedProxies(networks?))
}

fn log(values: &Values) -> Result<String, ConfigError> {
    let filter = values.parsed("log", "Write it as `info` or `info,sqlx=warn`.", |text| {
        let parsed = tracing_subscriber::EnvFilter::try_new(text);
        parsed
            .map(|_| text.to_owned())
            .map_err(|_| format!("is no log filter: `{text}`"))
    })?;
    Ok(filter.unwrap_or_else(|| "info".to_owned()))
}

fn log_format(values: &Values) -> Result<LogFormat, ConfigError> {
    let format = values.parsed("log_format", "Write text or json.", |text| match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(format!("is none of its kinds: `{text}`")),
    })?;
    Ok(format.unwrap_or(LogFormat::Text))
}
