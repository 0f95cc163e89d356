//! The table of what is mounted where, and its changes.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::makedev;
use rustix::io::Errno;

const TABLE: &str = "/proc/self/mountinfo";

/// One line of the table.
#[derive(Debug)]
pub(super) struct Mount {
    pub(super) device: u64,
    pub(super) point: PathBuf,
    pub(super) kind: String,
    pub(super) source: String,
}

/// What is mounted, in the order in which it was.
pub(super) fn table() -> io::Result<Vec<Mount>> {
    let table = std::fs::read_to_string(TABLE)?;
    Ok(table.lines().filter_map(parse_mount).collect())
}

/// The roots of the file systems that are on disks of this machine.
pub(crate) fn mounted_disks() -> io::Result<Vec<PathBuf>> {
    let mounts = table()?;
    Ok(mounts
        .into_iter()
        .filter(is_disk)
        .map(|mount| mount.point)
        .collect())
}

/// The root of the disk on which a folder lies, by the table alone: looking at the folder would make an automounter mount
/// it, and would wait for a share that does not answer.
pub(crate) fn disk_of(folder: &Path) -> Option<PathBuf> {
    disk_in(table().ok()?, folder)
}

fn disk_in(mounts: Vec<Mount>, folder: &Path) -> Option<PathBuf> {
    mounts
        .into_iter()
        .filter(|mount| folder.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.as_os_str().len())
        .filter(is_disk)
        .map(|mount| mount.point)
}

fn is_disk(mount: &Mount) -> bool {
    mount.source.starts_with("/dev/")
}

/// Tells when something is mounted or unmounted (`proc_pid_mountinfo(5)`).
#[derive(Debug)]
pub(crate) struct MountChanges {
    table: File,
}

impl MountChanges {
    /// Changes from now on.
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self {
            table: File::open(TABLE)?,
        })
    }

    /// Waits for the next change, at most so long. Whether there was one.
    pub(crate) fn wait(&self, most: Duration) -> bool {
        let mut table = [PollFd::new(&self.table, PollFlags::PRI | PollFlags::ERR)];
        let limit = Timespec::try_from(most).ok();
        match poll(&mut table, limit.as_ref()) {
            Ok(changed) => changed > 0,
            Err(Errno::INTR) => false,
            Err(_) => {
                std::thread::park_timeout(most);
                false
            }
        }
    }
}

/// proc(5): `id parent major:minor root mount-point options optional… - type source super-options`.
pub(super) fn parse_mount(line: &str) -> Option<Mount> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let (major, minor) = left.next()?.split_once(':')?;
    let point = unescape(left.nth(1)?);
    let mut right = right.split(' ');
    Some(Mount {
        device: makedev(major.parse().ok()?, minor.parse().ok()?),
        point: PathBuf::from(point),
        kind: right.next()?.to_owned(),
        source: unescape(right.next()?),
    })
}

/// Blanks, tabs, newlines and backslashes stand as three octal digits.
fn unescape(field: &str) -> String {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let octal = tail
            .get(..3)
            .filter(|_| first == b'\\')
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let Some(byte) = octal {
            bytes.push(byte);
            rest = tail.get(3..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = tail;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{disk_in, parse_mount, unescape};

    #[test]
    fn a_mount_line_with_a_blank_in_its_folder_is_read() {
        let line = r"36 35 98:0 / /mnt/set\040A rw,noatime master:1 - ext4 /dev/loop3 rw,errors=continue";
        let mount = parse_mount(line).expect("readable");
        assert_eq!(mount.point.to_str(), Some("/mnt/set A"));
        assert_eq!((mount.kind.as_str(), mount.source.as_str()), ("ext4", "/dev/loop3"));
        assert_eq!(unescape(r"a\134b\"), r"a\b\");
    }

    #[test]
    fn a_folder_is_on_the_disk_that_was_mounted_nearest_to_it() {
        let table = r"
22 1 8:1 / / rw - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/backup rw - autofs systemd-1 rw
36 30 8:17 / /mnt/backup rw - ext4 /dev/sdb1 rw
37 22 0:41 / /mnt/nas rw - nfs4 nas:/export rw
38 22 0:42 / /mnt/late rw - autofs systemd-1 rw";
        let disk = |folder: &str| {
            let mounts = table.lines().filter_map(parse_mount).collect();
            disk_in(mounts, Path::new(folder)).map(|root| root.display().to_string())
        };
        assert_eq!(disk("/mnt/backup/restic").as_deref(), Some("/mnt/backup"));
        assert_eq!(disk("/mnt/backups").as_deref(), Some("/"));
        assert_eq!(disk("/mnt/nas/restic"), None);
        assert_eq!(disk("/mnt/late"), None, "an automounter that waits");
    }
}
