//! tar. Exit codes: GNU tar's manual, "Possible exit codes": 0, 1 some files changed while they were read, 2 fatal.
//! Counts: `--totals`. Tested with the real GNU tar 1.34; bsdtar, which Windows has, ends with 0 or 1 only.

use std::path::Path;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::{Verdict, as_argument, claim, failed_with};
use crate::exec::Ended;
use crate::tools::Entry;

const COMPRESSING: [&str; 12] = [
    "--gzip",
    "--gunzip",
    "--ungzip",
    "--bzip2",
    "--xz",
    "--lzma",
    "--lzip",
    "--lzop",
    "--zstd",
    "--compress",
    "--uncompress",
    "--use-compress-program",
];

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let mut verdict = match ended.code {
        0 => Verdict::new(Outcome::Ok, None),
        1 => Verdict::new(
            Outcome::Warning,
            Some("An archive was made, but some files changed while they were read."),
        ),
        2 => Verdict::new(Outcome::Failed, Some("tar could not read or write everything.")),
        code => Verdict::new(Outcome::Failed, Some(&failed_with("tar", code))),
    };
    let facts = &mut verdict.facts;
    facts.bytes_processed = totals(&ended.stderr.text());
    if !options.are_known() {
        return verdict;
    }
    let configured = |holds| Some(claim(holds, Knowledge::Configured, Basis::Options));
    facts.compressed = configured(is_compressing(options));
    facts.encrypted = configured(false);
    let incremental = options.has(&["--listed-incremental", "-g"]);
    facts.full = if options.has(&["--newer", "--newer-mtime", "--after-date", "-N"]) {
        configured(false)
    } else if incremental && options.value(&["--level"]) != Some("0") {
        // Whether it was the first of its row only the snapshot file tells.
        None
    } else {
        configured(true)
    };
    if ended.code == 0 && (options.has(&["--verify"]) || letters(options).contains('W')) {
        let compared = Some(claim(true, Knowledge::Measured, Basis::ToolResult));
        facts.verified = compared;
        facts.compared = compared;
    }
    verdict
}

/// Letters after which a value follows, at once or as the next argument.
const WITH_VALUE: [char; 10] = ['f', 'C', 'T', 'X', 'g', 'N', 'b', 'V', 'I', 'K'];

/// The single letters of all options: `czf`, `-czf`, `-c -z -f`.
fn letters(options: &Options<'_>) -> String {
    bundles(options).map(|(letters, _)| letters).collect()
}

/// Each group of letters, up to the first that takes a value, and what follows that letter.
fn bundles<'a>(options: &Options<'a>) -> impl Iterator<Item = (&'a str, Option<&'a str>)> {
    let arguments = options.arguments;
    arguments.iter().enumerate().filter_map(move |(index, argument)| {
        // The first group may stand without its dash.
        let group = match argument.strip_prefix('-') {
            Some(group) => group,
            None if index == 0 => argument,
            None => return None,
        };
        if group.starts_with('-') {
            return None;
        }
        let Some(at) = group.find(WITH_VALUE) else {
            return Some((group, None));
        };
        let (letters, value) = group.split_at(at + 1);
        let next = arguments.get(index + 1).map(String::as_str);
        Some((letters, if value.is_empty() { next } else { Some(value) }))
    })
}

fn is_compressing(options: &Options<'_>) -> bool {
    let letters = letters(options);
    let by_name = options.has(&["--auto-compress"]) || letters.contains('a');
    let name = target(options).unwrap_or_default();
    let packed = [
        ".gz", ".tgz", ".bz2", ".xz", ".txz", ".zst", ".lz", ".lzma", ".lzo", ".Z",
    ];
    options.has(&COMPRESSING)
        || letters.contains(['z', 'j', 'J', 'Z', 'I'])
        || (by_name && packed.iter().any(|end| name.ends_with(end)))
}

/// The archive; one on another machine (`host:file`) or a tape is not looked at.
pub(super) fn target<'a>(options: &Options<'a>) -> Option<&'a str> {
    let named = options.value(&["--file"]).or_else(|| {
        bundles(options)
            .find(|(letters, _)| letters.ends_with('f'))
            .and_then(|(_, value)| value)
    })?;
    (named != "-" && !named.contains(':') && !named.starts_with("/dev/")).then_some(named)
}

/// Reading the archive from beginning to end, which unpacks what is packed.
pub(super) fn check_command(options: &Options<'_>, made: &str) -> Option<Vec<String>> {
    let program = options.program?.to_owned();
    let arguments = ["--list", "--file"].map(str::to_owned);
    Some(
        std::iter::once(program)
            .chain(arguments)
            .chain([as_argument(made)])
            .collect(),
    )
}

/// Whether the names in the archive can be told apart from those of other folders: there is one folder to start from, by its full
/// path, or none, and then the names are taken to be full paths. Windows has bsdtar, which lists in another form.
pub(super) fn can_be_listed(options: &Options<'_>) -> bool {
    let folders = start_folders(options);
    let is_plain = match folders.as_slice() {
        [] => true,
        [folder] => Path::new(folder).is_absolute(),
        _ => false,
    };
    is_plain && options.are_known() && !cfg!(windows)
}

/// Listing the archive, a line each, times in the zone of `TZ`.
pub(super) fn list_command(options: &Options<'_>, made: &str) -> Option<Vec<String>> {
    if !can_be_listed(options) {
        return None;
    }
    let mut command = vec![options.program?.to_owned()];
    let how = [
        "--list",
        "--verbose",
        "--full-time",
        "--numeric-owner",
        "--quoting-style=escape",
        "--file",
    ];
    command.extend(how.map(str::to_owned));
    command.push(as_argument(made));
    Some(command)
}

/// `-rw-r--r-- 0/0  1234 2026-11-22 10:00:00.5 srv/practice/a.txt`
pub(super) fn read_entry(options: &Options<'_>, line: &str) -> Option<Entry> {
    let mut rest = line;
    let mut word = || {
        let (word, after) = rest.trim_start_matches(' ').split_once(' ')?;
        rest = after;
        Some(word)
    };
    let (rights, _owner, size) = (word()?, word()?, word()?);
    let time = format!("{} {}", word()?, word()?);
    let name = match rights.chars().next()? {
        'l' => rest.split(" -> ").next()?,
        'h' => rest.split(" link to ").next()?,
        _ => rest,
    };
    let name = unescape(name);
    let path = match start_folders(options).first() {
        Some(folder) if !name.starts_with('/') => format!("{folder}/{name}"),
        _ => name,
    };
    let modified = time.parse::<DateTime>().ok();
    Some(Entry {
        path,
        is_file: rights.starts_with(['-', 'h']),
        // A device has two numbers there.
        size: size.parse().unwrap_or(0),
        modified: modified.and_then(|time| TimeZone::UTC.to_timestamp(time).ok()),
    })
}

/// The folders that the names are relative to.
fn start_folders<'a>(options: &Options<'a>) -> Vec<&'a str> {
    let by_letter = bundles(options).filter(|(letters, _)| letters.ends_with('C'));
    let arguments = options.arguments;
    let by_name = arguments.iter().enumerate().filter_map(move |(index, argument)| {
        let value = argument.strip_prefix("--directory")?;
        match value.strip_prefix('=') {
            Some(value) => Some(value),
            None if value.is_empty() => arguments.get(index + 1).map(String::as_str),
            None => None,
        }
    });
    by_letter.filter_map(|(_, folder)| folder).chain(by_name).collect()
}

/// GNU tar's quoting style `escape`: C's, with three octal digits for what is no text.
fn unescape(name: &str) -> String {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let octal = rest.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        if let Some(byte) = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            bytes.push(byte);
            rest = rest.get(3..).unwrap_or_default();
        } else if let Some((&letter, after)) = rest.split_first() {
            rest = after;
            bytes.push(match letter {
                b'a' => 0x07,
                b'b' => 0x08,
                b'f' => 0x0c,
                b'n' => b'\n',
                b'r' => b'\r',
                b't' => b'\t',
                b'v' => 0x0b,
                other => other,
            });
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `Total bytes written: 163840 (160KiB, 12MiB/s)`
fn totals(stderr: &str) -> Option<u64> {
    let line = stderr
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("Total bytes written: "))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}
