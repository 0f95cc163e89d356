//! SQLite's shell with `.backup` or `VACUUM INTO`: sqlite.org/cli.html and sqlite.org/lang_vacuum.html. It ends with 0 or not 0;
//! the copy is checked by `PRAGMA integrity_check`, opened as a file that nobody changes (sqlite.org/uri.html, `immutable`): opened
//! for reading only, SQLite would leave a `-shm` and a `-wal` file beside a copy of a database in WAL mode. Tested with the real sqlite3 3.40.

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::written::{Format, Written};
use super::{Verdict, claim, failed_with};
use crate::exec::Ended;

pub(super) fn read(ended: &Ended) -> Verdict {
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        code => Verdict::new(Outcome::Failed, Some(&failure(code, &ended.stderr.text()))),
    };
    verdict.facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    verdict
}

pub(super) fn look_closer(written: &Written, verdict: &mut Verdict) {
    if !matches!(written.format, Format::Sqlite | Format::Compressed | Format::Encrypted) {
        // The text of `.dump` is a copy, too, but one that nobody can tell from a broken file.
        verdict.worsen(Outcome::Warning, "What was written is not an SQLite database.");
    }
}

pub(super) fn check_command(options: &Options<'_>, made: &str) -> Vec<String> {
    let program = options.program.unwrap_or("sqlite3").to_owned();
    let check = "PRAGMA integrity_check".to_owned();
    vec![program, "-readonly".to_owned(), as_uri(made), check]
}

/// `file:/srv/a%20b.db?immutable=1`
fn as_uri(path: &str) -> String {
    let mut uri = "file:".to_owned();
    let path = if cfg!(windows) {
        path.replace('\\', "/")
    } else {
        path.to_owned()
    };
    if !path.starts_with('/') && path.get(1..2) == Some(":") {
        uri.push('/');
    }
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' | b':' => {
                uri.push(char::from(byte));
            }
            _ => {
                uri.push('%');
                for half in [byte >> 4, byte & 0xf] {
                    uri.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
                }
            }
        }
    }
    uri.push_str("?immutable=1");
    uri
}

/// It answers `ok` and nothing else, or what is wrong, with exit code 0 all the same.
pub(super) fn is_good(ended: &Ended) -> bool {
    ended.code == 0 && ended.stdout.text().trim() == "ok"
}

fn failure(code: i64, stderr: &str) -> String {
    let said = stderr.to_ascii_lowercase();
    let sentence = if said.contains("unable to open database") {
        "The database or the place of its copy could not be opened."
    } else if said.contains("already exists") {
        "There is a copy of that name already, and it was not overwritten."
    } else if said.contains("malformed") || said.contains("not a database") {
        "The database is damaged."
    } else if said.contains("locked") || said.contains("busy") {
        "The database was locked by another program."
    } else if said.contains("disk is full") {
        "The place the copy is written to is full."
    } else {
        return failed_with("sqlite3", code);
    };
    sentence.to_owned()
}
