//! The end of a job of Veeam Backup & Replication: events 190 and 790.
//!
//! Help Center gives the fields' order since 12.3: `JobSessionID`, `JobID`, `JobResult`, `JobType`, `Platform`, `WillBeRetried`.
//! 12.1 sends the third under the name `param3`, and an entry of a classic source has no names at all, only that order.

use lastgood_protocol::Outcome;

use super::{LoggedEvent, reason};
use crate::tools::weight;
use crate::watch::What;

/// The result: 0 success, 1 warning, 2 failed. Without one the entry's level says the same.
pub(super) fn end(event: &LoggedEvent) -> What {
    let outcome = named_result(event)
        .or_else(|| result_by_place(event))
        .unwrap_or_else(|| by_level(event));
    What::Finished {
        started: None,
        outcome,
        reason: reason(outcome).map(str::to_owned),
        will_be_retried: is_retried(event),
        facts: Box::default(),
    }
}

/// What the entry's level says: informational, a warning, or worse.
pub(super) fn by_level(event: &LoggedEvent) -> Outcome {
    match event.level {
        0 | 4 => Outcome::Ok,
        3 => Outcome::Warning,
        _ => Outcome::Failed,
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
    let outcome = match event.value("param3").or_else(|| event.value("2"))? {
        "0" => Outcome::Ok,
        "1" => Outcome::Warning,
        "2" => Outcome::Failed,
        _ => return None,
    };
    let told = by_level(event);
    Some(if weight(told) > weight(outcome) { told } else { outcome })
}

fn is_retried(event: &LoggedEvent) -> bool {
    match event.value("WillBeRetried") {
        Some(value) => value == "1" || value.eq_ignore_ascii_case("true"),
        None => event.value("5").is_some_and(|value| value.eq_ignore_ascii_case("true")),
    }
}
