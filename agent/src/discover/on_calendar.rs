//! systemd's calendar events (systemd.time(7), "Calendar Events"): `Mon..Fri *-*-* 22:00:00 Europe/Berlin`.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use jiff::tz::TimeZone;
use lastgood_protocol::Unclear;

use super::times::{DAYS, Days, HOURS, MINUTES, MONTHS, Times, WEEKDAYS, Weekdays};
use crate::config::WEEKDAY_NAMES;

/// Longer is no calendar event that anybody wrote.
const LONGEST: usize = 200;

const SHORT: [(&str, &str); 8] = [
    ("minutely", "*-*-* *:*:00"),
    ("hourly", "*-*-* *:00:00"),
    ("daily", "*-*-* 00:00:00"),
    ("weekly", "Mon *-*-* 00:00:00"),
    ("monthly", "*-*-01 00:00:00"),
    ("quarterly", "*-01,04,07,10-01 00:00:00"),
    ("semiannually", "*-01,07-01 00:00:00"),
    ("yearly", "*-01-01 00:00:00"),
];

/// The times of a calendar event, and the zone it names.
///
/// # Errors
/// Why five cron fields cannot say it: a year, seconds, days counted from the month's end, or something that is no calendar event.
pub(super) fn parse(text: &str) -> Result<(Times, Option<String>), Unclear> {
    if text.len() > LONGEST {
        return Err(Unclear::NotFiveFields);
    }
    let mut words: Vec<&str> = text.split_ascii_whitespace().collect();
    let zone = words.last().filter(|word| is_zone(word)).map(|word| (*word).to_owned());
    if zone.is_some() {
        words.pop();
    }
    if let [word] = words[..] {
        let lower = word.to_ascii_lowercase();
        let lower = match lower.as_str() {
            "annually" => "yearly",
            "anually" | "semi-annually" | "bi-annually" | "biannually" => return Err(Unclear::NotFiveFields),
            other => other,
        };
        if let Some((_, long)) = SHORT.iter().find(|(short, _)| *short == lower) {
            let long: Vec<&str> = long.split(' ').collect();
            return Ok((fields(&long)?, zone));
        }
    }
    Ok((fields(&words)?, zone))
}

/// `UTC`, or a name that the time zone database has.
fn is_zone(word: &str) -> bool {
    let begins_well = word.starts_with(|c: char| c.is_ascii_alphabetic());
    let weekday = word.split(['.', ',']).next().and_then(weekday_number).is_some();
    begins_well && !weekday && TimeZone::get(word).is_ok()
}

fn fields(words: &[&str]) -> Result<Times, Unclear> {
    let mut times = Times::daily(0, 0);
    let mut rest = words;
    if let Some((first, after)) = rest.split_first()
        && first.starts_with(|c: char| c.is_ascii_alphabetic())
    {
        times.weekdays = Weekdays::Of(weekdays(first.trim_end_matches(','))?);
        rest = after;
    }
    let (date, time) = match *rest {
        [] if words.is_empty() => return Err(Unclear::NotFiveFields),
        [] => (None, None),
        [one] if one.contains(':') => (None, Some(one)),
        [one] => (Some(one), None),
        [date, time] => (Some(date), Some(time)),
        _ => return Err(Unclear::NotFiveFields),
    };
    if let Some(date) = date {
        set_date(&mut times, date)?;
    }
    if let Some(time) = time {
        set_time(&mut times, time)?;
    }
    Ok(times)
}

fn set_date(times: &mut Times, date: &str) -> Result<(), Unclear> {
    let (before, last) = match date.split_once('~') {
        // `~01` is the last day; a day counted from there is nothing that cron knows.
        Some((before, "1" | "01")) => (before, true),
        Some(_) => return Err(Unclear::NotFiveFields),
        None => (date, false),
    };
    let mut parts: Vec<&str> = before.split('-').collect();
    times.days = if last {
        Days::Last
    } else {
        Days::Of(numbers(parts.pop().ok_or(Unclear::NotFiveFields)?, DAYS)?)
    };
    let (year, month) = match parts[..] {
        [month] => ("*", month),
        [year, month] => (year, month),
        _ => return Err(Unclear::NotFiveFields),
    };
    if year != "*" {
        return Err(Unclear::NotFiveFields);
    }
    times.months = numbers(month, MONTHS)?;
    Ok(())
}

fn set_time(times: &mut Times, time: &str) -> Result<(), Unclear> {
    let parts: Vec<&str> = time.split(':').collect();
    let (hour, minute, second) = match parts[..] {
        [hour, minute] => (hour, minute, "00"),
        [hour, minute, second] => (hour, minute, second),
        _ => return Err(Unclear::NotFiveFields),
    };
    // One second of the minute is once in that minute.
    let second = second.split_once('.').map_or(second, |(whole, _)| whole);
    if second.is_empty() || !second.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Unclear::NotFiveFields);
    }
    times.hours = numbers(hour, HOURS)?;
    times.minutes = numbers(minute, MINUTES)?;
    Ok(())
}

/// `*`, `5`, `1,15`, `1..5`, `0/15`, `8..18/2`
fn numbers(text: &str, all: RangeInclusive<u8>) -> Result<BTreeSet<u8>, Unclear> {
    let mut found = BTreeSet::new();
    let number = |text: &str| {
        let number: u8 = text.parse().map_err(|_| Unclear::NotFiveFields)?;
        if all.contains(&number) {
            Ok(number)
        } else {
            Err(Unclear::NotFiveFields)
        }
    };
    for part in text.split(',') {
        let (span, step) = match part.split_once('/') {
            Some((span, step)) => {
                let step: u8 = step.parse().map_err(|_| Unclear::NotFiveFields)?;
                (span, Some(step).filter(|step| *step > 0).ok_or(Unclear::NotFiveFields)?)
            }
            None => (part, 0),
        };
        let (first, last) = match span.split_once("..") {
            Some((first, last)) => (number(first)?, number(last)?),
            None if span == "*" => (*all.start(), *all.end()),
            None if step > 0 => (number(span)?, *all.end()),
            None => (number(span)?, number(span)?),
        };
        if first > last {
            return Err(Unclear::NotFiveFields);
        }
        found.extend((first..=last).step_by(usize::from(step.max(1))));
    }
    Ok(found)
}

/// `Mon`, `Mon,Wed`, `Mon..Fri`
fn weekdays(text: &str) -> Result<BTreeSet<u8>, Unclear> {
    let number = |word: &str| weekday_number(word).ok_or(Unclear::NotFiveFields);
    let mut found = BTreeSet::new();
    for part in text.split(',') {
        match part.split_once("..") {
            None => {
                found.insert(number(part)? % 7);
            }
            Some((first, last)) => {
                let (first, last) = (number(first)?, number(last)?);
                if first > last {
                    return Err(Unclear::NotFiveFields);
                }
                found.extend((first..=last).map(|day| day % 7));
            }
        }
    }
    debug_assert!(found.iter().all(|day| WEEKDAYS.contains(day)));
    Ok(found)
}

/// As systemd counts: Monday is 1, Sunday is 7.
fn weekday_number(word: &str) -> Option<u8> {
    let lower = word.to_ascii_lowercase();
    let index = WEEKDAY_NAMES
        .iter()
        .position(|name| *name == lower || name.get(..3) == Some(lower.as_str()))?;
    u8::try_from(index + 1).ok()
}
