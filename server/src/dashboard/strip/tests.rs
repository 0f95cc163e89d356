use jiff::civil::{Date, date};
use uuid::Uuid;

use super::{DAYS, Day, DayGroup, Strip, first_day, weight};
use crate::dashboard::place::Place;
use crate::expectations::SlotState;
use crate::ids::RunId;

const RUN: RunId = RunId(Uuid::from_u128(7));

fn group(day: Date, state: SlotState, count: i64) -> DayGroup {
    DayGroup {
        of: Uuid::nil(),
        day,
        state,
        count,
        run: (state == SlotState::Ok).then_some(RUN),
        reported_late: false,
    }
}

fn drawn(strip: &Strip) -> String {
    strip
        .days
        .iter()
        .map(|day| match day.mark {
            "none" => ' ',
            "ok" => 'o',
            "missed" => 'X',
            "failed" => 'f',
            "waiting" => '.',
            _ => '?',
        })
        .collect()
}

fn at(strip: &Strip, date: Date) -> &Day {
    strip.days.iter().find(|day| day.date == date).unwrap()
}

#[test]
fn five_weeks_end_today_and_nothing_is_green_by_default() {
    let today = date(2026, 11, 22);
    let strip = Strip::new(today, &[group(today, SlotState::Waiting, 1)], "/jobs/1");
    assert_eq!(strip.days.len(), usize::try_from(DAYS).unwrap());
    assert_eq!(drawn(&strip), format!("{}.", " ".repeat(34)));
    assert_eq!(strip.days[0].date, date(2026, 10, 19));
    assert!(strip.days[34].is_today && !strip.days[33].is_today);
    assert_eq!(strip.days[0].label, "Mon 19 Oct: nothing expected");
    assert_eq!(strip.summary(), "Last 35 backup days: 1 waiting");
}

#[test]
fn a_day_with_several_slots_shows_its_worst_and_says_how_many() {
    let day = date(2026, 11, 20);
    let groups = [
        group(day, SlotState::Ok, 22),
        group(day, SlotState::Failed, 1),
        group(day, SlotState::Missed, 1),
    ];
    let strip = Strip::new(date(2026, 11, 22), &groups, "/jobs/1");
    assert_eq!(at(&strip, day).label, "Fri 20 Nov: missed (1 of 24 backups)");
    assert_eq!(at(&strip, day).path, "/jobs/1?day=2026-11-20");
}

#[test]
fn a_single_slot_leads_to_its_run() {
    let day = date(2026, 11, 20);
    let mut late = group(day, SlotState::Ok, 1);
    late.reported_late = true;
    let strip = Strip::new(date(2026, 11, 22), &[late], "/jobs/1");
    assert_eq!(at(&strip, day).label, "Fri 20 Nov: ok, reported late");
    assert_eq!(at(&strip, day).path, format!("/runs/{RUN}"));
}

#[test]
fn days_outside_the_window_are_left_out() {
    let today = date(2026, 11, 22);
    let groups = [
        group(date(2026, 10, 18), SlotState::Missed, 1),
        group(date(2026, 11, 23), SlotState::Missed, 1),
    ];
    assert_eq!(drawn(&Strip::new(today, &groups, "/jobs/1")).trim(), "");
    assert_eq!(first_day(today), date(2026, 10, 19));
}

/// 1 November 2026, 02:00 EDT: New York's clocks go back. The night stays one backup day, and no day is drawn twice.
#[test]
fn a_change_of_clocks_neither_adds_nor_loses_a_day() {
    let place = Place::new(Some("America/New_York"), Some(720));
    let nights: Vec<Date> = ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T07:30:00Z"]
        .map(|at| place.backup_day(at.parse().unwrap()))
        .into();
    assert_eq!(nights, [date(2026, 10, 31); 3]);
    let today = place.backup_day("2026-11-02T17:00:00Z".parse().unwrap());
    assert_eq!(today, date(2026, 11, 2));
    let groups: Vec<DayGroup> = [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 2)]
        .map(|day| group(day, SlotState::Ok, 1))
        .into();
    let strip = Strip::new(today, &groups, "/jobs/1");
    assert_eq!(drawn(&strip), format!("{}ooo", " ".repeat(32)));
}

#[test]
fn the_order_of_weight_is_the_one_the_product_shows() {
    let mut states = SlotState::ALL.to_vec();
    states.sort_by_key(|state| weight(*state));
    let words: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    assert_eq!(
        words.join(" "),
        "missed failed overrun unknown late warning running waiting excused not_monitored ok"
    );
}
