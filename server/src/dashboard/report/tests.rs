use insta::assert_snapshot;
use jiff::civil::date;
use uuid::Uuid;

use super::model::Month;
use crate::dashboard::strip::DayGroup;
use crate::expectations::SlotState;

fn group(day: i8, state: SlotState) -> DayGroup {
    DayGroup {
        of: Uuid::nil(),
        day: date(2026, 11, day),
        state,
        count: 1,
        run: None,
        reported_late: false,
    }
}

#[test]
fn a_night_counts_once_by_its_worst() {
    let mut groups = vec![
        group(2, SlotState::Ok),
        group(2, SlotState::Failed),
        group(3, SlotState::Ok),
        group(4, SlotState::Warning),
        group(5, SlotState::Missed),
        group(6, SlotState::Unknown),
        group(9, SlotState::Excused),
        group(22, SlotState::Waiting),
    ];
    groups.push(DayGroup {
        day: date(2026, 10, 30),
        ..group(1, SlotState::Missed)
    });
    let month = Month::of(date(2026, 11, 22), &groups);
    assert_eq!(month.name, "November 2026");
    assert_snapshot!(
        month.words(),
        @"2 nights with a good backup, 1 night missed, 1 night failed, 1 night not known."
    );
}

#[test]
fn a_month_without_a_judged_night_is_not_a_good_month() {
    let month = Month::of(date(2026, 11, 1), &[group(1, SlotState::Waiting)]);
    assert_eq!(month.words(), "No night has been judged yet.");
}
