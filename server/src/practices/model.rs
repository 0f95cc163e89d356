//! What is known of a practice and of its offices.

use jiff::civil::Date;

use crate::error::AppError;
use crate::web::extract::field;

/// A practice to be added, with its first office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPractice {
    /// Its name; two practices of a firm that are in use do not share one.
    pub name: String,
    /// Where it works.
    pub office: OfficeDetails,
}

/// What is known of an office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfficeDetails {
    /// Its name.
    pub name: String,
    /// Its IANA time zone.
    pub zone: String,
    /// ISO weekdays on which it is closed, 1 is Monday; sorted, without repetition.
    pub closed_weekdays: Vec<i16>,
    /// Minutes after local midnight at which a backup day begins.
    pub business_day_starts: i32,
}

impl OfficeDetails {
    /// An office that is open Monday to Friday and whose backup day begins at noon, so that a run at one in the morning
    /// belongs to the evening before.
    pub fn usual(name: impl Into<String>, zone: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            zone: zone.into(),
            closed_weekdays: vec![6, 7],
            business_day_starts: 12 * 60,
        }
    }
}

/// The IANA name of a time zone, from what was typed.
///
/// # Errors
/// [`AppError::Invalid`] naming the field.
pub fn zone_name(typed: &str) -> Result<String, AppError> {
    let typed = field("Time zone", typed, 100)?;
    let zone = jiff::tz::TimeZone::get(&typed).ok();
    zone.as_ref()
        .and_then(|zone| zone.iana_name())
        .map(str::to_owned)
        .ok_or_else(|| {
            AppError::Invalid("Time zone is not one that is known. Write it as America/New_York.".to_owned())
        })
}

/// A span of days on which an office is closed, the first and the last included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closure {
    /// The first day.
    pub first_day: Date,
    /// The last day.
    pub last_day: Date,
    /// Why, as the history of these days will say.
    pub reason: String,
}

impl Closure {
    /// `24 Dec 2026 to 2 Jan 2027`, or the one day.
    pub fn days(&self) -> String {
        let first = self.first_day.strftime("%-d %b %Y");
        if self.first_day == self.last_day {
            first.to_string()
        } else {
            format!("{first} to {}", self.last_day.strftime("%-d %b %Y"))
        }
    }
}
