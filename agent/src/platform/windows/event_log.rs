//! The Application event log, where an administrator and every monitoring tool look first.

#![expect(unsafe_code, reason = "Windows' own interface")]

use std::io::{self, Write};
use std::ptr;

use tracing::{Level, Metadata};
use tracing_subscriber::fmt::MakeWriter;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, EVENTLOG_INFORMATION_TYPE, EVENTLOG_WARNING_TYPE, REPORT_EVENT_TYPE,
    RegisterEventSourceW, ReportEventW,
};
use windows_sys::Win32::System::Registry::{
    HKEY_LOCAL_MACHINE, REG_DWORD, REG_EXPAND_SZ, RegDeleteTreeW, RegSetKeyValueW,
};

use super::text::{bytes_of, check_code, wide};

/// The source under which the agent writes.
const SOURCE: &str = "LastgoodAgent";

const SOURCE_KEY: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application\LastgoodAgent";

/// Windows' own program for such entries: its messages 1 to 1000 are the text they are given.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";

/// The longest text of an entry, in UTF-16 units; Windows takes 31,839.
const LONGEST: usize = 4000;

/// Writes each line of the agent's log as an entry of its own: id 1 for news, 2 for a warning, 3 for an error.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventLog;

/// One entry, written when it is complete.
#[derive(Debug)]
pub(crate) struct Entry {
    kind: REPORT_EVENT_TYPE,
    id: u32,
    text: Vec<u8>,
}

impl EventLog {
    /// Registers the source, so that the event viewer shows what was written. As administrator.
    pub(crate) fn register() -> io::Result<()> {
        let messages = wide(MESSAGES);
        set("EventMessageFile", REG_EXPAND_SZ, messages.as_ptr().cast(), bytes_of(&messages))?;
        let kinds: u32 = u32::from(EVENTLOG_ERROR_TYPE | EVENTLOG_WARNING_TYPE | EVENTLOG_INFORMATION_TYPE);
        set("TypesSupported", REG_DWORD, ptr::from_ref(&kinds).cast(), 4)
    }

    /// Writes one entry that says what is wrong.
    pub(crate) fn say(problem: &str) {
        let text: Vec<u16> = problem.encode_utf16().take(LONGEST).chain([0]).collect();
        report(EVENTLOG_ERROR_TYPE, 3, &text);
    }

    /// Removes the source. What was written stays.
    pub(crate) fn unregister() -> io::Result<()> {
        let key = wide(SOURCE_KEY);
        // SAFETY: the key's name ends in a zero.
        match check_code(unsafe { RegDeleteTreeW(HKEY_LOCAL_MACHINE, key.as_ptr()) }) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

fn set(name: &str, kind: u32, value: *const std::ffi::c_void, bytes: u32) -> io::Result<()> {
    let (key, name) = (wide(SOURCE_KEY), wide(name));
    // SAFETY: both names end in a zero, and the caller's value has so many bytes.
    check_code(unsafe { RegSetKeyValueW(HKEY_LOCAL_MACHINE, key.as_ptr(), name.as_ptr(), kind, value, bytes) })
}

impl<'a> MakeWriter<'a> for EventLog {
    type Writer = Entry;

    fn make_writer(&'a self) -> Entry {
        Entry {
            kind: EVENTLOG_INFORMATION_TYPE,
            id: 1,
            text: Vec::new(),
        }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Entry {
        let (kind, id) = match *meta.level() {
            Level::ERROR => (EVENTLOG_ERROR_TYPE, 3),
            Level::WARN => (EVENTLOG_WARNING_TYPE, 2),
            _ => (EVENTLOG_INFORMATION_TYPE, 1),
        };
        Entry {
            kind,
            id,
            text: Vec::new(),
        }
    }
}

impl Write for Entry {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let text = String::from_utf8_lossy(&self.text);
        let text: Vec<u16> = text.trim().encode_utf16().take(LONGEST).chain([0]).collect();
        if text.len() > 1 {
            report(self.kind, self.id, &text);
        }
    }
}

/// What cannot be written there is in the agent's own log all the same.
fn report(kind: REPORT_EVENT_TYPE, id: u32, text: &[u16]) {
    let source = wide(SOURCE);
    let texts = [text.as_ptr()];
    // SAFETY: all texts end in a zero; the handle is used when it was given and closed once.
    unsafe {
        let log = RegisterEventSourceW(ptr::null(), source.as_ptr());
        if !log.is_null() {
            ReportEventW(log, kind, 0, id, ptr::null_mut(), 1, 0, texts.as_ptr(), ptr::null());
            DeregisterEventSource(log);
        }
    }
}
