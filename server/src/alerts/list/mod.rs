//! Alerts as pages show them.

pub(super) mod db;

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use uuid::Uuid;

use super::model::{AlertFacts, AlertKey, AlertKind, Subject};
use super::words::Told;
use crate::ids::{AlertId, FirmId, PracticeId};
use crate::web::words::Moment;

pub use db::{for_subject, open_for_firm, open_for_practice};

/// An alert with everything that a row about it shows. Open, unless [`Self::closed`] says otherwise.
#[derive(Debug, Clone)]
pub struct OpenAlert {
    /// It.
    pub id: AlertId,
    /// Its firm.
    pub firm: FirmId,
    /// Its practice.
    pub practice: PracticeId,
    /// The practice's name.
    pub practice_name: String,
    /// Where the practice, or the subject's office, is.
    pub zone: TimeZone,
    /// What is wrong.
    pub kind: AlertKind,
    /// What it is about.
    pub subject: Subject,
    /// `Harbor Counseling: no backup since Fri 20 Nov (nightly)`.
    pub headline: String,
    /// The headline without the practice.
    pub fact: String,
    /// What happened, since when, what to do.
    pub sentence: String,
    /// When the problem began.
    pub since: Timestamp,
    /// When it was noticed.
    pub opened_at: Timestamp,
    /// What is known.
    pub facts: AlertFacts,
    /// Who said that they look after it, if anybody.
    pub acknowledged: Option<Acknowledgement>,
    /// How it ended, if it did.
    pub closed: Option<Closure>,
}

/// Somebody looks after it, until a time.
#[derive(Debug, Clone)]
pub struct Acknowledgement {
    /// When they said so.
    pub at: Timestamp,
    /// Their name.
    pub by: String,
    /// Why it may wait.
    pub reason: String,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// How an alert ended.
#[derive(Debug, Clone)]
pub struct Closure {
    /// When.
    pub at: Timestamp,
    /// `evidence`, `resolution` or `replaced`.
    pub how: String,
    /// Who or what closed it.
    pub by: String,
    /// In words.
    pub resolution: String,
}

impl OpenAlert {
    /// A time at the practice.
    pub fn moment(&self, at: &Timestamp) -> Moment {
        Moment {
            at: *at,
            zone: self.zone.clone(),
        }
    }

    /// The alert, to be told.
    pub fn told(&self) -> Told<'_> {
        Told {
            practice: &self.practice_name,
            subject: &self.subject,
            zone: &self.zone,
            since: self.since,
            facts: &self.facts,
        }
    }

    /// What makes it the same alert.
    pub fn key(&self) -> AlertKey {
        AlertKey {
            firm: self.firm,
            practice: self.practice,
            subject: self.subject.clone(),
            kind: self.kind,
        }
    }

    /// Its page.
    pub fn path(&self) -> String {
        format!("/alerts/{}", self.id)
    }
}

crate::text_enum! {
    /// Which alerts a list shows.
    pub enum Shown {
        /// Those that nobody closed, acknowledged ones last.
        Open = "open",
        /// Those that somebody looks after.
        Acknowledged = "acknowledged",
        /// Those that are over.
        Closed = "closed",
        /// All, open ones first.
        All = "all",
    }
}

/// What a list is narrowed to.
#[derive(Debug, Clone, Copy)]
pub struct Filter {
    /// By state.
    pub shown: Shown,
    /// By kind.
    pub kind: Option<AlertKind>,
    /// By practice.
    pub practice: Option<PracticeId>,
}

/// A place in the order of a list; the next page begins behind it. In addresses: `12.1763890000000000.<uuid>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Open, then acknowledged, then closed; in each the worst kind first.
    pub rank: i32,
    /// Later ones first.
    pub opened_at: Timestamp,
    /// Where both are the same.
    pub alert: Uuid,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.rank, self.opened_at.as_microsecond(), self.alert)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let (Some(rank), Some(opened_at), Some(alert)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(());
        };
        let opened_at = opened_at.parse().map_err(|_| ())?;
        Ok(Self {
            rank: rank.parse().map_err(|_| ())?,
            opened_at: Timestamp::from_microsecond(opened_at).map_err(|_| ())?,
            alert: alert.parse().map_err(|_| ())?,
        })
    }
}
