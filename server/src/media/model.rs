//! What a medium is, and the two rules of rotation.
//!
//! A backup day counts by the runs that made a backup (a failed one overwrote nothing that can be restored), and days
//! follow one another as days with a backup: after a weekend without any, Monday follows Friday.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use lastgood_protocol::MediumSighting;
use uuid::Uuid;

use crate::alerts::AlertFacts;
use crate::error::AppError;
use crate::ids::{MediumId, PracticeId};

/// The backup days the rule about sets looks at.
pub(super) const DAYS_JUDGED: usize = 10;

/// The fewest backup days that say anything about sets. With three, one exchange that was put off would already look
/// like a missing set.
pub(super) const FEWEST_DAYS: usize = 4;

/// The fewest sets of a rotation: one in use, one on the way, one safe elsewhere.
pub(super) const FEWEST_SETS: usize = 3;

/// A medium of the register.
#[derive(Debug, Clone)]
pub(super) struct Medium {
    /// Its practice.
    pub(super) practice: PracticeId,
    /// The practice's name.
    pub(super) practice_name: String,
    /// The zone its times are told in.
    pub(super) zone: String,
    /// What is written on it; the volume's name for one that was never registered.
    pub(super) label: String,
    /// The set it belongs to.
    pub(super) set: String,
    /// The volume's UUID or serial number.
    pub(super) volume: String,
    /// Its file system.
    pub(super) file_system: Option<String>,
    /// Its size in bytes.
    pub(super) size_bytes: Option<i64>,
    /// Free bytes when it was last written to.
    pub(super) free_bytes: Option<i64>,
    /// When it was registered.
    pub(super) registered_at: Option<Timestamp>,
    /// When it was last seen.
    pub(super) last_seen_at: Timestamp,
    /// Whether it is on a disk that is taken out.
    pub(super) removable: Option<bool>,
    /// What encrypts it.
    pub(super) encryption: Option<Encryption>,
    /// Where it is.
    pub(super) place: Option<Whereabouts>,
    /// The jobs that wrote to it, by name.
    pub(super) jobs: Vec<String>,
}

crate::text_enum! {
    /// What encrypts everything on a medium.
    pub enum Encryption {
        /// Nothing that its machine knows of.
        Unencrypted = "none",
        /// LUKS.
        Luks = "luks",
        /// BitLocker.
        BitLocker = "bitlocker",
        /// Something else.
        Other = "other",
    }
}

impl From<lastgood_protocol::Encryption> for Encryption {
    fn from(encryption: lastgood_protocol::Encryption) -> Self {
        match encryption {
            lastgood_protocol::Encryption::Unencrypted => Self::Unencrypted,
            lastgood_protocol::Encryption::Luks => Self::Luks,
            lastgood_protocol::Encryption::BitLocker => Self::BitLocker,
            lastgood_protocol::Encryption::Other => Self::Other,
        }
    }
}

/// What is known of a medium itself, in a few words: `encrypted by LUKS, removable`. Nothing where nothing is known.
pub fn nature(removable: Option<bool>, encryption: Option<Encryption>) -> String {
    let encryption = encryption.map(|encryption| match encryption {
        Encryption::Unencrypted => "not encrypted",
        Encryption::Luks => "encrypted by LUKS",
        Encryption::BitLocker => "encrypted by BitLocker",
        Encryption::Other => "encrypted",
    });
    let removable = removable.map(|removable| if removable { "removable" } else { "built in" });
    let known: Vec<&str> = [encryption, removable].into_iter().flatten().collect();
    known.join(", ")
}

/// Where a medium is, as far as an agent said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// Whether it is in a drive.
    pub present: bool,
    /// Since when.
    pub since: Timestamp,
    /// The agent that said so.
    agent: String,
    /// Whether that agent is not heard from.
    agent_is_silent: bool,
}

impl Whereabouts {
    /// From what is stored; `None` as long as no agent said anything.
    pub fn new(
        present: Option<bool>,
        since: Option<Timestamp>,
        agent: Option<String>,
        agent_is_silent: bool,
    ) -> Option<Self> {
        Some(Self {
            present: present?,
            since: since?,
            agent: agent?,
            agent_is_silent,
        })
    }

    /// Where it is; a time follows.
    pub fn words(&self) -> String {
        match (self.present, self.agent_is_silent) {
            (true, false) => format!("in the drive at {} since", self.agent),
            (true, true) => format!("was in the drive at {}, which is silent now, since", self.agent),
            (false, _) => format!("taken out at {}", self.agent),
        }
    }
}

/// A sighting whose fields can be stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct SeenMedium<'a> {
    pub(super) volume: &'a str,
    pub(super) marker: Option<Uuid>,
    pub(super) label: &'a str,
    pub(super) file_system: Option<&'a str>,
    pub(super) size_bytes: Option<i64>,
    pub(super) removable: Option<bool>,
    pub(super) encryption: Option<Encryption>,
    /// The volume its marker was written on, where that is another.
    pub(super) copied_from: Option<&'a str>,
}

impl<'a> SeenMedium<'a> {
    pub(super) fn new(sighting: &'a MediumSighting) -> Result<Self, AppError> {
        let volume = short_text("medium.volume", &sighting.volume)?;
        let label = match &sighting.label {
            Some(label) => short_text("medium.label", label)?,
            None => volume,
        };
        let file_system = sighting.file_system.as_deref();
        let copied_from = sighting.copied_from.as_deref();
        Ok(Self {
            volume,
            marker: sighting.marker.map(|marker| marker.0),
            label,
            file_system: file_system
                .map(|name| short_text("medium.file_system", name))
                .transpose()?,
            size_bytes: bytes("medium.size_bytes", sighting.size_bytes)?,
            removable: sighting.removable,
            encryption: sighting.encryption.map(Encryption::from),
            copied_from: copied_from
                .map(|volume| short_text("medium.copied_from", volume))
                .transpose()?,
        })
    }
}

/// A name as it is shown in a list.
pub(super) fn short_text<'a>(field: &str, text: &'a str) -> Result<&'a str, AppError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > 200 {
        return Err(AppError::Invalid(format!("{field} must have 1 to 200 characters.")));
    }
    Ok(text)
}

/// A size as the database keeps it.
pub(super) fn bytes(field: &str, bytes: Option<u64>) -> Result<Option<i64>, AppError> {
    let too_large = |_| AppError::Invalid(format!("{field} is larger than {}.", i64::MAX));
    bytes.map(|bytes| i64::try_from(bytes).map_err(too_large)).transpose()
}

/// A backup day of a job, and the media that were written on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct DayOfUse {
    /// The day.
    pub(super) day: Date,
    /// The media, each with its label and its set.
    pub(super) media: BTreeMap<MediumId, LabelAndSet>,
}

/// What a medium is called and what it is taken out with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LabelAndSet {
    pub(super) label: String,
    pub(super) set: String,
}

/// What the days say about a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Rotation {
    /// Not enough days to judge.
    Unknown,
    /// It is broken.
    Broken(AlertFacts),
    /// It holds, and this shows it.
    Holds(String),
}

/// Whether the newest backup day was written on a medium of the backup day before. `days` oldest first, each day once.
pub(super) fn same_medium(days: &[DayOfUse]) -> Rotation {
    let [.., before, newest] = days else {
        return Rotation::Unknown;
    };
    let again = newest
        .media
        .iter()
        .find(|(medium, _)| before.media.contains_key(medium));
    match again {
        Some((_, medium)) => Rotation::Broken(AlertFacts::SameMedium {
            label: medium.label.clone(),
            first: before.day,
            second: newest.day,
        }),
        None => Rotation::Holds(format!(
            "The backup of {} is on {}, the one before on {}.",
            newest.day.strftime("%a %-d %b"),
            labels(newest),
            labels(before)
        )),
    }
}

fn labels(day: &DayOfUse) -> String {
    let labels: Vec<String> = day.media.values().map(|medium| format!("“{}”", medium.label)).collect();
    labels.join(" and ")
}

/// Whether the newest backup days were spread over enough sets. `days` oldest first, each day once.
pub(super) fn few_sets(days: &[DayOfUse]) -> Rotation {
    let judged = days.get(days.len().saturating_sub(DAYS_JUDGED)..).unwrap_or_default();
    let sets: BTreeSet<&str> = judged
        .iter()
        .flat_map(|day| day.media.values().map(|medium| medium.set.as_str()))
        .collect();
    let names: Vec<String> = sets.into_iter().map(str::to_owned).collect();
    if names.len() >= FEWEST_SETS {
        return Rotation::Holds(format!("{} sets are in use: {}.", names.len(), names.join(", ")));
    }
    if judged.len() < FEWEST_DAYS {
        return Rotation::Unknown;
    }
    Rotation::Broken(AlertFacts::FewSets {
        sets: names,
        days: u32::try_from(judged.len()).unwrap_or(u32::MAX),
    })
}
