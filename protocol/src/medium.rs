//! Media: the disks, tapes and cartridges a practice rotates.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::MarkerId;

/// A medium as it was seen at one moment. Its identity is the volume together with the marker, never a drive letter,
/// a mount point or a label alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumSighting {
    /// The file system's UUID (Linux) or the volume's serial number (Windows), as the system prints it.
    pub volume: String,
    /// The identity in the marker file, if the medium has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<MarkerId>,
    /// The label in the marker file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Size of the file system in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size_bytes: Option<u64>,
    /// Free space in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_bytes: Option<u64>,
    /// `ext4`, `NTFS`, …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<String>,
    /// Whether the system takes the disk for one that is taken out: it says so of itself, or is connected by USB or the like.
    /// A disk in a tray that can be pulled out says nothing of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removable: Option<bool>,
    /// What encrypts everything on it; absent where that cannot be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encryption: Option<Encryption>,
    /// The volume its marker was written on, where that is another one: this medium is a copy, or was formatted anew and its
    /// marker copied back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copied_from: Option<String>,
}

/// What encrypts a whole volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// Nothing that the operating system knows of.
    #[serde(rename = "none")]
    Unencrypted,
    /// LUKS, of any version.
    Luks,
    /// BitLocker, with its protection on.
    #[serde(rename = "bitlocker")]
    BitLocker,
    /// Something else, or something that this version does not know.
    #[serde(other)]
    Other,
}

/// A medium was put in or taken out, as far as the operating system says: mounted or no longer mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumMoved {
    /// Whether it is in the drive from now on.
    pub present: bool,
    /// When that was noticed, by the agent's clock.
    pub at: Timestamp,
    /// The medium; for one that is gone, as it was seen last.
    pub medium: MediumSighting,
}

/// A medium was registered: a marker was written on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MediumRegistered {
    /// What it is called: the text on its sticker.
    pub label: String,
    /// The set it belongs to; a set is what is taken out together. The label itself when not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<String>,
    /// When, by the agent's clock.
    pub registered_at: Timestamp,
    /// The medium as it is now.
    pub medium: MediumSighting,
}
