use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::{DstPolicy, Schedule};

fn cron(text: &str) -> Schedule {
    Schedule::parse(text, DstPolicy::Cron).unwrap()
}

fn new_york() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

/// The instants of one local day, told in UTC.
fn day(schedule: &Schedule, zone: &TimeZone, year: i16, month: i8, day: i8) -> Vec<String> {
    let start = date(year, month, day).to_zoned(zone.clone()).unwrap();
    let end = start.tomorrow().unwrap().timestamp();
    let just_before = start.timestamp() - SignedDuration::from_secs(1);
    schedule
        .between(just_before, end - SignedDuration::from_secs(1), zone)
        .map(|instant| instant.strftime("%d %H:%M").to_string())
        .collect()
}

#[test]
fn a_skipped_time_comes_once_at_the_end_of_the_gap_under_cron_and_never_under_systemd() {
    let twice_in_the_gap = "0,30 2 * * *";
    assert_eq!(day(&cron(twice_in_the_gap), &new_york(), 2026, 3, 8), ["08 07:00"]);
    let systemd = Schedule::parse(twice_in_the_gap, DstPolicy::Systemd).unwrap();
    assert!(day(&systemd, &new_york(), 2026, 3, 8).is_empty());
}

#[test]
fn a_skipped_time_and_the_one_it_falls_upon_are_one() {
    assert_eq!(day(&cron("0 2,3 * * *"), &new_york(), 2026, 3, 8), ["08 07:00"]);
}

#[test]
fn a_repeated_time_comes_the_first_time_only() {
    assert_eq!(day(&cron("30 1 * * *"), &new_york(), 2026, 11, 1), ["01 05:30"]);
}

#[test]
fn a_star_follows_real_time() {
    assert_eq!(day(&cron("30 * * * *"), &new_york(), 2026, 3, 8).len(), 23);
    assert_eq!(day(&cron("30 * * * *"), &new_york(), 2026, 11, 1).len(), 25);
    assert_eq!(
        day(&cron("*/30 1 * * *"), &new_york(), 2026, 11, 1),
        ["01 05:00", "01 05:30", "01 06:00", "01 06:30"]
    );
}

#[test]
fn a_day_that_a_place_skipped_is_no_reason_to_stop() {
    let apia = TimeZone::get("Pacific/Apia").unwrap();
    let before: Timestamp = "2011-12-29T00:00:00Z".parse().unwrap();
    let five: Vec<_> = cron("0 22 * * *")
        .following(before, &apia)
        .take(3)
        .map(|instant| instant.to_string())
        .collect();
    assert_eq!(
        five,
        ["2011-12-29T08:00:00Z", "2011-12-30T08:00:00Z", "2011-12-30T10:00:00Z"],
        "29th and the skipped 30th, which falls on the 31st's midnight, then the 31st"
    );
}

#[test]
fn what_never_comes_is_refused() {
    for text in ["0 0 30 2 *", "0 0 31 4,6,9,11 *"] {
        let error = Schedule::parse(text, DstPolicy::Cron).unwrap_err().to_string();
        assert!(error.contains("never comes"), "{error}");
    }
    assert!(Schedule::parse("0 0 29 2 *", DstPolicy::Cron).is_ok());
}

#[test]
fn an_error_names_the_field_and_gives_an_example() {
    for (text, named) in [
        ("", "empty"),
        ("60 * * * *", "minute"),
        ("MON * * * *", "minute"),
        ("0 25 * * *", "hour"),
        ("0 22 0 * *", "day of the month"),
        ("0 22 * 13 *", "month (fourth field)"),
        ("0 22 * * FUNDAY", "day of the week"),
        ("0 22 * *", "4 fields"),
        ("0 0 22 * * *", "6 fields"),
        ("@reboot", "@daily"),
        ("0/10 * * * *", "minute"),
        ("0 22 * * é", "day of the week"),
    ] {
        let error = Schedule::parse(text, DstPolicy::Cron).unwrap_err().to_string();
        assert!(error.contains(named), "{text}: {error}");
    }
}

#[test]
fn a_schedule_reads_as_a_sentence() {
    for (text, sentence) in [
        ("0 22 * * *", "At 22:00."),
        (
            "30 1 * * 1-5",
            "At 01:30, on Monday, Tuesday, Wednesday, Thursday, and Friday.",
        ),
        ("@daily", "At 00:00."),
        ("* * * * *", "Every minute."),
    ] {
        assert_eq!(cron(text).sentence(), sentence);
    }
}

#[test]
fn the_usual_interval_is_not_moved_by_a_weekend_or_a_change_of_clocks() {
    let before: Timestamp = "2026-10-30T00:00:00Z".parse().unwrap();
    for (text, hours) in [
        ("0 22 * * 1-5", 24),
        ("0 22 * * *", 24),
        ("0 22 * * 5", 168),
        ("0 * * * *", 1),
    ] {
        assert_eq!(
            cron(text).interval(before, &new_york()),
            SignedDuration::from_hours(hours),
            "{text}"
        );
    }
}

fn some_field(range: std::ops::RangeInclusive<u8>) -> impl Strategy<Value = String> {
    let range_for_list = range.clone();
    let range_for_span = range.clone();
    prop_oneof![
        2 => Just("*".to_owned()),
        1 => (1..=20_u8).prop_map(|step| format!("*/{step}")),
        3 => range.prop_map(|number| number.to_string()),
        2 => proptest::collection::btree_set(range_for_list, 1..4)
            .prop_map(|numbers| numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(",")),
        1 => (range_for_span.clone(), range_for_span)
            .prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
    ]
}

fn some_schedule() -> impl Strategy<Value = String> {
    (
        some_field(0..=59),
        some_field(0..=23),
        some_field(1..=31),
        some_field(1..=12),
        some_field(0..=7),
    )
        .prop_map(|(minute, hour, day, month, weekday)| format!("{minute} {hour} {day} {month} {weekday}"))
}

fn some_zone() -> impl Strategy<Value = TimeZone> {
    let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
    proptest::sample::select(names).prop_map(|name| TimeZone::get(&name).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn instants_come_in_strict_order_and_after_what_was_asked(
        text in some_schedule(), zone in some_zone(), seconds in 0..2_500_000_000_i64, systemd in any::<bool>()
    ) {
        let policy = if systemd { DstPolicy::Systemd } else { DstPolicy::Cron };
        let Ok(schedule) = Schedule::parse(&text, policy) else { return Ok(()) };
        let mut last = Timestamp::from_second(seconds).unwrap();
        for _ in 0..20 {
            let Some(next) = schedule.next_after(last, &zone) else { break };
            prop_assert!(next > last, "{next} after {last}");
            last = next;
        }
    }

    #[test]
    fn nothing_typed_panics(text in "[-0-9*/,LWSUNMOnjab#?+@ é]{0,30}") {
        if let Ok(schedule) = Schedule::parse(&text, DstPolicy::Cron) {
            prop_assert!(!schedule.sentence().is_empty());
            schedule.next_five(Timestamp::UNIX_EPOCH, &TimeZone::UTC);
        }
    }
}
