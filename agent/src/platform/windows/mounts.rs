//! Which disks have a letter or a folder now. Windows tells of changes to those that have a window; a service looks now and
//! then, which costs next to nothing.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use windows_sys::Win32::Storage::FileSystem::{GetDriveTypeW, GetLogicalDrives};
use windows_sys::Win32::System::WindowsProgramming::{DRIVE_FIXED, DRIVE_REMOVABLE};

use super::text::wide;
use super::volume::root_of;

/// How often is looked.
const LOOK: Duration = Duration::from_secs(30);

/// The roots of the disks that have a letter.
#[expect(clippy::unnecessary_wraps, reason = "the same function list as linux")]
pub(crate) fn mounted_disks() -> io::Result<Vec<PathBuf>> {
    // SAFETY: it takes nothing; without any drive it answers 0.
    let letters = unsafe { GetLogicalDrives() };
    let roots = ('A'..='Z').enumerate();
    let roots = roots.filter(|(index, _)| letters & (1 << index) != 0);
    Ok(roots
        .map(|(_, letter)| PathBuf::from(format!(r"{letter}:\")))
        .filter(|root| is_disk(root))
        .collect())
}

/// The root of the disk on which a folder lies.
pub(crate) fn disk_of(folder: &Path) -> Option<PathBuf> {
    root_of(folder).ok().filter(|root| is_disk(root))
}

fn is_disk(root: &Path) -> bool {
    let root = wide(root);
    // SAFETY: the root ends in a zero.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    kind == DRIVE_FIXED || kind == DRIVE_REMOVABLE
}

/// Tells when it is time to look again.
#[derive(Debug)]
pub(crate) struct MountChanges;

impl MountChanges {
    /// From now on.
    #[expect(clippy::unnecessary_wraps, reason = "the same function list as linux")]
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits until there may be a change, at most so long. Whether there may be one.
    #[expect(clippy::unused_self, reason = "the same function list as linux")]
    pub(crate) fn wait(&self, most: Duration) -> bool {
        std::thread::park_timeout(most.min(LOOK));
        most >= LOOK
    }
}
