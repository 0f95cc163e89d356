//! The demo's own dice: the same every time, so that everybody looks at the same history.

use uuid::Uuid;

/// A source of numbers that follow from its seed alone (SplitMix64, Steele and others, 2014).
#[derive(Debug, Clone)]
pub(super) struct Dice(u64);

impl Dice {
    /// Dice for one thing, named by its parts.
    pub(super) fn of(parts: &[&str]) -> Self {
        // FNV-1a, with a separator so that ("ab", "c") differs from ("a", "bc").
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in parts.iter().flat_map(|part| part.bytes().chain([0])) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(hash)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `end`; 0 when `end` is not above it.
    pub(super) fn below(&mut self, end: i64) -> i64 {
        let end = u64::try_from(end.max(1)).unwrap_or(1);
        i64::try_from(self.next() % end).unwrap_or_default()
    }

    /// `value`, up to `percent` more or less.
    pub(super) fn around(&mut self, value: i64, percent: i64) -> i64 {
        value * (1000 - 10 * percent + self.below(20 * percent + 1)) / 1000
    }

    /// An id (version 8 of RFC 9562: made by a rule of our own).
    pub(super) fn id(&mut self) -> Uuid {
        let (high, low) = (self.next(), self.next());
        uuid::Builder::from_custom_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes()).into_uuid()
    }
}
