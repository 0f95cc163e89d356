//! With real files and real handshakes.

use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::{Tls, TlsError};
use crate::config::{Environment, GivenCertificate, Settings, SettingsArgs};

const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The real present: the client of the handshakes reads the clock.
fn now() -> Timestamp {
    crate::clock::Clock::system().now()
}

fn settings(state: &Path, host_names: &[&str]) -> Settings {
    let args = SettingsArgs::default()
        .or("state", state.to_str().unwrap())
        .or("host_names", host_names.join(","));
    Settings::from_sources(&args, &Environment::default(), "tower", true).unwrap()
}

/// A client that trusts one certificate connects under this name. What it was presented, or why it went away.
async fn handshake(
    tls: &Tls,
    trusted: &str,
    name: &str,
    alpn: &[&[u8]],
) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(trusted.as_bytes()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let acceptor = TlsAcceptor::from(Arc::clone(&tls.server_config));
    let (client, _server) = tokio::join!(connector.connect(name, ours), acceptor.accept(theirs));
    let client = client.map_err(|error| error.to_string())?;
    Ok(client
        .get_ref()
        .1
        .peer_certificates()
        .unwrap()
        .iter()
        .map(|der| der.clone().into_owned())
        .collect())
}

#[tokio::test]
async fn the_own_certificate_serves_every_name_and_its_authority_is_presented() {
    let state = TempDir::new().unwrap();
    let tls = Tls::open(
        &settings(state.path(), &["backup.example.net", "192.0.2.7", "2001:DB8::0:7"]),
        now(),
    )
    .unwrap();
    for name in [
        "localhost",
        "127.0.0.1",
        "::1",
        "tower",
        "backup.example.net",
        "192.0.2.7",
        "2001:db8::7",
    ] {
        let presented = handshake(&tls, &tls.authority_pem(), name, &[b"http/1.1"])
            .await
            .unwrap();
        let pins: Vec<[u8; 32]> = presented.iter().map(|der| Sha256::digest(der).into()).collect();
        assert!(pins.contains(&tls.authority_pin()), "{name}");
    }
    let refused = handshake(&tls, &tls.authority_pem(), "evil.example.net", &[])
        .await
        .unwrap_err();
    assert!(refused.contains("not valid for name"), "{refused}");
    let refused = handshake(&tls, &tls.authority_pem(), "localhost", &[b"h2"])
        .await
        .unwrap_err();
    assert!(refused.contains("NoApplicationProtocol"), "{refused}");
}

#[tokio::test]
async fn the_authority_stays_and_keys_are_closed() {
    let state = TempDir::new().unwrap();
    let at = now();
    let first = Tls::open(&settings(state.path(), &[]), at).unwrap();
    let again = Tls::open(&settings(state.path(), &[]), at + DAY).unwrap();
    assert_eq!(again.authority_pin(), first.authority_pin());
    assert_eq!(again.valid_until(), first.valid_until(), "the same certificate");
    let folder = state.path().join("tls");
    assert_eq!(std::fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    for key in ["authority.key", "server.key"] {
        assert_eq!(
            std::fs::metadata(folder.join(key)).unwrap().mode() & 0o777,
            0o600,
            "{key}"
        );
    }
    assert_eq!(
        std::fs::read_to_string(folder.join("authority.pem")).unwrap(),
        first.authority_pem()
    );

    // Another name: another certificate of the same authority.
    let renamed = Tls::open(&settings(state.path(), &["other.example.net"]), at).unwrap();
    assert_eq!(renamed.authority_pin(), first.authority_pin());
    handshake(&renamed, &first.authority_pem(), "other.example.net", &[])
        .await
        .unwrap();
}

#[test]
fn the_own_certificate_is_renewed_thirty_days_before_its_end() {
    let state = TempDir::new().unwrap();
    let at = now();
    let tls = Tls::open(&settings(state.path(), &[]), at).unwrap();
    let (pin, end) = (tls.authority_pin(), tls.valid_until());
    let lifetime = end.duration_since(at - DAY);
    assert!(lifetime <= DAY * 398 && lifetime > DAY * 397, "{lifetime}");
    assert!(!tls.refresh(end - DAY * 31).unwrap());
    assert!(tls.refresh(end - DAY * 30).unwrap());
    assert!(tls.valid_until() > end + DAY * 300);
    assert_eq!(tls.authority_pin(), pin);
    // A start finds the renewed one.
    let again = Tls::open(&settings(state.path(), &[]), end - DAY * 29).unwrap();
    assert_eq!(again.valid_until(), tls.valid_until());
}

#[test]
fn an_authority_that_was_lost_is_not_silently_replaced() {
    let state = TempDir::new().unwrap();
    Tls::open(&settings(state.path(), &[]), now()).unwrap();
    std::fs::write(state.path().join("tls/authority.key"), "").unwrap();
    let message = Tls::open(&settings(state.path(), &[]), now()).unwrap_err().to_string();
    assert!(
        message.contains("does not hold the authority's key and certificate any more"),
        "{message}"
    );
    // A damaged certificate of the server is simply made again.
    let state = TempDir::new().unwrap();
    Tls::open(&settings(state.path(), &[]), now()).unwrap();
    std::fs::write(state.path().join("tls/server.key"), "").unwrap();
    Tls::open(&settings(state.path(), &[]), now()).unwrap();
}

#[test]
fn two_first_starts_at_once_end_with_one_authority() {
    for _ in 0..10 {
        let state = TempDir::new().unwrap();
        let (settings, at) = (settings(state.path(), &[]), now());
        let pins: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let starts: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| Tls::open(&settings, at).unwrap().authority_pin()))
                .collect();
            starts.into_iter().map(|start| start.join().unwrap()).collect()
        });
        assert!(pins.iter().all(|pin| *pin == pins[0]));
        let left: Vec<_> = std::fs::read_dir(state.path().join("tls")).unwrap().collect();
        assert_eq!(left.len(), 3, "{left:?}");
    }
}

/// An authority somebody else runs.
fn foreign_authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut wanted = CertificateParams::default();
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    wanted.distinguished_name.push(DnType::CommonName, name);
    CertifiedIssuer::self_signed(wanted, KeyPair::generate().unwrap()).unwrap()
}

/// Writes a certificate for `name` and its key into the folder.
fn issue(
    folder: &Path,
    authority: &CertifiedIssuer<'static, KeyPair>,
    name: &str,
    with_authority: bool,
) -> GivenCertificate {
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new([name.to_owned()])
        .unwrap()
        .signed_by(&key, authority)
        .unwrap();
    let chain = if with_authority {
        own.pem() + &authority.pem()
    } else {
        own.pem()
    };
    std::fs::write(folder.join("chain.pem"), chain).unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    GivenCertificate {
        certificate: folder.join("chain.pem"),
        key: folder.join("key.pem"),
        authority: None,
    }
}

fn open_given(folder: &Path, given: GivenCertificate) -> Result<Tls, TlsError> {
    let mut settings = settings(folder, &[]);
    settings.tls.given = Some(given);
    Tls::open(&settings, now())
}

#[tokio::test]
async fn given_files_are_presented_and_read_again_when_they_change() {
    let folder = TempDir::new().unwrap();
    let authority = foreign_authority("first");
    let given = issue(folder.path(), &authority, "one.example.net", true);
    let tls = open_given(folder.path(), given).unwrap();
    assert_eq!(tls.authority_pin(), <[u8; 32]>::from(Sha256::digest(authority.der())));
    handshake(&tls, &authority.pem(), "one.example.net", &[]).await.unwrap();
    assert!(!tls.refresh(now()).unwrap());

    // Half of a change: the certificate is there and its key is not yet.
    let before = std::fs::read(folder.path().join("key.pem")).unwrap();
    issue(folder.path(), &authority, "two.example.net", true);
    let after = std::fs::read(folder.path().join("key.pem")).unwrap();
    std::fs::write(folder.path().join("key.pem"), before).unwrap();
    let message = tls.refresh(now()).unwrap_err().to_string();
    assert!(
        message.contains("holds a key that does not fit the certificate"),
        "{message}"
    );
    handshake(&tls, &authority.pem(), "one.example.net", &[]).await.unwrap();

    std::fs::write(folder.path().join("key.pem"), after).unwrap();
    assert!(tls.refresh(now()).unwrap());
    handshake(&tls, &authority.pem(), "two.example.net", &[]).await.unwrap();
}

#[tokio::test]
async fn an_authority_given_apart_is_pinned_and_presented() {
    let folder = TempDir::new().unwrap();
    let authority = foreign_authority("root");
    let mut given = issue(folder.path(), &authority, "one.example.net", false);
    let root = folder.path().join("root.pem");
    std::fs::write(&root, authority.pem()).unwrap();
    given.authority = Some(root.clone());
    let tls = open_given(folder.path(), given.clone()).unwrap();
    assert_eq!(tls.authority_pin(), <[u8; 32]>::from(Sha256::digest(authority.der())));
    let presented = handshake(&tls, &authority.pem(), "one.example.net", &[]).await.unwrap();
    assert!(presented.contains(authority.der()));

    std::fs::write(&root, foreign_authority("stranger").pem()).unwrap();
    let message = open_given(folder.path(), given).unwrap_err().to_string();
    assert!(message.contains("did not sign the last certificate in"), "{message}");
}

#[test]
fn files_that_hold_something_else_are_named() {
    let folder = TempDir::new().unwrap();
    let given = issue(folder.path(), &foreign_authority("a"), "one.example.net", true);
    let swapped = GivenCertificate {
        certificate: given.key.clone(),
        key: given.certificate.clone(),
        authority: None,
    };
    let message = open_given(folder.path(), swapped).unwrap_err().to_string();
    assert!(
        message.ends_with("key.pem holds no certificate. It should begin with -----BEGIN CERTIFICATE-----."),
        "{message}"
    );
    let no_key = GivenCertificate {
        key: given.certificate.clone(),
        ..given
    };
    let message = open_given(folder.path(), no_key).unwrap_err().to_string();
    assert!(
        message.contains("chain.pem holds no private key without a password"),
        "{message}"
    );
}

#[tokio::test]
async fn a_hangup_signal_reads_the_files_again() {
    let folder = TempDir::new().unwrap();
    let authority = foreign_authority("first");
    let tls = open_given(folder.path(), issue(folder.path(), &authority, "one.example.net", true)).unwrap();
    let shutdown = CancellationToken::new();
    let change = async {
        issue(folder.path(), &authority, "two.example.net", true);
        let ourselves = rustix::process::getpid();
        rustix::process::kill_process(ourselves, rustix::process::Signal::HUP).unwrap();
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        while tls.names() != ["two.example.net"] {
            ticks.tick().await;
        }
        shutdown.cancel();
    };
    // Polled in this order, so that the signal is listened for before it is sent.
    let both = async { tokio::join!(biased; tls.watch(now, shutdown.clone()), change) };
    // Shorter than the minute after which the files are looked at anyway.
    tokio::time::timeout(Duration::from_secs(20), both)
        .await
        .expect("the files were read again");
}
