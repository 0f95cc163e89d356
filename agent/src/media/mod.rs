//! Media: what a medium is recognised by, and registering one.

#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod ledger;
mod moves;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lastgood_protocol::{MarkerId, MediumRegistered, MediumSighting};
use serde::{Deserialize, Serialize};

use crate::engine::rotation::Name;
use crate::platform::{self, Volume, VolumeError};
use crate::state::write_durably;
pub(crate) use ledger::{Kept, Ledger};
pub(crate) use moves::{folders, report, since, watch};

/// The marker's name in the root of a medium.
pub(crate) const MARKER_FILE: &str = ".lastgood-medium.json";

/// The longest label or set name, in characters.
const LONGEST_NAME: usize = 80;

/// The largest marker that is read, in bytes.
const LARGEST_MARKER: u64 = 4096;

/// What stands in a marker file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Marker {
    /// Its identity.
    #[serde(rename = "marker")]
    pub(crate) id: MarkerId,
    /// The text on the medium's sticker.
    pub(crate) label: String,
    /// The set it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) set: Option<String>,
    /// When it was registered.
    pub(crate) registered_at: Timestamp,
    /// The volume it was written on; unknown in markers of older agents.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) volume: Option<String>,
}

impl Marker {
    /// What the medium is called and what it is taken out with.
    pub(crate) fn name(&self) -> Name {
        Name {
            label: self.label.clone(),
            set: self.set.clone().unwrap_or_else(|| self.label.clone()),
        }
    }
}

/// A medium as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    volume: Volume,
    identity: String,
    /// Its marker, if it has one.
    pub(crate) marker: Option<Marker>,
}

impl Seen {
    /// What makes it the same medium.
    pub(crate) fn identity(&self) -> (&str, Option<MarkerId>) {
        (&self.identity, self.marker.as_ref().map(|marker| marker.id))
    }

    /// What is reported of it.
    pub(crate) fn sighting(&self) -> MediumSighting {
        let nature = platform::nature(&self.volume);
        let marker = self.marker.as_ref();
        let original = marker.and_then(|marker| marker.volume.clone());
        MediumSighting {
            volume: self.identity.clone(),
            marker: marker.map(|marker| marker.id),
            label: marker.map(|marker| marker.label.clone()),
            size_bytes: Some(self.volume.size_bytes),
            free_bytes: Some(self.volume.free_bytes),
            file_system: Some(self.volume.file_system.clone()),
            removable: nature.removable,
            encryption: nature.encryption,
            copied_from: original.filter(|original| *original != self.identity),
        }
    }
}

/// Why a medium was not registered or not seen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MediumError {
    /// The volume could not be identified.
    #[error("{}: {source}", .path.display())]
    Volume {
        /// The folder that was given.
        path: PathBuf,
        /// Why.
        source: VolumeError,
    },
    /// It is the disk the system runs from.
    #[error("{} is on the disk this machine runs from, so no medium is mounted there; mount it, or use --force if that disk really is the medium", .0.display())]
    SystemDisk(PathBuf),
    /// Its file system cannot be told from another.
    #[error("{}: the {file_system} file system there has no identity of its own, so it cannot be told from another medium", .path.display())]
    NoIdentity {
        /// The folder that was given.
        path: PathBuf,
        /// What it is.
        file_system: String,
    },
    /// It has a marker.
    #[error("this medium is registered already as '{}' (since {}); to give it a new identity add --replace", .0.label, .0.registered_at.strftime("%Y-%m-%d"))]
    AlreadyRegistered(Marker),
    /// The label or set cannot be used.
    #[error("{field}: a name has 1 to {LONGEST_NAME} characters and no line breaks")]
    Name {
        /// Which.
        field: &'static str,
    },
    /// The marker cannot be written.
    #[error("the marker cannot be written to {}: {source}", .path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is to be registered.
#[derive(Debug, Clone)]
pub(crate) struct Registration {
    /// The text on its sticker.
    pub(crate) label: String,
    /// The set it belongs to.
    pub(crate) set: Option<String>,
    /// A folder on it.
    pub(crate) path: PathBuf,
    /// Whether an older marker is replaced.
    pub(crate) replace: bool,
    /// Whether the system's own disk may be registered.
    pub(crate) force: bool,
}

/// Writes a marker to the medium and answers what to report.
pub(crate) fn register(
    wanted: &Registration,
    marker: MarkerId,
    now: Timestamp,
) -> Result<MediumRegistered, MediumError> {
    let label = check_name("label", &wanted.label)?;
    let set = wanted.set.as_deref().map(|set| check_name("set", set)).transpose()?;
    let volume = identify(&wanted.path)?;
    if volume.is_system && !wanted.force {
        return Err(MediumError::SystemDisk(wanted.path.clone()));
    }
    let identity = identity(&volume, &wanted.path)?;
    if let Some(known) = read_marker(&volume.root)
        && !wanted.replace
    {
        return Err(MediumError::AlreadyRegistered(known));
    }
    let content = Marker {
        id: marker,
        label: label.clone(),
        set: set.clone(),
        registered_at: now,
        volume: Some(identity.clone()),
    };
    let path = volume.root.join(MARKER_FILE);
    serde_json::to_vec_pretty(&content)
        .map_err(io::Error::other)
        .and_then(|text| write_durably(&path, &text))
        .map_err(|source| MediumError::Write { path, source })?;
    Ok(MediumRegistered {
        label,
        set,
        registered_at: now,
        medium: Seen {
            volume,
            identity,
            marker: Some(content),
        }
        .sighting(),
    })
}

/// The medium that holds `path`, as it is reported.
pub(crate) fn see(path: &Path) -> Result<MediumSighting, MediumError> {
    look(path).map(|seen| seen.sighting())
}

/// The medium that holds `path`. The system's own disk is none, unless it was registered as one.
pub(crate) fn look(path: &Path) -> Result<Seen, MediumError> {
    let volume = identify(path)?;
    let marker = read_marker(&volume.root);
    if volume.is_system && marker.is_none() {
        return Err(MediumError::SystemDisk(path.to_path_buf()));
    }
    let identity = identity(&volume, path)?;
    Ok(Seen {
        volume,
        identity,
        marker,
    })
}

fn identify(path: &Path) -> Result<Volume, MediumError> {
    platform::volume(path).map_err(|source| MediumError::Volume {
        path: path.to_path_buf(),
        source,
    })
}

fn identity(volume: &Volume, path: &Path) -> Result<String, MediumError> {
    volume.identity.clone().ok_or_else(|| MediumError::NoIdentity {
        path: path.to_path_buf(),
        file_system: volume.file_system.clone(),
    })
}

/// The marker in the root of a volume; `None` when there is none that can be read.
fn read_marker(root: &Path) -> Option<Marker> {
    let path = root.join(MARKER_FILE);
    // A medium may come from anywhere: no link is followed and no device or huge file is read.
    let status = fs::symlink_metadata(&path).ok()?;
    if !status.is_file() || status.len() > LARGEST_MARKER {
        return None;
    }
    let mut marker: Marker = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    marker.label = check_name("label", &marker.label).ok()?;
    marker.set = marker.set.and_then(|set| check_name("set", &set).ok());
    let is_volume = |volume: &String| !volume.is_empty() && volume.len() <= LONGEST_NAME && volume.is_ascii();
    marker.volume = marker.volume.filter(is_volume);
    Some(marker)
}

fn check_name(field: &'static str, name: &str) -> Result<String, MediumError> {
    let name = name.trim();
    let good = !name.is_empty() && name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if good {
        Ok(name.to_owned())
    } else {
        Err(MediumError::Name { field })
    }
}
