//! The list of settings. Flag, environment variable, key of the settings file and help text all come from here.

/// One setting as a person meets it: `--smtp-host`, `LASTGOOD_SMTP_HOST` and `smtp_host = …` are the same.
pub(super) struct Setting {
    /// The key in the settings file, words joined by underscores.
    pub(super) name: &'static str,
    /// What stands for the value in `--help`.
    pub(super) value: &'static str,
    /// One sentence about the flag, without the default. The flag of a secret names a file.
    pub(super) help: &'static str,
    /// The default as a person would read it; empty when there is none.
    pub(super) default: &'static str,
    /// A secret has no flag (a command line can be read by every user of the machine), only `--…-file`.
    pub(super) secret: bool,
    /// Whether `-h` shows it as well as `--help`.
    pub(super) common: bool,
}

impl Setting {
    /// The environment variable: `LASTGOOD_SMTP_HOST`.
    pub(super) fn variable(&self) -> String {
        format!("LASTGOOD_{}", self.name.to_ascii_uppercase())
    }

    /// The environment variable that names a file holding the value: `LASTGOOD_SMTP_PASSWORD_FILE`.
    pub(super) fn file_variable(&self) -> String {
        format!("{}_FILE", self.variable())
    }

    /// The key of the settings file that names a file holding the value.
    pub(super) fn file_key(&self) -> String {
        format!("{}_file", self.name)
    }

    /// The flag without its dashes; that of a secret names a file.
    pub(super) fn flag(&self) -> String {
        let flag = self.name.replace('_', "-");
        if self.secret { format!("{flag}-file") } else { flag }
    }
}

const fn setting(name: &'static str, value: &'static str, default: &'static str, help: &'static str) -> Setting {
    Setting {
        name,
        value,
        help,
        default,
        secret: false,
        common: false,
    }
}

const fn common(setting: Setting) -> Setting {
    Setting {
        common: true,
        ..setting
    }
}

const fn secret(setting: Setting) -> Setting {
    Setting {
        secret: true,
        ..setting
    }
}

/// Every setting there is, in the order in which `--help` and `lastgood config` show them.
pub(super) const SETTINGS: &[Setting] = &[
    common(setting(
        "state",
        "FOLDER",
        "/var/lib/lastgood for root, otherwise ~/.local/state/lastgood",
        "Folder for everything the server keeps: its own database, its certificates, dumps and undelivered mail",
    )),
    common(secret(setting(
        "database_url",
        "URL",
        "a private PostgreSQL in the state folder",
        "File with the URL of a PostgreSQL to use instead of the server's own, as postgres://user:password@host/database; DATABASE_URL is read too",
    ))),
    setting(
        "pg_bindir",
        "FOLDER",
        "",
        "Folder with PostgreSQL's programs (initdb, postgres, pg_dump), when they are not found by themselves",
    ),
    setting(
        "dumps_kept",
        "NUMBER",
        "5",
        "How many of the dumps taken before migrations are kept",
    ),
    common(setting(
        "listen",
        "ADDRESS:PORT",
        "0.0.0.0:8443",
        "Where to serve HTTPS; `none` when a proxy does it",
    )),
    setting(
        "listen_plain",
        "ADDRESS:PORT",
        "none",
        "Where to serve plain HTTP for a proxy on this machine; loopback addresses only",
    ),
    common(setting(
        "public_url",
        "URL",
        "https://<name of this machine>:<port>",
        "The address under which browsers and agents reach the server; stands in mails and enrolment tokens",
    )),
    setting(
        "tls_certificate",
        "FILE",
        "made by the server's own authority",
        "Certificate chain in PEM, the server's own first",
    ),
    setting("tls_key", "FILE", "", "Private key of tls_certificate in PEM"),
    setting(
        "tls_authority",
        "FILE",
        "the last certificate of tls_certificate",
        "Certificate in PEM that agents pin, when it is not the last one of the chain",
    ),
    setting(
        "host_names",
        "NAME,…",
        "localhost and this machine's name",
        "More names and addresses for the certificate that the server makes itself",
    ),
    setting(
        "smtp_host",
        "HOST",
        "none, mails become files in the state folder",
        "Mail server that takes our mails",
    ),
    setting(
        "smtp_port",
        "PORT",
        "587 for starttls, 465 for tls, 25 for none",
        "Port of the mail server",
    ),
    setting("smtp_user", "NAME", "none", "Account at the mail server"),
    secret(setting(
        "smtp_password",
        "PASSWORD",
        "none",
        "File with the password of that account",
    )),
    setting(
        "smtp_security",
        "KIND",
        "starttls",
        "How the connection to the mail server is protected: starttls, tls, or none for a mail server on this machine",
    ),
    setting(
        "smtp_authority_file",
        "FILE",
        "the machine's trusted authorities",
        "Certificate in PEM of the authority behind the mail server's certificate, when it is a private one",
    ),
    setting(
        "mail_from",
        "ADDRESS",
        "Lastgood <lastgood@the public host>",
        "Sender of our mails",
    ),
    setting(
        "alert_hold",
        "DURATION",
        "60 s",
        "How long the first mail about an alert waits, so that a better explanation can replace it",
    ),
    setting(
        "silent_after",
        "DURATION",
        "30 min",
        "How long an agent may say nothing before it counts as silent",
    ),
    setting(
        "evaluator_period",
        "DURATION",
        "5 s",
        "How often due expectations are looked for",
    ),
    setting(
        "trusted_proxies",
        "NETWORK,…",
        "none",
        "Networks whose X-Forwarded-For is believed, as 10.0.0.0/8 or ::1",
    ),
    setting("metrics", "on|off", "on", "Whether /metrics answers"),
    setting(
        "session_idle",
        "DURATION",
        "1 h",
        "A person who does nothing for so long has to sign in again",
    ),
    setting(
        "session_absolute",
        "DURATION",
        "12 h",
        "A person has to sign in again after so long in any case",
    ),
    setting("log", "FILTER", "info", "What is logged, as in `info,sqlx=warn`"),
    setting("log_format", "text|json", "text", "How log lines are written"),
];

/// The setting called `name` in the settings file.
pub(super) fn find(name: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name)
}
