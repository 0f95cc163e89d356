//! Where a practice is: its zone, its backup day, and how its times are told to a reader elsewhere.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::expectations;
use crate::web::words::{self, Moment};

/// The clocks of an office.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// Its zone.
    pub(super) zone: TimeZone,
    /// Minutes after local midnight at which a backup day begins.
    pub(super) day_starts: i32,
}

impl Place {
    /// The office of these columns; the defaults of the schema where a practice has none.
    pub(super) fn new(zone: Option<&str>, day_starts: Option<i32>) -> Self {
        Self {
            zone: zone.map_or(TimeZone::UTC, words::zone),
            day_starts: day_starts.unwrap_or(720),
        }
    }

    /// The backup day of an instant: with 720, the night of Monday, from noon to noon, is Monday's.
    pub(super) fn backup_day(&self, at: Timestamp) -> Date {
        expectations::backup_day(at, &self.zone, self.day_starts)
    }

    /// The instant as this office's clocks show it.
    pub(super) fn moment(&self, at: Timestamp) -> Moment {
        Moment {
            at,
            zone: self.zone.clone(),
        }
    }
}

/// How times are told on a page: by the place's clocks, naming the zone where the reader's own show something else.
#[derive(Debug, Clone, Copy)]
pub(super) struct Teller<'a> {
    /// The place.
    pub(super) place: &'a Place,
    /// The zone of the reader's clock, where it is known.
    pub(super) reader: Option<&'a TimeZone>,
}

impl Teller<'_> {
    /// `Fri 20 Nov, 21:04`, or `Fri 20 Nov, 21:04 CST`.
    pub(super) fn words(self, at: Timestamp) -> String {
        let moment = self.place.moment(at);
        format!("{}{}", moment.words(), moment.zone_note(self.reader))
    }

    /// `Fri 20 Nov`.
    pub(super) fn day(self, at: Timestamp) -> String {
        self.place.moment(at).day()
    }

    /// `21 Aug 2026`.
    pub(super) fn long_day(self, at: Timestamp) -> String {
        long_day(&self.place.moment(at))
    }
}

/// An agent's time by the server's clock; as it is where that is no time.
pub(super) fn corrected(at: Timestamp, by_ms: i64) -> Timestamp {
    at.checked_add(SignedDuration::from_millis(by_ms)).unwrap_or(at)
}

/// `1 night`, `3 nights`.
pub(super) fn nights(number: usize) -> String {
    words::count(i64::try_from(number).unwrap_or(i64::MAX), "night", "nights")
}

/// `Fri 20 Nov`.
pub(super) fn day_words(day: Date) -> String {
    day.strftime("%a %-d %b").to_string()
}

/// `21 Aug 2026`, for what may be long ago.
pub(super) fn long_day(moment: &Moment) -> String {
    moment
        .at
        .to_zoned(moment.zone.clone())
        .strftime("%-d %b %Y")
        .to_string()
}

/// The text with a full stop, shortened where an agent said too much.
pub(super) fn full_stop(text: &str) -> String {
    const MOST: usize = 160;
    let text = text.trim();
    if text.chars().count() > MOST {
        let cut: String = text.chars().take(MOST).collect();
        let whole_words = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
        return format!("{}…", whole_words.trim_end());
    }
    if text.ends_with(['.', '!', '?', '…']) {
        text.to_owned()
    } else {
        format!("{text}.")
    }
}
