use std::collections::BTreeMap;

use jiff::civil::{Date, Time, date};
use jiff::tz::TimeZone;
use lastgood_protocol::{JobKey, MarkerId};
use uuid::Uuid;

use super::{BackupDays, Found, MediumRule, Name, Rotation, Wanted};

fn job(key: &str) -> JobKey {
    key.parse().expect("a key")
}

fn medium(number: u128, set: &str) -> (MarkerId, Name) {
    let name = Name {
        label: format!("{set} {number}"),
        set: set.to_owned(),
    };
    (MarkerId(Uuid::from_u128(number)), name)
}

fn day(day: i8) -> Date {
    date(2026, 11, day)
}

/// A rotation in which the job used these sets, one a day from the 2nd on.
fn used(sets: &[&str]) -> Rotation {
    let mut rotation = Rotation::default();
    for (index, set) in sets.iter().enumerate() {
        let number = u128::from(set.as_bytes()[0]);
        let (marker, name) = medium(number, set);
        let on = day(2 + i8::try_from(index).expect("a few"));
        rotation.use_on(marker, &name, &job("nightly"), on);
    }
    rotation
}

fn rotated(rotation: &Rotation, on: Date) -> Wanted {
    rotation.wanted(&MediumRule::Rotated, &job("nightly"), on)
}

#[test]
fn the_set_of_the_last_backup_day_is_refused_and_the_one_that_rested_longest_is_named() {
    let rotation = used(&["A", "B", "C"]);
    let wanted = rotated(&rotation, day(5));
    assert_eq!(wanted.name().as_deref(), Some("“A”"));
    let allowed = |set: &str| wanted.allows(Some(&medium(9, set).1));
    assert!(allowed("A") && allowed("B") && !allowed("C"));
    assert!(!wanted.allows(None), "one that is not registered");
    let (_, last) = medium(67, "C");
    assert_eq!(
        wanted.refusal(Found::Medium(&last)),
        "“C 67” is in the drive, of the set of the last backup day; wanted is “A”, or another set. No backup was made."
    );
    // After a weekend, Friday's is still the last.
    assert!(!rotated(&rotation, day(9)).allows(Some(&last)));
}

#[test]
fn a_second_try_on_the_same_day_may_use_the_set_of_the_first() {
    let rotation = used(&["A", "B", "C"]);
    let (_, name) = medium(67, "C");
    assert!(rotated(&rotation, day(4)).allows(Some(&name)), "C was used on the 4th");
    let (_, before) = medium(66, "B");
    assert!(!rotated(&rotation, day(4)).allows(Some(&before)));
}

#[test]
fn a_set_that_was_only_registered_comes_first_and_anothers_jobs_sets_never() {
    let mut rotation = used(&["B", "A"]);
    let (marker, name) = medium(1, "Z");
    rotation.see(marker, &name);
    let (marker, name) = medium(2, "Archive");
    rotation.use_on(marker, &name, &job("archive"), day(1));
    assert_eq!(rotated(&rotation, day(4)).name().as_deref(), Some("“Z”"));
    let alone = used(&["A"]);
    assert_eq!(rotated(&alone, day(3)).name().as_deref(), Some("another set than “A”"));
    assert_eq!(rotated(&Rotation::default(), day(3)), Wanted::Registered);
}

#[test]
fn a_weekday_may_name_a_label_or_a_set_and_others_ask_for_nothing() {
    // The 23rd is a Monday.
    let rule = MediumRule::Weekdays(BTreeMap::from([(0, "Red".to_owned())]));
    let wanted = |on| Rotation::default().wanted(&rule, &job("nightly"), on);
    let named = |label: &str, set: &str| Name {
        label: label.to_owned(),
        set: set.to_owned(),
    };
    assert!(wanted(day(23)).allows(Some(&named("Red", "x"))));
    assert!(wanted(day(23)).allows(Some(&named("Disk 4", "Red"))));
    assert!(!wanted(day(23)).allows(Some(&named("Blue", "Blue"))));
    assert_eq!(wanted(day(24)), Wanted::Anything);
    assert!(wanted(day(24)).allows(None));
    assert_eq!(
        wanted(day(23)).refusal(Found::Nothing),
        "No medium is connected where the job writes to; wanted is “Red”. No backup was made."
    );
    assert_eq!(
        Wanted::Registered.refusal(Found::Unregistered),
        "The medium in the drive is not registered; wanted is a registered medium. No backup was made."
    );
}

#[test]
fn what_is_kept_stays_small_and_is_read_again() {
    let mut rotation = Rotation::default();
    for number in 1..=300_u128 {
        let (marker, name) = medium(number, "S");
        for on in 1..=5 {
            rotation.use_on(marker, &name, &job("nightly"), day(on));
        }
    }
    let text = serde_json::to_string(&rotation).expect("JSON");
    assert!(text.len() < 40_000, "{}", text.len());
    let again: Rotation = serde_json::from_str(&text).expect("what was written");
    assert_eq!(again, rotation);
    assert_eq!(again.media.len(), 200);
}

#[test]
fn a_night_belongs_to_the_day_on_which_it_begins() {
    let days = BackupDays {
        zone: TimeZone::get("America/New_York").expect("a zone"),
        begins: Time::constant(12, 0, 0, 0),
    };
    let at = |text: &str| days.day_of(text.parse().expect("a timestamp"));
    assert_eq!(at("2026-11-24T03:00:00Z"), day(23), "22:00 on Monday");
    assert_eq!(at("2026-11-24T06:00:00Z"), day(23), "01:00 on Tuesday");
    assert_eq!(at("2026-11-24T17:00:00Z"), day(24), "noon on Tuesday");
}
