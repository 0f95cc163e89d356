use insta::assert_snapshot;
use jiff::Timestamp;
use jiff::civil::date;
use uuid::Uuid;

use super::blind::Blind;
use super::model::{Counts, Group, Row, Told, kinds_by_weight};
use crate::alerts::{AlertFacts, AlertKind, SubjectKind};
use crate::dashboard::place::Place;
use crate::ids::{AlertId, DrillId, PracticeId, RunId};
use crate::web::words::zone;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn row(told: Told) -> Row {
    Row {
        practice: PracticeId(Uuid::nil()),
        practice_name: "Harbor Counseling".to_owned(),
        subject_kind: SubjectKind::Job,
        subject: Uuid::nil(),
        subject_name: "nightly".to_owned(),
        since: at("2026-11-21T03:30:00Z"),
        place: Place::new(Some("America/New_York"), Some(720)),
        told,
        acknowledged: None,
    }
}

fn alert(facts: AlertFacts) -> Row {
    // The kind is that of the facts; only the sentence is looked at here.
    let kind = serde_json::to_value(&facts).unwrap()["kind"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    row(Told::Alert {
        alert: AlertId(Uuid::nil()),
        kind,
        facts,
    })
}

/// Group, what the mark says, the sentence, and for how long, as a reader in New York sees them on Monday at nine.
fn told(row: &Row) -> String {
    let new_york = zone("America/New_York");
    format!(
        "{} | {} | {} | {}",
        row.group().heading(),
        row.mark_words(),
        row.sentence(Some(&new_york)),
        row.run_length(at("2026-11-23T14:00:00Z"))
    )
}

#[test]
fn jobs_in_words() {
    let last_good = Some(at("2026-11-18T03:51:00Z"));
    let run = RunId(Uuid::nil());
    let said = [
        alert(AlertFacts::Missed {
            days: vec![date(2026, 11, 19), date(2026, 11, 20)],
            due_at: at("2026-11-21T03:30:00Z"),
            last_good,
            never_reported: false,
        }),
        alert(AlertFacts::Missed {
            days: vec![date(2026, 11, 20)],
            due_at: at("2026-11-21T03:30:00Z"),
            last_good: None,
            never_reported: true,
        }),
        alert(AlertFacts::NoSuccess {
            last_good: None,
            limit_seconds: 259_200,
        }),
        alert(AlertFacts::Failed {
            run,
            finished_at: at("2026-11-21T03:52:00Z"),
            reason: Some("The repository is locked".to_owned()),
            wanted_medium: None,
            in_a_row: 2,
            last_good,
        }),
        alert(AlertFacts::Failed {
            run,
            finished_at: at("2026-11-21T03:52:00Z"),
            reason: None,
            wanted_medium: None,
            in_a_row: 1,
            last_good: None,
        }),
        alert(AlertFacts::Overrun {
            run,
            started_at: at("2026-11-21T03:31:00Z"),
            maximum_seconds: 21_600,
        }),
        row(Told::Late {
            due_at: at("2026-11-23T11:00:00Z"),
            missed_at: at("2026-11-23T15:00:00Z"),
        }),
        row(Told::Warning {
            run: None,
            reason: Some("Three source files could not be read".to_owned()),
        }),
        row(Told::Warning {
            run: None,
            reason: None,
        }),
    ];
    assert_snapshot!(said.each_ref().map(told).join("\n"), @r"
    Missed | missed | No good backup since Tue 17 Nov, 22:51. | 2 nights
    Missed | missed | No report of this job ever came. | 1 night
    Missed | no good backup | No good backup ever came. | 2 days
    Failed | failed | Fri 20 Nov, 22:52: The repository is locked. | 2 times
    Failed | failed | Fri 20 Nov, 22:52. The tool gave no reason. | 1 time
    Running too long | overrun | Running since Fri 20 Nov, 22:31. It may take 6 h. | 2 days
    Late | late | Due Mon 23 Nov, 06:00. Missed from 10:00 on. | 2 days
    Warnings | warning | A backup was made, with a complaint: Three source files could not be read. | 2 days
    Warnings | warning | A backup was made, and the tool complained. | 2 days
    ");
}

#[test]
fn agents_media_and_drills_in_words() {
    let said = [
        alert(AlertFacts::AgentSilent {
            last_heard: Some(at("2026-11-21T02:04:00Z")),
            jobs: 4,
        }),
        alert(AlertFacts::AgentSilent {
            last_heard: None,
            jobs: 0,
        }),
        alert(AlertFacts::Equivocation { count: 1 }),
        alert(AlertFacts::Unprojectable {
            count: 3,
            problem: "unknown kind".to_owned(),
        }),
        alert(AlertFacts::AgentProblem {
            message: "2 records of the spool are damaged".to_owned(),
            count: 2,
        }),
        alert(AlertFacts::SameMedium {
            label: "Monday disk".to_owned(),
            first: date(2026, 11, 19),
            second: date(2026, 11, 20),
        }),
        alert(AlertFacts::FewSets {
            sets: vec!["A".to_owned(), "B".to_owned()],
            days: 10,
        }),
        alert(AlertFacts::DrillFailed {
            drill: DrillId(Uuid::nil()),
            finished_at: at("2026-11-20T15:00:00Z"),
            what: vec!["Restore".to_owned()],
        }),
        alert(AlertFacts::DrillOverdue {
            due_at: at("2026-11-15T15:00:00Z"),
            last_passed: Some(at("2026-08-12T15:00:00Z")),
        }),
        alert(AlertFacts::Undelivered {
            count: 2,
            problem: "550 no such mailbox".to_owned(),
        }),
    ];
    assert_snapshot!(said.each_ref().map(told).join("\n"), @r"
    Cannot be judged | agent silent | Not heard from since Fri 20 Nov, 21:04. Nobody sees its 4 jobs. | 2 days
    Cannot be judged | agent silent | Not heard from since it was enrolled. | 2 days
    Cannot be judged | contradicting reports | 1 report contradicted what was sent before. | 2 days
    Cannot be judged | unreadable reports | 3 reports could not be read. Nothing is lost. | 2 days
    Warnings | agent problem | 2 records of the spool are damaged. | 2 days
    Media | same medium | Monday disk was used on Thu 19 Nov and on Fri 20 Nov. | 2 days
    Media | few sets | Only A and B in use in 10 backup days; three should rotate. | 2 days
    Practised restores | drill failed | Fri 20 Nov, 10:00: Restore. | 2 days
    Practised restores | drill overdue | Due Sun 15 Nov. The last one passed on 12 Aug 2026. | 2 days
    Failed | mail not delivered | 2 messages not delivered: 550 no such mailbox. | 2 days
    ");
}

#[test]
fn a_reader_elsewhere_is_told_the_zone() {
    let row = row(Told::Late {
        due_at: at("2026-11-23T11:00:00Z"),
        missed_at: at("2026-11-23T15:00:00Z"),
    });
    let elsewhere = zone("America/Chicago");
    assert_eq!(
        row.sentence(Some(&elsewhere)),
        "Due Mon 23 Nov, 06:00 EST. Missed from 10:00 on."
    );
    assert_eq!(row.sentence(None), row.sentence(Some(&elsewhere)));
}

#[test]
fn kinds_come_in_the_order_of_their_groups() {
    let groups: Vec<Group> = kinds_by_weight()
        .into_iter()
        .map(|kind| {
            row(Told::Alert {
                alert: AlertId(Uuid::nil()),
                kind,
                facts: AlertFacts::Equivocation { count: 1 },
            })
            .group()
        })
        .collect();
    assert_eq!(groups.len(), AlertKind::ALL.len());
    assert!(groups.is_sorted());
}

#[test]
fn the_first_sentence_never_says_well_of_what_is_not_known() {
    let counts = |practices, jobs, needing, late| Counts {
        practices,
        needing,
        alerts: needing,
        jobs,
        late,
        warning: 0,
    };
    let said = [
        counts(0, 0, 0, 0).headline(false),
        counts(3, 0, 0, 0).headline(false),
        counts(24, 72, 0, 0).headline(false),
        counts(24, 72, 0, 1).headline(false),
        counts(24, 72, 1, 0).headline(false),
        counts(24, 72, 2, 3).headline(false),
        counts(1, 2, 1, 0).headline(false),
        counts(24, 72, 0, 0).headline(true),
    ];
    assert_snapshot!(said.join("\n"), @r"
    No practice yet.
    No backup job yet.
    All is well.
    Nothing needs you. 1 backup is late.
    1 of 24 practices needs you.
    2 of 24 practices need you. 3 backups are late.
    Your practice needs you.
    Nothing can be said at the moment.
    ");
}

#[test]
fn blind_spots_in_words() {
    let none = Blind {
        recipients: 1,
        ..Blind::default()
    };
    assert_eq!(none.spots(), []);
    let all = Blind {
        silent_agents: 2,
        unknown_jobs: 5,
        not_monitored: 1,
        unscheduled: 2,
        without_agent: 1,
        recipients: 0,
        undelivered: 1,
        set_aside: 3,
    };
    let said: Vec<String> = all.spots().into_iter().map(|spot| spot.words).collect();
    assert_snapshot!(said.join("\n"), @r"
    Nobody receives alerts by mail.
    2 agents are silent, so 5 jobs cannot be judged.
    1 job was last due while this server was down.
    2 jobs have no schedule, so nothing is expected.
    1 practice has no agent.
    1 message has not been delivered yet.
    3 reports are set aside, because they could not be read.
    ");
}
