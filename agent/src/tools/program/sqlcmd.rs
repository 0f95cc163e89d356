//! `sqlcmd` with `BACKUP DATABASE` or `BACKUP LOG`: Microsoft Learn, "sqlcmd utility" (option `-b`: end with 1 when a statement
//! failed), "BACKUP (Transact-SQL)", "RESTORE VERIFYONLY". Without `-b` it ends with 0 whatever happened, so the server's
//! sentence is looked for. Tested on captured samples only.

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
    /// `BACKUP DATABASE successfully processed 585 pages in 0.037 seconds (123.350 MB/sec).`
    fn read(text: &str) -> Option<Self> {
        text.lines().rev().find_map(|line| {
            let (what, rest) = line.split_once(" successfully processed ")?;
            let pages = rest.split(' ').next()?.parse().ok()?;
            let full = match what {
                "BACKUP DATABASE" => true,
                "BACKUP DATABASE WITH DIFFERENTIAL" | "BACKUP LOG" | "BACKUP DATABASE...FILE=<name>" => false,
                _ => return None,
            };
            Some(Self { pages, full })
        })
    }
}

/// `Msg 3201, Level 16, State 1, …`: from level 11 on it is an error.
fn error_number(text: &str) -> Option<u32> {
    text.lines().find_map(|line| {
        let rest = line.strip_prefix("Msg ")?;
        let (number, rest) = rest.split_once(", Level ")?;
        let level: u32 = rest.split(',').next()?.trim().parse().ok()?;
        (level >= 11).then(|| number.parse().ok())?
    })
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
