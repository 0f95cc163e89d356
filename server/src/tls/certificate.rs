//! What a certificate says of itself.

use std::net::IpAddr;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer as _;
use x509_parser::time::ASN1Time;

/// The parts of a certificate that decide whether it still serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Facts {
    /// For whom it is, sorted.
    pub(super) names: Vec<String>,
    pub(super) valid_from: Timestamp,
    pub(super) valid_until: Timestamp,
    /// The names as they are in the certificate, for comparing one with another.
    pub(super) subject: Vec<u8>,
    pub(super) issuer: Vec<u8>,
}

/// Reads them; the error completes "the file … {error}".
pub(super) fn facts(certificate: &CertificateDer<'_>) -> Result<Facts, String> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|error| format!("is no certificate ({error})."))?;
    let mut names: Vec<String> = match parsed.subject_alternative_name() {
        Ok(Some(names)) => names.value.general_names.iter().filter_map(name).collect(),
        Ok(None) => Vec::new(),
        Err(error) => return Err(format!("has names that cannot be read ({error}).")),
    };
    names.sort();
    Ok(Facts {
        names,
        valid_from: timestamp(parsed.validity().not_before),
        valid_until: timestamp(parsed.validity().not_after),
        subject: parsed.subject().as_raw().to_vec(),
        issuer: parsed.issuer().as_raw().to_vec(),
    })
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some((*name).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else {
        return None;
    };
    let address = match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
        (Ok(v4), _) => IpAddr::from(v4),
        (_, Ok(v6)) => IpAddr::from(v6),
        _ => return None,
    };
    Some(address.to_string())
}

/// A year that a timestamp cannot hold is as far away as any.
fn timestamp(time: ASN1Time) -> Timestamp {
    Timestamp::from_second(time.timestamp()).unwrap_or(Timestamp::MAX)
}
