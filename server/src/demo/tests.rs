use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::Outcome;

use super::cast::{PRACTICES, Practice, Story};
use super::night::{Opened, Ran, last_word, night};
use crate::expectations::DstPolicy;
use crate::expectations::schedule::Schedule;

fn opened() -> Opened {
    Opened("2026-11-23T10:00:00Z".parse().unwrap())
}

/// Each due time of the first job of a practice in the 90 days, with what became of it.
fn nights(practice: &Practice) -> Vec<(Timestamp, Option<Ran>)> {
    let zone = TimeZone::get(practice.zone).unwrap();
    let schedule = Schedule::parse(practice.jobs[0].cron, DstPolicy::Cron).unwrap();
    let begin = opened().0 - SignedDuration::from_hours(90 * 24);
    schedule
        .between(begin, opened().0, &zone)
        .map(|due| (due, night(practice, &practice.jobs[0], due, &zone, opened())))
        .collect()
}

fn with(story: Story) -> &'static Practice {
    PRACTICES.iter().find(|practice| practice.story == story).unwrap()
}

#[test]
fn everybody_sees_the_same_history() {
    for practice in &PRACTICES {
        assert_eq!(nights(practice), nights(practice));
    }
}

#[test]
fn names_are_of_their_own() {
    for names in [
        PRACTICES.each_ref().map(|practice| practice.name),
        PRACTICES.each_ref().map(|practice| practice.machine),
    ] {
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), PRACTICES.len());
    }
}

#[test]
fn the_history_holds_a_change_of_clocks() {
    let nights = nights(&PRACTICES[0]);
    let hours: BTreeSet<_> = nights
        .iter()
        .map(|(due, _)| due.to_zoned(TimeZone::UTC).hour())
        .collect();
    assert_eq!(
        hours,
        BTreeSet::from([2, 3]),
        "22:00 in New York is 02:00 UTC in summer and 03:00 in winter"
    );
}

#[test]
fn one_practice_missed_its_night_and_the_others_did_not() {
    let missed = |practice: &Practice| {
        let recent = opened().0 - SignedDuration::from_hours(28);
        nights(practice).iter().any(|(due, ran)| *due > recent && ran.is_none())
    };
    let names: Vec<_> = PRACTICES
        .iter()
        .filter(|practice| missed(practice))
        .map(|practice| practice.story)
        .collect();
    assert_eq!(names, [Story::MissedLastNight, Story::Silent]);
}

#[test]
fn each_story_is_there_to_be_seen() {
    let last = |story| {
        nights(with(story))
            .into_iter()
            .filter_map(|(_, ran)| ran)
            .next_back()
            .unwrap()
    };
    assert_eq!(last(Story::FailedLastNight).outcome, Outcome::Failed);
    assert!(
        last(Story::FailedLastNight).stderr.is_some(),
        "and its page shows what the tool said"
    );
    assert_eq!(last(Story::Warnings).outcome, Outcome::Warning);
    assert!(last(Story::Silent).started_at < last_word(opened()) + SignedDuration::from_hours(1));
    let flapping: Vec<_> = nights(with(Story::Flapping))
        .into_iter()
        .filter_map(|(_, ran)| Some(ran?.outcome))
        .collect();
    let changes = flapping
        .windows(2)
        .filter(|pair| (pair[0] == Outcome::Failed) != (pair[1] == Outcome::Failed))
        .count();
    assert!(changes > 20, "{changes}");
    let disks: Vec<_> = nights(with(Story::SameMedium))
        .into_iter()
        .filter_map(|(_, ran)| ran?.set)
        .collect();
    let repeated = disks.windows(2).filter(|pair| pair[0] == pair[1]).count();
    assert_eq!(repeated, 1, "the disk was left in once, last night");
    assert_eq!(disks[disks.len() - 1], disks[disks.len() - 2]);
}
