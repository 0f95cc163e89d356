//! What an alert says, for every kind of it.

use jiff::Timestamp;
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::alerts::over::Ending;
use crate::alerts::words::{Told, days, missed_words};
use crate::alerts::{AlertFacts, AlertKind, Subject, SubjectKind};
use crate::ids::{DrillId, JobId, RunId, UserId};
use crate::web::words::zone;

fn at(day: i8, hour: i8, minute: i8) -> Timestamp {
    let local = date(2026, 11, day).at(hour, minute, 0, 0);
    local.in_tz("America/New_York").unwrap().timestamp()
}

fn november(days: &[i8]) -> Vec<Date> {
    days.iter().map(|&day| date(2026, 11, day)).collect()
}

fn job() -> Subject {
    Subject::job(JobId(Uuid::nil()), "Records to disk")
}

fn agent() -> Subject {
    Subject {
        kind: SubjectKind::Agent,
        id: Uuid::nil(),
        name: "SERVER1".to_owned(),
    }
}

/// One example of each kind, some in two forms.
fn examples() -> Vec<(Subject, AlertFacts)> {
    let run = RunId(Uuid::nil());
    let missed = |days: &[i8], last_good, never_reported| AlertFacts::Missed {
        days: november(days),
        due_at: at(20, 21, 0),
        last_good,
        never_reported,
    };
    let failed = |reason: Option<&str>, in_a_row| AlertFacts::Failed {
        run,
        finished_at: at(21, 2, 41),
        reason: reason.map(str::to_owned),
        wanted_medium: None,
        in_a_row,
        last_good: Some(at(20, 2, 40)),
    };
    vec![
        (job(), missed(&[20], Some(at(20, 2, 40)), false)),
        (job(), missed(&[18, 19, 20], None, true)),
        (job(), failed(Some("wrong password or no key found"), 1)),
        (job(), failed(None, 3)),
        (
            job(),
            AlertFacts::Failed {
                run,
                finished_at: at(20, 22, 0),
                reason: Some("“Monday” is in the drive; wanted is “Tuesday”. No backup was made.".to_owned()),
                wanted_medium: Some("“Tuesday”".to_owned()),
                in_a_row: 1,
                last_good: Some(at(20, 2, 40)),
            },
        ),
        (
            job(),
            AlertFacts::Overrun {
                run,
                started_at: at(20, 21, 4),
                maximum_seconds: 21_600,
            },
        ),
        (
            job(),
            AlertFacts::NoSuccess {
                last_good: Some(at(17, 2, 40)),
                limit_seconds: 259_200,
            },
        ),
        (
            job(),
            AlertFacts::NoSuccess {
                last_good: None,
                limit_seconds: 172_800,
            },
        ),
    ]
    .into_iter()
    .chain(examples_of_agents())
    .collect()
}

fn examples_of_agents() -> Vec<(Subject, AlertFacts)> {
    vec![
        (
            agent(),
            AlertFacts::AgentSilent {
                last_heard: Some(at(20, 21, 4)),
                jobs: 3,
            },
        ),
        (
            agent(),
            AlertFacts::AgentSilent {
                last_heard: None,
                jobs: 0,
            },
        ),
        (agent(), AlertFacts::Equivocation { count: 1 }),
        (
            agent(),
            AlertFacts::Unprojectable {
                count: 2,
                problem: "the run it ends is not known".to_owned(),
            },
        ),
        (
            agent(),
            AlertFacts::AgentProblem {
                message: "3 records of the spool were damaged".to_owned(),
                count: 3,
            },
        ),
    ]
    .into_iter()
    .chain(examples_of_media_drills_and_mail())
    .collect()
}

fn examples_of_media_drills_and_mail() -> Vec<(Subject, AlertFacts)> {
    let practice = || Subject {
        kind: SubjectKind::Practice,
        id: Uuid::nil(),
        name: "Harbor Counseling".to_owned(),
    };
    vec![
        (
            job(),
            AlertFacts::SameMedium {
                label: "DISK-B".to_owned(),
                first: date(2026, 11, 19),
                second: date(2026, 11, 20),
            },
        ),
        (
            job(),
            AlertFacts::FewSets {
                sets: vec!["A".to_owned(), "B".to_owned()],
                days: 14,
            },
        ),
        (
            practice(),
            AlertFacts::DrillFailed {
                drill: DrillId(Uuid::nil()),
                finished_at: at(21, 10, 0),
                what: vec!["open a record".to_owned()],
            },
        ),
        (
            practice(),
            AlertFacts::DrillOverdue {
                due_at: at(20, 0, 0),
                last_passed: Some(at(1, 12, 0)),
            },
        ),
        (
            practice(),
            AlertFacts::DrillOverdue {
                due_at: at(20, 0, 0),
                last_passed: None,
            },
        ),
        (
            Subject::recipient(UserId(Uuid::nil()), "olivia@example.test"),
            AlertFacts::Undelivered {
                count: 2,
                problem: "550 no such user".to_owned(),
            },
        ),
    ]
}

fn tell<'a>(subject: &'a Subject, facts: &'a AlertFacts, zone: &'a TimeZone) -> Told<'a> {
    Told {
        practice: "Harbor Counseling",
        subject,
        zone,
        since: at(20, 21, 4),
        facts,
    }
}

#[test]
fn every_kind_has_a_headline() {
    let zone = zone("America/New_York");
    let lines: Vec<String> = examples()
        .iter()
        .map(|(subject, facts)| tell(subject, facts, &zone).headline())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Harbor Counseling: no backup since Fri 20 Nov (Records to disk)
    Harbor Counseling: no backup yet (Records to disk)
    Harbor Counseling: backup failed Sat 21 Nov, 02:41 (Records to disk)
    Harbor Counseling: backup failed 3 times in a row (Records to disk)
    Harbor Counseling: backup waits for “Tuesday” (Records to disk)
    Harbor Counseling: backup still running since Fri 20 Nov, 21:04 (Records to disk)
    Harbor Counseling: no good backup since Tue 17 Nov (Records to disk)
    Harbor Counseling: no good backup yet (Records to disk)
    Harbor Counseling: nothing heard from SERVER1 since Fri 20 Nov, 21:04
    Harbor Counseling: nothing heard from SERVER1 yet
    Harbor Counseling: SERVER1 contradicts itself
    Harbor Counseling: 2 reports from SERVER1 cannot be read
    Harbor Counseling: SERVER1 reports a problem
    Harbor Counseling: same medium on 19 and 20 Nov (DISK-B, Records to disk)
    Harbor Counseling: only 2 sets in use (Records to disk)
    Harbor Counseling: practised restore failed Sat 21 Nov
    Harbor Counseling: no practised restore since 1 Nov 2026
    Harbor Counseling: no restore was ever practised
    Harbor Counseling: mail to olivia@example.test does not arrive
    "#);
}

#[test]
fn every_kind_says_what_happened_since_when_and_what_to_do() {
    let zone = zone("America/New_York");
    let lines: Vec<String> = examples()
        .iter()
        .map(|(subject, facts)| tell(subject, facts, &zone).sentence())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    No backup came from Records to disk at Harbor Counseling: 1 night missed: 20 Nov. It was due Fri 20 Nov, 21:00 EST. The last good backup finished Fri 20 Nov, 02:40 EST. Check that the machine is on, that its disk or drive is connected, and that the job has not been switched off.
    No backup came from Records to disk at Harbor Counseling: 3 nights missed: 18, 19 and 20 Nov. It was due Fri 20 Nov, 21:00 EST. This job has never reported anything. Check on the machine that the job stands in the agent's settings under the same key.
    The backup Records to disk at Harbor Counseling failed Sat 21 Nov, 02:41 EST. The tool said: wrong password or no key found. The last good backup finished Fri 20 Nov, 02:40 EST. Correct what the tool complains about and run the job again.
    The backup Records to disk at Harbor Counseling failed Sat 21 Nov, 02:41 EST. The tool gave no reason. It has failed 3 times in a row. The last good backup finished Fri 20 Nov, 02:40 EST. Correct what the tool complains about and run the job again.
    The backup Records to disk at Harbor Counseling did not begin Fri 20 Nov, 22:00 EST. “Monday” is in the drive; wanted is “Tuesday”. No backup was made. The last good backup finished Fri 20 Nov, 02:40 EST. Have the medium changed, and run the job again or wait for its next time.
    The backup Records to disk at Harbor Counseling began Fri 20 Nov, 21:04 EST and is still running. It may take 6 h at most. Look on the machine whether it still moves; end it if it does not, and run the job again.
    The backup Records to disk at Harbor Counseling has not gone well for longer than 3 days. The last good backup finished Tue 17 Nov, 02:40 EST. Open the job's last runs, correct what they have in common and run it again.
    The backup Records to disk at Harbor Counseling has not gone well for longer than 2 days. There has never been a good backup of this job. Open the job's last runs, correct what they have in common and run it again.
    The agent SERVER1 at Harbor Counseling was last heard from Fri 20 Nov, 21:04 EST. Nobody sees meanwhile what becomes of its 3 backup jobs. Check that the machine is on, that it reaches the internet, and that the service lastgood-agent runs there.
    The agent SERVER1 at Harbor Counseling has said nothing since it was enrolled. Check that the machine is on, that it reaches the internet, and that the service lastgood-agent runs there.
    The agent SERVER1 at Harbor Counseling has contradicted itself 1 time since Fri 20 Nov, 21:04 EST: under the number of an earlier report it sent another one. Find out whether the machine was cloned or put back from an image, or whether its key was copied. Revoke the agent and enrol the machine anew.
    2 reports from SERVER1 at Harbor Counseling since Fri 20 Nov, 21:04 EST could not be read and are set aside, as received. The newest: the run it ends is not known. Nothing is lost. Update the server, then have the reports read again.
    The agent SERVER1 at Harbor Counseling has found a problem, Fri 20 Nov, 21:04 EST: 3 records of the spool were damaged. Look at the agent's own log on that machine.
    The backup Records to disk at Harbor Counseling was written to DISK-B on two consecutive backup days, 19 and 20 Nov. Change the medium today, and ask the practice who changes it.
    The backup Records to disk at Harbor Counseling should rotate between three sets: A and B were seen in the last 14 backup days. Put a further set into use, or register it if one is used already.
    The practised restore at Harbor Counseling failed Sat 21 Nov, 10:00 EST. What failed: open a record. Find out why, correct it and practise again: until then nobody knows whether this backup can be restored.
    A restore at Harbor Counseling should have been practised by 20 Nov 2026. The last one that passed was on 1 Nov 2026. Practise a restore and record it.
    A restore at Harbor Counseling should have been practised by 20 Nov 2026. None has ever passed. Practise a restore and record it.
    2 messages about Harbor Counseling could not be delivered to olivia@example.test since Fri 20 Nov, 21:04 EST. The last try: 550 no such user. Correct the address, or ask whoever runs that mailbox why it refuses. Until then tell this person by other means.
    "#);
}

#[test]
fn every_kind_ends_in_words_of_its_own() {
    let zone = zone("America/New_York");
    let ending = Ending {
        at: at(21, 2, 41),
        since: at(20, 21, 4),
        times: 1,
    };
    let lines: Vec<String> = examples()
        .iter()
        .map(|(subject, facts)| {
            let told = tell(subject, facts, &zone);
            format!(
                "{} | {} | {}",
                told.over_fact(),
                told.was_fact(ending),
                told.over_details(ending).join(" ")
            )
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    backups are back, 1 night missed (Records to disk) | no backup came Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min. 1 night missed: 20 Nov.
    backups are back, 3 nights missed (Records to disk) | no backup came Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min. 3 nights missed: 18, 19 and 20 Nov.
    the backup works again (Records to disk) | the backup failed Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    the backup works again (Records to disk) | the backup failed Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min. 3 runs had failed in a row.
    the backup works again (Records to disk) | the backup waited for its medium Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    the long backup has ended (Records to disk) | the backup took too long Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    a good backup again (Records to disk) | there was no good backup Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    a good backup again (Records to disk) | there was no good backup Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    SERVER1 is heard from again | the agent was silent Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (SERVER1) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    SERVER1 is heard from again | the agent was silent Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (SERVER1) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    SERVER1 no longer contradicts itself | the agent contradicted itself Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (SERVER1) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    the reports from SERVER1 are read now | reports could not be read Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (SERVER1) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    the problem that SERVER1 reported is over | the agent had a problem Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (SERVER1) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    the medium was changed (Records to disk) | the medium was not changed Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    enough sets in use again (Records to disk) | too few sets were in use Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Records to disk) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    a practised restore passed | the practised restore failed Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Harbor Counseling) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    a practised restore passed | the practised restore was overdue Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Harbor Counseling) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    a practised restore passed | the practised restore was overdue Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (Harbor Counseling) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    mail to olivia@example.test arrives again | mail did not arrive Fri 20 Nov, 21:04 to Sat 21 Nov, 02:41, over now (olivia@example.test) | It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    "#);
}

#[test]
fn what_flapped_is_told_once() {
    let zone = zone("America/New_York");
    let ending = Ending {
        at: at(21, 2, 41),
        since: at(20, 21, 4),
        times: 7,
    };
    let facts = AlertFacts::AgentSilent {
        last_heard: None,
        jobs: 0,
    };
    let subject = agent();
    let told = tell(&subject, &facts, &zone);
    insta::assert_snapshot!(format!("{}\n{}", told.was_fact(ending), told.over_details(ending).join("\n")), @r#"
    the agent was silent 7 times since Fri 20 Nov, 21:04, over now (SERVER1)
    It lasted from Fri 20 Nov, 21:04 EST to Sat 21 Nov, 02:41 EST: 5 h 37 min.
    It came and went 7 times since Fri 20 Nov, 21:04 EST; this one message stands for all of them.
    "#);
}

#[test]
fn missed_days_read_like_a_list() {
    assert_eq!(days(&november(&[12, 13, 14])), "12, 13 and 14 Nov");
    assert_eq!(days(&[date(2026, 3, 31), date(2026, 4, 1)]), "31 Mar and 1 Apr");
    assert_eq!(missed_words(&november(&[12])), "1 night missed: 12 Nov");
    assert_eq!(
        missed_words(&november(&[12, 13, 14])),
        "3 nights missed: 12, 13 and 14 Nov"
    );
    let many: Vec<i8> = (1..=12).collect();
    assert_eq!(missed_words(&november(&many)), "12 nights missed, from 1 Nov to 12 Nov");
}

#[test]
fn every_kind_has_a_place_of_its_own_in_the_order() {
    let mut weights: Vec<i16> = AlertKind::ALL.iter().map(|kind| kind.weight()).collect();
    weights.sort_unstable();
    let places: Vec<i16> = (0..13).collect();
    assert_eq!(weights, places);
}

#[test]
fn missed_days_add_up_and_other_facts_are_replaced() {
    let missed = |days: &[i8]| AlertFacts::Missed {
        days: november(days),
        due_at: at(20, 21, 0),
        last_good: None,
        never_reported: false,
    };
    assert_eq!(missed(&[18, 19]).with(&missed(&[20])), (missed(&[18, 19, 20]), true));
    assert_eq!(missed(&[18, 19]).with(&missed(&[19])), (missed(&[18, 19]), false));
    let failed = |reason: &str, in_a_row| AlertFacts::Failed {
        run: RunId(Uuid::nil()),
        finished_at: at(20, 2, 0),
        reason: Some(reason.to_owned()),
        wanted_medium: None,
        in_a_row,
        last_good: None,
    };
    assert_eq!(
        failed("disk full", 1).with(&failed("disk full", 2)),
        (failed("disk full", 2), false)
    );
    assert_eq!(
        failed("disk full", 1).with(&failed("no key", 2)),
        (failed("no key", 2), true)
    );
}
