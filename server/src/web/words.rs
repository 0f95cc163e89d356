//! Sizes, durations and times as people read them.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `1.4 GB`: powers of ten, as disks are sold.
pub fn size(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut tenths = bytes / 100;
    for unit in UNITS {
        if tenths < 100 {
            return format!("{}.{} {unit}", tenths / 10, tenths % 10);
        }
        if tenths < 10_000 {
            return format!("{} {unit}", tenths / 10);
        }
        tenths /= 1000;
    }
    format!("{} PB", tenths * 100)
}

/// `41 min`, `2 h 5 min`, `3 days`: the two largest units that matter.
pub fn duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match () {
        () if seconds < 60 => format!("{seconds} s"),
        () if minutes < 60 => format!("{minutes} min"),
        () if hours < 24 && minutes % 60 == 0 => format!("{hours} h"),
        () if hours < 24 => format!("{hours} h {} min", minutes % 60),
        () if days == 1 => "1 day".to_owned(),
        () => format!("{days} days"),
    }
}

/// A moment in a place's zone.
#[derive(Debug, Clone)]
pub struct Moment {
    /// The instant.
    pub at: Timestamp,
    /// Where it is told.
    pub zone: TimeZone,
}

impl Moment {
    /// `Fri 20 Nov, 21:04`.
    pub fn words(&self) -> String {
        self.at
            .to_zoned(self.zone.clone())
            .strftime("%a %-d %b, %H:%M")
            .to_string()
    }

    /// `Fri 20 Nov`.
    pub fn day(&self) -> String {
        self.at.to_zoned(self.zone.clone()).strftime("%a %-d %b").to_string()
    }

    /// `21:04`.
    pub fn time(&self) -> String {
        self.at.to_zoned(self.zone.clone()).strftime("%H:%M").to_string()
    }

    /// For a title: exact, with zone: `2026-11-20 21:04:09 EST`.
    pub fn exact(&self) -> String {
        self.at
            .to_zoned(self.zone.clone())
            .strftime("%Y-%m-%d %H:%M:%S %Z")
            .to_string()
    }

    /// For `<time datetime>` (RFC 3339).
    pub fn machine(&self) -> String {
        self.at
            .to_zoned(self.zone.clone())
            .strftime("%Y-%m-%dT%H:%M:%S%:z")
            .to_string()
    }
}

impl Moment {
    /// The zone's short name, `EST`, when the reader's clock shows another time or is not known; else nothing.
    pub fn zone_note(&self, reader: Option<&TimeZone>) -> String {
        if reader.is_some_and(|reader| reader.to_offset(self.at) == self.zone.to_offset(self.at)) {
            return String::new();
        }
        self.at.to_zoned(self.zone.clone()).strftime(" %Z").to_string()
    }
}

/// The zone of this IANA name; UTC when this build's database does not know it.
pub fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// `1 practice`, `3 practices`.
pub fn count(number: i64, one: &str, many: &str) -> String {
    if number == 1 {
        format!("1 {one}")
    } else {
        format!("{number} {many}")
    }
}

/// A stored word as it reads in a sentence: `not_monitored` is `not monitored`.
pub fn plain(word: &impl std::fmt::Display) -> String {
    word.to_string().replace('_', " ")
}

/// Whether two things read the same: an option of a form and the value chosen.
pub fn same(one: &impl std::fmt::Display, other: &impl std::fmt::Display) -> bool {
    one.to_string() == other.to_string()
}

/// `48,613`.
pub fn number(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3 + 1);
    if number < 0 {
        grouped.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}
