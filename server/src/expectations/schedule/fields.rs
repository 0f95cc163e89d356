//! The five fields as somebody types them: which one is wrong, and how it should look.

use super::{ScheduleError, parse_cron};

const EXAMPLE: &str = "For example, `0 22 * * *` is every day at 22:00 and `30 1 * * 1-5` is Monday to Friday at 01:30";

/// A schedule is a line, not a programme.
const LONGEST: usize = 100;

struct Field {
    name: &'static str,
    range: &'static str,
    /// Characters it may hold beside digits and `* , - /`.
    others: &'static str,
    /// Names that stand for numbers.
    names: &'static [&'static str],
}

const FIELDS: [Field; 5] = [
    Field {
        name: "minute (first field)",
        range: "0 to 59",
        others: "",
        names: &[],
    },
    Field {
        name: "hour (second field)",
        range: "0 to 23",
        others: "",
        names: &[],
    },
    Field {
        name: "day of the month (third field)",
        range: "1 to 31, `L` for the last, or `15W` for the weekday nearest to the 15th",
        others: "LW?",
        names: &[],
    },
    Field {
        name: "month (fourth field)",
        range: "1 to 12, or JAN to DEC",
        others: "",
        names: &[
            "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC",
        ],
    },
    Field {
        name: "day of the week (fifth field)",
        range: "0 to 7 with 0 and 7 for Sunday, SUN to SAT, `5L` for the last Friday, or `1#2` for the second Monday",
        others: "L#?+",
        names: &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"],
    },
];

const NICKNAMES: [(&str, &str); 7] = [
    ("@HOURLY", "0 * * * *"),
    ("@DAILY", "0 0 * * *"),
    ("@MIDNIGHT", "0 0 * * *"),
    ("@WEEKLY", "0 0 * * 0"),
    ("@MONTHLY", "0 0 1 * *"),
    ("@YEARLY", "0 0 1 1 *"),
    ("@ANNUALLY", "0 0 1 1 *"),
];

/// The five fields in capitals with one space between, each of them valid by itself.
pub(super) fn normalise(text: &str) -> Result<String, ScheduleError> {
    if text.chars().count() > LONGEST {
        return Err(ScheduleError::new(format!(
            "Schedule: longer than {LONGEST} characters. {EXAMPLE}."
        )));
    }
    let text = text.trim().to_ascii_uppercase();
    if text.is_empty() {
        return Err(ScheduleError::new(format!("Schedule: empty. {EXAMPLE}.")));
    }
    if text.starts_with('@') {
        return NICKNAMES
            .iter()
            .find(|(nickname, _)| *nickname == text)
            .map(|(_, fields)| (*fields).to_owned())
            .ok_or_else(|| {
                ScheduleError::new(
                    "Schedule: of the names with @, these are known: @hourly, @daily, @weekly, @monthly, @yearly.",
                )
            });
    }
    let parts: Vec<&str> = text.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        return Err(ScheduleError::new(format!(
            "Schedule: it has {} fields and needs five: minute, hour, day of the month, month, day of the week. {EXAMPLE}.",
            parts.len()
        )));
    }
    for (index, (field, part)) in FIELDS.iter().zip(&parts).enumerate() {
        check(index, field, part)?;
    }
    Ok(parts.join(" "))
}

fn check(index: usize, field: &Field, part: &str) -> Result<(), ScheduleError> {
    let mut alone = ["*"; 5];
    if let Some(place) = alone.get_mut(index) {
        *place = part;
    }
    if has_known_characters(field, part) && parse_cron(&alone.join(" ")).is_ok() {
        return Ok(());
    }
    let shown: String = part.chars().take(20).collect();
    Err(ScheduleError::new(format!(
        "Schedule: the {} cannot be `{shown}`. It takes {}, as `5`, `1,15`, `1-5`, `*` or `*/2`. {EXAMPLE}.",
        field.name, field.range
    )))
}

fn has_known_characters(field: &Field, part: &str) -> bool {
    let without_names = field
        .names
        .iter()
        .fold(part.to_owned(), |rest, name| rest.replace(name, "1"));
    without_names
        .chars()
        .all(|c| c.is_ascii_digit() || "*,-/".contains(c) || field.others.contains(c))
}
