//! Doors of this folder for [`crate::fuzzing`].

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;

use super::event_log::{self, Table};
use super::log_file::{self, Encoding, LogFile};
use super::memory::Memory;
use super::{What, duplicati, listener, status_file};

/// What `wevtutil` prints, judged by every table that is known.
pub(crate) fn event_log(text: &str) {
    let events = event_log::read_all(text).events;
    for product in ["windows-server-backup", "veeam", "veeam-agent", "cove", "redstor"] {
        let (channel, rows) = event_log::product_rows(product, Some("Backup")).expect("it is known");
        let table = Table {
            product: product.to_owned(),
            channel: channel.to_owned(),
            rows,
        };
        drop(event_log::judge_all(&table, &events));
    }
}

/// A log that grows from one look to the next, at each NUL of the input.
pub(crate) fn log_file(input: &[u8], scratch: &Path) {
    for encoding in [Encoding::Told, Encoding::Utf16Le, Encoding::Windows1252] {
        let log = LogFile {
            file: scratch.join("backup.log"),
            fail: vec!["error".to_owned()],
            success: vec!["done".to_owned()],
            start: vec!["begin".to_owned()],
            encoding,
        };
        let mut memory = Memory::default();
        let mut ends = 0;
        fs::write(&log.file, []).expect("the scratch folder can be written");
        for part in input.split(|&byte| byte == 0) {
            let seen = log_file::look(&log, &mut memory, Timestamp::UNIX_EPOCH).expect("it can be read");
            ends += seen
                .iter()
                .filter(|sighting| matches!(sighting.what, What::Finished { .. }))
                .count();
            let mut file = OpenOptions::new().append(true).open(&log.file).expect("it is ours");
            file.write_all(part).expect("there is room");
        }
        assert!(ends <= input.len(), "no more ends than the log has bytes");
        fs::remove_file(&log.file).expect("it is ours");
    }
}

/// resticprofile's status file.
pub(crate) fn status_file(text: &str) {
    drop(status_file::read(text, "default"));
}

/// A whole request to the port for Duplicati's reports.
pub(crate) fn duplicati_report(input: &[u8]) {
    let body = match listener::read_request(input) {
        Ok(request) => request.body,
        Err(_) => String::from_utf8_lossy(input).into_owned(),
    };
    if let Some(report) = duplicati::read_report(&body) {
        drop(listener::sighting(report));
    }
}
