//! What the server remembers of agents between requests: their keys, and how often they and strangers called.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use lastgood_protocol::PublicKey;

use super::throttle::Throttle;
use crate::ids::AgentId;

/// Keys held in memory. An agent beyond that costs a query per request.
const MOST_KEYS: usize = 20_000;

/// In memory alone: a restart costs one query per agent and forgives everybody.
#[derive(Debug)]
pub struct Gate {
    /// Enrolments refused, per address.
    pub enrolments_refused: Throttle<String>,
    /// Requests whose token did not verify, per address.
    pub unverified: Throttle<String>,
    /// Verified requests, per agent: one a minute is usual, and an agent back from a week away sends many at once.
    pub requests: Throttle<AgentId>,
    keys: Mutex<BTreeMap<AgentId, PublicKey>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            enrolments_refused: Throttle::new(10, 30),
            unverified: Throttle::new(60, 120),
            requests: Throttle::new(60, 600),
            keys: Mutex::default(),
        }
    }
}

impl Gate {
    /// The key of an agent, if it is remembered. An agent's key never changes; that it is revoked is found where its
    /// events are stored.
    pub fn key(&self, agent: AgentId) -> Option<PublicKey> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.get(&agent).copied()
    }

    /// Remembers an agent's key.
    pub fn remember(&self, agent: AgentId, key: PublicKey) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        if keys.len() >= MOST_KEYS {
            keys.clear();
        }
        keys.insert(agent, key);
    }

    /// Forgets a revoked agent's key.
    pub fn forget(&self, agent: AgentId) {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        keys.remove(&agent);
    }
}

/// What counts as one address: an IPv4 address, or the network of 64 bits that one IPv6 customer is given.
pub fn address_key(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) => format!("{:x}/64", address.to_bits() >> 64),
        Ok(IpAddr::V4(_)) | Err(_) => address.to_owned(),
    }
}
