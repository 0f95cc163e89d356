//! A line before and after: what a terminal would not show goes out of it, and the marks in it become words.

use std::fmt;

/// What was hidden. In a line it is one character that no tool prints, because it is taken out before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// A path or a file's name.
    Path,
    /// A password, key or token.
    Secret,
    /// An e-mail address, or whatever else has an `@`.
    Address,
    /// A word that is not on the list.
    Word,
}

impl Mark {
    const ALL: [Self; 4] = [Self::Path, Self::Secret, Self::Address, Self::Word];

    fn words(self) -> &'static str {
        match self {
            Self::Path => "[path]",
            Self::Secret => "[secret]",
            Self::Address => "[address]",
            Self::Word => "[…]",
        }
    }
}

impl From<Mark> for char {
    fn from(mark: Mark) -> Self {
        match mark {
            Mark::Path => '\u{e000}',
            Mark::Secret => '\u{e001}',
            Mark::Address => '\u{e002}',
            Mark::Word => '\u{e003}',
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", char::from(*self))
    }
}

/// The line without a terminal's colours, control and formatting characters; all that is space is a space.
pub(super) fn clean(line: &str) -> String {
    let mut clean = String::with_capacity(line.len());
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            c if c.is_whitespace() => clean.push(' '),
            c if is_shown(c) => clean.push(c),
            _ => {}
        }
    }
    clean
}

/// Skips the rest of an escape sequence (ECMA-48): a control sequence up to its final byte, a string up to its end, else one
/// character.
fn skip_escape(chars: &mut std::str::Chars<'_>) {
    match chars.next() {
        Some('[') => {
            chars.find(|c| ('@'..='~').contains(c));
        }
        Some(']' | 'P' | '^' | '_' | 'X') => {
            chars.find(|c| matches!(c, '\u{7}' | '\u{1b}' | '\u{9c}'));
        }
        _ => {}
    }
}

fn is_shown(c: char) -> bool {
    let is_format = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
    let is_private = matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..);
    !c.is_control() && !is_format && !is_private
}

/// The line with words in place of its marks, two of the same side by side as one.
pub(super) fn finish(line: &str) -> String {
    let mut finished = String::with_capacity(line.len());
    let mut before = None;
    for c in line.trim().chars() {
        let mark = Mark::ALL.into_iter().find(|mark| char::from(*mark) == c);
        match mark {
            Some(mark) if before == Some(mark) => {}
            Some(mark) => finished.push_str(mark.words()),
            None => finished.push(c),
        }
        before = mark;
    }
    finished
}
