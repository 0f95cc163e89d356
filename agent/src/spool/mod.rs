//! What the agent has to say and the server has not yet acknowledged: one file per event.
//!
//! An event is confirmed once its file is written, flushed, renamed into place and the folder flushed. After that
//! neither a kill nor a power cut loses it. Every change happens under one short lock, so that `exec`, `media` and
//! `drill` may append while the daemon delivers. Damaged records are set aside and counted, never a reason to stop.
//!
//! The spool is bounded. When it is full, or the disk is, the lightest and oldest events give way first, and the newest
//! failure still finds room in a slot that was allocated when the spool was made.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod ledger;
mod outgoing;
mod record;
mod reserve;
mod room;
mod runs;
mod trouble;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lastgood_protocol::{Event, EventBody, EventId, MAX_EVENT_BYTES};

use crate::platform;
use crate::state::open_lock;
use ledger::Ledger;
use record::{HEADER_BYTES, Name, Weight};
use reserve::Reserve;
pub(crate) use runs::{RunRecord, RunTicket};

const EVENTS: &str = "events";
const QUARANTINE: &str = "quarantine";
const RUNS: &str = "runs";
const LEDGER: &str = "ledger";
const LOCK: &str = "lock";
const INCOMING: &str = "incoming";
const MOST_QUARANTINED: usize = 200;
/// How far `seq` jumps when the ledger is lost: further than a spool can have given in its life.
const SEQ_JUMP: u64 = 1_000_000_000;

/// How much the spool may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Events.
    pub(crate) events: usize,
    /// Bytes of event files.
    pub(crate) bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events: 5_000,
            bytes: 16 * 1024 * 1024,
        }
    }
}

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// Reading or writing failed.
    #[error("the spool in {folder} cannot be used: {source}")]
    Io {
        /// The spool's folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// An event is larger than the server takes.
    #[error("the event has {bytes} bytes; at most {MAX_EVENT_BYTES} can be sent: shorten the texts in it")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

/// What became of an appended event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Appended {
    /// Durable.
    Stored,
    /// Durable, in the slot kept for the newest failure: the disk is full.
    Reserved,
    /// The disk is full and the event was too light for the reserved slots. It is counted.
    Dropped,
}

/// An event that waits.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    /// The event.
    pub(crate) event: Event,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    File(Name),
    Slot(usize),
}

/// What an answer changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Settled {
    /// Acknowledged and dropped.
    pub(crate) acknowledged: usize,
    /// Refused for good and set aside.
    pub(crate) refused: usize,
    /// Answers about ids that were not in the batch.
    pub(crate) unasked: usize,
}

/// The spool in one state folder.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    folder: PathBuf,
    limits: Limits,
    reserve: Reserve,
}

struct Held {
    _lock: File,
    ledger: Ledger,
}

impl Spool {
    /// Opens the spool, making it when it is not there. Never refuses because of what it holds.
    pub(crate) fn open(folder: &Path, limits: Limits) -> Result<Self, SpoolError> {
        let spool = Self {
            folder: folder.to_path_buf(),
            limits,
            reserve: Reserve::in_folder(folder),
        };
        spool.prepare().map_err(|source| spool.error(source))?;
        Ok(spool)
    }

    fn prepare(&self) -> io::Result<()> {
        let is_new = !self.folder.join(EVENTS).is_dir();
        platform::create_private_folder(&self.folder)?;
        let lock = self.lock_file()?;
        for name in [EVENTS, QUARANTINE, RUNS] {
            platform::create_private_folder(&self.folder.join(name))?;
        }
        let ledger = self.folder.join(LEDGER);
        // What follows needs room on the disk; a spool that has it already also works without.
        if ledger::read(&ledger)?.is_none() {
            if is_new {
                ledger::create(&ledger)?;
            } else {
                self.replace_ledger()?;
            }
        }
        if let Err(error) = self.reserve.allocate()
            && !platform::is_disk_full(&error)
        {
            return Err(error);
        }
        if is_new {
            platform::sync_folder(&self.folder)?;
            if let Some(parent) = self.folder.parent() {
                platform::sync_folder(parent)?;
            }
        }
        drop(lock);
        Ok(())
    }

    /// Appends an event and waits until it is durable.
    pub(crate) fn append(&self, id: EventId, at: Timestamp, what: EventBody) -> Result<Appended, SpoolError> {
        let mut held = self.hold()?;
        self.append_held(&mut held, id, at, what)
    }

    fn append_held(
        &self,
        held: &mut Held,
        id: EventId,
        occurred_at: Timestamp,
        what: EventBody,
    ) -> Result<Appended, SpoolError> {
        let weight = Weight::of(&what);
        let names = self.names().map_err(|source| self.error(source))?;
        let seq = self.next_seq(held, &names);
        let event = Event {
            id,
            seq,
            occurred_at,
            what,
        };
        let record = record::encode(&event).map_err(|error| self.error(io::Error::other(error)))?;
        if record.len() - HEADER_BYTES > MAX_EVENT_BYTES {
            return Err(SpoolError::TooLarge {
                bytes: record.len() - HEADER_BYTES,
            });
        }
        let name = Name { seq, weight, id };
        let written = self
            .make_room(held, &names, &record)
            .and_then(|()| self.write_record(name, &record));
        match written {
            Ok(()) => Ok(Appended::Stored),
            Err(error) if platform::is_disk_full(&error) => self
                .append_to_full_disk(held, &names, name, &record)
                .map_err(|source| self.error(source)),
            Err(error) => Err(self.error(error)),
        }
    }

    /// temp → flush → rename → flush the folder.
    fn write_record(&self, name: Name, record: &[u8]) -> io::Result<()> {
        let incoming = self.folder.join(INCOMING);
        let mut file = platform::private_file(&incoming)?;
        file.write_all(record)?;
        file.sync_all()?;
        let events = self.folder.join(EVENTS);
        drop(file);
        platform::replace_file(&incoming, &events.join(name.to_file_name()))?;
        platform::sync_folder(&events)
    }

    /// How many events wait.
    pub(crate) fn count(&self) -> Result<usize, SpoolError> {
        let names = self.names().map_err(|source| self.error(source))?;
        Ok(names.len() + self.reserve.read().len())
    }

    /// Whether a heartbeat waits already.
    pub(crate) fn holds_heartbeat(&self) -> Result<bool, SpoolError> {
        let names = self.names().map_err(|source| self.error(source))?;
        Ok(names.iter().any(|name| name.weight == Weight::Heartbeat))
    }

    /// How many records lie in quarantine.
    pub(crate) fn quarantined(&self) -> usize {
        fs::read_dir(self.folder.join(QUARANTINE)).map_or(0, Iterator::count)
    }

    fn hold(&self) -> Result<Held, SpoolError> {
        let held = || -> io::Result<Held> {
            let lock = self.lock_file()?;
            let ledger = match ledger::read(&self.folder.join(LEDGER))? {
                Some(ledger) => ledger,
                None => self.replace_ledger()?,
            };
            Ok(Held { _lock: lock, ledger })
        };
        held().map_err(|source| self.error(source))
    }

    fn lock_file(&self) -> io::Result<File> {
        let file = open_lock(&self.folder.join(LOCK))?;
        file.lock()?;
        Ok(file)
    }

    fn save(&self, held: &mut Held) -> io::Result<()> {
        ledger::write(&self.folder.join(LEDGER), &mut held.ledger)
    }

    /// For a ledger that was lost: numbers go on far above everything that is present.
    fn replace_ledger(&self) -> io::Result<Ledger> {
        let path = self.folder.join(LEDGER);
        let mut ledger = Ledger::after_loss(self.highest_present()?.saturating_add(SEQ_JUMP));
        ledger::create(&path)?;
        ledger::write(&path, &mut ledger)?;
        Ok(ledger)
    }

    fn next_seq(&self, held: &Held, names: &[Name]) -> u64 {
        let in_files = names.iter().map(|name| name.seq).max().unwrap_or_default();
        let in_slots = self.reserve.read().iter().map(|(_, event, _)| event.seq).max();
        held.ledger
            .highest_removed
            .max(in_files)
            .max(in_slots.unwrap_or_default())
            .saturating_add(1)
    }

    fn highest_present(&self) -> io::Result<u64> {
        Ok(self.names()?.last().map_or(0, |name| name.seq))
    }

    /// Oldest first.
    fn names(&self) -> io::Result<Vec<Name>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder.join(EVENTS))? {
            if let Some(name) = entry?.file_name().to_str().and_then(Name::parse) {
                names.push(name);
            }
        }
        names.sort_unstable_by_key(|name| name.seq);
        Ok(names)
    }

    fn event_path(&self, name: Name) -> PathBuf {
        self.folder.join(EVENTS).join(name.to_file_name())
    }

    fn error(&self, source: io::Error) -> SpoolError {
        SpoolError::Io {
            folder: self.folder.clone(),
            source,
        }
    }
}

#[cfg(test)]
mod tests;
