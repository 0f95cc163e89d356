//! Durations as people type and read them: `90 min`, `3 h`, `2 days`.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// Longer is a slip of the finger.
const LONGEST: SignedDuration = SignedDuration::from_hours(400 * 24);

/// Understands a duration such as `90 min`, `3h`, `1 h 30 min`, `2 days` or `PT3H`.
///
/// # Errors
/// A sentence that says what is wrong, with an example.
pub fn parse(typed: &str) -> Result<SignedDuration, String> {
    const EXAMPLE: &str = "Write it as 90 min, 3 h or 2 days.";
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(format!("It is empty. {EXAMPLE}"));
    }
    if typed.len() > 40 {
        return Err(format!("It is longer than a duration. {EXAMPLE}"));
    }
    if typed.chars().all(|c| c.is_ascii_digit()) {
        return Err(format!("`{typed}` needs a unit. {EXAMPLE}"));
    }
    let span: Span = typed
        .parse()
        .map_err(|_| format!("`{typed}` is not a duration. {EXAMPLE}"))?;
    let duration = span
        .to_duration(SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("`{typed}` has months or years, whose length differs. {EXAMPLE}"))?;
    if duration.is_negative() {
        return Err(format!("`{typed}` is less than nothing. {EXAMPLE}"));
    }
    if duration > LONGEST {
        return Err(format!("`{typed}` is longer than 400 days. Write a shorter one."));
    }
    Ok(SignedDuration::from_secs(duration.as_secs()))
}

/// The duration as it can be typed again: exact, in the largest unit that leaves no rest.
pub fn typed(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "0 min".to_owned(),
        86_400 => "1 day".to_owned(),
        _ if seconds % 86_400 == 0 => format!("{} days", seconds / 86_400),
        _ if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        _ if seconds % 60 == 0 => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}
