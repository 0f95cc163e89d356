//! A practised restore as a person writes it down, checked and made into what is reported.

use jiff::civil::DateTime;
use jiff::{Timestamp, Zoned};
use lastgood_protocol::{
    DrillCheck, DrillId, DrillOutcome, DrillRecorded, DrillStep, JobKey, MediumSighting, StepOutcome,
};

const MOST_STEPS: usize = 50;
const MOST_CHECKS: usize = 50;
const LONGEST_LINE: usize = 120;
const LONGEST_NOTES: usize = 2000;

/// What was written down.
#[derive(Debug, Clone)]
pub(crate) struct DrillDraft {
    /// The job.
    pub(crate) job: Option<JobKey>,
    /// Which backup.
    pub(crate) backup: String,
    /// When it was made.
    pub(crate) made_at: Option<String>,
    /// The medium it was restored from.
    pub(crate) medium: Option<MediumSighting>,
    /// `NAME=START..END[:done|skipped|failed]`
    pub(crate) steps: Vec<String>,
    /// `WHAT=yes|no`
    pub(crate) checks: Vec<String>,
    /// How it ended.
    pub(crate) outcome: DrillOutcome,
    /// Who.
    pub(crate) by: String,
    /// Notes.
    pub(crate) notes: Option<String>,
}

/// What is wrong with a draft: the field, and what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
pub(crate) struct DrillError {
    field: String,
    what: String,
}

fn wrong(field: impl Into<String>, what: impl Into<String>) -> DrillError {
    DrillError {
        field: field.into(),
        what: what.into(),
    }
}

/// Checks a draft; times without a date or zone are understood at `now`.
pub(crate) fn check(draft: &DrillDraft, drill: DrillId, now: &Zoned) -> Result<DrillRecorded, DrillError> {
    let steps = steps(draft, now)?;
    let checks = checks(draft)?;
    let (Some(first), Some(last)) = (
        steps.iter().map(|step| step.started_at).min(),
        steps.iter().map(|step| step.finished_at).max(),
    ) else {
        return Err(wrong(
            "step",
            "there is no step: write at least one, \"Restore=10:04..10:31\"",
        ));
    };
    contradictions(draft.outcome, &steps, &checks)?;
    let backup_made_at = match &draft.made_at {
        Some(text) => {
            let at = time("made-at", text, now)?;
            if at > first {
                return Err(wrong(
                    "made-at",
                    "the backup is younger than the drill that restored it",
                ));
            }
            Some(at)
        }
        None => None,
    };
    Ok(DrillRecorded {
        drill,
        job: draft.job.clone(),
        backup: line("backup", &draft.backup)?,
        backup_made_at,
        medium: draft.medium.clone(),
        started_at: first,
        finished_at: last,
        steps,
        checks,
        outcome: draft.outcome,
        performed_by: line("by", &draft.by)?,
        notes: draft.notes.as_deref().map(notes).transpose()?.flatten(),
    })
}

/// A drill that passed must have looked at something, and nothing in it may have failed.
fn contradictions(outcome: DrillOutcome, steps: &[DrillStep], checks: &[DrillCheck]) -> Result<(), DrillError> {
    match outcome {
        DrillOutcome::Failed | DrillOutcome::Abandoned => return Ok(()),
        DrillOutcome::Passed | DrillOutcome::PassedWithNotes => {}
    }
    if checks.is_empty() {
        return Err(wrong(
            "check",
            "a drill that passed must say what was looked at: --check \"The program opens=yes\"",
        ));
    }
    if outcome == DrillOutcome::Passed {
        if let Some(check) = checks.iter().find(|check| !check.passed) {
            return Err(wrong(
                "outcome",
                format!("it is 'passed' although '{}' is 'no'", check.what),
            ));
        }
        if let Some(step) = steps.iter().find(|step| step.outcome == StepOutcome::Failed) {
            return Err(wrong(
                "outcome",
                format!("it is 'passed' although the step '{}' failed", step.name),
            ));
        }
    }
    Ok(())
}

fn steps(draft: &DrillDraft, now: &Zoned) -> Result<Vec<DrillStep>, DrillError> {
    if draft.steps.len() > MOST_STEPS {
        return Err(wrong("step", format!("there are more than {MOST_STEPS}")));
    }
    let mut steps: Vec<DrillStep> = Vec::new();
    for (index, text) in draft.steps.iter().enumerate() {
        let field = format!("step {}", index + 1);
        let step = step(&field, text, now)?;
        if steps.last().is_some_and(|before| before.started_at > step.started_at) {
            return Err(wrong(
                field,
                "it began before the step above it; write the steps in their order",
            ));
        }
        steps.push(step);
    }
    Ok(steps)
}

fn step(field: &str, text: &str, now: &Zoned) -> Result<DrillStep, DrillError> {
    let form = || {
        wrong(
            field,
            format!("'{text}' is not NAME=START..END, such as \"Restore=10:04..10:31\""),
        )
    };
    let (name, times) = text.rsplit_once('=').ok_or_else(form)?;
    let (start, end) = times.split_once("..").ok_or_else(form)?;
    let (end, outcome) = match end.rsplit_once(':') {
        Some((end, "done")) => (end, StepOutcome::Done),
        Some((end, "skipped")) => (end, StepOutcome::Skipped),
        Some((end, "failed")) => (end, StepOutcome::Failed),
        Some((_, word)) if word.chars().any(char::is_alphabetic) && !word.ends_with('Z') => {
            return Err(wrong(field, format!("'{word}' is not done, skipped or failed")));
        }
        _ => (end, StepOutcome::Done),
    };
    let started_at = time(field, start, now)?;
    let finished_at = time(field, end, now)?;
    if finished_at < started_at {
        return Err(wrong(
            field,
            "it ended before it began; write the date too if it went past midnight",
        ));
    }
    Ok(DrillStep {
        name: line(field, name)?,
        started_at,
        finished_at,
        outcome,
    })
}

fn checks(draft: &DrillDraft) -> Result<Vec<DrillCheck>, DrillError> {
    if draft.checks.len() > MOST_CHECKS {
        return Err(wrong("check", format!("there are more than {MOST_CHECKS}")));
    }
    let parse = |(index, text): (usize, &String)| {
        let field = format!("check {}", index + 1);
        let form = || wrong(field.clone(), format!("'{text}' is not WHAT=yes or WHAT=no"));
        let (what, answer) = text.rsplit_once('=').ok_or_else(form)?;
        let passed = match answer.trim().to_ascii_lowercase().as_str() {
            "yes" | "y" => true,
            "no" | "n" => false,
            _ => return Err(form()),
        };
        Ok(DrillCheck {
            what: line(&field, what)?,
            passed,
        })
    };
    draft.checks.iter().enumerate().map(parse).collect()
}

/// `HH:MM` on the day of `now`, `YYYY-MM-DD HH:MM` in its zone, or RFC 3339. Nothing after `now`.
fn time(field: &str, text: &str, now: &Zoned) -> Result<Timestamp, DrillError> {
    let text = text.trim();
    let with_day = if text.len() <= 5 {
        format!("{} {text}", now.date())
    } else {
        text.to_owned()
    };
    let zone = now.time_zone();
    let at = text
        .parse::<Timestamp>()
        .ok()
        .or_else(|| {
            let civil: DateTime = DateTime::strptime("%Y-%m-%d %H:%M", with_day.replace('T', " ")).ok()?;
            civil.to_zoned(zone.clone()).ok().map(|zoned| zoned.timestamp())
        })
        .ok_or_else(|| {
            wrong(
                field,
                format!("'{text}' is no time: write 10:04, \"2026-11-20 10:04\" or 2026-11-20T10:04:00Z"),
            )
        })?;
    if at > now.timestamp() {
        return Err(wrong(field, format!("'{text}' is in the future")));
    }
    Ok(at)
}

fn line(field: &str, text: &str) -> Result<String, DrillError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(wrong(field, "it is missing"));
    }
    if text.chars().count() > LONGEST_LINE {
        return Err(wrong(field, format!("it has more than {LONGEST_LINE} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(wrong(field, "it holds a line break or another control character"));
    }
    Ok(text.to_owned())
}

fn notes(text: &str) -> Result<Option<String>, DrillError> {
    let text = text.trim();
    if text.chars().count() > LONGEST_NOTES {
        return Err(wrong(
            "notes",
            format!("they have more than {LONGEST_NOTES} characters"),
        ));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(wrong("notes", "they hold a control character"));
    }
    Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

#[cfg(test)]
mod tests;
