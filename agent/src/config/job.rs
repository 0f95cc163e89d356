//! One `[[job]]` of the file, checked.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use lastgood_protocol::{DestinationKind, JobKey, MOST_OUTPUT_LINES};
use toml::Spanned;

use super::build::Builder;
use super::file::{RawClaims, RawDestination, RawJob, RawTool};
use super::program::shows_password;
use super::{AttestedClaims, ExitCodes, JobConfig, Program, RepositoryTool, Tool};
use crate::engine::rotation::BackupDays;
use crate::engine::schedule::Schedule;

impl From<RawClaims> for AttestedClaims {
    fn from(raw: RawClaims) -> Self {
        Self {
            full: raw.full,
            verified: raw.verified,
            compared: raw.compared,
            compressed: raw.compressed,
            encrypted: raw.encrypted,
        }
    }
}

impl Builder<'_> {
    pub(super) fn job(&mut self, raw: RawJob, span: &Range<usize>, days: &BackupDays) -> Option<JobConfig> {
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
        let days = self.days_of(&raw, days);
        let schedule = raw.schedule.as_ref().and_then(|given| {
            Schedule::parse(given.get_ref(), days.zone.clone(), self.now)
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
        if schedule.is_some() && !tool.can_start() && raw.watch.is_none() {
            self.wrong(
                span,
                format!("job '{}' has a schedule but nothing to start", raw.key.get_ref()),
                match tool {
                    Tool::Restic(_) | Tool::Borg(_) => "Give it a repository and paths, or a whole command",
                    Tool::Program(_) | Tool::Command { .. } => {
                        "Give it a command, such as command = [\"/usr/local/bin/backup\"]"
                    }
                },
            );
        }
        let watch = self.watch(&raw);
        let copy = self.copy(&raw, &tool);
        let must_contain = self.must_contain(&raw, &tool);
        let compare = self.compare(&raw, &tool);
        Some(JobConfig {
            key: key?,
            watch,
            copy,
            must_contain,
            compare,
            tool,
            schedule,
            timeout,
            attempts,
            retry_delay: self.duration(raw.retry_delay.as_ref(), Duration::from_mins(10)),
            catch_up: self.duration(raw.catch_up.as_ref(), Duration::from_hours(6)),
            destination: self.destination(&raw),
            destination_name: self.destination_name(&raw),
            require_medium: self.require_medium(&raw),
            days,
            medium: self.absolute(raw.medium.as_ref()),
            claims: raw.claims.into(),
            environment,
            secrets,
            report_output: self.report_output(&raw),
        })
    }

    fn check_belonging(&mut self, raw: &RawJob) {
        let command_only = [("ok", raw.ok.as_ref()), ("warning", raw.warning.as_ref())];
        let is_command = *raw.tool.get_ref() == RawTool::Command;
        for (name, given) in command_only {
            if let Some(given) = given.filter(|_| !is_command) {
                self.wrong(
                    &given.span(),
                    format!("'{name}' belongs to tool = \"command\"; what this tool's exit codes mean is known"),
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
            ("check_subset", raw.check_subset.as_ref().map(Spanned::span)),
        ];
        let program = Program::of(*raw.tool.get_ref());
        for (name, span) in repository_only {
            if let Some(span) = span.filter(|_| is_command || program.is_some()) {
                self.wrong(
                    &span,
                    format!("'{name}' belongs to tool = \"restic\" or \"borg\""),
                    "Remove the line or change the tool",
                );
            }
        }
        if let Some(given) = raw.check.as_ref().filter(|_| is_command) {
            self.wrong(
                &given.span(),
                "'check' belongs to a tool that has a check of its own",
                "Remove the line or change the tool",
            );
        }
        if let Some(given) = raw.writes.as_ref().filter(|_| program.is_none()) {
            self.wrong(
                &given.span(),
                "'writes' belongs to a tool that writes a file or folder of its own, such as \"tar\" or \"pg_dump\"",
                "Remove the line or change the tool",
            );
        }
        if let Some(given) = &raw.read_back
            && *raw.tool.get_ref() != RawTool::Borg
        {
            self.wrong(
                &given.span(),
                "'read_back' belongs to tool = \"borg\"",
                "For restic use check_subset, such as \"5%\"",
            );
        }
        if let Some(given) = &raw.check_subset
            && *raw.tool.get_ref() == RawTool::Borg
        {
            self.wrong(
                &given.span(),
                "borg has no check of a part of the content",
                "Remove the line; read_back = true reads the whole archive",
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

    fn report_output(&mut self, raw: &RawJob) -> Option<usize> {
        let given = raw.report_output.as_ref()?;
        if raw.watch.is_some() {
            self.wrong(
                &given.span(),
                "'report_output' tells of what the agent starts, and this job only watches",
                "Remove the line",
            );
            return None;
        }
        let lines = usize::try_from(*given.get_ref()).ok();
        let lines = lines.filter(|lines| (1..=MOST_OUTPUT_LINES).contains(lines));
        if lines.is_none() {
            self.wrong(
                &given.span(),
                format!("report_output must be from 1 to {MOST_OUTPUT_LINES}"),
                "It is a number of lines; without it nothing of a tool's output leaves the machine",
            );
        }
        lines
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
            let program = Program::of(*raw.tool.get_ref());
            if given
                .get_ref()
                .iter()
                .skip(1)
                .any(|argument| shows_password(program, argument))
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
            read_back: raw.read_back.as_ref().is_some_and(|read_back| *read_back.get_ref()),
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
        match (raw.tool.get_ref(), Program::of(*raw.tool.get_ref())) {
            (_, Some(program)) => Tool::Program(self.program(program, command, raw)),
            (RawTool::Restic, None) => Tool::Restic(repository()),
            (RawTool::Borg, None) => Tool::Borg(repository()),
            (_, None) => Tool::Command {
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

    fn destination_name(&mut self, raw: &RawJob) -> Option<String> {
        let given = raw.destination_name.as_ref()?;
        let name = given.get_ref().trim();
        if name.is_empty() || name.chars().count() > 80 || name.contains(char::is_control) {
            self.wrong(
                &given.span(),
                "a destination's name has 1 to 80 characters and no line breaks",
                "Write the name of the vendor, disk or rotation, such as \"Northern Vault\"",
            );
            return None;
        }
        Some(name.to_owned())
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
