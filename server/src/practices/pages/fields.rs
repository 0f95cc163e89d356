//! What a form says of an office.

use jiff::civil::Time;
use serde::Deserialize;

use crate::error::AppError;
use crate::practices::model::{OfficeDetails, zone_name};
use crate::web::extract::{field, keep};

/// The fields of an office, as typed. A ticked day is a closed one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct OfficeFields {
    pub(super) office: String,
    pub(super) zone: String,
    pub(super) starts: String,
    monday: Option<String>,
    tuesday: Option<String>,
    wednesday: Option<String>,
    thursday: Option<String>,
    friday: Option<String>,
    saturday: Option<String>,
    sunday: Option<String>,
}

/// What is wrong with them.
#[derive(Debug, Clone, Default)]
pub(super) struct OfficeErrors {
    pub(super) office: String,
    pub(super) zone: String,
    pub(super) starts: String,
    pub(super) closed: String,
}

impl OfficeErrors {
    pub(super) fn any(&self) -> bool {
        [&self.office, &self.zone, &self.starts, &self.closed]
            .iter()
            .any(|error| !error.is_empty())
    }
}

/// One weekday of the form.
pub(super) struct Weekday {
    pub(super) field: &'static str,
    pub(super) name: &'static str,
    pub(super) ticked: bool,
}

impl OfficeFields {
    /// An office as it would be typed.
    pub(super) fn of(office: &OfficeDetails) -> Self {
        let ticked = |day| office.closed_weekdays.contains(&day).then(|| "true".to_owned());
        Self {
            office: office.name.clone(),
            zone: office.zone.clone(),
            starts: time_of_day(office.business_day_starts),
            monday: ticked(1),
            tuesday: ticked(2),
            wednesday: ticked(3),
            thursday: ticked(4),
            friday: ticked(5),
            saturday: ticked(6),
            sunday: ticked(7),
        }
    }

    /// Monday to Sunday.
    pub(super) fn weekdays(&self) -> [Weekday; 7] {
        let day = |field, name, ticked: &Option<String>| Weekday {
            field,
            name,
            ticked: ticked.is_some(),
        };
        [
            day("monday", "Monday", &self.monday),
            day("tuesday", "Tuesday", &self.tuesday),
            day("wednesday", "Wednesday", &self.wednesday),
            day("thursday", "Thursday", &self.thursday),
            day("friday", "Friday", &self.friday),
            day("saturday", "Saturday", &self.saturday),
            day("sunday", "Sunday", &self.sunday),
        ]
    }

    /// The office, and beside each field what is wrong with it.
    pub(super) fn details(&self, errors: &mut OfficeErrors) -> Result<OfficeDetails, AppError> {
        let closed_weekdays: Vec<i16> = (1..)
            .zip(self.weekdays())
            .filter(|(_, day)| day.ticked)
            .map(|(day, _)| day)
            .collect();
        if closed_weekdays.len() == 7 {
            "Closed days are all seven. Leave one open: nothing would ever be expected.".clone_into(&mut errors.closed);
        }
        Ok(OfficeDetails {
            name: keep(field("Office", &self.office, 200), &mut errors.office)?,
            zone: keep(zone_name(&self.zone), &mut errors.zone)?,
            closed_weekdays,
            business_day_starts: keep(minutes(&self.starts), &mut errors.starts)?,
        })
    }
}

/// `12:00`.
fn time_of_day(minutes: i32) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn minutes(typed: &str) -> Result<i32, AppError> {
    let time = Time::strptime("%H:%M", typed.trim()).map_err(|_| {
        AppError::Invalid("Start of the backup day is not a time of day. Write it as 12:00.".to_owned())
    })?;
    Ok(i32::from(time.hour()) * 60 + i32::from(time.minute()))
}

/// The IANA zones to choose from.
pub(super) fn zones() -> Vec<String> {
    let names = jiff::tz::db().available().map(|name| name.as_str().to_owned());
    let mut names: Vec<String> = names
        .filter(|name| name == "UTC" || (name.contains('/') && !name.starts_with("Etc/")))
        .collect();
    names.sort_unstable();
    names
}
