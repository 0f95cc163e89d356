//! Windows event logs by a table "source, id: outcome". The events are read by `wevtutil`, which every Windows has, as the XML of
//! Microsoft Learn, "Event Schema". Windows Server Backup's entries are those of its provider's event 4 and 5; Veeam's: Help
//! Center, "Event Reference", 190 and 790; Cove's: N-able, "Backup Check"; Redstor's: support.redstor.com, "ESE Windows event logs".
//! No Windows was there to test with: the tests use entries made after those descriptions, and a script in place of `wevtutil`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use jiff::Timestamp;
use lastgood_protocol::{Basis, Knowledge, Outcome, RunFacts};
use roxmltree::{Document, Node};

use super::memory::Memory;
use super::{Sighting, What};
use crate::exec;
use crate::tools::claim;

/// How many events are read at once: what a program answers is kept up to 128 KiB, and an event may have ten.
const MOST_EVENTS: usize = 10;

/// How often that is done at one look.
const MOST_ROUNDS: usize = 50;

/// How many numbers a query may name; Windows refuses long ones.
const MOST_IDS: usize = 16;

/// A channel and what its entries mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    /// The product's name in reports.
    pub(crate) product: String,
    /// The channel, such as `Application`.
    pub(crate) channel: String,
    /// The entries that say something.
    pub(crate) rows: Vec<Row>,
}

/// One entry of the log and what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// The source, as the event viewer shows it.
    pub(crate) source: String,
    /// The event's number.
    pub(crate) id: u32,
    /// What it means.
    pub(crate) meaning: Meaning,
}

/// What an entry means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// A backup began.
    Started,
    /// A backup ended so.
    Ended(Outcome),
    /// Veeam's end of a job: the result stands in the entry.
    VeeamResult,
    /// Windows Server Backup's end.
    ServerBackup(Outcome),
}

/// The rows of a product that is known; `source` is needed where the product's own is not known.
pub(crate) fn product_rows(product: &str, source: Option<&str>) -> Option<(&'static str, Vec<Row>)> {
    let row = |source: &str, id, meaning| Row {
        source: source.to_owned(),
        id,
        meaning,
    };
    let ended = |outcome| Meaning::Ended(outcome);
    let listed = |source: Option<&str>, list: &[(u32, Meaning)]| {
        let source = source?;
        Some(list.iter().map(|(id, meaning)| row(source, *id, *meaning)).collect())
    };
    match product {
        "windows-server-backup" => {
            let source = source.unwrap_or("Microsoft-Windows-Backup");
            let rows = vec![
                row(source, 4, Meaning::ServerBackup(Outcome::Ok)),
                row(source, 5, Meaning::ServerBackup(Outcome::Failed)),
            ];
            Some(("Microsoft-Windows-Backup", rows))
        }
        "veeam" => {
            let source = source.unwrap_or("Veeam MP");
            let rows = vec![
                row(source, 190, Meaning::VeeamResult),
                row(source, 790, Meaning::VeeamResult),
            ];
            Some(("Veeam Backup", rows))
        }
        "cove" => {
            let list = [
                (105, ended(Outcome::Ok)),
                (108, ended(Outcome::Warning)),
                (102, ended(Outcome::Failed)),
                (103, ended(Outcome::Failed)),
                (106, ended(Outcome::Failed)),
            ];
            Some(("Application", listed(source, &list)?))
        }
        "redstor" => {
            let list = [
                (4096, Meaning::Started),
                (4097, Meaning::Started),
                (4104, Meaning::Started),
                (4098, ended(Outcome::Ok)),
                (4099, ended(Outcome::Warning)),
                (4100, ended(Outcome::Warning)),
                (4101, ended(Outcome::Warning)),
                (4102, ended(Outcome::Failed)),
                (4103, ended(Outcome::Failed)),
                (4105, ended(Outcome::Failed)),
            ];
            Some(("Application", listed(source, &list)?))
        }
        _ => None,
    }
}

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

/// Reads what was logged since the last look. At the first look only where the log stands is noted.
pub(super) fn look(table: &Table, memory: &mut Memory) -> io::Result<Vec<Sighting>> {
    let Some(record) = memory.record else {
        let newest = query(table, "*", true, 1)?;
        memory.record = Some(newest.first().map_or(0, |event| event.record));
        return Ok(Vec::new());
    };
    let mut last = record;
    let mut events = Vec::new();
    for _ in 0..MOST_ROUNDS {
        let next = query(table, &since(table, last), false, MOST_EVENTS)?;
        let is_all = next.len() < MOST_EVENTS;
        last = next.iter().map(|event| event.record).max().unwrap_or(last);
        events.extend(next);
        if is_all {
            break;
        }
    }
    memory.record = Some(last);
    // A log that was cleared counts from 1 again.
    if events.is_empty() {
        let newest = query(table, "*", true, 1)?;
        if let Some(newest) = newest.first().filter(|newest| newest.record < record) {
            memory.record = Some(newest.record.saturating_sub(1));
        }
    }
    Ok(events.iter().filter_map(|event| judge(table, event)).collect())
}

/// A query for the table's entries after a record.
fn since(table: &Table, record: u64) -> String {
    let ids: BTreeSet<u32> = table.rows.iter().map(|row| row.id).collect();
    let ids: Vec<String> = ids.iter().map(|id| format!("EventID={id}")).collect();
    if ids.len() > MOST_IDS {
        return format!("*[System[(EventRecordID > {record})]]");
    }
    format!("*[System[(EventRecordID > {record}) and ({})]]", ids.join(" or "))
}

fn query(table: &Table, what: &str, newest_first: bool, most: usize) -> io::Result<Vec<LoggedEvent>> {
    let order = format!("/rd:{newest_first}");
    let most = format!("/c:{most}");
    let query = format!("/q:{what}");
    let arguments = ["qe", &table.channel, &query, "/f:xml", &order, &most];
    let answer = exec::short_answer("wevtutil", &arguments)
        .ok_or_else(|| io::Error::other(format!("wevtutil could not read the event log '{}'", table.channel)))?;
    Ok(read_all(&answer))
}

/// The entries of what `wevtutil qe /f:xml` prints: one after the other, without a common root.
pub(crate) fn read_all(text: &str) -> Vec<LoggedEvent> {
    let mut rest = text;
    let mut events = Vec::new();
    while let Some(begin) = rest.find("<Event ").or_else(|| rest.find("<Event>")) {
        let Some(from) = rest.get(begin..) else { break };
        let Some(length) = from.find("</Event>").map(|end| end + "</Event>".len()) else {
            break;
        };
        let (one, after) = from.split_at(length);
        events.extend(read(one));
        rest = after;
    }
    events
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

/// What an entry means by a table; `None` when it has no row.
pub(crate) fn judge(table: &Table, event: &LoggedEvent) -> Option<Sighting> {
    let row = table
        .rows
        .iter()
        .find(|row| row.id == event.id && row.source.eq_ignore_ascii_case(&event.source))?;
    let what = match row.meaning {
        Meaning::Started => What::Started,
        Meaning::Ended(outcome) => What::finished(outcome, reason(outcome)),
        Meaning::VeeamResult => veeam(event),
        Meaning::ServerBackup(outcome) => server_backup(event, outcome),
    };
    let identity = format!("{} {} {}", table.channel, event.record, event.at);
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

/// `JobResult`: 0 success, 1 warning, 2 failed. Without one the entry's level says the same.
fn veeam(event: &LoggedEvent) -> What {
    let value = |name: &str| event.values.get(name).map(|value| value.trim().to_owned());
    let by_level = match event.level {
        0 | 4 => "0",
        3 => "1",
        _ => "2",
    };
    let outcome = match value("JobResult").as_deref().unwrap_or(by_level) {
        "0" => Outcome::Ok,
        "1" => Outcome::Warning,
        _ => Outcome::Failed,
    };
    let retried = value("WillBeRetried").is_some_and(|value| value.eq_ignore_ascii_case("true") || value == "1");
    What::Finished {
        started: None,
        outcome,
        reason: reason(outcome).map(str::to_owned),
        will_be_retried: retried,
        facts: Box::default(),
    }
}

/// The volumes stand in the entry as a second XML document.
fn server_backup(event: &LoggedEvent, outcome: Outcome) -> What {
    let mut facts = RunFacts::default();
    let mut outcome = outcome;
    let mut said = reason(outcome);
    if let Some(volumes) = event.values.get("VolumesInfo").and_then(|text| Volumes::read(text)) {
        let logged = |holds| Some(claim(holds, Knowledge::Measured, Basis::EventLog));
        facts.full = volumes.full.and_then(logged);
        facts.bytes_added = volumes.transferred;
        facts.bytes_processed = volumes.total;
        facts.files_total = volumes.files;
        if volumes.unreadable > 0 && outcome == Outcome::Ok {
            outcome = Outcome::Warning;
            said = Some("A backup was made, but some bytes of a disk could not be read.");
        }
    }
    let hresult = event.values.get("HRESULT").map_or("0", |code| code.trim());
    if outcome == Outcome::Ok && !matches!(hresult, "" | "0" | "0x0" | "0x00000000") {
        outcome = Outcome::Warning;
        said = reason(outcome);
    }
    let started = event.values.get("BackupTime").and_then(|time| time.trim().parse().ok());
    What::Finished {
        started,
        outcome,
        reason: said.map(str::to_owned),
        will_be_retried: false,
        facts: Box::new(facts),
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Volumes {
    full: Option<bool>,
    transferred: Option<u64>,
    total: Option<u64>,
    files: Option<u64>,
    unreadable: u64,
}

impl Volumes {
    /// A backup is full when no volume in it is incremental.
    fn read(text: &str) -> Option<Self> {
        let document = Document::parse(text.trim()).ok()?;
        let mut volumes = Self::default();
        let add = |sum: &mut Option<u64>, value: Option<&str>| {
            if let Some(value) = value.and_then(|value| value.parse::<u64>().ok()) {
                *sum = Some(sum.unwrap_or(0).saturating_add(value));
            }
        };
        for item in document
            .descendants()
            .filter(|node| node.tag_name().name() == "VolumeInfoItem")
        {
            let is_full = match item.attribute("IsIncremental") {
                Some("0" | "false" | "False") => Some(true),
                Some(_) => Some(false),
                None => None,
            };
            volumes.full = match (volumes.full, is_full) {
                (Some(before), Some(this)) => Some(before && this),
                (before, this) => before.or(this),
            };
            add(&mut volumes.transferred, item.attribute("DataTransferred"));
            add(&mut volumes.total, item.attribute("TotalSize"));
            add(&mut volumes.files, item.attribute("TotalNoOfFiles"));
            let unreadable = item
                .attribute("NumUnreadableBytes")
                .and_then(|value| value.parse::<i64>().ok());
            let unreadable = u64::try_from(unreadable.unwrap_or(0)).unwrap_or(0);
            volumes.unreadable = volumes.unreadable.saturating_add(unreadable);
        }
        Some(volumes)
    }
}
