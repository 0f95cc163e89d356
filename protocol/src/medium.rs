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
