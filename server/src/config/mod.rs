//! The settings: flags, then `LASTGOOD_*` variables, then the settings file, then the defaults. Nothing else in the
//! server reads the environment. Unknown names are refused; an error names the setting, where it was given and the
//! remedy; secrets are never printed and have a `…_FILE` form.

mod arguments;
mod assemble;
mod error;
mod network;
mod parse;
mod setting;
mod show;
mod source;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use secrecy::SecretString;

pub use arguments::SettingsArgs;
pub use error::ConfigError;
pub use network::{Network, TrustedProxies};
pub use show::show;
pub use source::{Environment, Origin};

/// Everything that can be set, checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of everything the server keeps. May not exist yet.
    pub state: PathBuf,
    /// PostgreSQL to use; `None` means the server runs its own.
    pub database_url: Option<SecretString>,
    /// Where PostgreSQL's programs are, if not where they usually are.
    pub pg_bindir: Option<PathBuf>,
    /// How many dumps taken before migrations are kept.
    pub dumps_kept: usize,
    /// Where HTTPS is served; `None` when a proxy does it.
    pub listen: Option<SocketAddr>,
    /// Where plain HTTP is served; always a loopback address.
    pub listen_plain: Option<SocketAddr>,
    /// The public address if it was given; see [`Settings::public_url`].
    pub public_url_given: Option<String>,
    pub tls: TlsSettings,
    pub mail: MailSettings,
    /// How long the first mail about an alert waits for a better explanation.
    pub alert_hold: Duration,
    /// How long an agent may say nothing before it counts as silent.
    pub silent_after: Duration,
    /// How often due expectations are looked for.
    pub evaluator_period: Duration,
    /// Whose `X-Forwarded-For` is believed.
    pub trusted_proxies: TrustedProxies,
    /// Whether `/metrics` answers.
    pub metrics: bool,
    /// Sessions end after so long without a request.
    pub session_idle: Duration,
    /// Sessions end after so long in any case.
    pub session_absolute: Duration,
    /// Filter in the syntax of `tracing_subscriber::EnvFilter`.
    pub log: String,
    pub log_format: LogFormat,
    /// This machine's name.
    pub machine: String,
    /// The process's PATH, for finding PostgreSQL's programs.
    pub search_path: OsString,
}

/// Where the certificate comes from.
#[derive(Debug, Clone, Default)]
pub struct TlsSettings {
    /// Certificate chain and its key; `None` means the server makes its own.
    pub given: Option<GivenCertificate>,
    /// More names for the certificate that the server makes.
    pub host_names: Vec<String>,
}

/// A certificate that somebody else made.
#[derive(Debug, Clone)]
pub struct GivenCertificate {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// What agents pin, if not the last certificate of the chain.
    pub authority: Option<PathBuf>,
}

/// How mails leave.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// `None`: mails become files in the state folder.
    pub smtp_host: Option<String>,
    pub smtp_port: u16,
    pub smtp_user: Option<String>,
    pub smtp_password: Option<SecretString>,
    pub smtp_security: SmtpSecurity,
    /// Authority to trust beside the machine's own.
    pub smtp_authority_file: Option<PathBuf>,
    pub from: Mailbox,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmtpSecurity {
    /// Plain at first, TLS before anything is said; refused if the server offers none.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// No protection, to a mail server on this machine only.
    None,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

impl Settings {
    /// The settings of this process.
    pub fn load(args: SettingsArgs) -> Result<Settings, ConfigError> {
        let root = rustix::process::geteuid().is_root();
        let machine = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .to_ascii_lowercase();
        Settings::from_sources(&args, &Environment::of_process(), &machine, root)
    }

    /// The address for mails and enrolment tokens, without a slash at its end: the one given, otherwise this machine's
    /// name and the port on which HTTPS (or, without it, plain HTTP) is really served.
    pub fn public_url(&self, port: u16) -> String {
        if let Some(url) = &self.public_url_given {
            return url.clone();
        }
        let (scheme, host, usual) = if self.listen.is_some() {
            ("https", self.machine.as_str(), 443)
        } else {
            ("http", "localhost", 80)
        };
        if port == usual {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        }
    }
}
