//! How often somebody may fail to sign in: per account, and per address with its neighbours.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

/// Failures are counted together for this long; then counting begins anew.
pub(super) const WINDOW: SignedDuration = SignedDuration::from_mins(15);

/// Whose failures are counted. What is stored is a hash: the table is no list of accounts or visitors.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    /// `account` or `address`.
    pub(super) kind: &'static str,
    /// SHA-256 of the account's name, known or not, or of the address's network.
    pub(super) hash: [u8; 32],
    /// How many failures within [`WINDOW`] are let pass.
    pub(super) most: i32,
}

impl Subject {
    /// An account, by its e-mail address in lower case, whether or not it exists.
    pub(super) fn account(email: &str) -> Self {
        Self {
            kind: "account",
            hash: Sha256::digest(email).into(),
            most: 10,
        }
    }

    /// An address with those that are easily had beside it.
    pub(super) fn address(address: &str) -> Self {
        Self {
            kind: "address",
            hash: Sha256::digest(network(address)).into(),
            most: 30,
        }
    }

    /// When this subject may try again, if its `failures` since `began` are too many.
    pub(super) fn refused_until(&self, failures: i32, began: Timestamp) -> Option<Timestamp> {
        (failures > self.most).then(|| began + WINDOW)
    }
}

/// The /24 or /64 an address lies in.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V4(address)) => {
            let [a, b, c, _] = address.octets();
            format!("{a}.{b}.{c}.0/24")
        }
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        Err(_) => "none".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Subject, network};

    #[test]
    fn neighbours_share_a_network() {
        assert_eq!(network("192.0.2.7"), "192.0.2.0/24");
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2::9"));
        assert_ne!(network("2001:db8:1:2::9"), network("2001:db8:1:3::9"));
        assert_ne!(Subject::account("192.0.2.7").hash, Subject::address("192.0.2.7").hash);
    }
}
