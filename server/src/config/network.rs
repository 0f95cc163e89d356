//! Networks as `10.0.0.0/8`, and whose word about a caller's address is believed.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses; a single address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    first: IpAddr,
    prefix: u8,
}

impl Network {
    /// The loopback networks.
    pub const fn this_machine() -> [Network; 2] {
        let v4 = Network {
            first: IpAddr::V4(Ipv4Addr::LOCALHOST),
            prefix: 8,
        };
        let v6 = Network {
            first: IpAddr::V6(Ipv6Addr::LOCALHOST),
            prefix: 128,
        };
        [v4, v6]
    }

    /// Whether `address` lies in this network. An IPv4 address written as IPv6 (`::ffff:10.0.0.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.first, address.to_canonical()) {
            (IpAddr::V4(first), IpAddr::V4(address)) => same_prefix(
                u128::from(first.to_bits()) << 96,
                u128::from(address.to_bits()) << 96,
                self.prefix,
            ),
            (IpAddr::V6(first), IpAddr::V6(address)) => same_prefix(first.to_bits(), address.to_bits(), self.prefix),
            _ => false,
        }
    }
}

fn same_prefix(one: u128, other: u128, prefix: u8) -> bool {
    prefix == 0 || (one ^ other) >> (128 - u32::from(prefix)) == 0
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("`{text}` is not a network like 10.0.0.0/8, nor an address");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u8>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let first: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if first.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(longest);
        if prefix > longest {
            return Err(format!("`{text}` has a prefix longer than {longest}"));
        }
        Ok(Network { first, prefix })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

/// The proxies whose `X-Forwarded-For` is believed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(pub Vec<Network>);

impl TrustedProxies {
    /// Whether `address` is such a proxy.
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Who really called: the peer itself, unless it is a trusted proxy; then the last address in `X-Forwarded-For`
    /// that is not one. What stands before it was written by the caller and proves nothing. `forwarded_for`: the
    /// header's values in the order received.
    pub fn caller<'h>(&self, peer: IpAddr, forwarded_for: impl DoubleEndedIterator<Item = &'h str>) -> IpAddr {
        let mut caller = peer.to_canonical();
        for hop in forwarded_for.rev().flat_map(|value| value.rsplit(',')) {
            if !self.trusts(caller) {
                break;
            }
            // A hop that is no address hides who stood behind it: the proxy that wrote it is all we know.
            let Ok(address) = hop.trim().parse::<IpAddr>() else {
                break;
            };
            caller = address.to_canonical();
        }
        caller
    }
}
