//! Windows. The same function list as `linux`; `service` stands beside it, because here a service has to speak with its
//! manager where systemd is content with a socket.

mod access;
mod boot;
mod disk;
mod durable;
mod event_log;
mod inventory;
mod mounts;
mod protect;
pub(crate) mod service;
mod stop;
mod terminal;
mod text;
mod tree;
mod volume;
pub(crate) mod words;

use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_CRC, ERROR_DISK_CORRUPT, ERROR_FILE_CORRUPT, ERROR_HANDLE_DISK_FULL, ERROR_IO_DEVICE,
};
use windows_sys::Win32::System::SystemInformation::{
    ComputerNamePhysicalDnsHostname, GetComputerNameExW, GetTickCount64,
};

use crate::config::ServiceEnvironment;

pub(crate) use access::{create_private_folder, others_can_read, others_can_write};
pub(crate) use boot::boot_id;
pub(crate) use disk::nature;
pub(crate) use durable::{private_file, replace_file, sync_folder};
pub(crate) use event_log::EventLog;
pub(crate) use inventory::{inventory, script};
pub(crate) use mounts::{MountChanges, disk_of, mounted_disks};
pub(crate) use protect::{seal, unseal};
pub(crate) use service::notify;
pub(crate) use stop::stop_requests;
pub(crate) use terminal::read_hidden_line;
pub(crate) use tree::{await_exit, end_tree, release_tree, start};
pub(crate) use volume::volume;

/// The platform's name in the protocol.
pub(crate) const NAME: &str = "windows";

/// Where the configuration is when nobody says otherwise.
pub(crate) fn default_config_file() -> PathBuf {
    PathBuf::from(r"C:\ProgramData\Lastgood\agent.toml")
}

/// Where the state folder is when nobody says otherwise.
pub(crate) fn default_state_folder() -> PathBuf {
    PathBuf::from(r"C:\ProgramData\Lastgood\State")
}

/// The machine's name.
#[expect(unsafe_code, reason = "Windows' own interface")]
pub(crate) fn hostname() -> String {
    let mut name = [0_u16; 256];
    let mut length = 256;
    // SAFETY: the buffer has as many characters as `length` says.
    let known = unsafe { GetComputerNameExW(ComputerNamePhysicalDnsHostname, name.as_mut_ptr(), &raw mut length) };
    if known == 0 {
        return "windows".to_owned();
    }
    text::up_to_zero(&name)
}

/// Time since the machine started, sleep included, to some 16 ms.
#[expect(unsafe_code, reason = "Windows' own interface")]
pub(crate) fn steady_now() -> Duration {
    // SAFETY: it takes nothing and cannot fail.
    Duration::from_millis(unsafe { GetTickCount64() })
}

/// Whether an error means that there is no room, or no right, to write anything new.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    const BROKEN: [u32; 5] = [
        ERROR_HANDLE_DISK_FULL,
        ERROR_IO_DEVICE,
        ERROR_CRC,
        ERROR_DISK_CORRUPT,
        ERROR_FILE_CORRUPT,
    ];
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem
    ) || BROKEN.iter().any(|&code| text::is_code(error, code))
}

/// The exit code as `%ERRORLEVEL%` shows it: all 32 bits, and negative for a process that Windows ended.
pub(crate) fn exit_code(status: ExitStatus) -> i64 {
    status.code().map_or(-1, i64::from)
}

/// Ends this process with another's exit code, all 32 bits of it.
pub(crate) fn end_with(code: i64) -> std::process::ExitCode {
    match u8::try_from(code) {
        Ok(code) => std::process::ExitCode::from(code),
        Err(_) => std::process::exit(i32::try_from(code).unwrap_or(-1)),
    }
}

/// Windows' service manager has no watchdog.
pub(crate) fn watchdog_period(_environment: &ServiceEnvironment) -> Option<Duration> {
    None
}

#[cfg(test)]
mod tests;
