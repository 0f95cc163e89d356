//! What the agent has to say and the server has not yet acknowledged: one file per event.
//!
//! An event is confirmed once its file is written, flushed, renamed into place and the folder flushed. After that
//! neither a kill nor a power cut loses it. Every change happens under one short lock, so that `exec`, `media` and
//! `drill` may append while the daemon delivers. Damaged records are set aside and counted, never a reason to stop.
//!
//! The spool is bounded. When it is full, or the disk is, the lightest and oldest events give way first, and the newest
//! failure still finds room in a slot that was allocated when the spool was made.

mod ledger;
mod record;
mod reserve;
mod runs;

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lastgood_protocol::{
    AgentProblem, AgentProblemKind, Event, EventAnswer, EventBody, EventId, EventStatus, MAX_EVENT_BYTES,
};

use crate::platform;
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
        match platform::sync_folder(&self.folder) {
            Err(error) if !platform::is_disk_full(&error) => return Err(error),
            _ => {}
        }
        if let Some(parent) = self.folder.parent() {
            platform::sync_folder(parent)?;
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

    fn append_to_full_disk(&self, held: &mut Held, names: &[Name], name: Name, record: &[u8]) -> io::Result<Appended> {
        if name.weight == Weight::Important {
            let lightest = names.iter().filter(|other| other.weight < Weight::Important).take(8);
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

    /// temp → flush → rename → flush the folder.
    fn write_record(&self, name: Name, record: &[u8]) -> io::Result<()> {
        let incoming = self.folder.join(INCOMING);
        let mut file = platform::private_file(&incoming)?;
        file.write_all(record)?;
        file.sync_all()?;
        let events = self.folder.join(EVENTS);
        fs::rename(&incoming, events.join(name.to_file_name()))?;
        platform::sync_folder(&events)?;
        platform::sync_folder(&self.folder)
    }

    fn make_room(&self, held: &mut Held, names: &[Name], record: &[u8]) -> io::Result<()> {
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
        by_weight.sort_by_key(|name| (name.weight, name.seq));
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

    /// The oldest events that wait, up to `most` and to `most_bytes` of JSON. Records that are damaged are set aside.
    pub(crate) fn waiting(&self, most: usize, most_bytes: usize) -> Result<Vec<Waiting>, SpoolError> {
        let mut held = self.hold()?;
        self.waiting_held(&mut held, most, most_bytes)
            .map_err(|source| self.error(source))
    }

    fn waiting_held(&self, held: &mut Held, most: usize, most_bytes: usize) -> io::Result<Vec<Waiting>> {
        // What a killed process renamed but did not flush must be durable before the server may hear of it, or its
        // number would be given twice after a power cut.
        match platform::sync_folder(&self.folder.join(EVENTS)) {
            Err(error) if !platform::is_disk_full(&error) => return Err(error),
            _ => {}
        }
        let mut found: Vec<(Waiting, usize)> = self
            .reserve
            .read()
            .into_iter()
            .map(|(slot, event, bytes)| {
                let place = Place::Slot(slot);
                (Waiting { event, place }, bytes)
            })
            .collect();
        let mut taken = 0;
        for name in self.names()? {
            if taken >= most_bytes || found.len() >= most + reserve::SLOTS {
                break;
            }
            let path = self.event_path(name);
            match fs::read(&path).map(|bytes| (record::decode(&bytes), bytes.len())) {
                Ok((Ok(event), bytes)) if event.seq == name.seq && event.id == name.id => {
                    taken += bytes;
                    let place = Place::File(name);
                    found.push((Waiting { event, place }, bytes));
                }
                Ok(_) => {
                    held.ledger.damaged += 1;
                    self.set_aside(held, name)?;
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        found.sort_by_key(|(waiting, _)| waiting.event.seq);
        let mut bytes = 0;
        Ok(found
            .into_iter()
            .take(most)
            .take_while(|(_, size)| {
                bytes += size;
                bytes <= most_bytes
            })
            .map(|(waiting, _)| waiting)
            .collect())
    }

    /// Takes in the server's answers to exactly the events in `sent`: the acknowledged are dropped, the refused set
    /// aside, everything else stays.
    pub(crate) fn settle(&self, sent: &[Waiting], answers: &[EventAnswer]) -> Result<Settled, SpoolError> {
        let mut held = self.hold()?;
        self.settle_held(&mut held, sent, answers)
            .map_err(|source| self.error(source))
    }

    fn settle_held(&self, held: &mut Held, sent: &[Waiting], answers: &[EventAnswer]) -> io::Result<Settled> {
        let mut settled = Settled::default();
        let mut open: Vec<&Waiting> = sent.iter().collect();
        let mut acknowledged = Vec::new();
        let mut refused = Vec::new();
        for answer in answers {
            let at = open.iter().position(|waiting| Some(waiting.event.id) == answer.id);
            let Some(at) = at else {
                settled.unasked += 1;
                continue;
            };
            let waiting = open.swap_remove(at);
            match answer.status {
                EventStatus::Stored | EventStatus::Duplicate => acknowledged.push(waiting),
                EventStatus::Conflict | EventStatus::Rejected => refused.push(waiting),
            }
        }
        settled.acknowledged = acknowledged.len();
        settled.refused = refused.len();
        held.ledger.refused += u64::try_from(refused.len()).unwrap_or(u64::MAX);
        let leaving = acknowledged
            .iter()
            .chain(&refused)
            .map(|waiting| waiting.event.seq)
            .max();
        if let Some(highest) = leaving {
            held.ledger.highest_removed = held.ledger.highest_removed.max(highest);
            self.save(held)?;
        }
        for waiting in refused {
            runs::forget_reported(&self.folder, &waiting.event.what)?;
            match &waiting.place {
                Place::File(name) => self.move_to_quarantine(*name)?,
                Place::Slot(slot) => self.reserve.clear(*slot)?,
            }
        }
        for waiting in acknowledged {
            runs::forget_reported(&self.folder, &waiting.event.what)?;
            match &waiting.place {
                Place::File(name) => remove_if_there(&self.event_path(*name))?,
                Place::Slot(slot) => self.reserve.clear(*slot)?,
            }
        }
        Ok(settled)
    }

    /// Sets an event aside that makes the server refuse every batch it is in.
    pub(crate) fn refuse(&self, waiting: &Waiting) -> Result<(), SpoolError> {
        let answer = EventAnswer {
            id: Some(waiting.event.id),
            status: EventStatus::Rejected,
            field: None,
            message: None,
        };
        self.settle(std::slice::from_ref(waiting), &[answer]).map(|_| ())
    }

    /// Turns what was counted since the last time (dropped, damaged, refused) into events that say so. The counts are
    /// forgotten only once those events are durable.
    pub(crate) fn report_troubles(
        &self,
        now: Timestamp,
        mut new_id: impl FnMut() -> EventId,
    ) -> Result<(), SpoolError> {
        let mut held = self.hold()?;
        let troubles = [
            (AgentProblemKind::SpoolOverflow, held.ledger.dropped),
            (AgentProblemKind::SpoolCorrupt, held.ledger.damaged),
            (AgentProblemKind::EventsRejected, held.ledger.refused),
        ];
        for (kind, count) in troubles {
            if count == 0 {
                continue;
            }
            let problem = EventBody::AgentProblem(AgentProblem {
                kind,
                message: trouble_message(kind, count),
                count,
            });
            if self.append_held(&mut held, new_id(), now, problem)? != Appended::Stored {
                continue;
            }
            let counter = match kind {
                AgentProblemKind::SpoolOverflow | AgentProblemKind::SpoolUnwritable => &mut held.ledger.dropped,
                AgentProblemKind::SpoolCorrupt => &mut held.ledger.damaged,
                AgentProblemKind::EventsRejected => &mut held.ledger.refused,
            };
            *counter = counter.saturating_sub(count);
            self.save(&mut held).map_err(|source| self.error(source))?;
        }
        Ok(())
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
        let path = self.folder.join(LOCK);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => platform::private_file(&path)?,
            Err(error) => return Err(error),
        };
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
        names.sort_by_key(|name| name.seq);
        Ok(names)
    }

    fn event_path(&self, name: Name) -> PathBuf {
        self.folder.join(EVENTS).join(name.to_file_name())
    }

    fn set_aside(&self, held: &mut Held, name: Name) -> io::Result<()> {
        held.ledger.highest_removed = held.ledger.highest_removed.max(name.seq);
        self.save(held)?;
        self.move_to_quarantine(name)
    }

    fn move_to_quarantine(&self, name: Name) -> io::Result<()> {
        let quarantine = self.folder.join(QUARANTINE);
        let mut kept: Vec<PathBuf> = fs::read_dir(&quarantine)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .collect();
        kept.sort_unstable();
        for oldest in kept.iter().take((kept.len() + 1).saturating_sub(MOST_QUARANTINED)) {
            fs::remove_file(oldest)?;
        }
        fs::rename(self.event_path(name), quarantine.join(name.to_file_name()))
    }

    fn error(&self, source: io::Error) -> SpoolError {
        SpoolError::Io {
            folder: self.folder.clone(),
            source,
        }
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn trouble_message(kind: AgentProblemKind, count: u64) -> String {
    let (one, many, what) = match kind {
        AgentProblemKind::SpoolOverflow | AgentProblemKind::SpoolUnwritable => (
            "report was",
            "reports were",
            "dropped because the agent had no room to keep it until the server could be reached",
        ),
        AgentProblemKind::SpoolCorrupt => (
            "record was",
            "records were",
            "damaged on the agent's disk and set aside",
        ),
        AgentProblemKind::EventsRejected => ("report was", "reports were", "refused by the server and set aside"),
    };
    let subject = if count == 1 { one } else { many };
    format!("{count} {subject} {what}.")
}

#[cfg(test)]
mod tests;
