//! Duplicati's command line. Exit codes: `duplicati-cli help returncodes`. It was not tested with the real tool.

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::{Verdict, claim, failed_with};
use crate::exec::Ended;

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let mut verdict = match ended.code {
        // 1: nothing had changed.
        0 | 1 => Verdict::new(Outcome::Ok, None),
        2 => Verdict::new(Outcome::Warning, Some("A backup was made, but Duplicati warned.")),
        code => Verdict::new(Outcome::Failed, Some(&failure(code))),
    };
    if options.has(&["--dry-run"]) && options.value(&["--dry-run"]) != Some("false") {
        verdict.worsen(Outcome::Failed, "It was a dry run, which makes no backup.");
    }
    if options.are_known() {
        let facts = &mut verdict.facts;
        let encrypted = !options.has(&["--no-encryption"]) || options.value(&["--no-encryption"]) == Some("false");
        facts.encrypted = Some(claim(encrypted, Knowledge::Configured, Basis::Options));
        // Each version of a backup can be restored without the versions before it.
        facts.full = Some(claim(true, Knowledge::Configured, Basis::ToolNature));
    }
    verdict
}

fn failure(code: i64) -> String {
    let sentence = match code {
        3 => "Duplicati ended with errors.",
        50 => "Duplicati stored a part of the backup and then stopped.",
        100 => "Duplicati could not make the backup.",
        200 => "The command line of Duplicati is wrong.",
        code => return failed_with("Duplicati", code),
    };
    sentence.to_owned()
}
