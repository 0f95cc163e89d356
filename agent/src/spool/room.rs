//! Keeping the spool within its bounds, and going on when the disk has none left: the lightest and oldest events give way.

use std::fs;
use std::io;

use super::record::{self, Name, Weight};
use super::{Appended, Held, Spool, runs};
use lastgood_protocol::MAX_EVENT_BYTES;

/// How many light events give way at once on a full disk.
const GIVE_WAY: usize = 8;

impl Spool {
    pub(super) fn append_to_full_disk(
        &self,
        held: &mut Held,
        names: &[Name],
        name: Name,
        record: &[u8],
    ) -> io::Result<Appended> {
        if name.weight == Weight::Important {
            let lightest = names
                .iter()
                .filter(|other| other.weight < Weight::Important)
                .take(GIVE_WAY);
            let mut freed = false;
            for other in lightest {
                // On a read-only disk nothing can give way; the reserved slot is tried next.
                freed |= self.drop_for_room(held, *other).is_ok();
            }
            if freed && self.write_record(name, record).is_ok() {
                return Ok(Appended::Stored);
            }
            if let Some(replaced) = self.reserve.write(record)? {
                held.ledger.highest_removed = held.ledger.highest_removed.max(replaced);
                held.ledger.dropped += 1;
                self.save(held)?;
            }
            return Ok(Appended::Reserved);
        }
        held.ledger.dropped += 1;
        self.save(held)?;
        Ok(Appended::Dropped)
    }

    pub(super) fn make_room(&self, held: &mut Held, names: &[Name], record: &[u8]) -> io::Result<()> {
        let mut count = names.len() + 1;
        let mut bytes = u64::try_from(record.len()).unwrap_or(u64::MAX);
        let might_exceed = u64::try_from(names.len().saturating_mul(MAX_EVENT_BYTES)).unwrap_or(u64::MAX);
        if might_exceed > self.limits.bytes {
            for name in names {
                bytes = bytes.saturating_add(self.size_of(*name));
            }
        }
        if count <= self.limits.events && bytes <= self.limits.bytes {
            return Ok(());
        }
        let mut by_weight: Vec<Name> = names.to_vec();
        by_weight.sort_unstable_by_key(|name| (name.weight, name.seq));
        for name in by_weight {
            if count <= self.limits.events && bytes <= self.limits.bytes {
                break;
            }
            let freed = self.size_of(name);
            self.drop_for_room(held, name)?;
            count -= 1;
            bytes = bytes.saturating_sub(freed);
        }
        Ok(())
    }

    fn size_of(&self, name: Name) -> u64 {
        fs::metadata(self.event_path(name)).map_or(0, |status| status.len())
    }

    fn drop_for_room(&self, held: &mut Held, name: Name) -> io::Result<()> {
        held.ledger.dropped += 1;
        held.ledger.highest_removed = held.ledger.highest_removed.max(name.seq);
        self.save(held)?;
        if let Ok(bytes) = fs::read(self.event_path(name))
            && let Ok(event) = record::decode(&bytes)
        {
            runs::forget_reported(&self.folder, &event.what)?;
        }
        fs::remove_file(self.event_path(name))
    }
}
