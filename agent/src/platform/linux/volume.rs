//! Which file system a folder is on, and that file system's own identity.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor, statvfs};

use super::mounts::{self, Mount};
use crate::exec;
use crate::platform::{Volume, VolumeError};

/// The volume that holds `path`.
pub(crate) fn volume(path: &Path) -> Result<Volume, VolumeError> {
    let path = path.canonicalize()?;
    let device = std::fs::metadata(&path)?.dev();
    let mounts = mounts::table()?;
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
        source: PathBuf::from(&mount.source),
        is_system: std::fs::metadata("/")?.dev() == device,
        file_system: mount.kind.clone(),
        size_bytes: space.f_blocks.saturating_mul(space.f_frsize),
        free_bytes: space.f_bavail.saturating_mul(space.f_frsize),
    })
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
