//! How mail leaves: over SMTP, or as files where no SMTP server is set.
//!
//! The steps of SMTP are taken one by one, because it matters which of them failed: a recipient refused is that recipient's
//! trouble, a server that does not answer is everybody's. Connections are not kept: a message that was given up halfway
//! must not be followed by another on the same connection.

use std::fmt;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::Response;
use lettre::{Address, Message as Mime};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::time::timeout;

use super::model::{cut, one_line};
use crate::config::{MailSettings, SmtpSecurity};

/// How long one step of SMTP may take.
const STEP_LIMIT: Duration = Duration::from_secs(30);

/// How long one message may take. Shorter than its lease, so that nobody else sends it meanwhile.
pub(super) const SEND_LIMIT: Duration = Duration::from_secs(100);

/// How mail leaves. Its Debug shows no secret.
#[derive(Debug)]
pub struct Mailer {
    way: Way,
    from: Mailbox,
    step_limit: Duration,
}

#[derive(Debug)]
enum Way {
    Smtp(Box<SmtpServer>),
    Files(PathBuf),
    Nowhere,
}

/// The mail server that takes our mails.
#[derive(Debug, Clone)]
pub struct SmtpServer {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: SmtpSecurity,
    /// Our account there.
    pub account: Option<(String, SecretString)>,
    /// Certificate in PEM of a private authority to trust beside the machine's own.
    pub authority: Option<Vec<u8>>,
}

/// Why a message did not leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SendError {
    /// What happened, in words for the message log.
    pub(super) problem: String,
    /// The mail server said that it will never take this message for this recipient (5xx).
    pub(super) refused: bool,
}

/// What is wrong with the mail settings.
#[derive(Debug, thiserror::Error)]
pub enum MailerError {
    /// Without TLS, mails about practices may go to this machine alone.
    #[error("smtp_security is none, and {0} is not this machine. Use starttls or tls.")]
    PlainToElsewhere(String),
    /// The authority's file cannot be used.
    #[error("smtp_authority_file {path} cannot be used: {problem}. Give a certificate in PEM.")]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl Mailer {
    /// As the settings say; into `$STATE/mail` when they name no SMTP server.
    pub fn from_settings(settings: &MailSettings, state: &Path) -> Result<Self, MailerError> {
        let Some(host) = settings.smtp_host.clone() else {
            return Ok(Self::files(state.join("mail"), settings.from.clone()));
        };
        let authority = match &settings.smtp_authority_file {
            None => None,
            Some(path) => Some(std::fs::read(path).map_err(|error| MailerError::Authority {
                path: path.clone(),
                problem: error.to_string(),
            })?),
        };
        if let (Some(pem), Some(path)) = (&authority, &settings.smtp_authority_file) {
            Certificate::from_pem(pem).map_err(|error| MailerError::Authority {
                path: path.clone(),
                problem: error.to_string(),
            })?;
        }
        let account = settings.smtp_user.clone().zip(settings.smtp_password.clone());
        let server = SmtpServer {
            host,
            port: settings.smtp_port,
            security: settings.smtp_security,
            account,
            authority,
        };
        Self::smtp(server, settings.from.clone())
    }

    /// Over SMTP.
    pub fn smtp(server: SmtpServer, from: Mailbox) -> Result<Self, MailerError> {
        if server.security == SmtpSecurity::None && !is_loopback(&server.host) {
            return Err(MailerError::PlainToElsewhere(server.host));
        }
        Ok(Self {
            way: Way::Smtp(Box::new(server)),
            from,
            step_limit: STEP_LIMIT,
        })
    }

    /// Into files of this folder, which is made when it is first needed.
    pub fn files(folder: PathBuf, from: Mailbox) -> Self {
        Self {
            way: Way::Files(folder),
            from,
            step_limit: STEP_LIMIT,
        }
    }

    /// Gives each step of SMTP this long instead of 30 seconds.
    #[must_use]
    pub fn with_step_limit(mut self, limit: Duration) -> Self {
        self.step_limit = limit;
        self
    }

    /// The sender.
    pub fn from(&self) -> &Mailbox {
        &self.from
    }

    /// The folder that mails go to instead of people; `None` when mails are sent.
    pub fn folder(&self) -> Option<&Path> {
        match &self.way {
            Way::Files(folder) => Some(folder),
            Way::Smtp(_) | Way::Nowhere => None,
        }
    }

    /// The part of a Message-ID behind its `@`.
    pub(super) fn domain(&self) -> &str {
        self.from.email.domain()
    }

    /// Sends one message to one recipient. By which way it went, for the message log. `name` is the file's name where
    /// mails become files.
    pub(super) async fn send(&self, to: &Address, name: &str, mime: &Mime) -> Result<String, SendError> {
        let bytes = mime.formatted();
        match &self.way {
            Way::Nowhere => Err(SendError::passing("no way to send mail is set up")),
            Way::Files(folder) => {
                let (folder, name) = (folder.clone(), name.to_owned());
                let written = tokio::task::spawn_blocking(move || write_file(&folder, &name, &bytes)).await;
                match written {
                    Ok(Ok(path)) => Ok(format!("file {}", path.display())),
                    Ok(Err(error)) => Err(SendError::passing(&format!("the file could not be written: {error}"))),
                    Err(error) => Err(SendError::passing(&format!("the file could not be written: {error}"))),
                }
            }
            Way::Smtp(server) => {
                let sending = self.send_over_smtp(server, to, &bytes);
                let answer = timeout(SEND_LIMIT, sending).await;
                answer.unwrap_or_else(|_| Err(SendError::passing("the mail server took too long")))
            }
        }
    }

    async fn send_over_smtp(&self, server: &SmtpServer, to: &Address, bytes: &[u8]) -> Result<String, SendError> {
        let mut connection = self.open(server).await?;
        let sender = Mail::new(Some(self.from.email.clone()), Vec::new());
        self.step("naming the sender", connection.command(sender)).await?;
        let recipient = Rcpt::new(to.clone(), Vec::new());
        let answer = self.step("naming the recipient", connection.command(recipient)).await;
        let accepted = match answer {
            Ok(_) => self.hand_over(&mut connection, bytes).await,
            Err(error) => Err(error),
        };
        // The answer is known; whether the goodbye arrives changes nothing.
        drop(timeout(Duration::from_secs(2), connection.quit()).await);
        let response = accepted.map_err(|error| SendError {
            refused: error.permanent,
            ..SendError::from(error)
        })?;
        let said = cut(&one_line(&response.message().collect::<Vec<_>>().join(" ")), 200);
        Ok(format!("{}: {said}", server.host))
    }

    async fn hand_over(&self, connection: &mut AsyncSmtpConnection, bytes: &[u8]) -> Result<Response, StepError> {
        self.step("offering the message", connection.command(Data)).await?;
        self.step("handing over the message", connection.message(bytes)).await
    }

    /// One step within its limit, and what is said when it fails.
    /// Connects to the mail server and signs in, without sending anything. What is wrong, if it cannot be done.
    pub async fn try_out(&self) -> Result<String, String> {
        let Way::Smtp(server) = &self.way else {
            return Ok("mails do not leave this machine".to_owned());
        };
        let mut connection = self.open(server).await.map_err(|error| error.problem)?;
        drop(timeout(Duration::from_secs(2), connection.quit()).await);
        Ok(format!("{} takes our mail", server.host))
    }

    async fn open(&self, server: &SmtpServer) -> Result<AsyncSmtpConnection, StepError> {
        let mut connection = self.step("connecting", connect(server)).await?;
        if let Some((user, password)) = &server.account {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            self.step("signing in", connection.auth(&mechanisms, &credentials))
                .await?;
        }
        Ok(connection)
    }

    async fn step<T>(
        &self,
        doing: &'static str,
        step: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, StepError> {
        match timeout(self.step_limit, step).await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(StepError {
                problem: describe(doing, &error),
                permanent: error.is_permanent(),
            }),
            Err(_) => Err(StepError {
                problem: format!("{doing}: no answer within {} s", self.step_limit.as_secs()),
                permanent: false,
            }),
        }
    }
}

impl Default for Mailer {
    /// Without a way out: every message waits and is tried again. For tests that are not about mail.
    fn default() -> Self {
        let address = Address::new("lastgood", "localhost").expect("this is an address");
        Self {
            way: Way::Nowhere,
            from: Mailbox::new(Some("Lastgood".to_owned()), address),
            step_limit: STEP_LIMIT,
        }
    }
}

struct StepError {
    problem: String,
    permanent: bool,
}

/// A step before the recipient was named: the trouble is not the recipient's, however the server put it.
impl From<StepError> for SendError {
    fn from(error: StepError) -> Self {
        Self {
            problem: error.problem,
            refused: false,
        }
    }
}

impl SendError {
    fn passing(problem: &str) -> Self {
        Self {
            problem: cut(&one_line(problem), 300),
            refused: false,
        }
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.problem)
    }
}

async fn connect(server: &SmtpServer) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
    let ourselves = ClientId::default();
    let target = (server.host.as_str(), server.port);
    let implicit = match server.security {
        SmtpSecurity::Tls => Some(tls(server)?),
        SmtpSecurity::StartTls | SmtpSecurity::None => None,
    };
    let mut connection = AsyncSmtpConnection::connect_tokio1(target, None, &ourselves, implicit, None).await?;
    if server.security == SmtpSecurity::StartTls {
        // A server that does not offer STARTTLS, or whose offer somebody removed, gets nothing: this fails.
        connection.starttls(tls(server)?, &ourselves).await?;
    }
    Ok(connection)
}

fn tls(server: &SmtpServer) -> Result<TlsParameters, lettre::transport::smtp::Error> {
    let mut parameters = TlsParameters::builder(server.host.clone());
    if let Some(authority) = &server.authority {
        parameters = parameters.add_root_certificate(Certificate::from_pem(authority)?);
    }
    parameters.build_rustls()
}

fn describe(doing: &str, error: &lettre::transport::smtp::Error) -> String {
    let mut words = format!("{doing}: {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(deeper) = cause {
        let deeper_words = deeper.to_string();
        if !words.contains(&deeper_words) {
            words = format!("{words}: {deeper_words}");
        }
        cause = deeper.source();
    }
    cut(&one_line(&words), 300)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Writes a file that is whole or not there, and is still there after a power cut.
fn write_file(folder: &Path, name: &str, bytes: &[u8]) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{name}.eml"));
    let unfinished = folder.join(format!(".{name}.unfinished"));
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&unfinished, &path)?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(path)
}
