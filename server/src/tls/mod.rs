//! The certificate under which the server speaks HTTPS: given as files, which are read again when they change, or signed
//! by the server's own authority. Either way there is one certificate that agents pin, and it is in the presented chain.

mod authority;
mod certificate;
mod error;
mod files;
mod inspection;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest as _, Sha256};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

pub use error::TlsError;
pub use inspection::{Inspected, inspect};

use crate::config::{GivenCertificate, Settings};
use authority::Authority;
use certificate::{Facts, facts};

/// How often given files are looked at and the own certificate's age is checked.
const PERIOD: Duration = Duration::from_mins(1);
/// A given certificate that ends this soon should have been replaced.
const ENDS_SOON: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);

/// The server's side of TLS.
#[derive(Debug)]
pub struct Tls {
    /// For the listener. Presents whatever certificate is current, so it never has to be replaced.
    pub server_config: Arc<ServerConfig>,
    current: Arc<Current>,
    source: Source,
}

/// Where the certificate comes from.
#[derive(Debug)]
enum Source {
    Given(GivenCertificate),
    Own {
        folder: PathBuf,
        machine: String,
        names: Vec<String>,
    },
}

/// What is presented now. Every handshake reads it.
#[derive(Debug)]
struct Current(RwLock<Arc<Presented>>);

#[derive(Debug)]
struct Presented {
    certified: Arc<CertifiedKey>,
    /// The server's own certificate.
    facts: Facts,
    /// What agents pin.
    authority: CertificateDer<'static>,
}

impl Tls {
    /// Reads the given certificate, or makes what is missing of the server's own.
    pub fn open(settings: &Settings, now: Timestamp) -> Result<Tls, TlsError> {
        let source = match &settings.tls.given {
            Some(given) => {
                if files::is_open_to_all(&given.key) {
                    tracing::warn!(file = %given.key.display(), "every user of this machine can read the private key");
                }
                Source::Given(given.clone())
            }
            None => Source::Own {
                folder: settings.state.join("tls"),
                machine: settings.machine.clone(),
                names: own_names(settings),
            },
        };
        let provider = Arc::new(ring::default_provider());
        let presented = source.present(&provider, now)?;
        let current = Arc::new(Current(RwLock::new(Arc::new(presented))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        config.ticketer = ring::Ticketer::new()?;
        Ok(Tls {
            server_config: Arc::new(config),
            current,
            source,
        })
    }

    /// SHA-256 of the certificate that agents pin, in its DER form.
    pub fn authority_pin(&self) -> [u8; 32] {
        Sha256::digest(&self.current.get().authority).into()
    }

    /// That certificate in PEM, for browsers that are to trust it.
    pub fn authority_pem(&self) -> String {
        pem(&self.current.get().authority)
    }

    /// When the presented certificate ends.
    pub fn valid_until(&self) -> Timestamp {
        self.current.get().facts.valid_until
    }

    /// The names and addresses for which the presented certificate holds, sorted.
    pub fn names(&self) -> Vec<String> {
        self.current.get().facts.names.clone()
    }

    /// Reads the given files again, or renews the own certificate if it is time. What cannot be used changes nothing.
    /// Returns whether another certificate is presented from now on.
    pub fn refresh(&self, now: Timestamp) -> Result<bool, TlsError> {
        let before = self.current.get();
        if let Source::Own { names, .. } = &self.source
            && before.facts.names == *names
            && authority::is_fresh(&before.facts, now)
        {
            return Ok(false);
        }
        let presented = self.source.present(self.server_config.crypto_provider(), now)?;
        let changed = presented.certified.cert != before.certified.cert;
        if changed {
            *self.current.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(presented);
        }
        Ok(changed)
    }

    /// Refreshes every minute and on SIGHUP, until `shutdown`. `now` reads the clock.
    pub async fn watch(&self, now: impl Fn() -> Timestamp, shutdown: CancellationToken) {
        let mut hangup = match signal(SignalKind::hangup()) {
            Ok(hangup) => Some(hangup),
            Err(error) => {
                tracing::warn!(%error, "SIGHUP will not be heard; certificates are looked at every minute");
                None
            }
        };
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut said = String::new();
        loop {
            tokio::select! {
                () = shutdown.cancelled() => return,
                _ = ticks.tick() => {}
                Some(()) = async { hangup.as_mut()?.recv().await } => said.clear(),
            }
            let message = self.look(now());
            // A problem that stays is said once, and again when somebody asks by SIGHUP.
            if message != said && !message.is_empty() {
                tracing::warn!("{message}");
            }
            said = message;
        }
    }

    /// Refreshes, and returns what the administrator should know.
    fn look(&self, now: Timestamp) -> String {
        match self.refresh(now) {
            Ok(true) => {
                tracing::info!(until = %self.valid_until(), "another certificate is presented from now on");
                String::new()
            }
            Ok(false) if self.valid_until() < now + ENDS_SOON => {
                format!(
                    "the certificate ends on {}; give the server a new one",
                    self.valid_until()
                )
            }
            Ok(false) => String::new(),
            Err(error) => format!("the certificate stays as it is: {error}"),
        }
    }
}

impl Source {
    fn present(&self, provider: &CryptoProvider, now: Timestamp) -> Result<Presented, TlsError> {
        match self {
            Source::Given(given) => present_given(given, provider),
            Source::Own { folder, machine, names } => {
                let authority = Authority::open(folder, machine, now)?;
                let issued = authority.server_certificate(names, now)?;
                let chain = vec![issued.certificate, authority.certificate.clone()];
                let certified = certified(provider, chain, issued.key, folder)?;
                Ok(Presented {
                    certified,
                    facts: issued.facts,
                    authority: authority.certificate,
                })
            }
        }
    }
}

fn present_given(given: &GivenCertificate, provider: &CryptoProvider) -> Result<Presented, TlsError> {
    let mut chain = files::certificates(&given.certificate)?;
    let unusable = |problem: String| TlsError::unusable(&given.certificate, problem);
    let (Some(own), Some(last)) = (chain.first(), chain.last().cloned()) else {
        return Err(unusable("holds no certificate.".to_owned()));
    };
    let own = facts(own).map_err(unusable)?;
    let authority = match &given.authority {
        None => last,
        Some(path) => {
            let authority = files::certificates(path)?.swap_remove(0);
            let subject = facts(&authority)
                .map_err(|problem| TlsError::unusable(path, problem))?
                .subject;
            if facts(&last).map_err(unusable)?.issuer != subject && last != authority {
                let chain = given.certificate.display();
                let problem = format!("did not sign the last certificate in {chain}. Give the authority that did.");
                return Err(TlsError::unusable(path, problem));
            }
            // Agents look for the pinned certificate in what is presented.
            if !chain.contains(&authority) {
                chain.push(authority.clone());
            }
            authority
        }
    };
    let key = files::private_key(&given.key)?;
    Ok(Presented {
        certified: certified(provider, chain, key, &given.key)?,
        facts: own,
        authority,
    })
}

/// Joins a chain and its key. `path`: where the key is, for the message if they do not belong together.
fn certified(
    provider: &CryptoProvider,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    path: &Path,
) -> Result<Arc<CertifiedKey>, TlsError> {
    let certified = CertifiedKey::from_der(chain, key, provider).map_err(|error| {
        TlsError::unusable(
            path,
            format!("holds a key that does not fit the certificate, or of an unknown kind ({error})."),
        )
    })?;
    Ok(Arc::new(certified))
}

/// For whom the own certificate is: this machine by its names and loopback addresses, and what the settings add.
fn own_names(settings: &Settings) -> Vec<String> {
    let always = ["localhost", "127.0.0.1", "::1", settings.machine.as_str()];
    let mut names: Vec<String> = always
        .into_iter()
        .chain(settings.tls.host_names.iter().map(String::as_str))
        // A certificate holds ASCII names only; any other machine name is no host name either.
        .filter(|name| !name.is_empty() && name.is_ascii())
        // One way to write each address.
        .map(|name| {
            name.parse::<IpAddr>()
                .map_or_else(|_| name.to_owned(), |address| address.to_string())
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

impl Current {
    fn get(&self) -> Arc<Presented> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _client: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.get().certified))
    }
}

/// A certificate in PEM.
fn pem(certificate: &CertificateDer<'_>) -> String {
    let text = BASE64.encode(certificate);
    let mut pem = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = text.as_str();
    while let Some((line, after)) = rest.split_at_checked(64) {
        pem.push_str(line);
        pem.push('\n');
        rest = after;
    }
    if !rest.is_empty() {
        pem.push_str(rest);
        pem.push('\n');
    }
    pem.push_str("-----END CERTIFICATE-----\n");
    pem
}
