//! The certificate that a server presents, or would, looked at without making or renewing any.

use jiff::Timestamp;
use rustls::crypto::ring;

use super::error::TlsError;
use super::{authority, present_given};
use crate::config::Settings;

/// A certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// For which names and addresses it holds, sorted.
    pub names: Vec<String>,
    /// When it begins.
    pub valid_from: Timestamp,
    /// When it ends.
    pub valid_until: Timestamp,
    /// Whether somebody gave it, and so has to replace it; the server renews its own by itself.
    pub is_given: bool,
}

/// What is on file; nothing before the first start of a server that makes its own.
///
/// # Errors
/// Why it cannot be presented.
pub fn inspect(settings: &Settings) -> Result<Option<Inspected>, TlsError> {
    let facts = match &settings.tls.given {
        Some(given) => Some(present_given(given, &ring::default_provider())?.facts),
        None => authority::on_file(&settings.state.join("tls"))?,
    };
    Ok(facts.map(|facts| Inspected {
        names: facts.names,
        valid_from: facts.valid_from,
        valid_until: facts.valid_until,
        is_given: settings.tls.given.is_some(),
    }))
}
