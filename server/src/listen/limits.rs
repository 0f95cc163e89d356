//! How much one caller, and all callers together, may ask for.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::config::{Network, TrustedProxies};

/// What the listener allows. The defaults suit a server of some thousand agents.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections open at a time. More wait in the kernel's queue until one ends.
    pub connections: usize,
    /// Connections of one address at a time (of one /64 for IPv6). More are closed at once.
    pub connections_of_one: usize,
    /// Whose connections are only counted together with all others: this machine, and proxies that speak for many.
    pub exempt: TrustedProxies,
    /// Time for the TLS handshake.
    pub handshake: Duration,
    /// Time from the connection's start, or from a request's first byte, to the end of the request's head.
    pub head: Duration,
    /// How long a connection may wait for its next request.
    pub idle: Duration,
    /// Time for a request's body.
    pub body: Duration,
    /// How long a caller may leave a response untaken.
    pub stall: Duration,
    /// Size of a request's head in bytes.
    pub head_bytes: usize,
    /// How many header fields a request may have.
    pub header_fields: usize,
    /// How long requests at work may take to end after shutdown began.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 1000,
            connections_of_one: 100,
            exempt: TrustedProxies(Network::this_machine().to_vec()),
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            body: Duration::from_mins(2),
            stall: Duration::from_secs(30),
            head_bytes: 32 * 1024,
            header_fields: 100,
            drain: Duration::from_secs(10),
        }
    }
}

impl Limits {
    /// The default limits, with these proxies exempt beside this machine.
    pub fn behind(proxies: &TrustedProxies) -> Limits {
        let mut limits = Limits::default();
        limits.exempt.0.extend_from_slice(&proxies.0);
        limits
    }
}

/// Counts the connections of each address.
#[derive(Debug, Default)]
pub(super) struct Addresses(Mutex<BTreeMap<IpAddr, usize>>);

/// One connection's place in the count; given back when dropped.
#[derive(Debug)]
pub(super) struct Seat {
    addresses: Arc<Addresses>,
    address: IpAddr,
}

impl Addresses {
    /// A place for one more connection of this address, if it has one left.
    pub(super) fn admit(self: &Arc<Addresses>, peer: IpAddr, limits: &Limits) -> Option<Seat> {
        let address = household(peer);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(address).or_default();
        if *count >= limits.connections_of_one && !limits.exempt.trusts(peer) {
            return None;
        }
        *count += 1;
        Some(Seat {
            addresses: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.address);
            }
        }
    }
}

/// What counts as one caller: an IPv4 address, or the /64 that one IPv6 customer is given.
fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}
