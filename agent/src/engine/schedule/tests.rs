use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use proptest::prelude::*;

use super::{Schedule, ScheduleError};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a timestamp")
}

fn schedule(expression: &str, zone: &str) -> Schedule {
    let zone = TimeZone::get(zone).expect("a zone");
    Schedule::parse(expression, zone, at("2026-01-01T00:00:00Z")).expect("a schedule")
}

/// The due times after `from` up to and with `to`, in the schedule's own zone.
fn due(schedule: &Schedule, from: &str, to: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut after = at(from);
    while let Some(next) = schedule.next_after(after).filter(|next| *next <= at(to)) {
        found.push(
            next.to_zoned(schedule.zone().clone())
                .strftime("%d %H:%M%:z")
                .to_string(),
        );
        after = next;
    }
    found
}

#[test]
fn a_nightly_job_is_due_once_a_night() {
    let nightly = schedule("0 22 * * *", "America/New_York");
    assert_eq!(
        due(&nightly, "2026-11-20T00:00:00Z", "2026-11-22T12:00:00Z"),
        ["19 22:00-05:00", "20 22:00-05:00", "21 22:00-05:00"]
    );
}

#[test]
fn fixed_times_in_a_gap_run_once_when_it_ends() {
    let both = schedule("0,30 2 * * *", "America/New_York");
    assert_eq!(
        due(&both, "2026-03-07T12:00:00Z", "2026-03-09T12:00:00Z"),
        ["08 03:00-04:00", "09 02:00-04:00", "09 02:30-04:00"]
    );
}

#[test]
fn a_repeated_hour_runs_fixed_times_once() {
    let nightly = schedule("30 1 * * *", "America/New_York");
    assert_eq!(
        due(&nightly, "2026-10-31T12:00:00Z", "2026-11-02T12:00:00Z"),
        ["01 01:30-04:00", "02 01:30-05:00"]
    );
}

#[test]
fn wildcards_follow_real_time_through_a_change() {
    let half_hourly = schedule("*/30 * * * *", "Europe/London");
    assert_eq!(
        due(&half_hourly, "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
        ["25 01:30+01:00", "25 01:00+00:00", "25 01:30+00:00", "25 02:00+00:00"]
    );
    assert_eq!(
        due(&half_hourly, "2026-03-29T00:00:00Z", "2026-03-29T01:30:00Z"),
        ["29 00:30+00:00", "29 02:00+01:00", "29 02:30+01:00"]
    );
    let hourly = schedule("15 * * * *", "Australia/Lord_Howe");
    assert_eq!(
        due(&hourly, "2026-10-03T14:30:00Z", "2026-10-03T17:30:00Z"),
        ["04 01:15+10:30", "04 03:15+11:00", "04 04:15+11:00"]
    );
}

#[test]
fn a_day_that_does_not_exist_and_a_midnight_that_does_not() {
    let apia = schedule("0 12 * * *", "Pacific/Apia");
    assert_eq!(
        due(&apia, "2011-12-29T12:00:00Z", "2011-12-31T11:00:00Z"),
        ["29 12:00-10:00", "31 00:00+14:00", "31 12:00+14:00"]
    );
    let midnight = schedule("0 0 * * *", "America/Sao_Paulo");
    assert_eq!(
        due(&midnight, "2018-11-03T12:00:00Z", "2018-11-04T12:00:00Z"),
        ["04 01:00-02:00"]
    );
}

#[test]
fn days_of_month_and_week_are_either_or_as_in_cron() {
    let payday = schedule("0 6 1 * 1", "UTC");
    assert_eq!(
        due(&payday, "2026-11-29T00:00:00Z", "2026-12-08T00:00:00Z"),
        ["30 06:00+00:00", "01 06:00+00:00", "07 06:00+00:00"]
    );
    let last_friday = schedule("0 22 * * 5L", "UTC");
    assert_eq!(
        due(&last_friday, "2026-11-01T00:00:00Z", "2026-11-30T00:00:00Z"),
        ["27 22:00+00:00"]
    );
}

#[test]
fn what_is_no_schedule_is_refused() {
    let parse = |text: &str| Schedule::parse(text, TimeZone::UTC, at("2026-01-01T00:00:00Z"));
    for wrong in [
        "",
        "every night",
        "* * * *",
        "0 0 22 * * *",
        "61 * * * *",
        "0 24 * * *",
        "0 22 * * 8",
    ] {
        assert!(matches!(parse(wrong), Err(ScheduleError::Syntax(_))), "{wrong}");
    }
    assert!(matches!(parse("0 0 30 2 *"), Err(ScheduleError::Never(_))));
    assert!(parse("0 0 29 2 *").is_ok());
    assert!(parse("@daily").is_ok());
}

#[test]
fn in_every_zone_a_night_around_a_change_of_clocks_has_one_start() {
    let mut changes = 0;
    for name in jiff::tz::db().available() {
        let zone = TimeZone::get(name.as_str()).expect("it is available");
        let nightly = Schedule::parse("30 2 * * *", zone.clone(), at("2024-01-01T00:00:00Z")).expect("a schedule");
        let until = at("2034-01-01T00:00:00Z");
        for change in zone
            .following(at("2024-01-01T00:00:00Z"))
            .take_while(|change| change.timestamp() < until)
        {
            changes += 1;
            let day = zone.to_datetime(change.timestamp()).date();
            for date in [
                day.yesterday().expect("in range"),
                day,
                day.tomorrow().expect("in range"),
            ] {
                assert_eq!(starts_on(&nightly, date), 1, "{} {date}", name.as_str());
            }
        }
    }
    assert!(changes > 1000, "only {changes} changes were looked at");
}

fn starts_on(schedule: &Schedule, date: Date) -> usize {
    let zone = schedule.zone();
    let first = date.to_zoned(zone.clone()).expect("in range").timestamp();
    let end = date
        .tomorrow()
        .expect("in range")
        .to_zoned(zone.clone())
        .expect("in range")
        .timestamp();
    let mut after = first.checked_sub(1.nanosecond()).expect("in range");
    let mut starts = 0;
    while let Some(next) = schedule.next_after(after).filter(|next| *next < end) {
        starts += 1;
        after = next;
    }
    starts
}

proptest! {
    #[test]
    fn the_next_time_is_later_and_nothing_lies_between(
        minute in 0..60_u32,
        hour in prop_oneof![(0..24_u32).prop_map(|hour| hour.to_string()), Just("*".to_owned()), Just("*/5".to_owned())],
        weekday in prop_oneof![Just("*"), Just("1-5"), Just("0"), Just("6#2")],
        zone in prop_oneof![Just("America/New_York"), Just("Europe/Dublin"), Just("Australia/Lord_Howe"), Just("Asia/Kathmandu")],
        second in 1_767_225_600..1_830_297_600_i64,
        part in 0.0..1.0_f64,
    ) {
        let schedule = schedule(&format!("{minute} {hour} * * {weekday}"), zone);
        let from = Timestamp::from_second(second).expect("in range");
        let next = schedule.next_after(from).expect("it is due again");
        prop_assert!(next > from);
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any point between will do")]
        let between = second + ((next.as_second() - second) as f64 * part) as i64;
        let between = Timestamp::from_second(between).expect("in range");
        prop_assume!(between < next);
        prop_assert_eq!(schedule.next_after(between), Some(next));
    }
}
