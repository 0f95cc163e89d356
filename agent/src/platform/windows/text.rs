//! Names as Windows wants them: UTF-16 with a zero at the end, and paths of any length.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt as _;
use std::path::{Path, Prefix};

/// A text with its closing zero.
pub(super) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

/// A path with its closing zero, in the form (`\\?\`) that is not cut at 260 characters.
pub(super) fn wide_path(path: &Path) -> io::Result<Vec<u16>> {
    let whole = std::path::absolute(path)?;
    let prefix = match whole.components().next() {
        Some(std::path::Component::Prefix(prefix)) => prefix.kind(),
        _ => return Ok(wide(whole)),
    };
    let rest: Vec<u16> = whole.as_os_str().encode_wide().collect();
    let (start, kept) = match prefix {
        Prefix::Disk(_) => (r"\\?\", rest.as_slice()),
        // `\\server\share` is written `\\?\UNC\server\share`.
        Prefix::UNC(..) => (r"\\?\UNC\", rest.get(2..).unwrap_or_default()),
        // These are as they should be, or are no files.
        Prefix::Verbatim(_) | Prefix::VerbatimUNC(..) | Prefix::VerbatimDisk(_) | Prefix::DeviceNS(_) => {
            ("", rest.as_slice())
        }
    };
    Ok(start.encode_utf16().chain(kept.iter().copied()).chain([0]).collect())
}

/// The text in a buffer, up to its first zero.
pub(super) fn up_to_zero(buffer: &[u16]) -> String {
    let end = buffer.iter().position(|&unit| unit == 0).unwrap_or(buffer.len());
    String::from_utf16_lossy(buffer.get(..end).unwrap_or_default())
}

/// The number of bytes of a text with its zero, as the registry counts.
pub(super) fn bytes_of(text: &[u16]) -> u32 {
    u32::try_from(size_of_val(text)).unwrap_or(u32::MAX)
}

/// Windows' answer to a call that says 0 when all is well.
pub(super) fn check_code(code: u32) -> io::Result<()> {
    match code {
        0 => Ok(()),
        other => Err(error_of(other)),
    }
}

/// Windows' answer to a call that says 0 when it failed.
pub(super) fn check(done: i32) -> io::Result<()> {
    match done {
        0 => Err(io::Error::last_os_error()),
        _ => Ok(()),
    }
}

/// The error with this number.
pub(super) fn error_of(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}

/// Whether an error has this number.
pub(super) fn is_code(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}
