//! `mariadb-dump` and `mysqldump`. Exit codes as in MySQL's client/mysqldump.c: 1 wrong use, 2 an error of the server, 3 a
//! consistency check, 4 out of memory, 5 end of file while writing, 6 a table that is not there. A dump that is whole ends
//! with the line `-- Dump completed`. Tested with the real MariaDB 10.11.

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::written::Written;
use super::{Verdict, claim, failed_with};
use crate::exec::Ended;

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        code => Verdict::new(Outcome::Failed, Some(&failure(code, &ended.stderr.text()))),
    };
    verdict.facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    if options.has(&["--no-data", "-d"]) {
        verdict.worsen(Outcome::Failed, "The dump holds the structure only, and no data.");
    }
    if options.are_known() {
        verdict.facts.compressed = Some(claim(false, Knowledge::Configured, Basis::ToolNature));
        verdict.facts.encrypted = Some(claim(false, Knowledge::Configured, Basis::ToolNature));
    }
    verdict
}

/// Whether a dump ends with the line that says so; one without comments does not.
pub(super) fn is_whole(written: &Written) -> bool {
    let tail = String::from_utf8_lossy(&written.tail);
    tail.lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .is_some_and(|line| line.starts_with("-- Dump completed"))
}

fn failure(code: i64, stderr: &str) -> String {
    let sentence = if stderr.contains("error: 1045") {
        "The database refused the user or the password."
    } else if stderr.contains("error: 1044") || stderr.contains("error: 1142") {
        "The database's user may not read everything that is to be dumped."
    } else if stderr.contains("error: 1049") {
        "There is no database of that name."
    } else if ["error: 2002", "error: 2003", "error: 2005"]
        .iter()
        .any(|error| stderr.contains(error))
    {
        "The database server could not be reached."
    } else if code == 6 || stderr.contains("error: 1146") {
        "A table that is to be dumped does not exist."
    } else if stderr.contains("No space left on device") || code == 5 {
        "The place the dump is written to is full or gone."
    } else {
        return failed_with("mariadb-dump", code);
    };
    sentence.to_owned()
}
