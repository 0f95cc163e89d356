//! SQL Anywhere's `dbbackup`: SAP, "SQL Anywhere Server, Database Administration", "Backup utility (dbbackup)": a copy of the
//! database file and the transaction log of a running database in a folder; `-d` the database only, `-t` the log only.
//! It ends with 0 or not 0. There was none to test with: the tests use a script that behaves as the manual says.

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::{Verdict, claim, failed_with};
use crate::exec::Ended;

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let text = format!("{}\n{}", ended.stdout.text(), ended.stderr.text());
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        code => Verdict::new(Outcome::Failed, Some(&failure(code, &text))),
    };
    if options.are_known() {
        let log_only = options.has(&["-t"]);
        verdict.facts.full = Some(claim(!log_only, Knowledge::Configured, Basis::Options));
        verdict.facts.compressed = Some(claim(false, Knowledge::Configured, Basis::ToolNature));
    }
    verdict
}

/// The last argument; one on the server's machine (`-s`) is not looked at.
pub(super) fn target<'a>(options: &Options<'a>) -> Option<&'a str> {
    let last = options.arguments.last()?;
    (!last.starts_with('-') && !options.has(&["-s"])).then_some(last)
}

fn failure(code: i64, text: &str) -> String {
    let said = text.to_ascii_lowercase();
    let sentence = if said.contains("invalid user id or password") {
        "The database refused the user or the password."
    } else if said.contains("server not found") || said.contains("unable to connect") {
        "The database server could not be reached."
    } else if said.contains("permission") || said.contains("authority") || said.contains("privilege") {
        "The database's user may not make backups."
    } else if said.contains("disk full") || said.contains("no space") {
        "The place the copy is written to is full."
    } else {
        return failed_with("dbbackup", code);
    };
    sentence.to_owned()
}
