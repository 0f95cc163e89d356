//! Which medium is wanted: the administrator's rule, and what is kept of the media that backups were made on.

mod words;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use lastgood_protocol::{JobKey, MarkerId};
use serde::{Deserialize, Serialize};

pub(crate) use words::Found;

/// The days with a backup that are kept of each medium and job: the newest, and one before it.
const DAYS_KEPT: usize = 2;

/// The most media that are kept; the ones that were not used for the longest time are forgotten first.
const MOST_MEDIA: usize = 200;

/// When a backup day begins, and where. One night is one day: with noon, a run at 01:00 on Tuesday belongs to Monday.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BackupDays {
    /// Where.
    pub(crate) zone: TimeZone,
    /// The local time at which a day begins.
    pub(crate) begins: Time,
}

impl BackupDays {
    /// The backup day of a moment.
    pub(crate) fn day_of(&self, at: Timestamp) -> Date {
        let local = self.zone.to_datetime(at);
        if local.time() < self.begins {
            local.date().yesterday().unwrap_or(local.date())
        } else {
            local.date()
        }
    }
}

/// What the administrator asks of the medium in the drive before a job may begin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum MediumRule {
    /// Any medium that was registered.
    Registered,
    /// One of another set than those of the last backup day.
    Rotated,
    /// On each of these weekdays the one with this label or of this set, by days from Monday, 0; other days ask for nothing.
    Weekdays(BTreeMap<i8, String>),
}

/// What a medium is called and what it is taken out with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Name {
    /// The text on its sticker.
    pub(crate) label: String,
    /// The set it belongs to.
    pub(crate) set: String,
}

/// What is kept of the registered media of this machine, by marker: a copied one is told apart from its original by neither
/// its label nor its set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rotation {
    media: BTreeMap<MarkerId, Known>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    #[serde(flatten)]
    name: Name,
    /// The newest days on which each job made a backup on it, newest first.
    #[serde(default)]
    used: BTreeMap<JobKey, Vec<Date>>,
}

impl Known {
    fn newest(&self) -> Option<Date> {
        self.used.values().filter_map(|days| days.first()).max().copied()
    }
}

/// What is wanted in the drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Nothing in particular.
    Anything,
    /// A registered medium.
    Registered,
    /// The one with this label, or of this set.
    Named(String),
    /// A registered medium of another set than these.
    AnotherThan {
        /// The sets of the last backup day.
        sets: BTreeSet<String>,
        /// The other set that was not used for the longest time, if another is known.
        next: Option<String>,
    },
}

impl Rotation {
    /// A registered medium was seen; a new label or set replaces the old.
    pub(crate) fn see(&mut self, marker: MarkerId, name: &Name) {
        let known = self.media.entry(marker).or_insert_with(|| Known {
            name: name.clone(),
            used: BTreeMap::new(),
        });
        known.name.clone_from(name);
        while self.media.len() > MOST_MEDIA {
            let longest = self.media.iter().filter(|(other, _)| **other != marker);
            let Some(longest) = longest.min_by_key(|(_, known)| known.newest()).map(|(id, _)| *id) else {
                break;
            };
            self.media.remove(&longest);
        }
    }

    /// Whether a medium was registered or used on this machine.
    pub(crate) fn knows(&self, marker: MarkerId) -> bool {
        self.media.contains_key(&marker)
    }

    /// A job made a backup on a medium.
    pub(crate) fn use_on(&mut self, marker: MarkerId, name: &Name, job: &JobKey, day: Date) {
        self.see(marker, name);
        if let Some(known) = self.media.get_mut(&marker) {
            let days = known.used.entry(job.clone()).or_default();
            days.push(day);
            days.sort_unstable_by(|one, other| other.cmp(one));
            days.dedup();
            days.truncate(DAYS_KEPT);
        }
    }

    /// What the rule wants on `day`.
    pub(crate) fn wanted(&self, rule: &MediumRule, job: &JobKey, day: Date) -> Wanted {
        match rule {
            MediumRule::Registered => Wanted::Registered,
            MediumRule::Weekdays(names) => names
                .get(&day.weekday().to_monday_zero_offset())
                .map_or(Wanted::Anything, |name| Wanted::Named(name.clone())),
            MediumRule::Rotated => {
                let sets = self.sets_of_the_last_day(job, day);
                if sets.is_empty() {
                    return Wanted::Registered;
                }
                let next = self.next_in_turn(job, &sets);
                Wanted::AnotherThan { sets, next }
            }
        }
    }

    /// The sets of the last day before `day` on which the job made a backup.
    fn sets_of_the_last_day(&self, job: &JobKey, day: Date) -> BTreeSet<String> {
        let before = |known: &Known| known.used.get(job)?.iter().find(|used| **used < day).copied();
        let last = self.media.values().filter_map(before).max();
        self.media
            .values()
            .filter(|known| last.is_some() && before(known) == last)
            .map(|known| known.name.set.clone())
            .collect()
    }

    /// The set that was not used for the longest time, of those that this job uses or that no job used yet.
    fn next_in_turn(&self, job: &JobKey, but: &BTreeSet<String>) -> Option<String> {
        let mut sets: BTreeMap<&str, Option<Date>> = BTreeMap::new();
        let mine = |known: &&Known| known.used.is_empty() || known.used.contains_key(job);
        for known in self.media.values().filter(mine) {
            let newest = sets.entry(&known.name.set).or_default();
            *newest = (*newest).max(known.newest());
        }
        sets.into_iter()
            .filter(|(set, _)| !but.contains(*set))
            .min_by_key(|(_, newest)| *newest)
            .map(|(set, _)| set.to_owned())
    }
}

impl Wanted {
    /// Whether a medium is wanted; `None` is one that is not registered.
    pub(crate) fn allows(&self, medium: Option<&Name>) -> bool {
        match (self, medium) {
            (Self::Anything, _) | (Self::Registered, Some(_)) => true,
            (Self::Named(name), Some(medium)) => *name == medium.label || *name == medium.set,
            (Self::AnotherThan { sets, .. }, Some(medium)) => !sets.contains(&medium.set),
            (Self::Registered | Self::Named(_) | Self::AnotherThan { .. }, None) => false,
        }
    }
}

#[cfg(test)]
mod tests;
