//! Two slots, allocated while the disk had room, that keep the newest failures when it has none.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use lastgood_protocol::{Event, MAX_EVENT_BYTES};

use super::record::{self, HEADER_BYTES};
use crate::platform;

/// How many slots there are: while one is written, the other keeps what it holds.
pub(super) const SLOTS: usize = 2;

const SLOT_BYTES: usize = HEADER_BYTES + MAX_EVENT_BYTES;

/// The slots of one spool.
#[derive(Debug, Clone)]
pub(super) struct Reserve {
    paths: [PathBuf; SLOTS],
}

impl Reserve {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self {
            paths: [folder.join("reserve-0"), folder.join("reserve-1")],
        }
    }

    /// Writes zeros to each slot that is not whole, so that its blocks are there when the disk is full.
    pub(super) fn allocate(&self) -> io::Result<()> {
        for path in &self.paths {
            let whole = std::fs::metadata(path).is_ok_and(|status| usize::try_from(status.len()) == Ok(SLOT_BYTES));
            if !whole {
                let mut file = platform::private_file(path)?;
                file.write_all(&vec![0; SLOT_BYTES])?;
                file.sync_all()?;
            }
        }
        Ok(())
    }

    /// The events in the slots, each with its slot and size. A slot that is free or torn holds none.
    pub(super) fn read(&self) -> Vec<(usize, Event, usize)> {
        let mut found = Vec::new();
        for (slot, path) in self.paths.iter().enumerate() {
            let Ok(mut file) = File::open(path) else { continue };
            let mut header = [0; HEADER_BYTES];
            if file.read_exact(&mut header).is_err() || header.iter().all(|&byte| byte == 0) {
                continue;
            }
            let mut bytes = header.to_vec();
            if file.read_to_end(&mut bytes).is_ok()
                && let Ok(event) = record::decode(&bytes)
            {
                found.push((slot, event, bytes.len()));
            }
        }
        found
    }

    /// Writes a record over a free slot, or over the older one, whose number it answers then.
    pub(super) fn write(&self, record: &[u8]) -> io::Result<Option<u64>> {
        let taken = self.read();
        let free = (0..SLOTS).find(|slot| taken.iter().all(|(other, ..)| other != slot));
        let oldest = taken.iter().min_by_key(|(_, event, _)| event.seq);
        let (slot, replaced) = match (free, oldest) {
            (Some(slot), _) => (slot, None),
            (None, Some((slot, event, _))) => (*slot, Some(event.seq)),
            (None, None) => (0, None),
        };
        self.overwrite(slot, record)?;
        Ok(replaced)
    }

    /// Frees a slot.
    pub(super) fn clear(&self, slot: usize) -> io::Result<()> {
        self.overwrite(slot, &[0; HEADER_BYTES])
    }

    fn overwrite(&self, slot: usize, bytes: &[u8]) -> io::Result<()> {
        let path = self.paths.get(slot).ok_or(io::ErrorKind::InvalidInput)?;
        let mut file = File::options().write(true).open(path)?;
        file.write_all(bytes)?;
        file.sync_data()
    }
}
