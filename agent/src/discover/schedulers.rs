//! What schedulers start: cron, systemd's timers, Windows' Task Scheduler.

use jiff::civil::DateTime;
use lastgood_protocol::{FoundBy, ReportingWay, Unclear};

use super::command_line::{Dialect, Starts, in_script, rank, starts};
use super::material::{CrontabFile, Material};
use super::{Fate, Find, crontab, on_calendar, task, times, unit};

/// Timers and scripts of the system that copy a list of its own, such as dpkg's: housekeeping, no backup of a practice.
const HOUSEKEEPING: [&str; 2] = ["dpkg-db-backup", "dpkg"];

/// The text of a script on this machine, if there is one to read.
type Scripts<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything that a scheduler starts and that makes a backup.
pub(super) fn find(material: &Material, script: Scripts<'_>, today: DateTime) -> Vec<Find> {
    let mut finds = timers(material, script);
    for file in &material.crontabs {
        finds.extend(lines_of(file, script));
    }
    finds.extend(cron_scripts(material));
    for file in &material.tasks {
        finds.extend(scheduled_task(&file.name, &file.bytes, script, today));
    }
    finds.retain(|find| find.name.as_deref().is_none_or(|name| !HOUSEKEEPING.contains(&name)));
    finds
}

/// What was found in a command: the tools, or the job it is reported as.
struct Found {
    tools: Vec<&'static str>,
    is_indirect: bool,
    fate: Fate,
}

/// What commands start, with the scripts they start looked into.
fn understand(commands: &[String], dialect: Dialect, script: Scripts<'_>) -> Option<Found> {
    let mut tools = Vec::new();
    let mut agent = None;
    let mut is_indirect = false;
    let mut direct: Vec<Starts> = commands.iter().flat_map(|command| starts(command, dialect)).collect();
    let scripts: Vec<Starts> = direct
        .iter()
        .filter_map(|start| match start {
            Starts::Script(path) => Some((path, script(path)?)),
            Starts::Backup(_) | Starts::Agent(_) => None,
        })
        .flat_map(|(path, text)| in_script(&text, dialect_of(path, dialect)))
        .collect();
    is_indirect |= !scripts.is_empty();
    direct.extend(scripts);
    for start in direct {
        match start {
            Starts::Backup(tool) if !tools.contains(&tool) => tools.push(tool),
            Starts::Agent(key) => agent = Some(key),
            Starts::Backup(_) | Starts::Script(_) => {}
        }
    }
    tools.sort_by_key(|tool| rank(tool));
    let fate = match agent {
        Some(key) => Fate::Reported(key),
        None => Fate::Proposed(ReportingWay::Wrapped),
    };
    let is_anything = !tools.is_empty() || matches!(fate, Fate::Reported(_));
    is_anything.then_some(Found {
        is_indirect: is_indirect || tools.len() > 1,
        tools,
        fate,
    })
}

fn dialect_of(script: &str, around: Dialect) -> Dialect {
    let lower = script.to_ascii_lowercase();
    if [".bat", ".cmd", ".ps1"].iter().any(|end| lower.ends_with(end)) {
        Dialect::Windows
    } else {
        around
    }
}

impl Found {
    fn find(self, by: FoundBy, name: Option<String>) -> Find {
        // A wrapped command that the agent starts may hide its tool behind the job's own settings.
        let tool = self.tools.first().copied().unwrap_or("command");
        // Windows Server Backup tells the event log more than its command's exit code says.
        let fate = if tool == "windows-server-backup" && self.fate == Fate::Proposed(ReportingWay::Wrapped) {
            Fate::Proposed(ReportingWay::EventLog)
        } else {
            self.fate
        };
        Find {
            name,
            tools: self.tools,
            is_indirect: self.is_indirect,
            ..Find::new(by, tool, fate)
        }
    }
}

fn lines_of(file: &CrontabFile, script: Scripts<'_>) -> Vec<Find> {
    let by = if file.is_users {
        FoundBy::UserCrontab
    } else {
        FoundBy::Crontab
    };
    crontab::parse(&file.text, !file.is_users)
        .into_iter()
        .filter_map(|line| {
            let found = understand(&[line.command], Dialect::Shell, script)?;
            Some(Find {
                cron: line.cron,
                zone: line.zone,
                ..found.find(by, file.name.clone())
            })
        })
        .collect()
}

fn cron_scripts(material: &Material) -> Vec<Find> {
    let lines: Vec<crontab::Line> = material
        .crontabs
        .iter()
        .filter(|file| !file.is_users)
        .flat_map(|file| crontab::parse(&file.text, true))
        .collect();
    let when = |folder: &'static str| {
        // anacron leaves the hourly ones to cron.
        if material.has_anacron && folder != "cron.hourly" {
            return Err(Unclear::Anacron);
        }
        crontab::folder_times(&lines, folder).unwrap_or(Err(Unclear::NotByCalendar))
    };
    let found = |script: &super::material::CronScript| {
        let starts = in_script(&script.text, Dialect::Shell);
        let commands: Vec<&'static str> = starts
            .iter()
            .filter_map(|start| match start {
                Starts::Backup(tool) => Some(*tool),
                Starts::Agent(_) | Starts::Script(_) => None,
            })
            .collect();
        let agent = starts.iter().find_map(|start| match start {
            Starts::Agent(key) => Some(Fate::Reported(key.clone())),
            Starts::Backup(_) | Starts::Script(_) => None,
        });
        if commands.is_empty() && agent.is_none() {
            return None;
        }
        let mut tools = commands;
        tools.sort_by_key(|tool| rank(tool));
        let found = Found {
            tools,
            is_indirect: true,
            fate: agent.unwrap_or(Fate::Proposed(ReportingWay::Wrapped)),
        };
        Some(Find {
            cron: when(script.folder),
            ..found.find(FoundBy::CronFolder, Some(script.name.clone()))
        })
    };
    material.cron_scripts.iter().filter_map(found).collect()
}

/// The unit of this name, or the template it is an instance of.
fn unit_text<'a>(material: &'a Material, name: &str) -> Option<&'a str> {
    if let Some(text) = material.units.get(name) {
        return Some(text);
    }
    let (stem, kind) = name.rsplit_once('.')?;
    let (template, _) = stem.split_once('@')?;
    material.units.get(&format!("{template}@.{kind}")).map(String::as_str)
}

fn timers(material: &Material, script: Scripts<'_>) -> Vec<Find> {
    let templates = |name: &&String| !name.contains("@.");
    let known = material
        .units
        .keys()
        .filter(|name| name.strip_suffix(".timer").is_some());
    let mut names: Vec<&String> = known.filter(templates).collect();
    names.extend(
        material
            .enabled_timers
            .iter()
            .filter(|name| !material.units.contains_key(*name)),
    );
    let mut finds = Vec::new();
    for name in names {
        let Some(text) = unit_text(material, name) else {
            continue;
        };
        let stem = name.strip_suffix(".timer").unwrap_or(name);
        let started = unit::values(text, "Timer", "Unit").pop();
        let service = started.unwrap_or_else(|| format!("{stem}.service"));
        let Some(service_text) = unit_text(material, &service) else {
            continue;
        };
        let commands: Vec<String> = unit::values(service_text, "Service", "ExecStart")
            .into_iter()
            .map(|command| command.trim_start_matches(['-', '@', '!', '+', ':', '|']).to_owned())
            .collect();
        let Some(found) = understand(&commands, Dialect::Shell, script) else {
            continue;
        };
        let mut find = found.find(FoundBy::SystemdTimer, Some(stem.to_owned()));
        (find.cron, find.zone) = timer_times(text);
        find.later = unit::values(text, "Timer", "RandomizedDelaySec")
            .pop()
            .and_then(|span| unit::seconds(&span))
            .filter(|seconds| *seconds > 0);
        if !material.enabled_timers.contains(name) {
            find.fate = Fate::Disabled;
        }
        finds.push(find);
    }
    finds
}

fn timer_times(text: &str) -> (Result<String, Unclear>, Option<String>) {
    let events = unit::values(text, "Timer", "OnCalendar");
    if events.is_empty() {
        return (Err(Unclear::NotByCalendar), None);
    }
    let parsed: Result<Vec<_>, Unclear> = events.iter().map(|event| on_calendar::parse(event)).collect();
    let parsed = match parsed {
        Ok(parsed) => parsed,
        Err(unclear) => return (Err(unclear), None),
    };
    let zone = parsed.first().and_then(|(_, zone)| zone.clone());
    if parsed.iter().any(|(_, other)| *other != zone) {
        return (Err(Unclear::NotFiveFields), None);
    }
    let times: Vec<times::Times> = parsed.into_iter().map(|(times, _)| times).collect();
    (times::cron_of_all(&times), zone)
}

fn scheduled_task(name: &str, bytes: &[u8], script: Scripts<'_>, today: DateTime) -> Option<Find> {
    let task = task::parse(bytes, today)?;
    let found = understand(&task.commands, Dialect::Windows, script)?;
    let mut find = found.find(FoundBy::ScheduledTask, Some(name.to_owned()));
    find.cron = task.cron;
    find.zone = task.zone;
    find.later = task.later;
    if !task.enabled {
        find.fate = Fate::Disabled;
    }
    Some(find)
}
