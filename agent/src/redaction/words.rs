//! Which words of a line are told: those of the list, and numbers that cannot be a person's. In place of the others stands a mark.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::line::Mark;

static LIST: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("words.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_ascii_whitespace)
        .collect()
});

/// What may stand before and after a word and is told even when the word is not.
const OPENING: [char; 12] = [
    '(', '[', '{', '<', '"', '\'', '`', '\u{2018}', '\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}',
];
const CLOSING: [char; 16] = [
    ')', ']', '}', '>', '"', '\'', '`', '\u{2019}', '\u{201d}', '\u{bb}', '.', ',', ';', ':', '!', '?',
];

/// Words with a slash that are no path.
const HARMLESS: [&str; 22] = [
    "i/o",
    "input/output",
    "and/or",
    "n/a",
    "b/s",
    "kb/s",
    "mb/s",
    "gb/s",
    "kib/s",
    "mib/s",
    "gib/s",
    "bytes/s",
    "files/s",
    "read/write",
    "r/w",
    "client/server",
    "tcp/ip",
    "ssl/tls",
    "http/1.1",
    "http/2",
    "http/2.0",
    "yes/no",
];

/// Endings of a number.
const UNITS: [&str; 22] = [
    "", "s", "ms", "us", "ns", "m", "min", "h", "d", "b", "k", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "tib", "x",
    "st", "th",
];

/// More digits than this may be somebody's number: of a patient, an insurance, a telephone.
const MOST_DIGITS: usize = 6;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// On the list.
    Listed,
    /// The same with a capital letter inside a sentence: beside a name it may be one.
    Capital,
    Number,
    /// Punctuation alone, or a mark that stands there already.
    Neutral,
    Hidden,
    /// Hidden, and by its form a path or a file's name.
    Path,
}

impl Kind {
    fn is_hidden(self) -> bool {
        matches!(self, Self::Hidden | Self::Path)
    }
}

/// The line with marks in place of everything that is not chosen.
pub(super) fn choose(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').filter(|word| !word.is_empty()).collect();
    let mut told = Vec::with_capacity(words.len());
    let mut begin = 0;
    for end in 1..=words.len() {
        let ends = end == words.len() || words.get(end - 1).is_some_and(|word| ends_segment(word));
        if ends {
            told.extend(segment(words.get(begin..end).unwrap_or_default(), begin));
            begin = end;
        }
    }
    told.join(" ")
}

/// Tools write `what: why: because`; a name does not reach beyond such a colon without being found again there.
fn ends_segment(word: &str) -> bool {
    word.trim_end_matches(['"', '\'', '\u{2019}', '\u{201d}', ')'])
        .ends_with(':')
}

/// The words of a part of a line that begins with its word number `first`.
fn segment(words: &[&str], first: usize) -> Vec<String> {
    let mut kinds: Vec<Kind> = Vec::with_capacity(words.len());
    for (index, word) in words.iter().enumerate() {
        let next = words.get(index + 1).copied().unwrap_or_default();
        kinds.push(kind(word, next, first + index, index == 0));
    }
    absorb(&mut kinds);
    // What stands between the first and the last piece of a path may be a piece of it, too.
    if kinds.contains(&Kind::Path) {
        let begin = kinds.iter().position(|kind| kind.is_hidden()).unwrap_or_default();
        let end = kinds.iter().rposition(|kind| kind.is_hidden()).unwrap_or_default();
        for kind in kinds.iter_mut().take(end + 1).skip(begin) {
            *kind = Kind::Path;
        }
    }
    tell(words, &kinds)
}

/// Numbers beside something hidden are taken for a part of it, with those beside them, and so is a capital word.
fn absorb(kinds: &mut [Kind]) {
    let beside = |kinds: &[Kind], index: usize| {
        let before = index.checked_sub(1).and_then(|before| kinds.get(before));
        before
            .into_iter()
            .chain(kinds.get(index + 1))
            .any(|kind| kind.is_hidden())
    };
    let capitals: Vec<usize> = (0..kinds.len())
        .filter(|&index| kinds.get(index) == Some(&Kind::Capital) && beside(kinds, index))
        .collect();
    let numbers = (0..kinds.len()).chain((0..kinds.len()).rev());
    for index in numbers {
        let is_beside = beside(kinds, index);
        if let Some(kind) = kinds.get_mut(index).filter(|kind| **kind == Kind::Number && is_beside) {
            *kind = Kind::Hidden;
        }
    }
    for index in capitals {
        if let Some(kind) = kinds.get_mut(index) {
            *kind = Kind::Hidden;
        }
    }
}

fn tell(words: &[&str], kinds: &[Kind]) -> Vec<String> {
    let mut told = Vec::new();
    let mut index = 0;
    while let (Some(word), Some(kind)) = (words.get(index), kinds.get(index)) {
        if !kind.is_hidden() {
            told.push((*word).to_owned());
            index += 1;
            continue;
        }
        let length = kinds.iter().skip(index).take_while(|kind| kind.is_hidden()).count();
        let last = words.get(index + length - 1).copied().unwrap_or_default();
        let run = words.get(index..index + length).unwrap_or_default();
        let holds_secret = run.iter().any(|word| word.contains(char::from(Mark::Secret)));
        let mark = if *kind == Kind::Path {
            Mark::Path
        } else if holds_secret {
            Mark::Secret
        } else {
            Mark::Word
        };
        let opening = word.get(..word.len() - word.trim_start_matches(OPENING).len());
        let closing = last.get(last.trim_end_matches(CLOSING).len()..);
        told.push(format!(
            "{}{mark}{}",
            opening.unwrap_or_default(),
            closing.unwrap_or_default()
        ));
        index += length;
    }
    told
}

fn kind(word: &str, next: &str, place: usize, is_first: bool) -> Kind {
    let core = word.trim_start_matches(OPENING).trim_end_matches(CLOSING);
    if is_nothing(core) && !core.contains(['/', '\\', '~']) {
        return Kind::Neutral;
    }
    let lower = core.to_lowercase();
    if is_harmless(&lower) {
        return Kind::Listed;
    }
    if is_date(core) {
        // A log's own time stands at the line's beginning; elsewhere it may be a day of birth.
        return if place < 2 { Kind::Number } else { Kind::Hidden };
    }
    if is_time_of_day(core) {
        return Kind::Number;
    }
    if looks_like_path(core) {
        return Kind::Path;
    }
    let pieces = || {
        lower
            .split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '\u{2019}' | '.')))
            .filter(|piece| !is_nothing(piece))
    };
    if !pieces().all(|piece| is_listed(piece) || is_number(piece)) {
        return Kind::Hidden;
    }
    if pieces().all(is_number) {
        let decimal = pieces().filter(|piece| !piece.starts_with("0x"));
        let digits = decimal.flat_map(str::chars).filter(char::is_ascii_digit).count();
        let is_counted = digits <= MOST_DIGITS && !core.contains('-') || counts(next);
        return if is_counted { Kind::Number } else { Kind::Hidden };
    }
    if core.starts_with(char::is_uppercase) && !is_first {
        Kind::Capital
    } else {
        Kind::Listed
    }
}

/// Whether every piece of a word is listed, harmless or a number: what every word is that is told.
#[cfg(any(test, fuzzing))]
pub(super) fn may_be_told(word: &str) -> bool {
    let core = word.trim_start_matches(OPENING).trim_end_matches(CLOSING);
    let lower = core.to_lowercase();
    let mut pieces = lower.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '\u{2019}' | '.')));
    is_harmless(&lower)
        || is_date(core)
        || (!core.contains(['/', '\\', '@', '~'])
            && pieces.all(|piece| is_nothing(piece) || is_listed(piece) || is_number(piece)))
}

/// A word with a slash that is no path, or an option of one letter.
fn is_harmless(lower: &str) -> bool {
    let option = lower.strip_prefix('-').map(str::as_bytes);
    HARMLESS.contains(&lower) || matches!(option, Some([letter]) if letter.is_ascii_lowercase())
}

fn is_nothing(piece: &str) -> bool {
    piece.chars().all(|c| !c.is_alphanumeric())
}

/// A word of the list, also in the plural or as an owner's.
fn is_listed(piece: &str) -> bool {
    let piece = piece.trim_matches('.');
    if LIST.contains(piece.replace('\u{2019}', "'").as_str()) {
        return true;
    }
    let base = piece
        .strip_suffix("'s")
        .or_else(|| piece.strip_suffix('s'))
        .unwrap_or_default();
    base.len() > 2 && LIST.contains(base)
}

/// Digits with a unit, or a hexadecimal code.
fn is_number(piece: &str) -> bool {
    let hexadecimal = piece
        .strip_prefix("0x")
        .is_some_and(|digits| (1..=8).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit()));
    let unit = piece.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    hexadecimal || (unit.len() < piece.len() && UNITS.contains(&unit))
}

/// Whether the next word says that a large number is a count of something of the tool's.
fn counts(next: &str) -> bool {
    let next = next.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    [
        "bytes", "byte", "b", "blocks", "sectors", "files", "records", "rows", "entries",
    ]
    .contains(&next.as_str())
}

/// A date of this century, as logs write it.
fn is_date(core: &str) -> bool {
    core.starts_with("20")
        && core.len() >= 10
        && core.char_indices().take(10).all(|(at, c)| {
            if matches!(at, 4 | 7) {
                matches!(c, '-' | '/')
            } else {
                c.is_ascii_digit()
            }
        })
        && core
            .chars()
            .skip(10)
            .all(|c| c.is_ascii_digit() || matches!(c, 'T' | 'Z' | ':' | '.' | '+' | '-'))
}

/// Such as `22:04` and `22:04:31.5`.
fn is_time_of_day(core: &str) -> bool {
    core.len() <= 16
        && core.char_indices().all(|(at, c)| match at {
            2 | 5 => c == ':' || (at == 5 && matches!(c, '.' | ',')),
            8 => matches!(c, '.' | ','),
            _ => c.is_ascii_digit(),
        })
        && core.contains(':')
}

/// Whether a word holds a path, an address of the network, or the name of a file with an ending.
fn looks_like_path(core: &str) -> bool {
    core.contains(['/', '\\', '~', '*'])
        || core.rsplit_once('.').is_some_and(|(stem, ending)| {
            let has_stem = stem.ends_with(|c: char| c.is_alphanumeric() || matches!(c, ')' | '_' | '-' | ']'));
            has_stem && ending.starts_with(char::is_alphanumeric) && !is_number(&core.to_lowercase())
        })
}

/// Whether a number may be somebody's.
pub(super) fn is_personal_number(number: &str) -> bool {
    number.chars().filter(char::is_ascii_digit).count() > MOST_DIGITS
}

/// Whether a field of this name holds a count or a length of time.
pub(super) fn is_measure(key: &str) -> bool {
    [
        "bytes", "size", "files", "total", "data", "duration", "seconds", "elapsed",
    ]
    .iter()
    .any(|word| key.contains(word))
}
