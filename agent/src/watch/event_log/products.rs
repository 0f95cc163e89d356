//! The products that are known: which entries of their logs say how a backup ended.

use lastgood_protocol::Outcome;

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
    /// The Veeam Agent's end: the result stands in the entry's level and message.
    VeeamAgentResult,
    /// Windows Server Backup's end.
    ServerBackup(Outcome),
}

/// Windows Server Backup's entries that say how a backup ended, or that none began. 14 says only that it is over, 1 that it began,
/// and those of the Application log (517 for 5, 546 for 19, …) say the same again.
/// 7 is "completed with errors", which its twin there (519) explains: some disks were not backed up.
const SERVER_BACKUP: [(u32, Outcome); 15] = [
    (4, Outcome::Ok),
    (5, Outcome::Failed),
    (7, Outcome::Failed),
    (8, Outcome::Failed),
    (9, Outcome::Failed),
    (17, Outcome::Failed),
    (18, Outcome::Failed),
    (19, Outcome::Failed),
    (20, Outcome::Failed),
    (21, Outcome::Failed),
    (22, Outcome::Failed),
    (23, Outcome::Warning),
    (49, Outcome::Failed),
    (50, Outcome::Failed),
    (52, Outcome::Failed),
];

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
            let rows = SERVER_BACKUP.map(|(id, outcome)| row(source, id, Meaning::ServerBackup(outcome)));
            Some(("Microsoft-Windows-Backup", rows.to_vec()))
        }
        "veeam" => {
            let source = source.unwrap_or("Veeam MP");
            let rows = vec![
                row(source, 190, Meaning::VeeamResult),
                row(source, 790, Meaning::VeeamResult),
            ];
            Some(("Veeam Backup", rows))
        }
        "veeam-agent" => {
            let source = source.unwrap_or("Veeam Agent");
            let rows = [190, 191].map(|id| row(source, id, Meaning::VeeamAgentResult));
            Some(("Veeam Agent", rows.to_vec()))
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
