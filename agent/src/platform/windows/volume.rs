//! Which volume a folder is on. A drive letter says nothing about the disk behind it; the serial number that formatting
//! gave the volume does.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::ffi::OsString;
use std::io;
use std::os::windows::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};
use std::ptr;

use windows_sys::Win32::Storage::FileSystem::{
    GetDiskFreeSpaceExW, GetDriveTypeW, GetVolumeInformationW, GetVolumeNameForVolumeMountPointW, GetVolumePathNameW,
};
use windows_sys::Win32::System::SystemInformation::GetWindowsDirectoryW;
use windows_sys::Win32::System::WindowsProgramming::{DRIVE_RAMDISK, DRIVE_REMOTE};

use super::text::{check, up_to_zero, wide, wide_path};
use crate::platform::{Volume, VolumeError};

/// The volume that holds `path`.
pub(crate) fn volume(path: &Path) -> Result<Volume, VolumeError> {
    // Without this, a folder that is not there would answer for the disk it would be on.
    std::fs::metadata(path)?;
    let root = root_of(path)?;
    let name = wide(&root);
    let (serial, file_system) = information(&name)?;
    let (size_bytes, free_bytes) = space(&wide_path(path)?)?;
    Ok(Volume {
        identity: identity(&name, serial),
        is_system: system_root().is_some_and(|system| same(&system, &root)),
        source: name_of(&root).unwrap_or_default(),
        root,
        file_system,
        size_bytes,
        free_bytes,
    })
}

/// The folder at which the volume of `path` is mounted: `C:\`, or a folder for one without a letter.
pub(super) fn root_of(path: &Path) -> io::Result<PathBuf> {
    let whole = std::path::absolute(path)?;
    let name = wide_path(&whole)?;
    let mut buffer = vec![0_u16; name.len().max(261)];
    let length = u32::try_from(buffer.len()).unwrap_or(u32::MAX);
    // SAFETY: the name ends in a zero, and the buffer has as many characters as `length` says.
    check(unsafe { GetVolumePathNameW(name.as_ptr(), buffer.as_mut_ptr(), length) })?;
    let end = buffer.iter().position(|&unit| unit == 0).unwrap_or(buffer.len());
    let root = OsString::from_wide(buffer.get(..end).unwrap_or_default());
    // A person writes `E:\`, not `\\?\E:\`.
    let plain = root
        .to_str()
        .and_then(|root| root.strip_prefix(r"\\?\"))
        .filter(|rest| rest.as_bytes().get(1) == Some(&b':'));
    Ok(plain.map_or_else(|| PathBuf::from(&root), PathBuf::from))
}

/// What Windows calls the volume mounted there, whatever its letter: `\\?\Volume{…}`.
fn name_of(root: &Path) -> io::Result<PathBuf> {
    let root = wide(root);
    let mut name = [0_u16; 64];
    // SAFETY: the root ends in a backslash and a zero, and the buffer has 64 characters; such a name has 49.
    check(unsafe { GetVolumeNameForVolumeMountPointW(root.as_ptr(), name.as_mut_ptr(), 64) })?;
    // With its backslash it would be the volume's first folder, not the volume.
    Ok(PathBuf::from(up_to_zero(&name).trim_end_matches('\\')))
}

fn information(root: &[u16]) -> io::Result<(u32, String)> {
    let mut serial = 0;
    let mut file_system = [0_u16; 64];
    // SAFETY: the root ends in a zero and a backslash before it, the buffer has 64 characters, the rest may be left out.
    check(unsafe {
        GetVolumeInformationW(
            root.as_ptr(),
            ptr::null_mut(),
            0,
            &raw mut serial,
            ptr::null_mut(),
            ptr::null_mut(),
            file_system.as_mut_ptr(),
            64,
        )
    })?;
    Ok((serial, up_to_zero(&file_system)))
}

/// Size, and what is free, in bytes.
fn space(folder: &[u16]) -> io::Result<(u64, u64)> {
    let (mut size, mut free) = (0, 0);
    // SAFETY: the name ends in a zero, and both numbers are written to.
    check(unsafe { GetDiskFreeSpaceExW(folder.as_ptr(), &raw mut free, &raw mut size, ptr::null_mut()) })?;
    Ok((size, free))
}

/// The serial number as `vol` shows it. A share answers with its server's, and a RAM disk with one that lasts a day.
fn identity(root: &[u16], serial: u32) -> Option<String> {
    // SAFETY: the root ends in a zero.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    let lasting = kind != DRIVE_REMOTE && kind != DRIVE_RAMDISK && serial != 0;
    lasting.then(|| show_serial(serial))
}

pub(super) fn show_serial(serial: u32) -> String {
    format!("{:04X}-{:04X}", serial >> 16, serial & 0xffff)
}

fn system_root() -> Option<PathBuf> {
    root_of(&windows_folder()?).ok()
}

/// Where Windows itself lies.
pub(super) fn windows_folder() -> Option<PathBuf> {
    let mut buffer = [0_u16; 261];
    // SAFETY: the buffer has 261 characters.
    let length = unsafe { GetWindowsDirectoryW(buffer.as_mut_ptr(), 261) };
    let length = usize::try_from(length).ok().filter(|&length| length > 0)?;
    Some(PathBuf::from(OsString::from_wide(buffer.get(..length)?)))
}

fn same(one: &Path, other: &Path) -> bool {
    one.as_os_str().eq_ignore_ascii_case(other.as_os_str())
}
