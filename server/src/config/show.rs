//! `lastgood config`: the settings in force, in the form of a settings file, without secrets.

use std::fmt::Display;
use std::path::Path;
use std::time::Duration;

use super::{LogFormat, Settings, SmtpSecurity};

/// The settings in force as TOML. A secret is shown as given or not, never its value.
pub fn show(settings: &Settings) -> String {
    let mut lines = Lines(String::new());
    let path = |path: &Path| path.display().to_string();
    let mail = &settings.mail;
    lines.put("state", path(&settings.state));
    lines.secret("database_url", settings.database_url.is_some());
    lines.maybe("pg_bindir", settings.pg_bindir.as_deref().map(path));
    lines.put("dumps_kept", settings.dumps_kept);
    lines.put(
        "listen",
        settings
            .listen
            .map_or_else(|| "none".to_owned(), |address| address.to_string()),
    );
    lines.put(
        "listen_plain",
        settings
            .listen_plain
            .map_or_else(|| "none".to_owned(), |address| address.to_string()),
    );
    lines.put(
        "public_url",
        settings.public_url(settings.listen.or(settings.listen_plain).map_or(0, |a| a.port())),
    );
    let given = settings.tls.given.as_ref();
    lines.maybe("tls_certificate", given.map(|given| path(&given.certificate)));
    lines.maybe("tls_key", given.map(|given| path(&given.key)));
    lines.maybe(
        "tls_authority",
        given.and_then(|given| given.authority.as_deref()).map(path),
    );
    lines.put("host_names", settings.tls.host_names.join(","));
    lines.maybe("smtp_host", mail.smtp_host.clone());
    lines.put("smtp_port", mail.smtp_port);
    lines.maybe("smtp_user", mail.smtp_user.clone());
    lines.secret("smtp_password", mail.smtp_password.is_some());
    let security = match mail.smtp_security {
        SmtpSecurity::StartTls => "starttls",
        SmtpSecurity::Tls => "tls",
        SmtpSecurity::None => "none",
    };
    lines.put("smtp_security", security);
    lines.maybe("smtp_authority_file", mail.smtp_authority_file.as_deref().map(path));
    lines.put("mail_from", &mail.from);
    lines.duration("alert_hold", settings.alert_hold);
    lines.duration("silent_after", settings.silent_after);
    lines.duration("evaluator_period", settings.evaluator_period);
    let proxies: Vec<String> = settings.trusted_proxies.0.iter().map(ToString::to_string).collect();
    lines.put("trusted_proxies", proxies.join(","));
    lines.put("metrics", if settings.metrics { "on" } else { "off" });
    lines.duration("session_idle", settings.session_idle);
    lines.duration("session_absolute", settings.session_absolute);
    lines.put("log", &settings.log);
    lines.put(
        "log_format",
        if settings.log_format == LogFormat::Json {
            "json"
        } else {
            "text"
        },
    );
    lines.0
}

struct Lines(String);

impl Lines {
    fn put(&mut self, name: &str, value: impl Display) {
        let value = toml::Value::String(value.to_string());
        self.line(format_args!("{name} = {value}"));
    }

    fn maybe(&mut self, name: &str, value: Option<String>) {
        match value {
            Some(value) => self.put(name, value),
            None => self.line(format_args!("# {name} is not set")),
        }
    }

    fn secret(&mut self, name: &str, given: bool) {
        self.line(format_args!(
            "# {name} is {}",
            if given { "set, and not shown" } else { "not set" }
        ));
    }

    fn duration(&mut self, name: &str, value: Duration) {
        let value = jiff::SignedDuration::try_from(value).unwrap_or(jiff::SignedDuration::MAX);
        self.put(name, format_args!("{value:#}"));
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        self.0.push_str(&line.to_string());
        self.0.push('\n');
    }
}
