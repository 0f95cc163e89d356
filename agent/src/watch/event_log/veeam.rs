//! The ends of Veeam's jobs: events 190 and 790 of Backup & Replication, 190 and 191 of the Agent for Windows.
//!
//! Backup & Replication: Help Center gives the fields' order since 12.3: `JobSessionID`, `JobID`, `JobResult`, `JobType`, `Platform`,
//! `WillBeRetried`. 12.1 sends the third under the name `param3`, and an entry of a classic source has no names at all, only that order.
//! The Agent's values have another order, which is not documented. Its users disagree whether the level of an entry tells how the
//! backup ended, so its message counts as well: "… finished with Success", "Warning", "Error", "Failed"; 191 adds "and will be
//! retried". Of all that an entry says the worst counts.

use lastgood_protocol::Outcome;

use super::{LoggedEvent, reason};
use crate::tools::weight;
use crate::watch::What;

/// What stands before the result in an entry's message.
const RESULT: &str = "finished with ";

/// The end of a job of Backup & Replication: 0 success, 1 warning, 2 failed.
pub(super) fn end(event: &LoggedEvent) -> What {
    let outcome = match named_result(event) {
        Some(outcome) => worse(outcome, by_message(event)),
        None => worse(told(event), result_by_place(event)),
    };
    finished(outcome, is_retried(event))
}

/// The end of a job of the Agent for Windows.
pub(super) fn end_of_agent(event: &LoggedEvent) -> What {
    let is_retried = event.values.values().any(|value| value.contains("will be retried"));
    finished(told(event), is_retried)
}

fn finished(outcome: Outcome, will_be_retried: bool) -> What {
    What::Finished {
        started: None,
        outcome,
        reason: reason(outcome).map(str::to_owned),
        will_be_retried,
        facts: Box::default(),
    }
}

/// What the entry's level says, informational, a warning, or worse, and its message.
fn told(event: &LoggedEvent) -> Outcome {
    let by_level = match event.level {
        0 | 4 => Outcome::Ok,
        3 => Outcome::Warning,
        _ => Outcome::Failed,
    };
    worse(by_level, by_message(event))
}

/// The worst result that the message names; a job's own name may name one, too.
fn by_message(event: &LoggedEvent) -> Option<Outcome> {
    let results = event.values.values().flat_map(|value| value.split(RESULT).skip(1));
    results
        .filter_map(|after| {
            let word: String = after.chars().take_while(char::is_ascii_alphabetic).collect();
            match word.as_str() {
                "Success" => Some(Outcome::Ok),
                "Warning" => Some(Outcome::Warning),
                "Error" | "Failed" | "Failure" => Some(Outcome::Failed),
                _ => None,
            }
        })
        .max_by_key(|outcome| weight(*outcome))
}

fn worse(one: Outcome, other: Option<Outcome>) -> Outcome {
    match other {
        Some(other) if weight(other) > weight(one) => other,
        Some(_) | None => one,
    }
}

fn named_result(event: &LoggedEvent) -> Option<Outcome> {
    event.value("JobResult").map(|value| match value {
        "0" => Outcome::Ok,
        "1" => Outcome::Warning,
        _ => Outcome::Failed,
    })
}

/// A value without its name may be something else in another version: it never makes an entry better than its level.
fn result_by_place(event: &LoggedEvent) -> Option<Outcome> {
    match event.value("param3").or_else(|| event.value("2"))? {
        "0" => Some(Outcome::Ok),
        "1" => Some(Outcome::Warning),
        "2" => Some(Outcome::Failed),
        _ => None,
    }
}

fn is_retried(event: &LoggedEvent) -> bool {
    match event.value("WillBeRetried") {
        Some(value) => value == "1" || value.eq_ignore_ascii_case("true"),
        None => event.value("5").is_some_and(|value| value.eq_ignore_ascii_case("true")),
    }
}
