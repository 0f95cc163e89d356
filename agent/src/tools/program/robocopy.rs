//! robocopy. Its exit code is a bit mask: Microsoft Learn, "robocopy", section "Exit (return) codes": 1 files were copied,
//! 2 extra files are at the destination, 4 mismatched files, 8 some files could not be copied, 16 fatal. Counts: the table
//! at the end of its log, which stands at the same places in every language. Tested on summaries that users published (English, German, French, Spanish,
//! Japanese).

use lastgood_protocol::{Basis, Knowledge, Outcome};

use super::options::Options;
use super::{Verdict, claim};
use crate::exec::Ended;

const MISMATCHED: i64 = 4;
const SOME_FAILED: i64 = 8;
const FATAL: i64 = 16;
const KNOWN_BITS: i64 = 0b1_1111;

pub(super) fn read(options: &Options<'_>, ended: &Ended) -> Verdict {
    let code = ended.code;
    let mut verdict = if !(0..=KNOWN_BITS).contains(&code) {
        let sentence = format!("robocopy broke down (exit code {code}).");
        Verdict::new(Outcome::Failed, Some(&sentence))
    } else if code & FATAL != 0 {
        let sentence =
            "robocopy copied nothing: its options are wrong, or it may not read or write one of the folders.";
        Verdict::new(Outcome::Failed, Some(sentence))
    } else if code & SOME_FAILED != 0 {
        Verdict::new(Outcome::Failed, Some("robocopy could not copy some files or folders."))
    } else if code & MISMATCHED != 0 {
        let sentence = "robocopy copied, but found files where folders should be, or the other way round.";
        Verdict::new(Outcome::Warning, Some(sentence))
    } else {
        Verdict::new(Outcome::Ok, None)
    };
    if has(options, "/L") {
        verdict.worsen(Outcome::Failed, "It was a dry run, which makes no backup.");
        return verdict;
    }
    if let Some(table) = Table::read(&ended.stdout.text()) {
        let facts = &mut verdict.facts;
        facts.files_total = Some(table.files.total);
        facts.files_changed = Some(table.files.copied);
        facts.errors = table.files.failed.checked_add(table.folders.failed);
        facts.bytes_processed = Some(table.bytes.total);
        facts.bytes_added = Some(table.bytes.copied);
    }
    if options.are_known() {
        // Only files with the archive attribute are copied: that is an incremental copy.
        let incremental = has(options, "/M") || has(options, "/A");
        verdict.facts.full = Some(claim(!incremental, Knowledge::Configured, Basis::Options));
        if has(options, "/EFSRAW") {
            verdict.facts.encrypted = None;
        } else {
            verdict.facts.encrypted = Some(claim(false, Knowledge::Configured, Basis::ToolNature));
        }
    }
    verdict
}

fn has(options: &Options<'_>, name: &str) -> bool {
    options
        .arguments
        .iter()
        .any(|argument| argument.eq_ignore_ascii_case(name))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    total: u64,
    copied: u64,
    failed: u64,
}

#[derive(Debug, PartialEq, Eq)]
struct Table {
    folders: Row,
    files: Row,
    bytes: Row,
}

impl Table {
    /// The last three rows of six numbers each: folders, files, bytes.
    fn read(text: &str) -> Option<Self> {
        let rows: Vec<Row> = text.lines().filter_map(row).collect();
        let [.., folders, files, bytes] = rows.as_slice() else {
            return None;
        };
        Some(Self {
            folders: *folders,
            files: *files,
            bytes: *bytes,
        })
    }
}

/// A longer word is no name of a row. Counted in characters: what an East Asian console prints is no UTF-8, so each of its bytes
/// may have become a character of three.
const LONGEST_NAME: usize = 24;

/// `Files :   960   13   947   0   0   1`, or with sizes: `Bytes :  19.8 m  190.0 k  19.6 m  0  0  12.5 k`.
fn row(line: &str) -> Option<Row> {
    let (name, numbers) = line.split_once(':')?;
    if name.trim().is_empty() || name.trim().chars().count() > LONGEST_NAME {
        return None;
    }
    let mut values = Vec::new();
    let mut words = numbers.split_whitespace().peekable();
    while let Some(word) = words.next() {
        let unit = words.next_if(|next| matches!(*next, "k" | "m" | "g" | "t"));
        values.push(number(word, unit)?);
    }
    let [total, copied, _skipped, _mismatched, failed, _extra] = values.as_slice() else {
        return None;
    };
    Some(Row {
        total: *total,
        copied: *copied,
        failed: *failed,
    })
}

/// A number as robocopy prints it: whole, or with up to three decimals (a point or a comma) and a unit of 1024.
fn number(word: &str, unit: Option<&str>) -> Option<u64> {
    let Some(unit) = unit else {
        return word.parse().ok();
    };
    let (whole, part) = word.split_once(['.', ',']).unwrap_or((word, "0"));
    if part.len() > 3 {
        return None;
    }
    let scale = 10_u64.pow(u32::try_from(part.len()).ok()?);
    let shift = match unit {
        "k" => 10,
        "m" => 20,
        "g" => 30,
        _ => 40,
    };
    let thousandths = whole
        .parse::<u64>()
        .ok()?
        .checked_mul(scale)?
        .checked_add(part.parse().ok()?)?;
    thousandths.checked_mul(1_u64 << shift)?.checked_div(scale)
}
