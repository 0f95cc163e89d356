//! Linux. The same function list as `windows`.

mod disk;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod inventory;
mod mounts;
mod service;
mod terminal;
mod tree;
mod volume;
pub(crate) mod words;

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use uuid::Uuid;

pub(crate) use disk::nature;
pub(crate) use inventory::{inventory, script};
pub(crate) use mounts::{MountChanges, disk_of, mounted_disks};
pub(crate) use terminal::read_hidden_line;
pub(crate) use service::{notify, stop_requests, watchdog_period};
pub(crate) use tree::{await_exit, end_tree, release_tree, start};
pub(crate) use volume::volume;

/// The platform's name in the protocol.
pub(crate) const NAME: &str = "linux";

/// Where the configuration is when nobody says otherwise.
pub(crate) fn default_config_file() -> PathBuf {
    PathBuf::from("/etc/lastgood/agent.toml")
}

/// Where the state folder is when nobody says otherwise.
pub(crate) fn default_state_folder() -> PathBuf {
    PathBuf::from("/var/lib/lastgood-agent")
}

/// The machine's name.
pub(crate) fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Made anew by the kernel at each start of the machine.
pub(crate) fn boot_id() -> io::Result<Uuid> {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")?
        .trim()
        .parse()
        .map_err(io::Error::other)
}

/// Time since the machine started, suspend included.
pub(crate) fn steady_now() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// Whether somebody other than root and the user the agent runs as can change this file or swap it for another.
pub(crate) fn others_can_write(path: &Path) -> io::Result<bool> {
    let own = rustix::process::geteuid().as_raw();
    let loose = |path: &Path| -> io::Result<bool> {
        let status = fs::metadata(path)?;
        let sticky = status.is_dir() && status.mode() & 0o1000 != 0;
        Ok((status.uid() != 0 && status.uid() != own) || (status.mode() & 0o022 != 0 && !sticky))
    };
    let whole = path.canonicalize()?;
    let folder = whole.parent().unwrap_or(Path::new("/"));
    Ok(loose(&whole)? || loose(folder)?)
}

/// Whether somebody other than the file's owner and group can read it.
pub(crate) fn others_can_read(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.mode() & 0o004 != 0)
}

/// Creates or empties a file that only its owner can read.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
}

/// Creates a folder and its parents; only its owner can enter it.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Renames a file over another, if there is one. `sync_folder` makes it durable.
pub(crate) fn replace_file(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// A secret at rest is as safe as its file: Linux has no protection of its own that needs nobody to type a password.
#[expect(clippy::unnecessary_wraps, reason = "the same function list as windows")]
pub(crate) fn seal(secret: &[u8]) -> io::Result<Vec<u8>> {
    Ok(secret.to_vec())
}

/// Reads a secret that was sealed.
#[expect(clippy::unnecessary_wraps, reason = "the same function list as windows")]
pub(crate) fn unseal(sealed: &[u8]) -> io::Result<Vec<u8>> {
    Ok(sealed.to_vec())
}

/// Makes renames and removals in a folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Whether an error means that there is no room, or no right, to write anything new.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem
    ) || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// The exit code as a shell gives it: 128 and the signal's number for a process that a signal ended.
pub(crate) fn exit_code(status: ExitStatus) -> i64 {
    let code = status
        .code()
        .or_else(|| status.signal().map(|signal| 128 + signal))
        .unwrap_or(-1);
    i64::from(code)
}

/// Ends this process with another's exit code, which has eight bits here.
pub(crate) fn end_with(code: i64) -> ExitCode {
    ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX))
}
