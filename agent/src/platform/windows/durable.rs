//! What is written stays written. A renamed file is written through, because Windows promises nothing of a rename
//! otherwise; a file's content is flushed by whoever wrote it (`sync_all` is `FlushFileBuffers`).

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::path::Path;
use std::time::Duration;

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_INVALID_FUNCTION, ERROR_INVALID_HANDLE, ERROR_LOCK_VIOLATION, ERROR_NOT_SUPPORTED,
    ERROR_SHARING_VIOLATION,
};
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, MOVEFILE_REPLACE_EXISTING, MOVEFILE_WRITE_THROUGH, MoveFileExW,
};

use super::text::{check, is_code, wide_path};

/// How often a rename is tried while a virus scanner or an indexer looks at one of the two files.
const TRIES: u32 = 20;

/// How long to leave them alone between two tries.
const BETWEEN_TRIES: Duration = Duration::from_millis(25);

/// Creates or empties a file. It is as private as its folder.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .open(path)
}

/// Renames a file over another, if there is one, and waits until that is on the disk.
pub(crate) fn replace_file(from: &Path, to: &Path) -> io::Result<()> {
    let (from, to) = (wide_path(from)?, wide_path(to)?);
    let mut tries = 0;
    loop {
        tries += 1;
        // SAFETY: both names end in a zero.
        let done =
            check(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH) });
        match done {
            Err(error) if tries < TRIES && is_held(&error) => leave_alone(),
            other => return other,
        }
    }
}

fn is_held(error: &io::Error) -> bool {
    [ERROR_SHARING_VIOLATION, ERROR_ACCESS_DENIED, ERROR_LOCK_VIOLATION]
        .iter()
        .any(|&code| is_code(error, code))
}

#[expect(clippy::disallowed_methods, reason = "Windows does not tell when another program lets go of a file")]
fn leave_alone() {
    std::thread::sleep(BETWEEN_TRIES);
}

/// Makes removals in a folder durable, as far as the file system can. One that cannot flush a folder keeps the order of
/// its changes (NTFS logs them), and what a removal lost then brings back is an event that the server knows already;
/// renames do not need this, `replace_file` writes them through.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let flushed = OpenOptions::new()
        .write(true)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
        .and_then(|folder| folder.sync_all());
    match flushed {
        Err(error) if cannot_flush(&error) && path.is_dir() => Ok(()),
        other => other,
    }
}

fn cannot_flush(error: &io::Error) -> bool {
    [
        ERROR_ACCESS_DENIED,
        ERROR_INVALID_FUNCTION,
        ERROR_INVALID_HANDLE,
        ERROR_NOT_SUPPORTED,
    ]
    .iter()
    .any(|&code| is_code(error, code))
}
