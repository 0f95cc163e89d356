//! From the file's shape to the checked configuration. Every problem is found, not only the first.

use std::fmt::Display;
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use toml::Spanned;

use super::file::{RawConfig, RawSpool};
use super::settings::line_of;
use super::{Config, ConfigProblem, ConfigProblems, JobConfig, Overrides};
use crate::spool::Limits;

/// The most jobs: as many as a heartbeat can name.
const MOST_JOBS: usize = 150;

pub(super) struct Builder<'a> {
    file: &'a Path,
    text: &'a str,
    pub(super) now: Timestamp,
    problems: Vec<ConfigProblem>,
    warnings: Vec<ConfigProblem>,
}

/// Checks a configuration as it was read from `file` (`None` for the defaults).
pub(super) fn build(
    raw: RawConfig,
    file: Option<&Path>,
    text: &str,
    overrides: &Overrides,
    now: Timestamp,
) -> Result<Config, ConfigProblems> {
    let mut builder = Builder {
        file: file.unwrap_or(Path::new("")),
        text,
        now,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    let zone = match &raw.zone {
        Some(zone) => builder.zone(zone),
        None => TimeZone::try_system().unwrap_or(TimeZone::UTC),
    };
    let days = builder.days(raw.day_begins.as_ref(), zone);
    let heartbeat = builder.duration(raw.heartbeat.as_ref(), Duration::from_mins(1));
    let backoff_cap = builder.duration(raw.backoff_cap.as_ref(), Duration::from_mins(5));
    let stop_wait = builder.duration(raw.stop_wait.as_ref(), Duration::from_secs(20));
    let spool = builder.limits(&raw.spool);
    let mut jobs: Vec<JobConfig> = Vec::new();
    for raw_job in raw.jobs {
        let span = raw_job.span();
        let Some(job) = builder.job(raw_job.into_inner(), &span, &days) else {
            continue;
        };
        if jobs.iter().any(|other| other.key == job.key) {
            builder.wrong(
                &span,
                format!("there are two jobs '{}'", job.key),
                "Give each job a key of its own",
            );
        }
        jobs.push(job);
    }
    if jobs.len() > MOST_JOBS {
        builder.wrong(
            &(0..0),
            format!("there are more than {MOST_JOBS} jobs"),
            "Spread them over several machines",
        );
    }
    if !builder.problems.is_empty() {
        return Err(ConfigProblems(builder.problems));
    }
    Ok(Config {
        file: file.map(Path::to_path_buf),
        heartbeat: overrides.heartbeat.unwrap_or(heartbeat),
        backoff_cap: overrides.backoff_cap.unwrap_or(backoff_cap),
        stop_wait: overrides.stop_wait.unwrap_or(stop_wait),
        spool,
        jobs,
        warnings: builder.warnings,
    })
}

impl Builder<'_> {
    fn problem(&self, span: &Range<usize>, message: impl Display, remedy: &str) -> ConfigProblem {
        ConfigProblem {
            file: self.file.to_path_buf(),
            line: Some(line_of(self.text, span)),
            message: message.to_string(),
            remedy: remedy.to_owned(),
        }
    }

    pub(super) fn wrong(&mut self, span: &Range<usize>, message: impl Display, remedy: &str) {
        let problem = self.problem(span, message, remedy);
        self.problems.push(problem);
    }

    pub(super) fn warn(&mut self, span: &Range<usize>, message: impl Display, remedy: &str) {
        let problem = self.problem(span, message, remedy);
        self.warnings.push(problem);
    }

    pub(super) fn duration(&mut self, given: Option<&Spanned<String>>, default: Duration) -> Duration {
        let Some(given) = given else { return default };
        parse_duration(given.get_ref()).unwrap_or_else(|| {
            self.wrong(
                &given.span(),
                format!("'{}' is not a length of time of at least one second", given.get_ref()),
                "Write it like \"30s\", \"10m\", \"4h\" or \"1h 30m\"",
            );
            default
        })
    }

    pub(super) fn zone(&mut self, given: &Spanned<String>) -> TimeZone {
        TimeZone::get(given.get_ref()).unwrap_or_else(|_| {
            self.wrong(
                &given.span(),
                format!("'{}' is not a time zone", given.get_ref()),
                "Write an IANA name such as \"America/New_York\"",
            );
            TimeZone::UTC
        })
    }

    fn limits(&mut self, raw: &RawSpool) -> Limits {
        let default = Limits::default();
        let mut within = |given: &Option<Spanned<i64>>, least: i64, most: i64, name: &str| -> Option<i64> {
            let given = given.as_ref()?;
            let number = *given.get_ref();
            if (least..=most).contains(&number) {
                return Some(number);
            }
            self.wrong(
                &given.span(),
                format!("{name} is {number}, but must be from {least} to {most}"),
                "Write a number in that range or leave the line out",
            );
            None
        };
        let events = within(&raw.max_events, 10, 100_000, "max_events").and_then(|number| usize::try_from(number).ok());
        let bytes = within(&raw.max_megabytes, 1, 1_024, "max_megabytes").and_then(|number| u64::try_from(number).ok());
        Limits {
            events: events.unwrap_or(default.events),
            bytes: bytes.map_or(default.bytes, |megabytes| megabytes * 1024 * 1024),
        }
    }
}

/// A length of time such as `30s` or `1h 30m`, at least one second.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let duration: SignedDuration = text.trim().parse().ok()?;
    Duration::try_from(duration)
        .ok()
        .filter(|duration| *duration >= Duration::from_secs(1))
}
