//! Any command, understood by its exit code.

use lastgood_protocol::Outcome;

use super::Verdict;
use crate::config::ExitCodes;
use crate::exec::Ended;

pub(super) fn read(codes: &ExitCodes, ended: &Ended) -> Verdict {
    if codes.ok.contains(&ended.code) {
        Verdict::new(Outcome::Ok, None)
    } else if codes.warning.contains(&ended.code) {
        let reason = format!(
            "The backup ended with code {}, which is set up as a warning.",
            ended.code
        );
        Verdict::new(Outcome::Warning, Some(&reason))
    } else {
        Verdict::new(Outcome::Failed, Some(&failure(ended.code)))
    }
}

fn failure(code: i64) -> String {
    match code {
        126 => "The backup program may not be started (exit code 126).".to_owned(),
        127 => "The backup program was not found (exit code 127).".to_owned(),
        129..=192 => format!("The backup was ended by signal {}.", code - 128),
        code => format!("The backup ended with code {code}."),
    }
}
