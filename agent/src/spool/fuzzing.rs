//! Damage to a spool, for [`crate::fuzzing`].

use std::fs;
use std::path::Path;

use super::{EVENTS, LEDGER, RUNS};

const ID: &str = "00000000-0000-0000-0000-0000000000ff";

/// Writes the rest of the input over what its first byte says. With the highest bit set the sums are made to match, so that what
/// they protect is read, too.
pub(crate) fn damage(folder: &Path, input: &[u8]) {
    let Some((&choice, content)) = input.split_first() else {
        return;
    };
    let mut content = content.to_vec();
    if choice & 0x80 != 0 {
        content = match choice % 4 {
            1 => ledger(&content),
            _ => record(&content),
        };
    }
    let path = match choice % 4 {
        0 => {
            let digits = content
                .iter()
                .take(8)
                .fold(0, |number: u64, &byte| (number << 8) | u64::from(byte));
            content = record(content.get(8..).unwrap_or_default());
            folder.join(EVENTS).join(format!("{digits:020}.i.{ID}.event"))
        }
        1 => folder.join(LEDGER),
        2 => folder.join("reserve-0"),
        _ => folder.join(RUNS).join(format!("{ID}.run")),
    };
    fs::write(path, content).expect("it is ours");
}

fn record(json: &[u8]) -> Vec<u8> {
    let mut record = b"LGE1".to_vec();
    record.extend_from_slice(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend_from_slice(&crc32c::crc32c(json).to_le_bytes());
    record.extend_from_slice(&crc32c::crc32c(&record).to_le_bytes());
    record.extend_from_slice(json);
    record
}

fn ledger(fields: &[u8]) -> Vec<u8> {
    let mut slot = b"LGLEDG01".to_vec();
    slot.extend(fields.iter().copied().chain(std::iter::repeat(0)).take(40));
    slot.extend_from_slice(&crc32c::crc32c(&slot).to_le_bytes());
    slot
}
