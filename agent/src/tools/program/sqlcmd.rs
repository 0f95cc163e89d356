//! `sqlcmd` with `BACKUP DATABASE` or `BACKUP LOG`: Microsoft Learn, "sqlcmd utility" (option `-b`: end with 1 when a statement
//! failed), "BACKUP (Transact-SQL)", "RESTORE VERIFYONLY". Without `-b` it ends with 0 whatever happened, so the server's
//! sentence is looked for. Tested on output that users published.

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::written::{Format, Written};
use super::{Verdict, claim, failed_with};
use crate::exec::Ended;

/// SQL Server's page, in bytes.
const PAGE: u64 = 8192;

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let text = format!("{}\n{}", ended.stdout.text(), ended.stderr.text());
    let processed = Processed::read(&text);
    let mut verdict = if let Some(number) = error_number(&text) {
        Verdict::new(Outcome::Failed, Some(failure(number)))
    } else if ended.code != 0 {
        Verdict::new(Outcome::Failed, Some(&failed_with("SQL Server", ended.code)))
    } else if processed.is_none() && !options.arguments.iter().any(|argument| argument == "-b") {
        let sentence =
            "SQL Server did not say that a backup was made, and sqlcmd without -b does not tell whether it failed.";
        Verdict::new(Outcome::Failed, Some(sentence))
    } else {
        Verdict::new(Outcome::Ok, None)
    };
    let facts = &mut verdict.facts;
    if let Some(processed) = processed {
        facts.bytes_processed = processed.pages.checked_mul(PAGE);
        facts.full = Some(claim(processed.full, Knowledge::Measured, Basis::ToolResult));
    }
    if is_valid_text(&text) {
        facts.verified = Some(claim(true, Knowledge::Measured, Basis::DataCheck));
    }
    if let Some(query) = options.value(&["-Q", "-q"]) {
        let query = query.to_ascii_uppercase();
        let configured = |holds| Some(claim(holds, Knowledge::Configured, Basis::Options));
        if query.contains("COMPRESSION") {
            facts.compressed = configured(!query.contains("NO_COMPRESSION"));
        }
        facts.encrypted = configured(query.contains("ENCRYPTION"));
    }
    verdict
}

pub(super) fn look_closer(written: &Written, verdict: &mut Verdict) {
    if !matches!(
        written.format,
        Format::SqlServer | Format::SqlServerCompressed | Format::Unknown
    ) {
        verdict.worsen(Outcome::Warning, "What was written is not a backup file of SQL Server.");
    }
}

/// The same connection, asked to verify the file.
pub(super) fn check_command(options: &Options<'_>, made: &str) -> Option<Vec<String>> {
    let mut command = vec![options.program?.to_owned()];
    let mut arguments = options.arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // What it was to do, and where its output went.
            "-Q" | "-q" | "-i" | "-o" => {
                arguments.next();
            }
            other if ["-Q", "-q", "-i", "-o"].iter().any(|name| other.starts_with(name)) => {}
            _ => command.push(argument.clone()),
        }
    }
    if !command.iter().any(|argument| argument == "-b") {
        command.push("-b".to_owned());
    }
    command.push("-Q".to_owned());
    command.push(format!(
        "RESTORE VERIFYONLY FROM DISK = N'{}'",
        made.replace('\'', "''")
    ));
    Some(command)
}

/// With `-b` the exit code says it in every language.
pub(super) fn is_valid(ended: &Ended) -> bool {
    ended.code == 0 && error_number(&ended.stdout.text()).is_none()
}

fn is_valid_text(text: &str) -> bool {
    text.lines()
        .any(|line| line.starts_with("The backup set on file ") && line.trim_end().ends_with(" is valid."))
}

struct Processed {
    pages: u64,
    full: bool,
}

impl Processed {
    /// `BACKUP DATABASE successfully processed 585 pages in 0.037 seconds (123.350 MB/sec).` One command may back up several
    /// databases and their logs: it is full when a whole database is among them, and no part of one.
    fn read(text: &str) -> Option<Self> {
        let mut pages = 0_u64;
        let mut whole = 0;
        let mut partial = 0;
        let mut logs = 0;
        for line in text.lines() {
            let Some((what, rest)) = line.split_once(" successfully processed ") else {
                continue;
            };
            let Some(count) = rest.split(' ').next().and_then(|word| word.parse().ok()) else {
                continue;
            };
            match what {
                "BACKUP DATABASE" => whole += 1,
                "BACKUP LOG" => logs += 1,
                _ if what.starts_with("BACKUP DATABASE") => partial += 1,
                _ => continue,
            }
            pages = pages.saturating_add(count);
        }
        (whole + partial + logs > 0).then_some(Self {
            pages,
            full: whole > 0 && partial == 0,
        })
    }
}

/// `Msg 3201, Level 16, State 1, Server DB01, Line 1`: from level 11 on it is an error. The words are the server's language's.
fn error_number(text: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let parts: Vec<&str> = line.split(',').collect();
        let [message, level, state, .., place] = parts.as_slice() else {
            return None;
        };
        let number = word_and_number(message)?;
        let level = word_and_number(level)?;
        word_and_number(state)?;
        word_and_number(place)?;
        (11..=25).contains(&level).then_some(number)
    })
}

fn word_and_number(text: &str) -> Option<u32> {
    let (word, number) = text.trim().split_once(' ')?;
    let is_word = word.chars().all(|c| !c.is_ascii_digit());
    number.parse().ok().filter(|_| is_word)
}

fn failure(number: u32) -> &'static str {
    match number {
        18456 => "SQL Server refused the user or the password.",
        911 | 4060 => "There is no database of that name.",
        262 => "The database's user may not make backups.",
        3201 => "SQL Server could not open the backup file: the folder is missing, or the server may not write there.",
        3202 | 112 => "SQL Server could not write the backup file: the place may be full.",
        _ => "SQL Server could not make the backup.",
    }
}
