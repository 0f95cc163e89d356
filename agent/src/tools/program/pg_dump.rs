//! `pg_dump` and `pg_dumpall`. Their manual names no exit codes but 0 and not 0. A dump as text ends with a line that says
//! that it is complete; the other formats are read from beginning to end by `pg_restore`, as a script to its standard
//! output, which needs no server. `pg_restore --list` reads only the table of contents and does not see a dump that was cut off.
//! Tested with the real PostgreSQL 15.

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::written::{Format, Written};
use super::{Verdict, as_argument, claim, failed_with};
use crate::exec::Ended;

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        code => Verdict::new(Outcome::Failed, Some(&failure(code, &ended.stderr.text()))),
    };
    verdict.facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    if options.has(&[
        "--schema-only",
        "-s",
        "--globals-only",
        "--roles-only",
        "--tablespaces-only",
    ]) {
        verdict.worsen(Outcome::Failed, "The dump holds the structure only, and no data.");
    }
    if !options.are_known() {
        return verdict;
    }
    let configured = |holds| Some(claim(holds, Knowledge::Configured, Basis::Options));
    let format = options.value(&["-F", "--format"]).unwrap_or("p");
    let level = options.value(&["-Z", "--compress"]);
    verdict.facts.compressed = match (format.chars().next(), level) {
        (_, Some("0" | "none")) => configured(false),
        (_, Some(_)) | (Some('c' | 'd'), None) => configured(true),
        (_, None) => configured(false),
    };
    verdict.facts.encrypted = Some(claim(false, Knowledge::Configured, Basis::ToolNature));
    verdict
}

/// Whether a dump as text ends with the line that says so; newer versions write a line after it.
pub(super) fn is_whole(written: &Written) -> bool {
    let tail = String::from_utf8_lossy(&written.tail);
    tail.contains("-- PostgreSQL database dump complete")
        || tail.contains("-- PostgreSQL database cluster dump complete")
}

/// A dump as text has no check but its last line.
pub(super) fn check_command(options: &Options<'_>, made: &str) -> Option<Vec<String>> {
    if is_text(made) {
        return None;
    }
    // It is installed beside pg_dump, in the same version.
    let program = options.program.unwrap_or("pg_dump");
    let restore = match program.rfind("pg_dump") {
        Some(at) => format!("{}pg_restore", program.get(..at)?),
        None => "pg_restore".to_owned(),
    };
    Some(vec![restore, "--file=-".to_owned(), as_argument(made)])
}

fn is_text(made: &str) -> bool {
    super::written::look(std::path::Path::new(made)).is_some_and(|written| {
        matches!(
            written.format,
            Format::PostgresText | Format::Compressed | Format::Encrypted
        )
    })
}

fn failure(code: i64, stderr: &str) -> String {
    let said = stderr.to_ascii_lowercase();
    let sentence = if said.contains("password authentication failed") || said.contains("no password supplied") {
        "The database refused the user or the password."
    } else if said.contains("permission denied") {
        "The database's user may not read everything that is to be dumped."
    } else if said.contains("connection to server") && said.contains("does not exist") {
        "There is no database or user of that name."
    } else if said.contains("connection to server") || said.contains("could not connect") {
        "The database server could not be reached."
    } else if said.contains("server version mismatch") {
        "pg_dump is older than the database server."
    } else if said.contains("no space left on device") {
        "The place the dump is written to is full."
    } else {
        return failed_with("pg_dump", code);
    };
    sentence.to_owned()
}
