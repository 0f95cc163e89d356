//! What a job's medium must be, and when a backup day begins.

use std::collections::BTreeMap;
use std::ops::Range;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use toml::Spanned;

use super::build::Builder;
use super::file::RawJob;
use crate::engine::rotation::{BackupDays, MediumRule};

/// One night is one day: as the server has it unless an office says otherwise.
const DAY_BEGINS: Time = Time::constant(12, 0, 0, 0);

/// The days of the week as they are written in settings.
pub(crate) const WEEKDAY_NAMES: [&str; 7] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
];

/// The longest label or set, in characters, as when it is registered.
const LONGEST_NAME: usize = 80;

/// The backup days where no configuration says otherwise.
pub(super) fn default_days() -> BackupDays {
    BackupDays {
        zone: TimeZone::try_system().unwrap_or(TimeZone::UTC),
        begins: DAY_BEGINS,
    }
}

impl Builder<'_> {
    pub(super) fn days(&mut self, given: Option<&Spanned<String>>, zone: TimeZone) -> BackupDays {
        let begins = given.and_then(|given| {
            let time = Time::strptime("%H:%M", given.get_ref()).ok();
            if time.is_none() {
                self.wrong(
                    &given.span(),
                    format!("'{}' is not a time of day", given.get_ref()),
                    "Write it like \"12:00\"; it is the hour at which the office's backup day begins on the server",
                );
            }
            time
        });
        BackupDays {
            zone,
            begins: begins.unwrap_or(DAY_BEGINS),
        }
    }

    /// A job's own zone counts for more than the file's.
    pub(super) fn days_of(&mut self, raw: &RawJob, days: &BackupDays) -> BackupDays {
        let zone = raw.zone.as_ref().map(|given| self.zone(given));
        BackupDays {
            zone: zone.unwrap_or_else(|| days.zone.clone()),
            begins: days.begins,
        }
    }

    pub(super) fn require_medium(&mut self, raw: &RawJob) -> Option<MediumRule> {
        let given = raw.require_medium.as_ref()?;
        let span = given.span();
        if raw.medium.is_none() {
            self.wrong(
                &span,
                "'require_medium' needs to know where the medium is mounted",
                "Add that folder, such as medium = \"/mnt/backup\", or remove the line",
            );
        }
        if raw.watch.is_some() {
            self.wrong(
                &span,
                "'require_medium' cannot keep back a job that only watches: another program starts its backups",
                "Remove the line",
            );
        }
        let rule = match given.get_ref() {
            toml::Value::String(name) if name == "registered" => Some(MediumRule::Registered),
            toml::Value::String(name) if name == "rotated" => Some(MediumRule::Rotated),
            toml::Value::Table(names) => return self.weekdays(&span, names),
            toml::Value::String(_)
            | toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_) => None,
        };
        if rule.is_none() {
            self.wrong(
                &span,
                "'require_medium' is no rule that there is",
                "Write \"registered\", \"rotated\", or a label or set for weekdays: { monday = \"Monday\", friday = \"Archive\" }",
            );
        }
        rule
    }

    fn weekdays(&mut self, span: &Range<usize>, names: &toml::Table) -> Option<MediumRule> {
        let mut rule = BTreeMap::new();
        for (day, name) in names {
            let number = (0_i8..).zip(WEEKDAY_NAMES).find(|(_, known)| *known == day.as_str());
            let Some((number, _)) = number else {
                self.wrong(
                    span,
                    format!("'{day}' is not a weekday"),
                    "Write monday, tuesday, wednesday, thursday, friday, saturday or sunday",
                );
                return None;
            };
            let name = name.as_str().map(str::trim).unwrap_or_default();
            if name.is_empty() || name.chars().count() > LONGEST_NAME || name.contains(char::is_control) {
                self.wrong(
                    span,
                    format!("'{day}' names no medium"),
                    "Write the label or set as it was registered, 1 to 80 characters in quotes",
                );
                return None;
            }
            rule.insert(number, name.to_owned());
        }
        if rule.is_empty() {
            self.wrong(
                span,
                "'require_medium' names no weekday",
                "Write at least one, such as { monday = \"Monday\" }, or remove the line",
            );
            return None;
        }
        Some(MediumRule::Weekdays(rule))
    }
}
