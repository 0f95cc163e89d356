//! Which file system a folder is on, and that file system's own identity.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{major, makedev, minor, statvfs};

use crate::exec;
use crate::platform::{Volume, VolumeError};

struct Mount {
    device: u64,
    point: PathBuf,
    kind: String,
    source: String,
}

/// The volume that holds `path`.
pub(crate) fn volume(path: &Path) -> Result<Volume, VolumeError> {
    let path = path.canonicalize()?;
    let device = std::fs::metadata(&path)?.dev();
    let table = std::fs::read_to_string("/proc/self/mountinfo")?;
    let mounts: Vec<Mount> = table.lines().filter_map(parse_mount).collect();
    let mount = mounts
        .iter()
        .filter(|mount| mount.device == device && path.starts_with(&mount.point))
        .max_by_key(|mount| mount.point.as_os_str().len())
        .or_else(|| mounts.iter().rfind(|mount| path.starts_with(&mount.point)))
        .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "no mounted file system holds it"))?;
    let space = statvfs(&path).map_err(io::Error::from)?;
    Ok(Volume {
        identity: identity(mount, device),
        root: mount.point.clone(),
        is_system: std::fs::metadata("/")?.dev() == device,
        file_system: mount.kind.clone(),
        size_bytes: space.f_blocks.saturating_mul(space.f_frsize),
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
    })
}

/// proc(5): `id parent major:minor root mount-point options optional… - type source super-options`.
fn parse_mount(line: &str) -> Option<Mount> {
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

fn identity(mount: &Mount, device: u64) -> Option<String> {
    let source = Path::new(&mount.source);
    from_links(source, device)
        .or_else(|| from_ext_superblock(&mount.kind, source))
        .or_else(|| from_blkid(source))
}

/// udev's links, which need no right to read the device.
fn from_links(source: &Path, device: u64) -> Option<String> {
    let wanted = std::fs::metadata(source).map_or(device, |status| status.rdev());
    std::fs::read_dir("/dev/disk/by-uuid")
        .ok()?
        .filter_map(Result::ok)
        .find(|entry| {
            std::fs::metadata(entry.path())
                .is_ok_and(|status| (major(status.rdev()), minor(status.rdev())) == (major(wanted), minor(wanted)))
        })
        .and_then(|entry| entry.file_name().into_string().ok())
}

/// ext2/3/4: the superblock begins at byte 1024, its magic number stands at 0x38 and its UUID at 0x68
/// (kernel documentation, "ext4: super block").
fn from_ext_superblock(kind: &str, source: &Path) -> Option<String> {
    if !kind.starts_with("ext") {
        return None;
    }
    let mut device = File::open(source).ok()?;
    device.seek(SeekFrom::Start(1024)).ok()?;
    let mut block = [0_u8; 0x78];
    device.read_exact(&mut block).ok()?;
    let magic = block.get(0x38..0x3a)?;
    let uuid = block.get(0x68..0x78)?;
    (magic == [0x53, 0xef]).then(|| uuid::Uuid::from_slice(uuid).ok().map(|uuid| uuid.to_string()))?
}

fn from_blkid(source: &Path) -> Option<String> {
    if !source.starts_with("/dev") {
        return None;
    }
    let source = source.to_str()?;
    let text = exec::short_answer("blkid", &["-o", "value", "-s", "UUID", source])?;
    let uuid = text.trim();
    let plain = uuid.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    (plain && !uuid.is_empty() && uuid.len() <= 64).then(|| uuid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{parse_mount, unescape};

    #[test]
    fn a_mount_line_with_a_blank_in_its_folder_is_read() {
        let line = r"36 35 98:0 / /mnt/set\040A rw,noatime master:1 - ext4 /dev/loop3 rw,errors=continue";
        let mount = parse_mount(line).expect("readable");
        assert_eq!(mount.point.to_str(), Some("/mnt/set A"));
        assert_eq!((mount.kind.as_str(), mount.source.as_str()), ("ext4", "/dev/loop3"));
        assert_eq!(unescape(r"a\134b\"), r"a\b\");
    }
}
