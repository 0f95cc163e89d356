//! Tasks of Windows' Task Scheduler, as `C:\Windows\System32\Tasks` keeps them (Microsoft Learn, "Task Scheduler Schema"). The
//! words in them are the schema's, in every language of Windows.

use std::collections::BTreeSet;

use jiff::civil::{DateTime, Time};
use lastgood_protocol::Unclear;
use roxmltree::{Document, Node};

use super::times::{Days, Times, WEEKDAYS, Weekdays, cron_of_all};

const WEEKDAY_NAMES: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

const MONTH_NAMES: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// What a task starts, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Task {
    /// Whether it is enabled.
    pub(super) enabled: bool,
    /// Program and arguments of each action, as one line each.
    pub(super) commands: Vec<String>,
    /// Five cron fields, or why there are none.
    pub(super) cron: Result<String, Unclear>,
    /// `UTC` where its times are told in that.
    pub(super) zone: Option<String>,
    /// How much later, by chance, it may begin, in seconds.
    pub(super) later: Option<u32>,
}

/// When a trigger fires.
struct Trigger {
    times: Times,
    utc: bool,
    later: Option<u32>,
}

/// Reads a task, in UTF-16 with its mark or in UTF-8. `today`: a trigger that ended before it does not count.
pub(super) fn parse(bytes: &[u8], today: DateTime) -> Option<Task> {
    let text = decode(bytes);
    // What stands before it may claim an encoding that the text has no longer.
    let begin = text.find("<Task")?;
    let document = Document::parse(text.get(begin..)?).ok()?;
    let root = document.root_element();
    let enabled = child(root, "Settings").is_none_or(is_enabled);
    let commands = child(root, "Actions")
        .map(|actions| actions.children().filter_map(command).collect())
        .unwrap_or_default();
    let mut triggers: Vec<Result<Trigger, Unclear>> = Vec::new();
    if let Some(all) = child(root, "Triggers") {
        let counts = |node: &Node<'_, '_>| node.is_element() && is_enabled(*node) && !has_ended(*node, today);
        triggers.extend(all.children().filter(counts).map(trigger));
    }
    let (cron, zone, later) = together(triggers);
    Some(Task {
        enabled,
        commands,
        cron,
        zone,
        later,
    })
}

fn decode(bytes: &[u8]) -> String {
    let units = |bytes: &[u8], read: fn([u8; 2]) -> u16| {
        let (pairs, _) = bytes.as_chunks::<2>();
        let units = pairs.iter().map(|pair| read(*pair));
        char::decode_utf16(units)
            .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect()
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => units(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => units(rest, u16::from_be_bytes),
        other => String::from_utf8_lossy(other).into_owned(),
    }
}

fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn text_of<'a>(node: Node<'a, '_>, name: &str) -> Option<&'a str> {
    child(node, name).and_then(|child| child.text()).map(str::trim)
}

fn is_enabled(node: Node<'_, '_>) -> bool {
    text_of(node, "Enabled").is_none_or(|text| matches!(text, "true" | "1"))
}

fn has_ended(trigger: Node<'_, '_>, today: DateTime) -> bool {
    text_of(trigger, "EndBoundary")
        .and_then(boundary)
        .is_some_and(|(end, _)| end < today)
}

fn command(action: Node<'_, '_>) -> Option<String> {
    if action.tag_name().name() != "Exec" {
        return None;
    }
    let of = |name: &str| text_of(action, name).unwrap_or_default();
    let program = of("Command").trim_matches('"');
    (!program.is_empty()).then(|| format!("\"{program}\" {}", of("Arguments")))
}

/// What several triggers mean together.
fn together(triggers: Vec<Result<Trigger, Unclear>>) -> (Result<String, Unclear>, Option<String>, Option<u32>) {
    let triggers: Result<Vec<Trigger>, Unclear> = triggers.into_iter().collect();
    let triggers = match triggers {
        Ok(triggers) if triggers.is_empty() => return (Err(Unclear::NotByCalendar), None, None),
        Ok(triggers) => triggers,
        Err(unclear) => return (Err(unclear), None, None),
    };
    let utc = triggers.iter().all(|trigger| trigger.utc);
    if !utc && triggers.iter().any(|trigger| trigger.utc) {
        return (Err(Unclear::NotFiveFields), None, None);
    }
    let later = triggers.iter().filter_map(|trigger| trigger.later).max();
    let times: Vec<Times> = triggers.into_iter().map(|trigger| trigger.times).collect();
    (cron_of_all(&times), utc.then(|| "UTC".to_owned()), later)
}

fn trigger(node: Node<'_, '_>) -> Result<Trigger, Unclear> {
    match node.tag_name().name() {
        "CalendarTrigger" => calendar(node),
        // Once, or from then on at an interval that need not fit into a day.
        "TimeTrigger" => Err(Unclear::NotFiveFields),
        _ => Err(Unclear::NotByCalendar),
    }
}

fn calendar(node: Node<'_, '_>) -> Result<Trigger, Unclear> {
    let of = |name: &str| child(node, name);
    let (start, utc) = text_of(node, "StartBoundary")
        .and_then(boundary)
        .ok_or(Unclear::NotFiveFields)?;
    let mut times = Times::daily(number(start.hour()), number(start.minute()));
    if let Some(day) = of("ScheduleByDay") {
        each(day, "DaysInterval")?;
    } else if let Some(week) = of("ScheduleByWeek") {
        each(week, "WeeksInterval")?;
        times.weekdays = Weekdays::Of(weekdays(week)?);
    } else if let Some(month) = of("ScheduleByMonth") {
        times.days = days_of_month(month)?;
        times.months = months(month)?;
    } else if let Some(month) = of("ScheduleByMonthDayOfWeek") {
        times.weekdays = nth_weekdays(month)?;
        times.months = months(month)?;
    } else {
        return Err(Unclear::NotByCalendar);
    }
    if let Some(repetition) = of("Repetition") {
        repeat(&mut times, repetition, start.time())?;
    }
    let later = text_of(node, "RandomDelay")
        .and_then(minutes)
        .and_then(|delay| delay.checked_mul(60))
        .filter(|delay| *delay > 0);
    Ok(Trigger { times, utc, later })
}

/// Every second day or week is nothing that five fields can say.
fn each(schedule: Node<'_, '_>, name: &str) -> Result<(), Unclear> {
    match text_of(schedule, name) {
        None | Some("1") => Ok(()),
        Some(_) => Err(Unclear::NotFiveFields),
    }
}

/// `2026-01-05T22:00:00`, told by the machine's clocks; with `Z`, in UTC. With an offset it is neither.
fn boundary(text: &str) -> Option<(DateTime, bool)> {
    if let Some(utc) = text.strip_suffix('Z') {
        return utc.parse().ok().map(|at| (at, true));
    }
    let has_offset = text
        .split_once('T')
        .is_some_and(|(_, time)| time.contains(['+', '-', '[']));
    if has_offset {
        return None;
    }
    text.parse().ok().map(|at| (at, false))
}

fn place_in(all: &[&str], name: &str, first: u8) -> Result<u8, Unclear> {
    let place = all.iter().position(|known| *known == name);
    let place = place.and_then(|place| u8::try_from(place).ok());
    place.map(|place| place + first).ok_or(Unclear::NotFiveFields)
}

fn weekdays(schedule: Node<'_, '_>) -> Result<BTreeSet<u8>, Unclear> {
    let found: BTreeSet<u8> = list(schedule, "DaysOfWeek")
        .into_iter()
        .map(|name| place_in(&WEEKDAY_NAMES, &name, *WEEKDAYS.start()))
        .collect::<Result<_, _>>()?;
    if found.is_empty() {
        return Err(Unclear::NotFiveFields);
    }
    Ok(found)
}

/// The names of the elements in a list, free of the document's lifetime.
fn list(parent: Node<'_, '_>, name: &str) -> Vec<String> {
    child(parent, name)
        .map(|list| {
            let elements = list.children().filter(Node::is_element);
            elements.map(|child| child.tag_name().name().to_owned()).collect()
        })
        .unwrap_or_default()
}

/// The texts of the elements in a list.
fn texts(parent: Node<'_, '_>, name: &str) -> Vec<String> {
    child(parent, name)
        .map(|list| {
            let elements = list.children().filter(Node::is_element);
            elements
                .filter_map(|child| child.text())
                .map(|text| text.trim().to_owned())
                .collect()
        })
        .unwrap_or_default()
}

fn months(schedule: Node<'_, '_>) -> Result<BTreeSet<u8>, Unclear> {
    let found = list(schedule, "Months");
    if found.is_empty() {
        return Ok((1..=12).collect());
    }
    found.iter().map(|name| place_in(&MONTH_NAMES, name, 1)).collect()
}

fn days_of_month(schedule: Node<'_, '_>) -> Result<Days, Unclear> {
    let days = texts(schedule, "DaysOfMonth");
    if let [last] = &days[..]
        && last == "Last"
    {
        return Ok(Days::Last);
    }
    let numbers = days.iter().map(|day| {
        let day = day.parse::<u8>().ok().filter(|day| (1..=31).contains(day));
        day.ok_or(Unclear::NotFiveFields)
    });
    let numbers: BTreeSet<u8> = numbers.collect::<Result<_, _>>()?;
    if numbers.is_empty() {
        return Err(Unclear::NotFiveFields);
    }
    Ok(Days::Of(numbers))
}

fn nth_weekdays(schedule: Node<'_, '_>) -> Result<Weekdays, Unclear> {
    let days = weekdays(schedule)?;
    let mut found = BTreeSet::new();
    for week in texts(schedule, "Weeks") {
        let nth = match week.as_str() {
            "Last" => 0,
            number => number
                .parse::<u8>()
                .ok()
                .filter(|number| (1..=4).contains(number))
                .ok_or(Unclear::NotFiveFields)?,
        };
        found.extend(days.iter().map(|day| (*day, nth)));
    }
    if found.is_empty() {
        return Err(Unclear::NotFiveFields);
    }
    Ok(Weekdays::Nth(found))
}

/// A task that is repeated within the day: all its times, where they are every combination of some hours and minutes.
fn repeat(times: &mut Times, repetition: Node<'_, '_>, start: Time) -> Result<(), Unclear> {
    const DAY: u32 = 24 * 60;
    let of = |name: &str| text_of(repetition, name).and_then(minutes);
    if text_of(repetition, "Interval").is_none() {
        return Ok(());
    }
    let interval = of("Interval").ok_or(Unclear::NotFiveFields)?;
    let duration = of("Duration").unwrap_or(DAY).min(DAY);
    let first = u32::from(number(start.hour())) * 60 + u32::from(number(start.minute()));
    let wraps = first + duration > DAY;
    // Beyond midnight is the next day, which for a weekly task is another one; and the round must close.
    let every_day = times.weekdays == Weekdays::Of(WEEKDAYS.collect()) && times.days == Days::Of((1..=31).collect());
    if interval == 0 || (wraps && !(every_day && duration == DAY && DAY.is_multiple_of(interval))) {
        return Err(Unclear::NotFiveFields);
    }
    let mut found = BTreeSet::new();
    let mut at = first;
    while at < first + duration {
        let minute = at % DAY;
        found.insert((small(minute / 60), small(minute % 60)));
        at = at.saturating_add(interval);
    }
    times.hours = found.iter().map(|(hour, _)| *hour).collect();
    times.minutes = found.iter().map(|(_, minute)| *minute).collect();
    if times.hours.len() * times.minutes.len() == found.len() {
        Ok(())
    } else {
        Err(Unclear::NotFiveFields)
    }
}

/// A duration such as `PT1H` or `P1D` in whole minutes.
fn minutes(text: &str) -> Option<u32> {
    let span: jiff::Span = text.parse().ok()?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    let seconds = duration.as_secs();
    (seconds % 60 == 0).then(|| u32::try_from(seconds / 60).ok())?
}

fn number(value: i8) -> u8 {
    u8::try_from(value).unwrap_or_default()
}

fn small(value: u32) -> u8 {
    u8::try_from(value).unwrap_or_default()
}
