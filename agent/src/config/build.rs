//! From the file's shape to the checked configuration. Every problem is found, not only the first.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{DestinationKind, JobKey};
use toml::Spanned;

use super::file::{RawConfig, RawDestination, RawJob, RawSpool, RawTool};
use super::settings::line_of;
use super::{
    AttestedClaims, Config, ConfigProblem, ConfigProblems, ExitCodes, JobConfig, Overrides, RepositoryTool,
    SecretVariable, Tool,
};
use crate::engine::schedule::Schedule;
use crate::platform;
use crate::spool::Limits;

/// The most jobs: as many as a heartbeat can name.
const MOST_JOBS: usize = 150;

/// Variables that tools read from a file by themselves, so the file's name is handed on as it is.
const READ_BY_TOOL: [&str; 3] = ["RESTIC_PASSWORD_FILE", "RESTIC_REPOSITORY_FILE", "BORG_KEY_FILE"];

struct Builder<'a> {
    file: &'a Path,
    text: &'a str,
    now: Timestamp,
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
    let heartbeat = builder.duration(raw.heartbeat.as_ref(), Duration::from_mins(1));
    let backoff_cap = builder.duration(raw.backoff_cap.as_ref(), Duration::from_mins(5));
    let stop_wait = builder.duration(raw.stop_wait.as_ref(), Duration::from_secs(20));
    let spool = builder.limits(&raw.spool);
    let mut jobs: Vec<JobConfig> = Vec::new();
    for raw_job in raw.jobs {
        let span = raw_job.span();
        let Some(job) = builder.job(raw_job.into_inner(), &span, &zone) else {
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

    fn wrong(&mut self, span: &Range<usize>, message: impl Display, remedy: &str) {
        let problem = self.problem(span, message, remedy);
        self.problems.push(problem);
    }

    fn warn(&mut self, span: &Range<usize>, message: impl Display, remedy: &str) {
        let problem = self.problem(span, message, remedy);
        self.warnings.push(problem);
    }

    fn duration(&mut self, given: Option<&Spanned<String>>, default: Duration) -> Duration {
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

    fn zone(&mut self, given: &Spanned<String>) -> TimeZone {
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

    fn job(&mut self, raw: RawJob, span: &Range<usize>, zone: &TimeZone) -> Option<JobConfig> {
        let key = match raw.key.get_ref().parse::<JobKey>() {
            Ok(key) => Some(key),
            Err(error) => {
                self.wrong(
                    &raw.key.span(),
                    error,
                    "Write the key that the job's page on the server shows",
                );
                None
            }
        };
        self.check_belonging(&raw);
        let zone = raw.zone.as_ref().map_or_else(|| zone.clone(), |given| self.zone(given));
        let schedule = raw.schedule.as_ref().and_then(|given| {
            Schedule::parse(given.get_ref(), zone, self.now)
                .map_err(|error| {
                    self.wrong(
                        &given.span(),
                        error,
                        "Write five fields, such as \"0 22 * * *\" for every night at ten",
                    );
                })
                .ok()
        });
        let timeout = raw
            .timeout
            .as_ref()
            .map(|given| self.duration(Some(given), Duration::ZERO));
        let attempts = self.attempts(raw.attempts.as_ref());
        let (environment, secrets) = self.environment(&raw);
        let tool = self.tool(&raw);
        if schedule.is_some() && !tool.can_start() {
            self.wrong(
                span,
                format!("job '{}' has a schedule but nothing to start", raw.key.get_ref()),
                match tool {
                    Tool::Restic(_) | Tool::Borg(_) => "Give it a repository and paths, or a whole command",
                    Tool::Command { .. } => "Give it a command, such as command = [\"/usr/local/bin/backup\"]",
                },
            );
        }
        Some(JobConfig {
            key: key?,
            tool,
            schedule,
            timeout,
            attempts,
            retry_delay: self.duration(raw.retry_delay.as_ref(), Duration::from_mins(10)),
            catch_up: self.duration(raw.catch_up.as_ref(), Duration::from_hours(6)),
            destination: self.destination(&raw),
            medium: self.absolute(raw.medium.as_ref()),
            claims: AttestedClaims {
                full: raw.claims.full,
                verified: raw.claims.verified,
                compared: raw.claims.compared,
                compressed: raw.claims.compressed,
                encrypted: raw.claims.encrypted,
            },
            environment,
            secrets,
        })
    }

    fn check_belonging(&mut self, raw: &RawJob) {
        let command_only = [("ok", raw.ok.as_ref()), ("warning", raw.warning.as_ref())];
        let is_command = *raw.tool.get_ref() == RawTool::Command;
        for (name, given) in command_only {
            if let Some(given) = given.filter(|_| !is_command) {
                self.wrong(
                    &given.span(),
                    format!(
                        "'{name}' belongs to tool = \"command\"; what restic's and borg's exit codes mean is known"
                    ),
                    "Remove the line",
                );
            }
        }
        let repository_only = [
            ("repository", raw.repository.as_ref().map(Spanned::span)),
            ("paths", raw.paths.as_ref().map(Spanned::span)),
            ("exclude", raw.exclude.as_ref().map(Spanned::span)),
            ("password_file", raw.password_file.as_ref().map(Spanned::span)),
            ("program", raw.program.as_ref().map(Spanned::span)),
            ("check", raw.check.as_ref().map(Spanned::span)),
            ("check_subset", raw.check_subset.as_ref().map(Spanned::span)),
        ];
        for (name, span) in repository_only {
            if let Some(span) = span.filter(|_| is_command) {
                self.wrong(
                    &span,
                    format!("'{name}' belongs to tool = \"restic\" or \"borg\""),
                    "Remove the line or change the tool",
                );
            }
        }
        if let Some(given) = &raw.check_subset
            && *raw.tool.get_ref() == RawTool::Borg
        {
            self.wrong(
                &given.span(),
                "borg has no check of a part of the content",
                "Remove the line",
            );
        }
    }

    fn attempts(&mut self, given: Option<&Spanned<i64>>) -> u32 {
        let Some(given) = given else { return 1 };
        if let Ok(attempts @ 1..=20) = u32::try_from(*given.get_ref()) {
            return attempts;
        }
        self.wrong(
            &given.span(),
            "attempts must be from 1 to 20",
            "1 means that a failed run is not repeated",
        );
        1
    }

    fn tool(&mut self, raw: &RawJob) -> Tool {
        let command = raw
            .command
            .as_ref()
            .map(|command| command.get_ref().clone())
            .unwrap_or_default();
        if let Some(given) = &raw.command {
            if given.get_ref().first().is_none_or(String::is_empty) {
                self.wrong(
                    &given.span(),
                    "the command is empty",
                    "Write program and arguments: [\"/usr/local/bin/backup\", \"--all\"]",
                );
            }
            if given
                .get_ref()
                .iter()
                .any(|argument| argument.to_ascii_lowercase().contains("password="))
            {
                self.warn(
                    &given.span(),
                    "a password on a command line can be read by every user of the machine",
                    "Put it in a file and name that file",
                );
            }
        }
        let repository = || RepositoryTool {
            command: command.clone(),
            program: raw.program.as_ref().map(|program| program.get_ref().clone()),
            repository: raw.repository.as_ref().map(|repository| repository.get_ref().clone()),
            paths: raw
                .paths
                .as_ref()
                .map(|paths| paths.get_ref().clone())
                .unwrap_or_default(),
            exclude: raw
                .exclude
                .as_ref()
                .map(|exclude| exclude.get_ref().clone())
                .unwrap_or_default(),
            password_file: raw.password_file.as_ref().map(|file| file.get_ref().clone()),
            check: raw.check.as_ref().is_some_and(|check| *check.get_ref()),
            check_subset: raw.check_subset.as_ref().map(|subset| subset.get_ref().clone()),
        };
        if let Some(file) = &raw.password_file {
            self.secret_file(&file.span(), file.get_ref());
        }
        if let Some(paths) = &raw.paths
            && paths.get_ref().iter().any(|path| path.is_relative())
        {
            self.wrong(
                &paths.span(),
                "a folder to back up is given without its full path",
                "Write it from the root on",
            );
        }
        match raw.tool.get_ref() {
            RawTool::Restic => Tool::Restic(repository()),
            RawTool::Borg => Tool::Borg(repository()),
            RawTool::Command => Tool::Command {
                command,
                codes: self.codes(raw),
            },
        }
    }

    fn codes(&mut self, raw: &RawJob) -> ExitCodes {
        let default = ExitCodes::default();
        let set = |given: &Option<Spanned<Vec<i64>>>| -> Option<BTreeSet<i64>> {
            given.as_ref().map(|codes| codes.get_ref().iter().copied().collect())
        };
        let codes = ExitCodes {
            ok: set(&raw.ok).unwrap_or(default.ok),
            warning: set(&raw.warning).unwrap_or(default.warning),
        };
        if let Some(both) = codes.ok.intersection(&codes.warning).next() {
            let span = raw.warning.as_ref().map_or(0..0, Spanned::span);
            self.wrong(
                &span,
                format!("exit code {both} is in both 'ok' and 'warning'"),
                "Remove it from one",
            );
        }
        codes
    }

    fn environment(&mut self, raw: &RawJob) -> (Vec<(String, String)>, Vec<SecretVariable>) {
        let mut plain = Vec::new();
        let mut secrets = Vec::new();
        for (name, value) in &raw.environment {
            let span = value.span();
            let valid = !name.is_empty() && !name.contains(['=', '\0']) && !value.get_ref().contains('\0');
            if !valid {
                self.wrong(
                    &span,
                    format!("'{name}' cannot be a variable"),
                    "Use letters, digits and '_'",
                );
            } else if READ_BY_TOOL.contains(&name.as_str()) {
                self.secret_file(&span, Path::new(value.get_ref()));
                plain.push((name.clone(), value.get_ref().clone()));
            } else if let Some(variable) = name.strip_suffix("_FILE") {
                let file = PathBuf::from(value.get_ref());
                self.secret_file(&span, &file);
                let name = variable.to_owned();
                secrets.push(SecretVariable { name, file });
            } else if looks_secret(name) {
                self.wrong(
                    &span,
                    format!("'{name}' looks like a secret and stands here in the open"),
                    &format!(
                        "Put its value in a file that only root can read and write {name}_FILE = \"/path/of/that/file\""
                    ),
                );
            } else {
                plain.push((name.clone(), value.get_ref().clone()));
            }
        }
        (plain, secrets)
    }

    fn secret_file(&mut self, span: &Range<usize>, file: &Path) {
        if file.is_relative() {
            self.wrong(
                span,
                "the file of a secret is given without its full path",
                "Write it from the root on",
            );
            return;
        }
        match platform::others_can_read(file) {
            Ok(false) => {}
            Ok(true) => self.warn(span, "every user of the machine can read this secret", "chmod 600 FILE"),
            Err(error) => self.warn(
                span,
                format!("the file of this secret cannot be read: {error}"),
                "Create it",
            ),
        }
    }

    fn absolute(&mut self, given: Option<&Spanned<PathBuf>>) -> Option<PathBuf> {
        let given = given?;
        if given.get_ref().is_relative() {
            self.wrong(
                &given.span(),
                "the medium is given without its full path",
                "Write the folder where it is mounted",
            );
        }
        Some(given.get_ref().clone())
    }

    fn destination(&mut self, raw: &RawJob) -> Option<DestinationKind> {
        let named = raw.destination.as_ref().map(|given| match given.get_ref() {
            RawDestination::Medium => DestinationKind::Medium,
            RawDestination::Vendor => DestinationKind::Vendor,
            RawDestination::Disk => DestinationKind::Disk,
        });
        match (&raw.destination, named, &raw.medium) {
            (Some(given), Some(DestinationKind::Vendor | DestinationKind::Disk), Some(_)) => {
                self.wrong(
                    &given.span(),
                    "the job names a medium, so its destination is \"medium\"",
                    "Remove 'destination' or 'medium'",
                );
                None
            }
            (_, _, Some(_)) => Some(DestinationKind::Medium),
            (_, named, None) => named,
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

fn looks_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let plain_ids = ["KEY_ID", "ACCESS_KEY_ID", "ACCOUNT_ID"];
    ["PASSWORD", "PASSPHRASE", "SECRET", "TOKEN", "_KEY", "PWD"]
        .iter()
        .any(|word| name.contains(word))
        && !plain_ids.iter().any(|id| name.ends_with(id))
}
