//! The form of a job: what was typed, what is wrong with it, and what it means.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::JobKey;
use serde::Deserialize;

use super::durations;
use super::model::{Destination, Job, JobDetails, OfficeChoice};
use crate::error::AppError;
use crate::expectations::schedule::Schedule;
use crate::expectations::{DstPolicy, RunRule};
use crate::web::extract::{field, optional_field};
use crate::web::words;

/// What was typed.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct JobForm {
    pub(crate) name: String,
    pub(crate) key: String,
    pub(crate) office: String,
    pub(crate) tool: String,
    pub(crate) destination: String,
    pub(crate) cron: String,
    pub(crate) dst_policy: String,
    pub(crate) opens_before: String,
    pub(crate) late_after: String,
    pub(crate) missed_after: String,
    pub(crate) maximum_run: String,
    pub(crate) no_success_after: String,
    /// `preview` asks for the dates alone.
    pub(crate) act: String,
}

/// What is wrong with each field; empty where nothing is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct JobErrors {
    pub(super) name: String,
    pub(super) key: String,
    pub(super) office: String,
    pub(super) tool: String,
    pub(super) destination: String,
    pub(super) cron: String,
    pub(super) dst_policy: String,
    pub(super) opens_before: String,
    pub(super) late_after: String,
    pub(super) missed_after: String,
    pub(super) maximum_run: String,
    pub(super) no_success_after: String,
}

impl JobErrors {
    /// Everything that is wrong, for a terminal.
    pub(super) fn in_one_line(&self) -> String {
        let named = [
            ("name", &self.name),
            ("key", &self.key),
            ("office", &self.office),
            ("tool", &self.tool),
            ("destination", &self.destination),
            ("cron", &self.cron),
            ("dst-policy", &self.dst_policy),
            ("opens-before", &self.opens_before),
            ("late-after", &self.late_after),
            ("missed-after", &self.missed_after),
            ("max-run", &self.maximum_run),
            ("no-success-for", &self.no_success_after),
        ];
        let wrong: Vec<_> = named
            .into_iter()
            .filter(|(_, error)| !error.is_empty())
            .map(|(name, error)| format!("--{name}: {error}"))
            .collect();
        wrong.join(" ")
    }
}

impl JobForm {
    /// A form that is filled with what is usual.
    pub(crate) fn usual(offices: &[OfficeChoice]) -> Self {
        Self {
            office: offices.first().map(|office| office.id.to_string()).unwrap_or_default(),
            cron: "0 22 * * *".to_owned(),
            dst_policy: DstPolicy::Cron.to_string(),
            ..Self::default()
        }
    }

    /// The form of a job as it is stored.
    pub(super) fn of(job: &Job, rule: Option<&RunRule>) -> Self {
        let durations =
            |of: fn(&RunRule) -> SignedDuration| rule.map(|rule| durations::typed(of(rule))).unwrap_or_default();
        Self {
            name: job.name.clone(),
            key: job.key.clone(),
            office: job.office.to_string(),
            tool: job.tool.clone(),
            destination: job.destination.map(|place| place.to_string()).unwrap_or_default(),
            cron: rule.map(|rule| rule.schedule.to_string()).unwrap_or_default(),
            dst_policy: rule.map_or(DstPolicy::Cron, |rule| rule.schedule.policy()).to_string(),
            opens_before: durations(|rule| rule.opens_before),
            late_after: durations(|rule| rule.late_after),
            missed_after: durations(|rule| rule.missed_after),
            maximum_run: durations(|rule| rule.maximum_run),
            no_success_after: rule
                .and_then(|rule| rule.no_success_after)
                .map(durations::typed)
                .unwrap_or_default(),
            act: String::new(),
        }
    }

    /// The office chosen, among those of the practice.
    pub(super) fn office<'a>(&self, offices: &'a [OfficeChoice]) -> Option<&'a OfficeChoice> {
        offices.iter().find(|office| office.id.to_string() == self.office)
    }

    /// What the form means, or what is wrong with each field. A duration that is left empty is the usual one.
    pub(super) fn understand(&self, offices: &[OfficeChoice], now: Timestamp) -> Result<JobDetails, Box<JobErrors>> {
        let mut errors = JobErrors::default();
        let name = note(&mut errors.name, field("Name", &self.name, 200));
        let key = note(&mut errors.key, self.key.trim().parse::<JobKey>().map_err(sentence));
        let tool = note(&mut errors.tool, optional_field("Tool", &self.tool, 100));
        let destination = note(&mut errors.destination, optional_word::<Destination>(&self.destination));
        let office = self.office(offices);
        if office.is_none() {
            "Office is not one of this practice. Choose one.".clone_into(&mut errors.office);
        }
        let policy = note(&mut errors.dst_policy, self.dst_policy.parse::<DstPolicy>());
        let schedule = note(
            &mut errors.cron,
            Schedule::parse(&self.cron, policy.unwrap_or(DstPolicy::Cron)),
        );
        let zone = office.map_or(TimeZone::UTC, |office| words::zone(&office.zone));
        let rule = schedule.and_then(|schedule| self.rule(RunRule::usual(schedule, now, &zone), &mut errors));
        match (name, key, tool, destination, office, rule) {
            (Some(name), Some(key), Some(tool), Some(destination), Some(office), Some(rule))
                if errors == JobErrors::default() =>
            {
                Ok(JobDetails {
                    name,
                    key,
                    office: office.id,
                    tool: tool.unwrap_or_default(),
                    destination,
                    rule,
                })
            }
            _ => Err(Box::new(errors)),
        }
    }

    fn rule(&self, usual: RunRule, errors: &mut JobErrors) -> Option<RunRule> {
        let opens_before = note(
            &mut errors.opens_before,
            duration(&self.opens_before, usual.opens_before),
        );
        let late_after = note(&mut errors.late_after, duration(&self.late_after, usual.late_after));
        let missed_after = note(
            &mut errors.missed_after,
            duration(&self.missed_after, usual.missed_after),
        );
        let maximum_run = note(&mut errors.maximum_run, duration(&self.maximum_run, usual.maximum_run));
        let no_success_after = note(
            &mut errors.no_success_after,
            match (self.no_success_after.trim(), usual.no_success_after) {
                ("", usual) => Ok(usual),
                (typed, _) => durations::parse(typed).map(Some),
            },
        );
        let rule = RunRule {
            schedule: usual.schedule,
            opens_before: opens_before?,
            late_after: late_after?,
            missed_after: missed_after?,
            maximum_run: maximum_run?,
            no_success_after: no_success_after?,
        };
        check(&rule, errors);
        Some(rule)
    }
}

/// What durations cannot be together.
fn check(rule: &RunRule, errors: &mut JobErrors) {
    if rule.missed_after < rule.late_after {
        "Missed after is shorter than late after. Make it at least as long.".clone_into(&mut errors.missed_after);
    }
    if rule.maximum_run.is_zero() {
        "A run takes some time. Write it as 4 h.".clone_into(&mut errors.maximum_run);
    }
    if rule.no_success_after.is_some_and(|after| after.is_zero()) {
        "No success for takes some time. Write it as 3 days.".clone_into(&mut errors.no_success_after);
    }
}

fn duration(typed: &str, usual: SignedDuration) -> Result<SignedDuration, String> {
    if typed.trim().is_empty() {
        Ok(usual)
    } else {
        durations::parse(typed)
    }
}

fn optional_word<Word: std::str::FromStr<Err = String>>(typed: &str) -> Result<Option<Word>, String> {
    match typed.trim() {
        "" => Ok(None),
        word => word.parse().map(Some),
    }
}

fn sentence(error: impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => format!("{}{}.", first.to_uppercase(), letters.as_str()),
        None => text,
    }
}

/// Keeps the value, or notes what is wrong.
fn note<Value, Wrong: Explained>(error: &mut String, result: Result<Value, Wrong>) -> Option<Value> {
    match result {
        Ok(value) => Some(value),
        Err(wrong) => {
            *error = wrong.explained();
            None
        }
    }
}

/// What is wrong with a field, as its sentence.
trait Explained {
    fn explained(self) -> String;
}

impl Explained for String {
    fn explained(self) -> String {
        self
    }
}

impl Explained for AppError {
    fn explained(self) -> String {
        self.sentence()
    }
}

impl Explained for crate::expectations::schedule::ScheduleError {
    fn explained(self) -> String {
        self.to_string()
    }
}
