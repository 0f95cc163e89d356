//! The few numbers that must outlive the events: written in place in a preallocated file, so that it works on a full
//! disk, in two places by turns, so that a power cut during one write leaves the other.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

use crate::platform;

const MAGIC: [u8; 8] = *b"LGLEDG01";
const FIELDS: usize = 5;
const SLOT_BYTES: usize = 8 + FIELDS * 8 + 4;
/// Each slot in a disk sector of its own.
const SLOT_DISTANCE: u64 = 4096;

/// The numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ledger {
    /// Counts the writes; the higher of two valid slots is the newer.
    generation: u64,
    /// The highest `seq` that ever left the spool; none at or below it is given again.
    pub(super) highest_removed: u64,
    /// Events dropped because the spool was full, not reported yet.
    pub(super) dropped: u64,
    /// Records set aside because they were damaged, not reported yet.
    pub(super) damaged: u64,
    /// Events that the server refused for good, not reported yet.
    pub(super) refused: u64,
}

/// Creates the file, both slots written.
pub(super) fn create(path: &Path) -> io::Result<()> {
    let mut file = platform::private_file(path)?;
    let slot = Ledger::default().encode();
    for place in 0..2 {
        file.seek(SeekFrom::Start(place * SLOT_DISTANCE))?;
        file.write_all(&slot)?;
    }
    file.sync_all()
}

impl Ledger {
    /// A ledger for a spool that lost its own: no number up to `highest` is given again.
    pub(super) fn after_loss(highest: u64) -> Self {
        Self {
            highest_removed: highest,
            damaged: 1,
            ..Self::default()
        }
    }
}

/// Reads the newer valid slot; `None` when neither is.
pub(super) fn read(path: &Path) -> io::Result<Option<Ledger>> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut newest: Option<Ledger> = None;
    for place in 0..2 {
        file.seek(SeekFrom::Start(place * SLOT_DISTANCE))?;
        let mut slot = [0; SLOT_BYTES];
        // A file cut short has no second slot.
        if file.read_exact(&mut slot).is_err() {
            continue;
        }
        if let Some(ledger) = Ledger::decode(&slot)
            && newest.is_none_or(|known| known.generation < ledger.generation)
        {
            newest = Some(ledger);
        }
    }
    Ok(newest)
}

/// Writes over the older slot and waits until it is on the disk.
pub(super) fn write(path: &Path, ledger: &mut Ledger) -> io::Result<()> {
    ledger.generation += 1;
    let mut file = File::options().write(true).open(path)?;
    file.seek(SeekFrom::Start(ledger.generation % 2 * SLOT_DISTANCE))?;
    file.write_all(&ledger.encode())?;
    file.sync_data()
}

impl Ledger {
    fn encode(self) -> Vec<u8> {
        let mut slot = MAGIC.to_vec();
        let fields: [u64; FIELDS] = [
            self.generation,
            self.highest_removed,
            self.dropped,
            self.damaged,
            self.refused,
        ];
        for field in fields {
            slot.extend_from_slice(&field.to_le_bytes());
        }
        slot.extend_from_slice(&crc32c::crc32c(&slot).to_le_bytes());
        slot
    }

    fn decode(slot: &[u8; SLOT_BYTES]) -> Option<Self> {
        let (content, sum) = slot.split_last_chunk::<4>()?;
        if !content.starts_with(&MAGIC) || crc32c::crc32c(content) != u32::from_le_bytes(*sum) {
            return None;
        }
        let mut fields = content.get(MAGIC.len()..)?.chunks_exact(8).filter_map(|field| {
            let field: [u8; 8] = field.try_into().ok()?;
            Some(u64::from_le_bytes(field))
        });
        Some(Self {
            generation: fields.next()?,
            highest_removed: fields.next()?,
            dropped: fields.next()?,
            damaged: fields.next()?,
            refused: fields.next()?,
        })
    }
}
