//! What is typed at the console and must not be shown.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::io;
use std::os::windows::io::AsRawHandle as _;

use windows_sys::Win32::System::Console::{ENABLE_ECHO_INPUT, GetConsoleMode, SetConsoleMode};

use super::text::check;

/// Reads a line from the console that standard input is, without showing it.
pub(crate) fn read_hidden_line() -> io::Result<String> {
    let stdin = io::stdin();
    let console = stdin.as_raw_handle();
    let mut before = 0;
    // SAFETY: standard input stays open, and the mode is written to a number of ours.
    check(unsafe { GetConsoleMode(console, &raw mut before) })?;
    // SAFETY: as above.
    check(unsafe { SetConsoleMode(console, before & !ENABLE_ECHO_INPUT) })?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    // SAFETY: as above.
    check(unsafe { SetConsoleMode(console, before) })?;
    read.map(|_| line)
}
