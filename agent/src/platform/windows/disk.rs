//! What kind of disk a volume is on. Its bus is asked of the driver; BitLocker of Windows' own management, by PowerShell,
//! because without COM there is no other documented way that does not depend on the language of this Windows.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::fs::{File, OpenOptions};
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsRawHandle as _;
use std::path::{Path, PathBuf};
use std::ptr;

use lastgood_protocol::Encryption;
use windows_sys::Win32::Storage::FileSystem::{
    BusType1394, BusTypeMmc, BusTypeSd, BusTypeUsb, FILE_SHARE_READ, FILE_SHARE_WRITE, GetDriveTypeW,
};
use windows_sys::Win32::System::IO::DeviceIoControl;
use windows_sys::Win32::System::Ioctl::{
    IOCTL_STORAGE_QUERY_PROPERTY, PropertyStandardQuery, STORAGE_PROPERTY_QUERY, StorageDeviceProperty,
};
use windows_sys::Win32::System::WindowsProgramming::{DRIVE_CDROM, DRIVE_REMOVABLE};

use super::text::{check, wide};
use super::volume::windows_folder;
use crate::exec;
use crate::platform::{Nature, Volume};

/// Whether a volume is on a disk that is taken out, and whether BitLocker encrypts it.
pub(crate) fn nature(volume: &Volume) -> Nature {
    Nature {
        removable: is_removable(volume),
        encryption: bitlocker(&volume.source),
    }
}

/// A USB disk calls itself fixed; its bus says more.
fn is_removable(volume: &Volume) -> Option<bool> {
    let root = wide(&volume.root);
    // SAFETY: the root ends in a zero.
    let kind = unsafe { GetDriveTypeW(root.as_ptr()) };
    if kind == DRIVE_REMOVABLE || kind == DRIVE_CDROM {
        return Some(true);
    }
    let (says_removable, bus) = descriptor(&volume.source)?;
    let is_plugged = [BusTypeUsb, BusType1394, BusTypeSd, BusTypeMmc].contains(&bus);
    Some(is_plugged || says_removable)
}

/// `RemovableMedia` and `BusType` of the disk's `STORAGE_DEVICE_DESCRIPTOR`, whose texts follow it in the answer.
fn descriptor(volume: &Path) -> Option<(bool, i32)> {
    const REMOVABLE_MEDIA: usize = 10;
    const BUS_TYPE: usize = 28;
    let device: File = OpenOptions::new()
        // No right to its content is needed to ask what it is.
        .access_mode(0)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .open(volume)
        .ok()?;
    let query = STORAGE_PROPERTY_QUERY {
        PropertyId: StorageDeviceProperty,
        QueryType: PropertyStandardQuery,
        AdditionalParameters: [0],
    };
    let mut answer = [0_u8; 1024];
    let mut written = 0;
    // SAFETY: the handle is open, and both buffers are as large as is said.
    check(unsafe {
        DeviceIoControl(
            device.as_raw_handle(),
            IOCTL_STORAGE_QUERY_PROPERTY,
            (&raw const query).cast(),
            size(&query),
            answer.as_mut_ptr().cast(),
            size(&answer),
            &raw mut written,
            ptr::null_mut(),
        )
    })
    .ok()?;
    let answer = answer.get(..usize::try_from(written).ok()?)?;
    let bus = answer.get(BUS_TYPE..BUS_TYPE + 4)?.try_into().ok()?;
    Some((*answer.get(REMOVABLE_MEDIA)? != 0, i32::from_le_bytes(bus)))
}

fn size<T>(value: &T) -> u32 {
    u32::try_from(size_of_val(value)).unwrap_or(u32::MAX)
}

/// `ProtectionStatus` of `Win32_EncryptableVolume`: 1 is wholly encrypted with its key locked away, 0 is not, 2 is not known.
/// Only an administrator and the service are told; others, and a Windows without BitLocker, do not know.
fn bitlocker(volume: &Path) -> Option<Encryption> {
    let id = volume.to_str()?.split_once('{')?.1.strip_suffix('}')?;
    let plain = id.len() == 36 && id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    if !plain {
        return None;
    }
    let program: PathBuf = windows_folder()?.join(r"System32\WindowsPowerShell\v1.0\powershell.exe");
    let question = format!(
        "(Get-CimInstance -Namespace root/CIMV2/Security/MicrosoftVolumeEncryption -ClassName Win32_EncryptableVolume \
         -Filter \"DeviceID LIKE '%{id}%'\").ProtectionStatus"
    );
    let options = ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", &question];
    let answer = exec::short_answer(program.to_str()?, &options)?;
    match answer.trim() {
        "1" => Some(Encryption::BitLocker),
        "0" => Some(Encryption::Unencrypted),
        _ => None,
    }
}
