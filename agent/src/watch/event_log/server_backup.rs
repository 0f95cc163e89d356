//! Windows Server Backup: the fields of its provider's entries, `VolumesInfo` among them.

use jiff::Timestamp;
use lastgood_protocol::{Basis, Knowledge, Outcome, RunFacts};
use roxmltree::Document;

use super::{LoggedEvent, reason};
use crate::tools::claim;
use crate::watch::What;

/// How the backup ended. The volumes stand in the entry as a second XML document.
pub(super) fn end(event: &LoggedEvent, outcome: Outcome) -> What {
    let mut facts = RunFacts::default();
    let mut outcome = outcome;
    let mut said = sentence(event.id).or_else(|| reason(outcome));
    if let Some(volumes) = event.value("VolumesInfo").and_then(Volumes::read) {
        let logged = |holds| Some(claim(holds, Knowledge::Measured, Basis::EventLog));
        // Of a backup that failed it says what was planned, with counts of what was not copied.
        if outcome != Outcome::Failed {
            facts.full = volumes.full.and_then(logged);
        }
        facts.bytes_added = volumes.transferred;
        facts.bytes_processed = volumes.total;
        facts.files_total = volumes.files;
        if volumes.unreadable > 0 && outcome == Outcome::Ok {
            outcome = Outcome::Warning;
            said = Some("A backup was made, but some bytes of a disk could not be read.");
        }
    }
    let hresult = event.value("HRESULT").unwrap_or("0");
    if outcome == Outcome::Ok && !matches!(hresult, "" | "0" | "0x0" | "0x00000000") {
        outcome = Outcome::Warning;
        said = reason(outcome);
    }
    What::Finished {
        started: began(event),
        outcome,
        reason: said.map(str::to_owned),
        will_be_retried: false,
        facts: Box::new(facts),
    }
}

/// When the backup began. Two entries about one backup, such as 5 and 9, have this in common.
pub(super) fn began(event: &LoggedEvent) -> Option<Timestamp> {
    let time = event.value("BackupTime").or_else(|| event.value("BackupStartTime"))?;
    // A time that was never set is 1601.
    time.parse().ok().filter(|began| *began > Timestamp::UNIX_EPOCH)
}

/// What an entry says more than how it ended.
fn sentence(id: u32) -> Option<&'static str> {
    match id {
        7 => Some("Windows could not back up every disk."),
        8 => Some("The backup was cancelled."),
        9 => Some("Windows could not make a shadow copy of the disks."),
        17..=22 => Some("The backup did not start: another one was running, or Windows could not begin it."),
        23 => Some("A backup was made, but some files are not in it."),
        49 => Some("Windows found no disk or folder to save to."),
        50 => Some("There was no room left where the backup is saved."),
        52 => Some("Windows could not write to the shared folder where the backup is saved."),
        _ => None,
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Volumes {
    full: Option<bool>,
    transferred: Option<u64>,
    total: Option<u64>,
    files: Option<u64>,
    unreadable: u64,
}

impl Volumes {
    /// A backup is full when no volume in it is incremental.
    fn read(text: &str) -> Option<Self> {
        let document = Document::parse(text.trim()).ok()?;
        let mut volumes = Self::default();
        let add = |sum: &mut Option<u64>, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| value.parse::<u64>().ok()) {
                *sum = Some(sum.unwrap_or(0).saturating_add(value));
            }
        };
        for item in document
            .descendants()
            .filter(|node| node.tag_name().name() == "VolumeInfoItem")
        {
            let is_full = match item.attribute("IsIncremental") {
                Some("0" | "false" | "False") => Some(true),
                Some(_) => Some(false),
                None => None,
            };
            volumes.full = match (volumes.full, is_full) {
                (Some(before), Some(this)) => Some(before && this),
                (before, this) => before.or(this),
            };
            add(&mut volumes.transferred, item.attribute("DataTransferred"));
            add(&mut volumes.total, item.attribute("TotalSize"));
            add(&mut volumes.files, item.attribute("TotalNoOfFiles"));
            let unreadable = item
                .attribute("NumUnreadableBytes")
                .and_then(|value| value.parse::<i64>().ok());
            let unreadable = u64::try_from(unreadable.unwrap_or(0)).unwrap_or(0);
            volumes.unreadable = volumes.unreadable.saturating_add(unreadable);
        }
        Some(volumes)
    }
}
