//! Randomness: ids and jitter are made here and nowhere else.

use lastgood_protocol::{DrillId, EventId, MarkerId, RunId};
use uuid::Uuid;

/// A random version 4 UUID from the system's randomness.
pub(crate) fn uuid() -> Uuid {
    uuid::Builder::from_random_bytes(random()).into_uuid()
}

/// 64 random bits, for jitter.
pub(crate) fn random_u64() -> u64 {
    u64::from_le_bytes(random())
}

/// A new event's id.
pub(crate) fn event() -> EventId {
    EventId(uuid())
}

/// A new run's id.
pub(crate) fn run() -> RunId {
    RunId(uuid())
}

/// A new drill's id.
pub(crate) fn drill() -> DrillId {
    DrillId(uuid())
}

/// A new medium marker's id.
pub(crate) fn marker() -> MarkerId {
    MarkerId(uuid())
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a system without randomness cannot make keys either");
    bytes
}
