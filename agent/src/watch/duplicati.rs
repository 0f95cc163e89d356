//! The report that Duplicati posts (`--send-http-json-urls`): source `Library/Modules/Builtin/SendHttpMessage.cs` and
//! `ResultSerialization/JsonFormatSerializer.cs` of duplicati/duplicati. Tested on reports as its users' dashboards store them, one of
//! them whole, and on results as users published them, in an envelope of our own. Versions up to 2.0.7 do not say the backup's name.

use jiff::Timestamp;
use lastgood_protocol::{Basis, Knowledge, Outcome, RunFacts};
use serde::Deserialize;

use crate::tools::claim;

/// A report about one operation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Report {
    /// The backup's name in Duplicati, by which the job is found; it never leaves the machine.
    pub(super) backup: Option<String>,
    /// When it began, by Duplicati's clock.
    pub(super) started: Option<Timestamp>,
    /// When it ended, by Duplicati's clock.
    pub(super) finished: Option<Timestamp>,
    /// Duplicati's version.
    pub(super) version: Option<String>,
    /// How it ended.
    pub(super) outcome: Outcome,
    /// Why, when it is not ok.
    pub(super) reason: Option<&'static str>,
    /// What was measured.
    pub(super) facts: RunFacts,
}

#[derive(Debug, Deserialize)]
struct Envelope {
    #[serde(rename = "Data", default)]
    result: Option<serde_json::Value>,
    #[serde(rename = "Extra", default)]
    extra: Option<Extra>,
    #[serde(rename = "Exception", default)]
    exception: Option<serde_json::Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Extra {
    backup_name: Option<String>,
    #[serde(rename = "OperationName")]
    operation: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct OperationResult {
    /// Of an exception, which stood in the result's place before 2.0.8.
    class_name: Option<String>,
    examined_files: Option<u64>,
    added_files: Option<u64>,
    modified_files: Option<u64>,
    size_of_examined_files: Option<u64>,
    files_with_error: Option<u64>,
    partial_backup: bool,
    dryrun: bool,
    main_operation: Option<String>,
    parsed_result: Option<String>,
    interrupted: bool,
    version: Option<String>,
    begin_time: Option<String>,
    end_time: Option<String>,
    errors_actual_length: Option<u64>,
    backend_statistics: Option<BackendStatistics>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct BackendStatistics {
    bytes_uploaded: Option<u64>,
    reported_quota_error: bool,
}

/// Reads a report; `None` when it is none, or is about something else than a backup.
pub(super) fn read_report(text: &str) -> Option<Report> {
    let envelope: Envelope = serde_json::from_str(text).ok()?;
    let extra = envelope.extra.unwrap_or_default();
    // After a fatal error the result is an exception, its text, or nothing.
    let result: Option<OperationResult> = envelope
        .result
        .filter(serde_json::Value::is_object)
        .and_then(|result| serde_json::from_value(result).ok());
    let operation = result
        .as_ref()
        .and_then(|result| result.main_operation.as_deref())
        .or(extra.operation.as_deref())?;
    if operation != "Backup" {
        return None;
    }
    let Some(result) = result else {
        return Some(Report {
            backup: extra.backup_name,
            started: None,
            finished: None,
            version: None,
            outcome: Outcome::Failed,
            reason: Some("Duplicati could not make the backup."),
            facts: RunFacts::default(),
        });
    };
    let has_exception = envelope.exception.is_some_and(|exception| !exception.is_null());
    let (outcome, reason) = judge(&result, has_exception || result.class_name.is_some());
    Some(Report {
        backup: extra.backup_name,
        started: time(result.begin_time.as_deref()),
        finished: time(result.end_time.as_deref()),
        version: result.version.as_deref().and_then(version),
        outcome,
        reason,
        facts: facts(&result),
    })
}

fn judge(result: &OperationResult, has_exception: bool) -> (Outcome, Option<&'static str>) {
    let quota = result
        .backend_statistics
        .as_ref()
        .is_some_and(|statistics| statistics.reported_quota_error);
    let parsed = result.parsed_result.as_deref();
    if result.dryrun {
        (Outcome::Failed, Some("It was a dry run, which makes no backup."))
    } else if quota {
        (Outcome::Failed, Some("The place Duplicati writes to is full."))
    } else if has_exception || parsed == Some("Fatal") {
        (Outcome::Failed, Some("Duplicati could not make the backup."))
    } else if result.interrupted {
        (Outcome::Failed, Some("Duplicati was interrupted."))
    } else if parsed == Some("Error") {
        (Outcome::Failed, Some("Duplicati ended with errors."))
    } else if result.partial_backup {
        (Outcome::Warning, Some("Duplicati stored a part of the backup only."))
    } else if parsed == Some("Warning") {
        (Outcome::Warning, Some("A backup was made, but Duplicati warned."))
    } else if parsed == Some("Success") {
        (Outcome::Ok, None)
    } else {
        (Outcome::Failed, Some("Duplicati does not say how the backup ended."))
    }
}

fn facts(result: &OperationResult) -> RunFacts {
    RunFacts {
        bytes_processed: result.size_of_examined_files,
        bytes_added: result
            .backend_statistics
            .as_ref()
            .and_then(|statistics| statistics.bytes_uploaded),
        files_total: result.examined_files,
        files_new: result.added_files,
        files_changed: result.modified_files,
        errors: match (result.errors_actual_length, result.files_with_error) {
            (Some(errors), Some(files)) => Some(errors.max(files)),
            (errors, files) => errors.or(files),
        },
        full: Some(claim(true, Knowledge::Configured, Basis::ToolNature)),
        ..RunFacts::default()
    }
}

/// With a zone, as newer versions write it; a local time without one cannot be told.
fn time(text: Option<&str>) -> Option<Timestamp> {
    text?.parse().ok()
}

/// `2.1.0.5 (2.1.0.5_stable_2025-03-04)`
fn version(text: &str) -> Option<String> {
    let word = text.split(' ').next()?;
    let plain = !word.is_empty() && word.len() <= 32 && word.chars().all(|c| c.is_ascii_digit() || c == '.');
    plain.then(|| word.to_owned())
}
