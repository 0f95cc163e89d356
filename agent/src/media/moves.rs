//! Media that come and go. The daemon looks when the system's table of mounts changes, waits until it has settled, and
//! reports what is in a drive now and was not before, and the other way round. It tells of the media of this machine alone:
//! those that were registered or used here, and those that its jobs write to.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use lastgood_protocol::{EventBody, MarkerId, MediumMoved, MediumSighting};

use super::ledger::{Kept, Ledger, Present, identity};
use super::{MediumError, look, read_marker};
use crate::config::Config;
use crate::engine::rotation::Name;
use crate::platform::{self, MountChanges};
use crate::spool::{Spool, SpoolError};
use crate::state::StateFolder;
use crate::{clock, ids};

/// How long the mounts must have stayed as they are before anything is made of them: a medium that is checked and mounted
/// again has not been taken out.
const SETTLED: Duration = Duration::from_secs(2);

/// How often is waited for that, at most: mounts that never settle are looked at all the same.
const MOST_WAITS: u32 = 5;

/// How long at most until the next look: a disk that was pulled out without a word stays mounted.
const AT_LEAST_EVERY: Duration = Duration::from_mins(15);

/// Why what is in the drives could not be reported.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MovesError {
    /// The list of disks or the ledger.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
}

/// Watches from a thread of its own, for as long as the process lives.
pub(crate) fn watch(config: &Config, state: &StateFolder, spool: &Spool) -> io::Result<()> {
    let changes = MountChanges::watch()?;
    let (folders, ledger, spool) = (folders(config), Ledger::in_folder(state), spool.clone());
    std::thread::Builder::new().name("media".to_owned()).spawn(move || {
        loop {
            if let Err(error) = report(&folders, &ledger, &spool) {
                tracing::warn!(%error, "what is in the drives could not be reported");
            }
            changes.wait(AT_LEAST_EVERY);
            for _ in 0..MOST_WAITS {
                std::thread::park_timeout(SETTLED);
                if !changes.wait(Duration::ZERO) {
                    break;
                }
            }
        }
    })?;
    Ok(())
}

/// The folders of the configuration that lie on media.
pub(crate) fn folders(config: &Config) -> Vec<PathBuf> {
    config.jobs.iter().filter_map(|job| job.medium.clone()).collect()
}

/// Looks at what is in the drives and reports what has changed since the last look.
pub(crate) fn report(folders: &[PathBuf], ledger: &Ledger, spool: &Spool) -> Result<(), MovesError> {
    let found = found(folders, &ledger.read())?;
    let now = clock::wall();
    let told = ledger.change(|kept| -> Result<(), SpoolError> {
        for (marker, name) in &found.names {
            kept.rotation.see(*marker, name);
        }
        for (present, medium) in differences(kept, &found.media) {
            tell(present, &medium);
            let moved = MediumMoved {
                present,
                at: now,
                medium,
            };
            // Kept one by one, so that what the spool did not take is told at the next look.
            spool.append(ids::event(), now, EventBody::MediumMoved(moved.clone()))?;
            keep(kept, moved);
        }
        Ok(())
    })?;
    Ok(told?)
}

fn tell(present: bool, medium: &MediumSighting) {
    let label = medium.label.as_deref().unwrap_or("a medium that is not registered");
    let volume = &medium.volume;
    if let Some(original) = medium.copied_from.as_ref().filter(|_| present) {
        tracing::warn!(%volume, %original, "the marker of '{label}' is on a second volume: one is a copy of the other");
    }
    if present {
        tracing::info!(%volume, "in the drive: {label}");
    } else {
        tracing::info!(%volume, "no longer in the drive: {label}");
    }
}

#[derive(Debug, Default)]
struct Found {
    media: Vec<MediumSighting>,
    names: Vec<(MarkerId, Name)>,
}

/// What is in the drives.
fn found(folders: &[PathBuf], kept: &Kept) -> io::Result<Found> {
    let of_jobs: Vec<PathBuf> = folders.iter().filter_map(|folder| platform::disk_of(folder)).collect();
    let mut roots = platform::mounted_disks()?;
    roots.extend(of_jobs.iter().cloned());
    roots.sort_unstable();
    roots.dedup();
    let mut found = Found::default();
    for root in roots {
        let is_known = || read_marker(&root).is_some_and(|marker| kept.rotation.knows(marker.id));
        if !of_jobs.contains(&root) && !is_known() {
            continue;
        }
        let seen = match look(&root) {
            Ok(seen) => seen,
            Err(MediumError::SystemDisk(_) | MediumError::NoIdentity { .. }) => continue,
            Err(error) => {
                tracing::debug!(%error, "a disk could not be looked at");
                continue;
            }
        };
        // One file system may be mounted at several places.
        if found.media.iter().any(|other| identity(other) == seen.identity()) {
            continue;
        }
        let as_before = kept
            .present
            .iter()
            .find(|present| present.identity() == seen.identity());
        found.media.push(match as_before {
            // What it is does not change while it is in; asking again costs a process on Windows.
            Some(present) => present.medium.clone(),
            None => seen.sighting(),
        });
        let marker = seen.marker.as_ref();
        found.names.extend(marker.map(|marker| (marker.id, marker.name())));
    }
    Ok(found)
}

/// What has gone, then what has come.
fn differences(kept: &Kept, found: &[MediumSighting]) -> Vec<(bool, MediumSighting)> {
    let is_gone = |present: &&Present| !found.iter().any(|medium| identity(medium) == present.identity());
    let gone = kept.present.iter().filter(is_gone);
    let gone = gone.map(|present| (false, present.medium.clone()));
    let is_new = |medium: &&MediumSighting| {
        !kept
            .present
            .iter()
            .any(|present| present.identity() == identity(medium))
    };
    let come = found.iter().filter(is_new).map(|medium| (true, medium.clone()));
    gone.chain(come).collect()
}

fn keep(kept: &mut Kept, moved: MediumMoved) {
    if moved.present {
        let MediumMoved { at: since, medium, .. } = moved;
        kept.present.push(Present { since, medium });
    } else {
        kept.present
            .retain(|present| present.identity() != identity(&moved.medium));
    }
}

/// Since when a medium is in the drive, where that is known.
pub(crate) fn since(kept: &Kept, medium: &MediumSighting) -> Option<Timestamp> {
    kept.present
        .iter()
        .find(|present| present.identity() == identity(medium))
        .map(|present| present.since)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lastgood_protocol::{MarkerId, MediumMoved, MediumSighting};
    use uuid::Uuid;

    use super::{Kept, differences, keep};

    fn medium(volume: &str, marker: Option<u128>) -> MediumSighting {
        MediumSighting {
            volume: volume.to_owned(),
            marker: marker.map(|number| MarkerId(Uuid::from_u128(number))),
            label: None,
            size_bytes: None,
            free_bytes: None,
            file_system: None,
            removable: None,
            encryption: None,
            copied_from: None,
        }
    }

    /// What is told when these are found one after the other, as `+volume` and `-volume`.
    fn told(looks: &[Vec<&MediumSighting>]) -> Vec<String> {
        let mut kept = Kept::default();
        let mut told = Vec::new();
        for found in looks {
            let found: Vec<MediumSighting> = found.iter().copied().cloned().collect();
            for (present, medium) in differences(&kept, &found) {
                let sign = if present { '+' } else { '-' };
                told.push(format!("{sign}{}", medium.volume));
                let at = Timestamp::UNIX_EPOCH;
                keep(&mut kept, MediumMoved { present, at, medium });
            }
        }
        told
    }

    #[test]
    fn each_medium_is_told_once_when_it_comes_and_once_when_it_goes() {
        let (a, b) = (medium("A", Some(1)), medium("B", None));
        let looks = [vec![], vec![&a], vec![&a], vec![&b], vec![]];
        assert_eq!(told(&looks), ["+A", "-A", "+B", "-B"]);
    }

    #[test]
    fn a_medium_that_is_registered_and_a_copy_of_it_are_other_media() {
        let (new, registered, copy) = (medium("A", None), medium("A", Some(1)), medium("B", Some(1)));
        let looks = [vec![&new], vec![&registered], vec![&registered, &copy]];
        assert_eq!(told(&looks), ["+A", "-A", "+A", "+B"]);
    }
}
