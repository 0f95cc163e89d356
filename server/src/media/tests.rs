use std::collections::BTreeSet;

use jiff::civil::date;
use jiff::{Span, civil::Date};
use proptest::prelude::*;
use uuid::Uuid;

use super::model::{DAYS_JUDGED, DayOfUse, FEWEST_DAYS, FEWEST_SETS, LabelAndSet, Rotation, few_sets, same_medium};
use crate::alerts::AlertFacts;
use crate::ids::MediumId;

/// Days in a row from 1 November, each with its media by number; media 1 to 3 make set 1, 4 to 6 set 2 and so on.
fn days(media: &[Vec<u8>]) -> Vec<DayOfUse> {
    let first: Date = date(2026, 11, 1);
    let day = |(index, media): (usize, &Vec<u8>)| DayOfUse {
        day: first + Span::new().days(i64::try_from(index).unwrap()),
        media: media
            .iter()
            .map(|number| (MediumId(Uuid::from_u128(u128::from(*number))), names(*number)))
            .collect(),
    };
    media.iter().enumerate().map(day).collect()
}

fn names(number: u8) -> LabelAndSet {
    LabelAndSet {
        label: format!("Disk {number}"),
        set: format!("Set {}", number.div_ceil(3)),
    }
}

#[test]
fn the_newest_day_is_compared_with_the_one_before() {
    let broken = same_medium(&days(&[vec![1], vec![1, 2]]));
    let facts = AlertFacts::SameMedium {
        label: "Disk 1".to_owned(),
        first: date(2026, 11, 1),
        second: date(2026, 11, 2),
    };
    assert_eq!(broken, Rotation::Broken(facts));
    assert_eq!(same_medium(&days(&[vec![1]])), Rotation::Unknown);
    assert!(matches!(
        same_medium(&days(&[vec![1], vec![1], vec![2]])),
        Rotation::Holds(_)
    ));
}

#[test]
fn three_sets_hold_as_soon_as_they_are_seen_and_two_break_after_four_days() {
    assert!(matches!(
        few_sets(&days(&[vec![1], vec![4], vec![7]])),
        Rotation::Holds(_)
    ));
    assert_eq!(few_sets(&days(&[vec![1], vec![4], vec![1]])), Rotation::Unknown);
    let facts = AlertFacts::FewSets {
        sets: vec!["Set 1".to_owned(), "Set 2".to_owned()],
        days: 4,
    };
    assert_eq!(
        few_sets(&days(&[vec![1], vec![4], vec![2], vec![5]])),
        Rotation::Broken(facts)
    );
}

#[test]
fn a_set_that_was_used_long_ago_is_in_use_no_longer() {
    let mut media = vec![vec![7]];
    media.extend((0..DAYS_JUDGED).map(|index| if index % 2 == 0 { vec![1] } else { vec![4] }));
    assert!(matches!(few_sets(&days(&media)), Rotation::Broken(_)));
}

fn any_days() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(1_u8..12, 1..4), 0..20)
}

proptest! {
    #[test]
    fn the_rule_about_the_same_medium_is_an_intersection(media in any_days()) {
        let [.., before, newest] = media.as_slice() else {
            prop_assert_eq!(same_medium(&days(&media)), Rotation::Unknown);
            return Ok(());
        };
        let meet = before.iter().any(|medium| newest.contains(medium));
        prop_assert_eq!(matches!(same_medium(&days(&media)), Rotation::Broken(_)), meet);
    }

    #[test]
    fn the_rule_about_sets_counts_sets_of_the_newest_days(media in any_days()) {
        let judged: Vec<_> = media.iter().rev().take(DAYS_JUDGED).collect();
        let sets: BTreeSet<u8> = judged.iter().flat_map(|day| day.iter().map(|number| number.div_ceil(3))).collect();
        let expected = match (sets.len() >= FEWEST_SETS, judged.len() >= FEWEST_DAYS) {
            (true, _) => "holds",
            (false, true) => "broken",
            (false, false) => "unknown",
        };
        let found = match few_sets(&days(&media)) {
            Rotation::Holds(_) => "holds",
            Rotation::Broken(_) => "broken",
            Rotation::Unknown => "unknown",
        };
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn using_a_medium_again_on_the_same_day_changes_nothing(media in any_days(), again in 0_usize..3) {
        let once = days(&media);
        let mut twice = media.clone();
        if let Some(day) = twice.last_mut() {
            let medium = day[again % day.len()];
            day.push(medium);
        }
        prop_assert_eq!(same_medium(&once), same_medium(&days(&twice)));
        prop_assert_eq!(few_sets(&once), few_sets(&days(&twice)));
    }
}
