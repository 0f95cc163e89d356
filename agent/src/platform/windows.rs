//! Windows. The same function list as `linux`. What std offers is done here; what needs the system's own interface
//! answers that it is not supported in this build.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::config::ServiceEnvironment;
use crate::platform::{Notice, Unsupported, Volume, VolumeError};

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
pub(crate) fn hostname() -> String {
    crate::exec::short_answer("hostname", &[]).map_or_else(|| "windows".to_owned(), |name| name.trim().to_owned())
}

/// Made anew at each start of the machine.
pub(crate) fn boot_id() -> io::Result<Uuid> {
    Err(Unsupported("telling one start of the machine from another").into())
}

/// Time since the agent first asked. Windows' performance counter goes on while the machine sleeps.
pub(crate) fn steady_now() -> Duration {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed()
}

/// Whether somebody other than an administrator can change this file.
pub(crate) fn others_can_write(_path: &Path) -> io::Result<bool> {
    Err(Unsupported("reading a file's access list").into())
}

/// Whether somebody other than an administrator can read this file.
pub(crate) fn others_can_read(_path: &Path) -> io::Result<bool> {
    Err(Unsupported("reading a file's access list").into())
}

/// Creates or empties a file. It is as private as its folder.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)
}

/// Creates a folder for administrators and the service only.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    Err(Unsupported("creating a folder for administrators only").into())
}

/// Makes renames and removals in a folder durable.
pub(crate) fn sync_folder(_path: &Path) -> io::Result<()> {
    Err(Unsupported("writing a folder through to the disk").into())
}

/// Whether an error means that there is no room, or no right, to write anything new.
pub(crate) fn is_disk_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::ReadOnlyFilesystem)
}

/// The exit code; those above 255 are kept.
pub(crate) fn exit_code(status: ExitStatus) -> i64 {
    status.code().map_or(-1, i64::from)
}

/// Waits until a child ended, without taking its result.
pub(crate) fn await_exit(_pid: u32) -> io::Result<()> {
    Err(Unsupported("waiting for a backup").into())
}

/// Ends a process tree.
pub(crate) fn end_tree(_leader: u32, _mark: &str, _force: bool) -> io::Result<usize> {
    Err(Unsupported("ending a backup's process tree").into())
}

/// Calls `stop` each time the agent is asked to end.
pub(crate) fn stop_requests(_hang_up: bool, _stop: impl Fn() + Send + 'static) -> io::Result<()> {
    Err(Unsupported("running as a service").into())
}

/// Tells the service manager about the agent.
pub(crate) fn notify(_environment: &ServiceEnvironment, _notice: Notice) -> io::Result<()> {
    Err(Unsupported("reporting to the service manager").into())
}

/// Windows' service manager has no watchdog.
pub(crate) fn watchdog_period(_environment: &ServiceEnvironment) -> Option<Duration> {
    None
}

/// The volume that holds `path`.
pub(crate) fn volume(_path: &Path) -> Result<Volume, VolumeError> {
    Err(Unsupported("reading a volume's serial number").into())
}
