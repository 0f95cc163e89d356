//! `[job.watch]`: what another program leaves of its backups.

use std::ops::Range;
use std::path::PathBuf;

use lastgood_protocol::Outcome;
use toml::Spanned;

use super::build::Builder;
use super::file::{RawEncoding, RawJob, RawMeaning, RawRow, RawWatch, RawWatchKind};
use crate::watch::event_log::{Meaning, Row, Table, product_rows};
use crate::watch::log_file::{Encoding, LogFile};

/// The port for Duplicati's reports when none is given.
const PORT: i64 = 8_217;

/// What is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watch {
    /// A channel of Windows' event log.
    EventLog(Table),
    /// resticprofile's status file.
    StatusFile {
        /// The file.
        file: PathBuf,
        /// The profile in it.
        profile: String,
    },
    /// A log file with words.
    LogFile(LogFile),
    /// Reports that Duplicati posts.
    Duplicati {
        /// The backup's name in Duplicati.
        backup: String,
        /// The port on the loopback address.
        port: u16,
    },
}

impl Builder<'_> {
    pub(super) fn watch(&mut self, raw: &RawJob) -> Option<Watch> {
        let given = raw.watch.as_ref()?;
        let span = given.span();
        let watch = given.get_ref();
        let started = [
            ("schedule", raw.schedule.as_ref().map(Spanned::span)),
            ("command", raw.command.as_ref().map(Spanned::span)),
        ];
        for (name, span) in started {
            if let Some(span) = span {
                self.wrong(
                    &span,
                    format!("'{name}' starts something, and this job only watches"),
                    "Remove the line or [job.watch]",
                );
            }
        }
        match watch.kind {
            RawWatchKind::EventLog => self.event_log(watch, &span),
            RawWatchKind::StatusFile => Some(Watch::StatusFile {
                file: self.watched_file(watch, &span)?,
                profile: watch.profile.clone().unwrap_or_else(|| "default".to_owned()),
            }),
            RawWatchKind::LogFile => self.log_file(watch, &span),
            RawWatchKind::Duplicati => self.duplicati(watch, &span),
        }
    }

    fn event_log(&mut self, watch: &RawWatch, span: &Range<usize>) -> Option<Watch> {
        let product = watch.product.clone().unwrap_or_else(|| "event-log".to_owned());
        let known = product_rows(&product, watch.source.as_deref());
        let (channel, mut rows) = match (known, watch.product.is_some()) {
            (Some((channel, rows)), _) => (channel.to_owned(), rows),
            (None, true) if watch.rows.is_empty() => {
                self.wrong(
                    span,
                    format!("what '{product}' logs is not known without its source"),
                    "Write \"windows-server-backup\", \"veeam\" or \"veeam-agent\", or \"cove\" or \"redstor\" with source = \"…\" as the event \
                     viewer shows it, or list the entries in rows",
                );
                return None;
            }
            (None, _) => ("Application".to_owned(), Vec::new()),
        };
        rows.extend(watch.rows.iter().map(row));
        if rows.is_empty() {
            self.wrong(
                span,
                "no entry of the log has a meaning",
                "Name a product, or rows = [{ source = \"…\", id = 1, means = \"ok\" }]",
            );
        }
        let channel = watch.channel.clone().unwrap_or(channel);
        if channel.is_empty() || channel.starts_with(['-', '/']) || channel.contains(char::is_control) {
            self.wrong(
                span,
                "the channel is not one",
                "Write it as the event viewer shows it, such as \"Application\"",
            );
        }
        Some(Watch::EventLog(Table { product, channel, rows }))
    }

    fn log_file(&mut self, watch: &RawWatch, span: &Range<usize>) -> Option<Watch> {
        if watch.success.is_empty() || watch.fail.is_empty() {
            self.wrong(
                span,
                "a log file needs words for success and for failure",
                "Write success = [\"finished\"] and fail = [\"error\", \"failed\"], as the program writes them",
            );
        }
        let words = [&watch.fail, &watch.success, &watch.start];
        if words.iter().any(|words| words.iter().any(String::is_empty)) {
            self.wrong(span, "a word is empty, so that every line would have it", "Remove it");
        }
        Some(Watch::LogFile(LogFile {
            file: self.watched_file(watch, span)?,
            fail: watch.fail.clone(),
            success: watch.success.clone(),
            start: watch.start.clone(),
            encoding: match watch.encoding {
                None | Some(RawEncoding::Utf8) => Encoding::Told,
                Some(RawEncoding::Utf16) => Encoding::Utf16Le,
                Some(RawEncoding::Windows1252) => Encoding::Windows1252,
            },
        }))
    }

    fn duplicati(&mut self, watch: &RawWatch, span: &Range<usize>) -> Option<Watch> {
        let Some(backup) = watch.backup.clone().filter(|backup| !backup.is_empty()) else {
            self.wrong(
                span,
                "the backup's name in Duplicati is missing",
                "Write backup = \"…\" as Duplicati shows it",
            );
            return None;
        };
        let port = watch.port.unwrap_or(PORT);
        let Some(port) = u16::try_from(port).ok().filter(|port| *port >= 1_024) else {
            self.wrong(span, "port must be from 1024 to 65535", "Leave it out for 8217");
            return None;
        };
        Some(Watch::Duplicati { backup, port })
    }

    fn watched_file(&mut self, watch: &RawWatch, span: &Range<usize>) -> Option<PathBuf> {
        match &watch.file {
            Some(file) if file.get_ref().is_absolute() => Some(file.get_ref().clone()),
            Some(file) => {
                self.wrong(
                    &file.span(),
                    "the file is given without its full path",
                    "Write it from the root on",
                );
                None
            }
            None => {
                self.wrong(span, "the file is missing", "Write file = \"/full/path\"");
                None
            }
        }
    }
}

fn row(raw: &RawRow) -> Row {
    Row {
        source: raw.source.clone(),
        id: raw.id,
        meaning: match raw.means {
            RawMeaning::Started => Meaning::Started,
            RawMeaning::Ok => Meaning::Ended(Outcome::Ok),
            RawMeaning::Warning => Meaning::Ended(Outcome::Warning),
            RawMeaning::Failed => Meaning::Ended(Outcome::Failed),
        },
    }
}
