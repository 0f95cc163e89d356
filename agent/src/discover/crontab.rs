//! Crontabs as crontab(5) of Vixie cron and of cronie describe them.

use lastgood_protocol::Unclear;

/// A line that starts something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Five cron fields, or why there are none.
    pub(super) cron: Result<String, Unclear>,
    /// The zone that the file sets for it (`CRON_TZ`).
    pub(super) zone: Option<String>,
    /// What the shell is given.
    pub(super) command: String,
}

/// The lines of a crontab that start something. `has_user`: a user's name stands before the command, as in `/etc/crontab`.
pub(super) fn parse(text: &str, has_user: bool) -> Vec<Line> {
    let mut zone = None;
    let mut lines = Vec::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some((name, value)) = variable(line) {
            if name == "CRON_TZ" {
                zone = Some(value.to_owned()).filter(|zone| !zone.is_empty());
            }
            continue;
        }
        lines.extend(parse_line(line, has_user, zone.clone()));
    }
    lines
}

/// `NAME = value`, with or without quotes.
fn variable(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once('=')?;
    let name = name.trim();
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let value = value.trim().trim_matches(['"', '\'']);
    is_name.then_some((name, value))
}

fn parse_line(line: &str, has_user: bool, zone: Option<String>) -> Option<Line> {
    let (when, rest) = if line.starts_with('@') {
        word(line)?
    } else {
        words(line, 5)?
    };
    let command = if has_user { word(rest)?.1 } else { rest };
    let command = until_percent(command.trim());
    (!command.is_empty()).then(|| Line {
        cron: cron_of(when),
        zone,
        command,
    })
}

/// The first word, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start();
    text.split_once([' ', '\t'])
        .filter(|(_, rest)| !rest.trim().is_empty())
        .map(|(word, rest)| (word, rest.trim_start()))
}

/// The first `count` words as they stand, and what follows them.
fn words(text: &str, count: usize) -> Option<(&str, &str)> {
    let mut rest = text;
    for _ in 0..count {
        rest = word(rest)?.1;
    }
    let length = text.len().checked_sub(rest.len())?;
    text.get(..length).map(|words| (words.trim(), rest))
}

/// Up to the first `%` that has no backslash: the rest is what the command reads.
fn until_percent(command: &str) -> String {
    let mut kept = String::new();
    let mut characters = command.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' if characters.peek() == Some(&'%') => {
                kept.push('%');
                characters.next();
            }
            '%' => break,
            c => kept.push(c),
        }
    }
    kept.trim_end().to_owned()
}

/// The fields of a line in our own form.
fn cron_of(when: &str) -> Result<String, Unclear> {
    let nickname = match when.to_ascii_lowercase().as_str() {
        "@hourly" => Some("0 * * * *"),
        "@daily" | "@midnight" => Some("0 0 * * *"),
        "@weekly" => Some("0 0 * * 0"),
        "@monthly" => Some("0 0 1 * *"),
        "@yearly" | "@annually" => Some("0 0 1 1 *"),
        other if other.starts_with('@') => return Err(Unclear::NotByCalendar),
        _ => None,
    };
    if let Some(nickname) = nickname {
        return Ok(nickname.to_owned());
    }
    let fields: Vec<&str> = when.split_ascii_whitespace().collect();
    let plain = |field: &&str| {
        field
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"*,-/".contains(&byte))
    };
    let [_, _, day, _, weekday] = fields[..] else {
        return Err(Unclear::NotFiveFields);
    };
    // With a star at the beginning of either, cron asks for both; our fields ask for either.
    let stepped = |field: &str| field.starts_with('*') && field != "*";
    let mixed = (stepped(day) && weekday != "*") || (stepped(weekday) && day != "*");
    let last_or_nearest = |field: &str| field.chars().any(|c| matches!(c, 'L' | 'W'));
    if mixed || !fields.iter().all(plain) || last_or_nearest(day) {
        return Err(Unclear::NotFiveFields);
    }
    let joined = fields.join(" ");
    if joined.len() > 100 || croner_refuses(&joined) {
        return Err(Unclear::NotFiveFields);
    }
    Ok(joined)
}

fn croner_refuses(fields: &str) -> bool {
    use croner::parser::{CronParser, Seconds, Year};
    CronParser::builder()
        .seconds(Seconds::Disallowed)
        .year(Year::Disallowed)
        .build()
        .parse(fields)
        .is_err()
}

/// When cron starts the scripts of `/etc/cron.daily` and the like, by the machine's crontab.
pub(super) fn folder_times(lines: &[Line], folder: &str) -> Option<Result<String, Unclear>> {
    let starts_it = |line: &&Line| {
        line.command.contains("run-parts")
            && line
                .command
                .split(|c: char| c.is_ascii_whitespace() || matches!(c, ';' | ')' | '}' | '"' | '\''))
                .any(|word| word.strip_prefix("/etc/") == Some(folder))
    };
    lines.iter().find(starts_it).map(|line| line.cron.clone())
}
