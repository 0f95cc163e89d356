//! What an event log holds already, the newest first, for `preview`.

use std::io;

use super::{LoggedEvent, MOST_EVENTS, Table, judge, query};
use crate::watch::preview::{Entry, Preview};

/// The newest entries of the table's sources and what each counts as, those without a row too.
pub(in crate::watch) fn preview(table: &Table, most: usize) -> io::Result<Preview> {
    let events = newest(table, &of_sources(table), most)?;
    let note = if events.is_empty() {
        Some(no_entries(table)?)
    } else {
        None
    };
    let entries = events.iter().map(|event| Entry {
        at: Some(event.at),
        left: format!("{} {} ({})", event.source, event.id, level_words(event.level)),
        counts: judge(table, event).map(|sighting| sighting.what),
    });
    Ok(Preview {
        entries: entries.collect(),
        note,
    })
}

/// Whose entries are there instead: the product may log under another name.
fn no_entries(table: &Table) -> io::Result<String> {
    let entries = newest(table, "", MOST_EVENTS * 5)?;
    let others = each_once(entries.iter().map(|event| event.source.as_str())).join(", ");
    let missing = format!(
        "The event log '{}' has no entry of {}",
        table.channel,
        sources(table).join(", ")
    );
    Ok(if others.is_empty() {
        format!("{missing}: it is empty")
    } else {
        format!("{missing}. Its newest are of: {others}. If the product is one of those, give its name as source")
    })
}

fn sources(table: &Table) -> Vec<&str> {
    each_once(table.rows.iter().map(|row| row.source.as_str()))
}

fn each_once<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The newest entries that a condition holds for, as many as asked for or as there are.
fn newest(table: &Table, condition: &str, most: usize) -> io::Result<Vec<LoggedEvent>> {
    let mut events: Vec<LoggedEvent> = Vec::new();
    let mut before = None;
    while events.len() < most {
        let wanted = MOST_EVENTS.min(most - events.len());
        let older = before.map(|record: u64| format!("EventRecordID < {record}"));
        let conditions: Vec<&str> = older
            .as_deref()
            .into_iter()
            .chain(Some(condition).filter(|condition| !condition.is_empty()))
            .collect();
        let what = match conditions.as_slice() {
            [] => "*".to_owned(),
            all => format!("*[System[{}]]", all.join(" and ")),
        };
        let page = query(table, &what, true, wanted)?;
        let Some(oldest) = page.records.iter().min() else { break };
        before = Some(*oldest);
        events.extend(page.events);
        if page.is_all {
            break;
        }
    }
    Ok(events)
}

/// A condition for the entries of the table's sources. XPath has no escapes: a name has the quotes that are not in it.
fn of_sources(table: &Table) -> String {
    let names: Vec<String> = sources(table)
        .into_iter()
        .map(|source| {
            let quote = if source.contains('\'') { '"' } else { '\'' };
            format!("@Name={quote}{source}{quote}")
        })
        .collect();
    format!("Provider[{}]", names.join(" or "))
}

/// The levels of Microsoft Learn, "Event Schema", `LevelType`; 0 is what classic sources log as information.
fn level_words(level: u32) -> &'static str {
    match level {
        1 => "critical",
        2 => "error",
        3 => "warning",
        0 | 4 => "information",
        _ => "detail",
    }
}
