//! Windows event logs by a table "source, id: outcome". The events are read by `wevtutil`, which every Windows has, as the XML of
//! Microsoft Learn, "Event Schema". Windows Server Backup's entries: the provider's manifest and messages; Veeam's: Help Center,
//! "Event Reference", 190 and 790; Cove's: N-able, "Backup Check"; Redstor's: support.redstor.com, "ESE Windows event logs".
//! Windows Server Backup's are tested as real machines logged them, Veeam's on values that real machines sent or logged, the others as
//! made after those descriptions (`../samples/README.md`), and a script stands in place of `wevtutil`.

mod look_back;
mod products;
mod server_backup;
mod veeam;

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use lastgood_protocol::Outcome;
use roxmltree::{Document, Node};

pub(super) use self::look_back::preview;
pub(crate) use self::products::{Meaning, Row, Table, product_rows};
use super::memory::Memory;
use super::{Sighting, What};
use crate::exec;

/// How many events are read at once: what a program answers is kept up to 128 KiB, and an event may have ten.
const MOST_EVENTS: usize = 10;

/// How often that is done at one look.
const MOST_ROUNDS: usize = 50;

/// How many numbers a query may name; Windows refuses long ones.
const MOST_IDS: usize = 16;

/// An entry of an event log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LoggedEvent {
    source: String,
    id: u32,
    level: u32,
    record: u64,
    at: Timestamp,
    values: BTreeMap<String, String>,
}

impl LoggedEvent {
    /// A value by its name, or by its place where the entry names none.
    fn value(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|value| value.trim())
    }
}

/// Reads what was logged since the last look. At the first look only where the log stands is noted.
pub(super) fn look(table: &Table, memory: &mut Memory) -> io::Result<Vec<Sighting>> {
    let Some(record) = memory.record else {
        let newest = query(table, "*", true, 1)?;
        memory.record = Some(newest.last_record().unwrap_or(0));
        return Ok(Vec::new());
    };
    let mut last = record;
    let mut events = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let page = query(table, &since(table, last), false, MOST_EVENTS)?;
        // Entries that cannot be read are left behind: they would stand in the way of all that follow.
        let Some(newest) = page.last_record() else { break };
        last = last.max(newest);
        events.extend(page.events);
        if page.is_all {
            break;
        }
    }
    memory.record = Some(last);
    // A log that was cleared counts from 1 again.
    if last == record {
        let newest = query(table, "*", true, 1)?.last_record();
        if let Some(newest) = newest.filter(|newest| *newest < record) {
            memory.record = Some(newest.saturating_sub(1));
        }
    }
    Ok(judge_all(table, &events))
}

/// A query for the table's entries after a record.
fn since(table: &Table, record: u64) -> String {
    let mut ids: Vec<u32> = table.rows.iter().map(|row| row.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let ids: Vec<String> = ids.iter().map(|id| format!("EventID={id}")).collect();
    if ids.len() > MOST_IDS {
        return format!("*[System[(EventRecordID > {record})]]");
    }
    format!("*[System[(EventRecordID > {record}) and ({})]]", ids.join(" or "))
}

/// What one query answered.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The entries that could be read.
    pub(crate) events: Vec<LoggedEvent>,
    /// The numbers of all entries, in their order.
    records: Vec<u64>,
    /// Whether there are no more.
    is_all: bool,
}

impl Page {
    fn last_record(&self) -> Option<u64> {
        self.records.iter().max().copied()
    }
}

fn query(table: &Table, what: &str, newest_first: bool, most: usize) -> io::Result<Page> {
    let answer = ask(table, what, newest_first, most)?;
    // The end of a long answer is what is kept of it: then one entry at a time.
    if most > 1 && !answer.is_empty() && !answer.trim_start().starts_with("<Event") {
        let page = read_all(&ask(table, what, newest_first, 1)?);
        return Ok(Page { is_all: false, ..page });
    }
    let page = read_all(&answer);
    Ok(Page {
        is_all: page.records.len() < most,
        ..page
    })
}

fn ask(table: &Table, what: &str, newest_first: bool, most: usize) -> io::Result<String> {
    let order = format!("/rd:{newest_first}");
    let most = format!("/c:{most}");
    let query = format!("/q:{what}");
    let arguments = ["qe", &table.channel, &query, "/f:xml", &order, &most];
    exec::short_answer("wevtutil", &arguments)
        .ok_or_else(|| io::Error::other(format!("wevtutil could not read the event log '{}'", table.channel)))
}

/// The entries of what `wevtutil qe /f:xml` prints: one after the other, without a common root.
pub(crate) fn read_all(text: &str) -> Page {
    let mut rest = text;
    let mut page = Page::default();
    while let Some(begin) = rest.find("<Event ").or_else(|| rest.find("<Event>")) {
        let Some(from) = rest.get(begin..) else { break };
        let Some(length) = from.find("</Event>").map(|end| end + "</Event>".len()) else {
            break;
        };
        let (one, after) = from.split_at(length);
        let event = read(one);
        if event.is_none() {
            tracing::warn!("an entry of the event log could not be read and is left out");
        }
        page.records
            .extend(event.as_ref().map(|event| event.record).or_else(|| record_in(one)));
        page.events.extend(event);
        rest = after;
    }
    page
}

/// The number of an entry that is not well-formed.
fn record_in(xml: &str) -> Option<u64> {
    let (_, after) = xml.split_once("<EventRecordID>")?;
    let (number, _) = after.split_once('<')?;
    number.trim().parse().ok()
}

/// One entry.
pub(crate) fn read(xml: &str) -> Option<LoggedEvent> {
    let document = Document::parse(xml).ok()?;
    let root = document.root_element();
    let system = child(root, "System")?;
    let text = |name: &str| child(system, name).and_then(|node| node.text());
    let provider = child(system, "Provider")?;
    let source = provider
        .attribute("Name")
        .or_else(|| provider.attribute("EventSourceName"))?
        .to_owned();
    let time = child(system, "TimeCreated")?.attribute("SystemTime")?;
    let mut values = BTreeMap::new();
    for (index, node) in root
        .descendants()
        .filter(|node| node.tag_name().name() == "Data")
        .enumerate()
    {
        let name = node.attribute("Name").map_or_else(|| index.to_string(), str::to_owned);
        values.insert(name, node.text().unwrap_or_default().to_owned());
    }
    Some(LoggedEvent {
        source,
        id: text("EventID")?.trim().parse().ok()?,
        level: text("Level").and_then(|level| level.trim().parse().ok()).unwrap_or(0),
        record: text("EventRecordID")?.trim().parse().ok()?,
        at: time.parse().ok()?,
        values,
    })
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Option<Node<'a, 'a>> {
    node.children().find(|child| child.tag_name().name() == name)
}

/// What entries mean by a table. Of several about one run the worst is told, where the first stood.
pub(crate) fn judge_all(table: &Table, events: &[LoggedEvent]) -> Vec<Sighting> {
    let mut sightings: Vec<Sighting> = Vec::new();
    for sighting in events.iter().filter_map(|event| judge(table, event)) {
        match sightings
            .iter_mut()
            .find(|other| other.what.is_same_run(&sighting.what))
        {
            Some(other) if sighting.what.weight() > other.what.weight() => *other = sighting,
            Some(_) => {}
            None => sightings.push(sighting),
        }
    }
    sightings
}

/// What an entry means by a table; `None` when it has no row.
pub(crate) fn judge(table: &Table, event: &LoggedEvent) -> Option<Sighting> {
    let row = table
        .rows
        .iter()
        .find(|row| row.id == event.id && row.source.eq_ignore_ascii_case(&event.source))?;
    let what = match row.meaning {
        Meaning::Started => What::Started,
        Meaning::Ended(outcome) => What::finished(outcome, reason(outcome)),
        Meaning::VeeamResult => veeam::end(event),
        Meaning::VeeamAgentResult => veeam::end_of_agent(event),
        Meaning::ServerBackup(outcome) => server_backup::end(event, outcome),
    };
    let is_server_backup = matches!(row.meaning, Meaning::ServerBackup(_));
    let identity = match server_backup::began(event).filter(|_| is_server_backup) {
        // The second entry of a look that saw but the first must not be lost when it is worse.
        Some(began) => format!("{} {began} {}", table.channel, what.weight()),
        None => format!("{} {} {}", table.channel, event.record, event.at),
    };
    Some(Sighting {
        identity,
        at: event.at,
        version: None,
        what,
    })
}

fn reason(outcome: Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Ok => None,
        Outcome::Warning => Some("A backup was made, but the program logged a warning."),
        Outcome::Failed => Some("The program logged that the backup failed or was not made."),
    }
}
