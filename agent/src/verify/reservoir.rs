//! A fair random sample of files from a list that is read once and may be long.

use crate::tools::Entry;

/// Larger files are not drawn, so that the sample fits into the scratch folder. Bytes.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Every file offered so far is in it with the same probability.
#[derive(Debug)]
pub(super) struct Reservoir {
    size: usize,
    offered: u64,
    /// What was drawn.
    pub(super) drawn: Vec<Entry>,
}

impl Reservoir {
    /// An empty one for `size` files, that has been offered `offered` before.
    pub(super) fn new(size: usize, offered: u64) -> Self {
        Self {
            size,
            offered,
            drawn: Vec::new(),
        }
    }

    /// Takes a file in, or not, by 64 random bits. Empty files, those with a name that is no text and folders are left out.
    pub(super) fn offer(&mut self, entry: Entry, random: u64) {
        let unfit =
            !entry.is_file || entry.size == 0 || entry.size > LARGEST || entry.path.contains(['\u{fffd}', '\n', '\r']);
        if unfit || self.size == 0 {
            return;
        }
        self.offered += 1;
        if self.drawn.len() < self.size {
            self.drawn.push(entry);
            return;
        }
        let place = usize::try_from(random % self.offered).unwrap_or(usize::MAX);
        if let Some(drawn) = self.drawn.get_mut(place) {
            *drawn = entry;
        }
    }
}
