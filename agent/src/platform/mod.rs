//! What differs between operating systems. Each platform has the same function list.

use std::io;

cfg_select! {
    windows => {
        mod windows;
        // Windows' alone: its service manager and its event log are spoken with, not only started from.
        pub(crate) use windows::{EventLog, service};
        pub(crate) use windows::{
            MountChanges, NAME, await_exit, boot_id, create_private_folder, default_config_file, default_state_folder, disk_of, end_tree, end_with, exit_code, hostname, inventory, is_disk_full, mounted_disks, nature, notify, others_can_read, others_can_write, private_file, read_hidden_line, release_tree, replace_file, script, seal, start, steady_now, stop_requests, sync_folder, unseal, volume, watchdog_period, words,
        };
    }
    _ => {
        mod linux;
        #[cfg(fuzzing)]
        pub(crate) use linux::fuzzing;
        pub(crate) use linux::{
            MountChanges, NAME, await_exit, boot_id, create_private_folder, default_config_file, default_state_folder, disk_of, end_tree, end_with, exit_code, hostname, inventory, is_disk_full, mounted_disks, nature, notify, others_can_read, others_can_write, private_file, read_hidden_line, release_tree, replace_file, script, seal, start, steady_now, stop_requests, sync_folder, unseal, volume, watchdog_period, words,
        };
    }
}

/// A file system on a volume, as it is seen now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Volume {
    /// The file system's UUID or the volume's serial number; `None` where it has none that can be read (a network share,
    /// a RAM disk).
    pub(crate) identity: Option<String>,
    /// Where the file system is mounted.
    pub(crate) root: std::path::PathBuf,
    /// The device that is mounted there, as the system names it.
    pub(crate) source: std::path::PathBuf,
    /// Whether the operating system itself lives on it.
    pub(crate) is_system: bool,
    /// `ext4`, `NTFS`, …
    pub(crate) file_system: String,
    /// Size in bytes.
    pub(crate) size_bytes: u64,
    /// Free space in bytes.
    pub(crate) free_bytes: u64,
}

/// What kind of disk a volume is on. Absent is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Nature {
    /// Whether the system takes it for one that is taken out.
    pub(crate) removable: Option<bool>,
    /// What encrypts the whole volume.
    pub(crate) encryption: Option<lastgood_protocol::Encryption>,
}

/// Why a volume could not be identified.
#[derive(Debug, thiserror::Error)]
pub(crate) enum VolumeError {
    /// The folder cannot be looked at.
    #[error("the folder cannot be read: {0}")]
    Unreadable(#[from] io::Error),
}

/// What the service manager is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Notice {
    /// The agent runs.
    Ready,
    /// The agent is alive.
    Watchdog,
    /// The agent is ending.
    Stopping,
}
