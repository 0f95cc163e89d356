//! What leaves the spool: read for a batch, and dropped or set aside as the server answers.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use lastgood_protocol::{EventAnswer, EventStatus};

use super::record::{self, Name};
use super::{EVENTS, Held, MOST_QUARANTINED, Place, QUARANTINE, Settled, Spool, SpoolError, Waiting, reserve, runs};
use crate::platform;

impl Spool {
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
        found.sort_unstable_by_key(|(waiting, _)| waiting.event.seq);
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
        platform::replace_file(&self.event_path(name), &quarantine.join(name.to_file_name()))
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
