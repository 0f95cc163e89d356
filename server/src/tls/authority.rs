//! The server's own certificate authority, for servers to which nobody gave a certificate. Agents pin the authority, so
//! it stays for ten years; the certificate it signs for the server is short-lived and renewed by itself.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;

use super::certificate::{Facts, facts};
use super::error::TlsError;
use super::files;

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// Ten years, with their leap days.
const AUTHORITY_DAYS: i32 = 3652;
/// The longest that browsers accept for a server (CA/Browser Forum ballot SC-031).
const SERVER_DAYS: i32 = 398;
/// How long before its end the server's certificate is replaced.
const RENEWED_BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// The authority, and the folder where it and its certificates are.
#[derive(Debug)]
pub(super) struct Authority {
    folder: PathBuf,
    key: KeyPair,
    pub(super) certificate: CertificateDer<'static>,
    facts: Facts,
}

/// A certificate for the server, and its key.
pub(super) struct Issued {
    pub(super) certificate: CertificateDer<'static>,
    pub(super) key: PrivateKeyDer<'static>,
    pub(super) facts: Facts,
}

impl Authority {
    /// The authority in this folder; made on the first start. `machine` stands in its name, so that two servers'
    /// authorities can be told apart.
    pub(super) fn open(folder: &Path, machine: &str, now: Timestamp) -> Result<Authority, TlsError> {
        files::make_closed_folder(folder)?;
        // Key and certificate are one file, so that there is never one without the other.
        let path = folder.join("authority.key");
        if !path.exists() {
            let (key, certificate) = make(machine, now)?;
            files::write_once(&path, &format!("{}{}", key.serialize_pem(), certificate.pem()), 0o600)?;
        }
        let text = std::fs::read_to_string(&path).map_err(TlsError::file("reading", &path))?;
        let key = KeyPair::from_pem(&text).map_err(|_| TlsError::unusable(&path, LOST))?;
        let certificate =
            CertificateDer::from_pem_slice(text.as_bytes()).map_err(|_| TlsError::unusable(&path, LOST))?;
        let facts = facts(&certificate).map_err(|problem| TlsError::unusable(&path, problem))?;
        let authority = Authority {
            folder: folder.to_owned(),
            key,
            certificate,
            facts,
        };
        let public = folder.join("authority.pem");
        if !std::fs::read_to_string(&public).is_ok_and(|text| text == authority.pem()) {
            files::write_durably(&public, &authority.pem(), 0o644)?;
        }
        Ok(authority)
    }

    /// The authority's certificate in PEM.
    pub(super) fn pem(&self) -> String {
        super::pem(&self.certificate)
    }

    /// The server's certificate for exactly these names: the one on file while it serves, otherwise a new one. `names`
    /// are sorted.
    pub(super) fn server_certificate(&self, names: &[String], now: Timestamp) -> Result<Issued, TlsError> {
        let path = self.folder.join("server.key");
        if let Ok(issued) = read(&path)
            && issued.facts.names == names
            && issued.facts.issuer == self.facts.subject
            && is_fresh(&issued.facts, now)
        {
            return Ok(issued);
        }
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = self.sign(names, &key, now)?;
        files::write_durably(&path, &format!("{}{}", key.serialize_pem(), certificate.pem()), 0o600)?;
        read(&path)
    }

    fn sign(&self, names: &[String], key: &KeyPair, now: Timestamp) -> Result<rcgen::Certificate, TlsError> {
        let mut wanted = CertificateParams::new(names)?;
        wanted.distinguished_name = name("Lastgood");
        wanted.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        wanted.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        wanted.use_authority_key_identifier_extension = true;
        // From yesterday, for agents whose clock is behind.
        wanted.not_before = date(now - DAY);
        wanted.not_after = date((now + DAY * (SERVER_DAYS - 1)).min(self.facts.valid_until));
        let issuer = Issuer::from_ca_cert_der(&self.certificate, &self.key)?;
        Ok(wanted.signed_by(key, &issuer)?)
    }
}

/// The server's certificate as it is on file; nothing before the first start.
pub(super) fn on_file(folder: &Path) -> Result<Option<Facts>, TlsError> {
    let path = folder.join("server.key");
    if !path.exists() {
        return Ok(None);
    }
    Ok(Some(read(&path)?.facts))
}

/// Whether the server's certificate need not be replaced yet.
pub(super) fn is_fresh(facts: &Facts, now: Timestamp) -> bool {
    facts.valid_from <= now && now + RENEWED_BEFORE < facts.valid_until
}

const LOST: &str = "does not hold the authority's key and certificate any more. Restore it from a backup; without it, \
                    remove the folder it is in, and enrol every agent again.";

fn make(machine: &str, now: Timestamp) -> Result<(KeyPair, rcgen::Certificate), TlsError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut wanted = CertificateParams::default();
    wanted.distinguished_name = name(&format!("Lastgood authority of {machine}"));
    // It can sign servers, and no further authorities.
    wanted.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    // A machine whose clock was ahead at the first start must not have an authority of the future for years.
    wanted.not_before = date(now - DAY).min(rcgen::date_time_ymd(2026, 1, 1));
    wanted.not_after = date(now + DAY * AUTHORITY_DAYS);
    let certificate = wanted.self_signed(&key)?;
    Ok((key, certificate))
}

fn read(path: &Path) -> Result<Issued, TlsError> {
    let (certificate, key) = files::pair(path)?;
    let facts = facts(&certificate).map_err(|problem| TlsError::unusable(path, problem))?;
    Ok(Issued {
        certificate,
        key,
        facts,
    })
}

fn name(common: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    // X.520 allows a common name 64 characters.
    name.push(DnType::CommonName, common.chars().take(64).collect::<String>());
    name
}

/// Certificates know whole seconds.
fn date(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(at.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
