//! What holds of every output: see the promises in `tail`.

use lastgood_protocol::{MOST_OUTPUT_BYTES, MOST_OUTPUT_LINES};
use secrecy::SecretString;

use super::{LONGEST_LINE, Printed, Redaction, line, tail, words};

/// Redacts what a tool printed and checks what is left.
pub(crate) fn output(secret: &str, printed: &str) {
    let (stdout, stderr) = printed.split_once('\0').unwrap_or((printed, ""));
    let printed = Printed {
        stdout: stdout.into(),
        stderr: stderr.into(),
    };
    let redaction = Redaction::new(&[SecretString::from(secret.to_owned())]);
    if let Some(told) = tail(&printed, MOST_OUTPUT_LINES, &redaction) {
        assert!(told.stdout.len() <= MOST_OUTPUT_LINES && told.stderr.len() <= MOST_OUTPUT_LINES);
        let lines = || told.stdout.iter().chain(&told.stderr);
        assert!(lines().map(String::len).sum::<usize>() <= MOST_OUTPUT_BYTES);
        for line in lines() {
            check(secret, line);
        }
    }
}

/// A line that may leave the machine.
pub(crate) fn check(secret: &str, told: &str) {
    assert!(!told.is_empty() && !told.contains(char::is_control), "{told:?}");
    assert!(told.chars().count() <= LONGEST_LINE + 1, "{told:?}");
    let bare = without_marks(told);
    for piece in secret.split(['\n', '\r']).map(line::clean) {
        let piece = piece.trim().to_ascii_lowercase();
        let is_there = !piece.is_empty() && bare.to_ascii_lowercase().contains(&piece);
        assert!(!is_there, "{piece:?} stays in {told:?}");
    }
    // An object's quotation marks stand between words as spaces do.
    for word in bare.split([' ', '"', '\u{201d}']).filter(|word| !word.ends_with('…')) {
        assert!(words::may_be_told(word), "{word:?} in {told:?}");
    }
}

/// The line with something in place of each mark that stands in nobody's secret.
fn without_marks(told: &str) -> String {
    ["[path]", "[secret]", "[address]", "[…]"]
        .iter()
        .fold(told.to_owned(), |bare, mark| bare.replace(mark, "\u{e000}"))
}
