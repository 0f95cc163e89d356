//! Log files by keywords. Each line is looked at once: words for a failure first, then for success, then for a start; case counts.
//! A file that was rotated away is read to its end before the new one; one that is written anew is known by its first bytes, so a
//! program that writes the same file in the same length each time, without so much as a date, cannot be watched like this.
//! Nothing of a line is kept or reported.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use lastgood_protocol::Outcome;
use ring::digest;

use super::memory::{LogPlace, Memory};
use super::preview::{Entry, Preview};
use super::{Sighting, What};

/// How many bytes at a file's beginning it is known again by.
const FINGERPRINT: u64 = 256;

/// How much is read at one look; the rest at the next.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// A log file and its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogFile {
    /// The file.
    pub(crate) file: PathBuf,
    /// Words of a failure.
    pub(crate) fail: Vec<String>,
    /// Words of success.
    pub(crate) success: Vec<String>,
    /// Words of a start.
    pub(crate) start: Vec<String>,
    /// How its bytes are to be read.
    pub(crate) encoding: Encoding,
}

/// How a file's bytes are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// By its first bytes: UTF-16 with a mark, else UTF-8.
    Told,
    /// UTF-16, low byte first, as many Windows programs write it.
    Utf16Le,
    /// Windows' western code page, one byte a letter.
    Windows1252,
}

/// Reads what was added since the last look. At the first look only where the file ends is noted.
pub(super) fn look(log: &LogFile, memory: &mut Memory, now: Timestamp) -> io::Result<Vec<Sighting>> {
    let mut file = match File::open(&log.file) {
        Ok(file) => file,
        // Between two rotations, or before the first backup.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            memory.log.get_or_insert(LogPlace {
                offset: 0,
                fingerprinted: 0,
                fingerprint: String::new(),
            });
            return Ok(Vec::new());
        }
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let Some(place) = memory.log.clone() else {
        memory.log = Some(place_at(&mut file, length)?);
        return Ok(Vec::new());
    };
    let mut lines = Vec::new();
    let is_same =
        length >= place.offset && fingerprint(&mut file, place.fingerprinted)? == Some(place.fingerprint.clone());
    let from = if is_same {
        place.offset
    } else {
        if let Some(mut rotated) = find_rotated(&log.file, &place) {
            read_lines(&mut rotated, place.offset, log.encoding, true, &mut lines)?;
        }
        0
    };
    let offset = read_lines(&mut file, from, log.encoding, false, &mut lines)?;
    memory.log = Some(place_at(&mut file, offset)?);
    Ok(judge(log, &lines, &place, now, memory.open.is_some()))
}

fn place_at(file: &mut File, offset: u64) -> io::Result<LogPlace> {
    let fingerprinted = offset.min(FINGERPRINT);
    Ok(LogPlace {
        offset,
        fingerprinted,
        fingerprint: fingerprint(file, fingerprinted)?.unwrap_or_default(),
    })
}

/// A digest of the first bytes; `None` when there are not as many.
fn fingerprint(file: &mut File, length: u64) -> io::Result<Option<String>> {
    if length == 0 {
        return Ok(Some(String::new()));
    }
    file.seek(SeekFrom::Start(0))?;
    let mut head = Vec::new();
    file.by_ref().take(length).read_to_end(&mut head)?;
    if u64::try_from(head.len()).ok() != Some(length) {
        return Ok(None);
    }
    let digest = digest::digest(&digest::SHA256, &head);
    Ok(Some(BASE64.encode(digest)))
}

/// The file that was read so far under its new name: beside it, its name beginning alike (`x.log.1`, `x-2026.log`).
fn find_rotated(path: &Path, place: &LogPlace) -> Option<File> {
    let stem = path.file_stem()?.to_string_lossy().into_owned();
    let mut siblings: Vec<PathBuf> = fs::read_dir(path.parent()?)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|sibling| {
            sibling != path
                && sibling
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().starts_with(&stem))
        })
        .collect();
    siblings.sort_unstable();
    siblings.into_iter().take(1_000).find_map(|sibling| {
        let mut file = File::open(sibling).ok()?;
        let is_long_enough = file.metadata().ok()?.len() >= place.offset;
        let is_it = place.fingerprinted > 0
            && is_long_enough
            && fingerprint(&mut file, place.fingerprinted).ok()? == Some(place.fingerprint.clone());
        is_it.then_some(file)
    })
}

/// Reads whole lines from `from`; answers where the last whole one ended. `to_end` takes a last line without an end as well.
fn read_lines(
    file: &mut File,
    from: u64,
    encoding: Encoding,
    to_end: bool,
    lines: &mut Vec<String>,
) -> io::Result<u64> {
    let mut mark = [0; 2];
    file.seek(SeekFrom::Start(0))?;
    let marked = file.read(&mut mark)? == 2;
    let wide = match encoding {
        Encoding::Utf16Le => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        Encoding::Told if marked && mark == [0xff, 0xfe] => Some(u16::from_le_bytes as fn([u8; 2]) -> u16),
        Encoding::Told if marked && mark == [0xfe, 0xff] => Some(u16::from_be_bytes as fn([u8; 2]) -> u16),
        Encoding::Told | Encoding::Windows1252 => None,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.by_ref().take(MOST_BYTES).read_to_end(&mut bytes)?;
    let is_all = u64::try_from(bytes.len()).is_ok_and(|length| length < MOST_BYTES);
    let whole = if to_end {
        bytes.len()
    } else {
        match end_of_last_line(&bytes, wide) {
            Some(end) => end,
            // A line that never ends is skipped.
            None if !is_all => bytes.len(),
            None => 0,
        }
    };
    let text = decode(bytes.get(..whole).unwrap_or_default(), encoding, wide);
    lines.extend(text.lines().map(|line| line.trim_start_matches('\u{feff}').to_owned()));
    Ok(from + u64::try_from(whole).unwrap_or(0))
}

type Wide = fn([u8; 2]) -> u16;

fn end_of_last_line(bytes: &[u8], wide: Option<Wide>) -> Option<usize> {
    match wide {
        None => bytes.iter().rposition(|&byte| byte == b'\n').map(|at| at + 1),
        Some(read) => {
            let (pairs, _) = bytes.as_chunks::<2>();
            let at = pairs.iter().rposition(|pair| read(*pair) == u16::from(b'\n'))?;
            Some((at + 1) * 2)
        }
    }
}

fn decode(bytes: &[u8], encoding: Encoding, wide: Option<Wide>) -> String {
    if let Some(read) = wide {
        let (pairs, _) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| read(*pair));
        return char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
    }
    match encoding {
        Encoding::Windows1252 => bytes.iter().map(|&byte| western(byte)).collect(),
        Encoding::Told | Encoding::Utf16Le => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn western(byte: u8) -> char {
    const FROM_80: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}', '\u{90}', '‘',
        '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => FROM_80.get(usize::from(byte - 0x80)).copied().unwrap_or('?'),
        _ => char::from(byte),
    }
}

/// What the file's lines say up to now, as if it had been watched from its beginning, or from its last four megabytes.
pub(super) fn preview(log: &LogFile, most: usize) -> io::Result<Preview> {
    let mut file = File::open(&log.file)?;
    let skipped = file.metadata()?.len().saturating_sub(MOST_BYTES - 1);
    // A letter of UTF-16 has two bytes.
    let from = skipped.next_multiple_of(2);
    let mut lines = Vec::new();
    read_lines(&mut file, from, log.encoding, true, &mut lines)?;
    let counted = ends(log, &lines, false);
    let note = counted.is_empty().then(|| {
        format!(
            "None of the {} lines that were looked at has one of the words",
            lines.len()
        )
    });
    let entries = counted.into_iter().rev().take(most).map(|(number, what)| Entry {
        at: None,
        left: lines.get(number).cloned().unwrap_or_default(),
        counts: Some(what),
    });
    Ok(Preview {
        entries: entries.collect(),
        note,
    })
}

/// What the lines say, as runs. `from` is where they were read from.
fn judge(log: &LogFile, lines: &[String], from: &LogPlace, now: Timestamp, is_open: bool) -> Vec<Sighting> {
    let sighting = |(number, what)| Sighting {
        // The line's place: lines that are read again after a crash are the same runs.
        identity: format!("log {} {} {number}", from.fingerprint, from.offset),
        at: now,
        version: None,
        what,
    };
    ends(log, lines, is_open).into_iter().map(sighting).collect()
}

/// The lines that say something, each with its place among them. The first word that matches wins: fail, success, start. After a run's
/// end only a start begins another, where there are words for one; so a failure that is told in many lines is one failure.
fn ends(log: &LogFile, lines: &[String], is_open: bool) -> Vec<(usize, What)> {
    let has = |line: &str, words: &[String]| words.iter().any(|word| line.contains(word));
    let mut said = Vec::new();
    let mut is_open = is_open;
    for (number, line) in lines.iter().enumerate() {
        let what = if has(line, &log.fail) {
            What::finished(Outcome::Failed, Some("The program's log says that the backup failed."))
        } else if has(line, &log.success) {
            What::finished(Outcome::Ok, None)
        } else if has(line, &log.start) {
            What::Started
        } else {
            continue;
        };
        let is_start = what == What::Started;
        if (is_start && is_open) || (!is_start && !is_open && !log.start.is_empty()) {
            continue;
        }
        is_open = is_start;
        said.push((number, what));
    }
    said
}
