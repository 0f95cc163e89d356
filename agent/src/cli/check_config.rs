//! `lastgood-agent check-config`

use std::process::ExitCode;

use serde_json::json;

use super::Common;
use super::output::Printer;
use crate::clock;
use crate::config::{Config, ConfigProblem, ConfigProblems, JobConfig, Overrides, SecretSource};
use crate::secrets::Secrets;

pub(super) const EXAMPLE: &str = r#"A whole example of /etc/lastgood/agent.toml:

  # Only root may write this file and its folder.
  heartbeat = "1m"              # how often the agent says that it is alive
  zone = "America/New_York"     # for the schedules; this machine's own zone if left out
  day_begins = "12:00"          # when a backup day begins, as at the office on the server: one night is one day

  [[job]]
  key = "nightly"               # as on the job's page on the server
  tool = "restic"               # or "borg", or one of those below, or "command"
  schedule = "0 22 * * *"       # minute hour day month weekday; leave out for `exec`
  timeout = "4h"                # then the backup and everything it started is ended
  attempts = 2                  # a failed run is repeated ...
  retry_delay = "10m"           # ... after this time
  repository = "/mnt/backup/restic"
  paths = ["/srv/practice"]
  exclude = ["*.tmp"]
  password_file = "/etc/lastgood/restic.password"
  report_output = 20            # of a run that warned or failed the last lines of the tool's output go with the report, redacted here:
                                # no path, no file name, no password, only words of a list; leave it out and nothing goes
  check = true                  # `restic check` afterwards; check_subset = "5%" reads data back, too
  medium = "/mnt/backup"        # the job writes to the medium mounted here ...
  require_medium = "rotated"    # ... which must be of another set than on the last backup day; or "registered", or by
                                # weekday: { monday = "Monday", friday = "Archive" }, each a label or a set

  # Started with a whole command and understood, too: "rclone", "robocopy", "tar", "7-zip", "pg_dump", "mariadb-dump",
  # "sqlite3", "sqlcmd", "dbbackup", "duplicati", "windows-server-backup". With writes = "/path" what they write is looked
  # at, with check = true it is checked (not robocopy, dbbackup, duplicati, windows-server-backup).

  [[job]]
  key = "database"
  tool = "command"
  schedule = "30 21 * * 1-5"
  command = ["/usr/local/bin/dump-database"]
  ok = [0]                      # what the exit codes mean; all others are failures
  warning = [1]
  destination = "disk"          # "medium", "vendor" or "disk"
  destination_name = "NAS in the cellar"
  [job.environment]
  DB_USER = "backup"
  DB_PASSWORD_FILE = "/etc/lastgood/db.password"   # the command gets its content as DB_PASSWORD
  DB_KEY = "secret:database-key"                   # kept with `lastgood-agent secret set database-key`
  [job.claims]                  # what you know and the agent cannot see
  encrypted = true

  [[job]]
  key = "image"
  tool = "windows-server-backup"
  [job.watch]                   # starts nothing: reports what other software leaves
  kind = "event-log"            # or "log-file", "status-file", "duplicati"
  product = "windows-server-backup"

  # Before and after a run of restic or borg: [job.copy] copies a running database, [job.compare] restores a sample, and
  # must_contain = ["/folder"] names what must be in the backup (this and the copy also with GNU tar and 7-Zip). README.md shows each.

Every setting of the daemon is also a flag and a LASTGOOD_AGENT_* variable: lastgood-agent run --help"#;

pub(super) fn run(common: &Common, printer: Printer) -> ExitCode {
    match common.config(&Overrides::default()) {
        Ok(mut config) => {
            let missing = missing_secrets(&config, &Secrets::in_folder(&common.state()));
            config.warnings.extend(missing);
            let jobs: Vec<_> = config.jobs.iter().map(describe).collect();
            let value = json!({ "file": config.file, "jobs": jobs, "warnings": config.warnings, "problems": [] });
            printer.result(text(&config), &value);
            ExitCode::SUCCESS
        }
        Err(ConfigProblems(problems)) => {
            let text = ConfigProblems(problems.clone());
            printer.result(text, &json!({ "problems": problems }));
            ExitCode::FAILURE
        }
    }
}

/// A warning for each secret that a job names and nobody has kept.
fn missing_secrets(config: &Config, secrets: &Secrets) -> Vec<ConfigProblem> {
    let mut missing = Vec::new();
    for job in &config.jobs {
        for variable in &job.secrets {
            let SecretSource::Kept(name) = &variable.source else {
                continue;
            };
            if !matches!(secrets.read(name), Ok(Some(_))) {
                missing.push(ConfigProblem {
                    file: config.file.clone().unwrap_or_default(),
                    line: None,
                    message: format!(
                        "job '{}' needs the secret '{name}', and none of that name can be read",
                        job.key
                    ),
                    remedy: format!("Keep it: lastgood-agent secret set {name}"),
                });
            }
        }
    }
    missing
}

fn text(config: &Config) -> String {
    let mut lines = vec![match &config.file {
        Some(file) => format!("{}: good, {} jobs.", file.display(), config.jobs.len()),
        None => "There is no configuration file, so there are no jobs. `lastgood-agent check-config --help` shows one."
            .to_owned(),
    }];
    for job in &config.jobs {
        let when = match next(job) {
            Some(next) => format!("next {next}"),
            None if job.watch.is_some() => "watched".to_owned(),
            None => "started through `lastgood-agent exec`".to_owned(),
        };
        let output = match job.report_output {
            Some(lines) => format!(", reports {lines} redacted lines of output when it does not end well"),
            None => String::new(),
        };
        lines.push(format!("  {}  {}, {when}{output}", job.key, job.tool_name()));
    }
    for warning in &config.warnings {
        lines.push(format!("Look at this: {warning}"));
    }
    lines.join("\n")
}

fn describe(job: &JobConfig) -> serde_json::Value {
    json!({
        "key": job.key,
        "tool": job.tool_name(),
        "schedule": job.schedule.as_ref().map(crate::engine::schedule::Schedule::expression),
        "zone": job.schedule.as_ref().and_then(|schedule| schedule.zone().iana_name()),
        "report_output": job.report_output,
        "next": job.schedule.as_ref().and_then(|schedule| schedule.next_after(clock::wall())),
    })
}

/// The next time a job is due, in its own zone.
pub(super) fn next(job: &JobConfig) -> Option<String> {
    let schedule = job.schedule.as_ref()?;
    let next = schedule.next_after(clock::wall())?.to_zoned(schedule.zone().clone());
    Some(next.strftime("%a %d %b %Y %H:%M %Z").to_string())
}
