//! What looks like a secret or an address by its form: `password=…`, `--token …`, `-p…`, `Bearer …`, `name@host`, and long
//! runs of the characters that keys are written in.

use std::ops::Range;

use secrecy::SecretString;

use super::line::Mark;

/// The shortest run of base64 and of hexadecimal digits that is taken for a key.
const SHORTEST_KEY: usize = 20;

/// What follows `-p` on a command line is a password from this length on; other programs' options are shorter.
const SHORTEST_ATTACHED: usize = 4;

/// Parts of a name that make it a secret's, wherever in it they stand.
const TELLING: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "passwort",
    "pwd",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
    "signature",
];

/// Words of a name that make it a secret's when they stand alone, between separators.
const TELLING_ALONE: [&str; 8] = ["pass", "key", "auth", "pw", "pin", "sig", "sas", "otp"];

/// Options that are followed by a password, in one word or two.
const SHORT_OPTIONS: [&str; 3] = ["-p", "-P", "-pw"];

/// Whether what has this name is a secret.
pub(crate) fn names_secret(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    TELLING.iter().any(|telling| lower.contains(telling))
        || lower
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| TELLING_ALONE.contains(&word))
}

/// The secrets that stand on a command line.
pub(crate) fn given_secrets(command: &[String]) -> Vec<SecretString> {
    let mut given = Vec::new();
    let mut is_next = false;
    for argument in command.iter().skip(1) {
        if std::mem::take(&mut is_next) {
            given.push(argument.as_str());
            continue;
        }
        is_next = SHORT_OPTIONS.contains(&argument.as_str())
            || (argument.starts_with('-') && !argument.contains('=') && names_secret(argument));
        if let Some((name, value)) = argument.split_once('=')
            && names_secret(name)
        {
            given.push(value);
        } else if let Some(value) = attached(argument).filter(|value| value.len() >= SHORTEST_ATTACHED) {
            given.push(value);
        }
        if let Some((user, _)) = argument.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')) {
            given.extend(user.split_once(':').map(|(_, password)| password));
        }
    }
    given
        .into_iter()
        .filter(|secret| !secret.is_empty())
        .map(SecretString::from)
        .collect()
}

/// The password in `-phunter2`.
fn attached(word: &str) -> Option<&str> {
    let value = word.strip_prefix("-p").or_else(|| word.strip_prefix("-P"))?;
    (!value.is_empty() && !value.starts_with('-')).then_some(value)
}

/// The line with marks in place of what looks like a secret or an address.
pub(super) fn hide(line: &str) -> String {
    let mut found: Vec<(Range<usize>, Mark)> = Vec::new();
    found.extend(named_values(line).map(|range| (range, Mark::Secret)));
    found.extend(after_options(line).into_iter().map(|range| (range, Mark::Secret)));
    found.extend(keys(line).into_iter().map(|range| (range, Mark::Secret)));
    found.extend(
        words(line)
            .filter(|(_, word)| word.contains('@'))
            .map(|(at, word)| (at..at + word.len(), Mark::Address)),
    );
    found.sort_by_key(|(range, _)| range.start);
    let mut hidden = String::with_capacity(line.len());
    let mut from = 0;
    for (range, mark) in found {
        if range.end <= from {
            continue;
        }
        hidden.push_str(line.get(from..range.start.max(from)).unwrap_or_default());
        hidden.push(mark.into());
        from = range.end;
    }
    hidden.push_str(line.get(from..).unwrap_or_default());
    hidden
}

/// The words between spaces, each with its place.
fn words(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    line.split(' ').filter_map(move |word| {
        let begin = at;
        at += word.len() + 1;
        (!word.is_empty()).then_some((begin, word))
    })
}

/// The values in `NAME=value` and `NAME: value`, where the name is a secret's. A value without quotes may have spaces, so that it
/// reaches to the next `;` or `&` or the line's end.
fn named_values(line: &str) -> impl Iterator<Item = Range<usize>> {
    line.match_indices(['=', ':']).filter_map(|(at, _)| {
        let before = line.get(..at)?.trim_end_matches(['"', '\'', ' ', ']']);
        let name_begins = before
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))
            .map_or(0, |end| {
                end + before
                    .get(end..)
                    .and_then(|rest| rest.chars().next())
                    .map_or(1, char::len_utf8)
            });
        names_secret(before.get(name_begins..)?)
            .then(|| value(line, at + 1))
            .flatten()
    })
}

/// The value that begins at or after `from`, without its quotes.
fn value(line: &str, from: usize) -> Option<Range<usize>> {
    let rest = line.get(from..)?;
    let begin = from + (rest.len() - rest.trim_start_matches([' ', '=', ':']).len());
    let rest = line.get(begin..)?;
    let (begin, length) = match rest.chars().next()? {
        quote @ ('"' | '\'') => {
            let inside = rest.get(1..)?;
            let mut is_escaped = false;
            let end = inside.find(|c| {
                let ends = c == quote && !is_escaped;
                is_escaped = c == '\\' && !is_escaped;
                ends
            });
            (begin + 1, end.unwrap_or(inside.len()))
        }
        _ => (begin, rest.find([';', '&']).unwrap_or(rest.len())),
    };
    (length > 0).then(|| begin..begin + length)
}

/// What follows `--password`, `-p` and `Bearer`, and what is attached to `-p`.
fn after_options(line: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (at, word) in words(line) {
        let end = at + word.len();
        let lower = word.to_ascii_lowercase();
        let is_option = SHORT_OPTIONS.contains(&word) || (word.starts_with('-') && names_secret(word));
        if is_option || lower.ends_with("bearer") || lower.ends_with("basic") {
            let rest = line.get(end..).unwrap_or_default();
            let begin = end + (rest.len() - rest.trim_start().len());
            let is_quoted = rest.trim_start().starts_with(['"', '\'']);
            let word = rest.trim_start().find(' ').map_or(line.len(), |length| begin + length);
            found.extend(if is_quoted {
                value(line, begin)
            } else {
                Some(begin..word)
            });
        } else if let Some(value) = attached(word) {
            found.push(end - value.len()..end);
        }
    }
    found.retain(|range| !range.is_empty());
    found
}

/// Long runs of the characters in which keys, tokens and hashes are written.
fn keys(line: &str) -> Vec<Range<usize>> {
    let is_of_key = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '_' | '-' | '=');
    let mut found = Vec::new();
    let mut begin = 0;
    for (at, c) in line.char_indices().chain([(line.len(), ' ')]) {
        if is_of_key(c) {
            continue;
        }
        let run = line.get(begin..at).unwrap_or_default();
        let has_digit = run.contains(|c: char| c.is_ascii_digit());
        let has_letter = run.contains(|c: char| c.is_ascii_alphabetic());
        if run.len() >= SHORTEST_KEY && has_letter && (has_digit || run.len() >= 2 * SHORTEST_KEY) {
            found.push(begin..at);
        }
        begin = at + c.len_utf8();
    }
    found
}
