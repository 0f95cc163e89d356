//! What is made of what was received.

use jiff::{SignedDuration, Timestamp};
use lastgood_protocol::{
    Basis, Claim, Coverage, DatabaseCopy, DestinationKind, DrillCheck, DrillId, DrillOutcome, DrillRecorded, DrillStep,
    Encryption, Event, EventBody, JobKey, Knowledge, MarkerId, MediumMoved, MediumRegistered, MediumSighting, Outcome,
    OutputTail, RunFacts, RunFinished, RunId, RunStarted, Sample, StepOutcome, ToolIdentity,
};
use uuid::Uuid;

use super::machine::{Machine, as_owner, start_committers};
use crate::db::{Scope, Transaction};
use crate::ids;
use crate::ingest::project;
use crate::runs;
use crate::testing::TestApp;

fn job() -> JobKey {
    "nightly".parse().unwrap()
}

fn started(run: RunId, at: Timestamp) -> EventBody {
    EventBody::RunStarted(RunStarted {
        run,
        job: job(),
        started_at: at,
        attempt: 1,
    })
}

fn finished(run: RunId, at: Timestamp) -> RunFinished {
    RunFinished {
        run,
        job: job(),
        started_at: at - SignedDuration::from_mins(41),
        finished_at: at,
        attempt: 1,
        will_be_retried: false,
        outcome: Outcome::Ok,
        reason: None,
        exit_code: Some(0),
        tool: ToolIdentity {
            name: "restic".to_owned(),
            version: Some("0.14.0".to_owned()),
        },
        facts: RunFacts {
            bytes_added: Some(1_400_000_000),
            snapshot: Some("4bba301e".to_owned()),
            ..RunFacts::default()
        },
        medium: None,
        output: None,
    }
}

fn ended(run: RunId, at: Timestamp) -> EventBody {
    EventBody::RunFinished(Box::new(finished(run, at)))
}

fn on_medium(run: RunId, at: Timestamp, volume: &str) -> EventBody {
    let medium = Some(sighting(volume, None));
    EventBody::RunFinished(Box::new(RunFinished {
        medium,
        ..finished(run, at)
    }))
}

fn sighting(volume: &str, marker: Option<MarkerId>) -> MediumSighting {
    MediumSighting {
        volume: volume.to_owned(),
        marker,
        label: marker.map(|_| format!("Disk {volume}")),
        size_bytes: Some(2_000_000_000_000),
        free_bytes: Some(700_000_000_000),
        file_system: Some("ext4".to_owned()),
        removable: Some(true),
        encryption: None,
        copied_from: None,
    }
}

fn run_id(test: &TestApp) -> RunId {
    RunId(ids::new(test.now()))
}

async fn begin(test: &TestApp) -> Transaction {
    test.app.db.begin(Scope::Everything).await.unwrap()
}

async fn deliver(machine: &Machine<'_>, what: Vec<EventBody>) {
    let events: Vec<Event> = what.into_iter().map(|what| machine.event(what)).collect();
    machine.deliver(&events).await;
    project(&machine.test.app).await.unwrap();
}

async fn stored_run(test: &TestApp, run: RunId) -> Option<runs::Run> {
    let mut transaction = begin(test).await;
    runs::find(&mut transaction, test.cast.northwind, ids::RunId(run.0))
        .await
        .unwrap()
}

/// State and problem of each event, in order of arrival.
async fn inbox(test: &TestApp) -> Vec<(String, Option<String>)> {
    let mut transaction = begin(test).await;
    let rows = sqlx::query!("select state, problem from inbox order by position")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.state, row.problem)).collect()
}

async fn states(test: &TestApp) -> Vec<String> {
    inbox(test).await.into_iter().map(|(state, _)| state).collect()
}

async fn open_alerts(test: &TestApp) -> Vec<String> {
    let mut transaction = begin(test).await;
    sqlx::query_scalar!(r#"select kind as "kind: String" from alerts where closed_at is null order by kind"#)
        .fetch_all(&mut *transaction)
        .await
        .unwrap()
}

async fn jobs(test: &TestApp) -> Vec<(String, Option<Uuid>, String)> {
    let mut transaction = begin(test).await;
    let rows = sqlx::query!(r#"select key, agent_id as "agent: Uuid", tool from jobs"#)
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.key, row.agent, row.tool)).collect()
}

#[tokio::test]
async fn what_was_measured_is_kept_as_it_was_told_and_shown() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let run = run_id(&test);
    let at = test.now() - SignedDuration::from_mins(5);
    let compared = Claim {
        holds: true,
        known: Knowledge::Measured,
        basis: Some(Basis::Sample),
    };
    let facts = RunFacts {
        compared: Some(compared),
        destination: Some(DestinationKind::Vendor),
        destination_name: Some("Northern <b>Vault".to_owned()),
        sample: Some(Sample {
            files: 10,
            same: 9,
            changed_since: 1,
            ..Sample::default()
        }),
        copy: Some(DatabaseCopy {
            fresh: true,
            complete: true,
            validated: Some(true),
            files: 2,
            bytes: 2_000_000,
            bytes_before: Some(1_900_000),
        }),
        coverage: Some(Coverage {
            required: 3,
            covered: 3,
            copy_inside: Some(true),
            live_inside: Some(false),
            database_ran: Some(true),
        }),
        database_started_at: Some(at - SignedDuration::from_hours(9)),
        ..RunFacts::default()
    };
    let told = RunFinished {
        facts: facts.clone(),
        ..finished(run, at)
    };
    deliver(&machine, vec![EventBody::RunFinished(Box::new(told))]).await;
    let stored = stored_run(&test, run).await.unwrap();
    assert_eq!(stored.facts, facts);
    test.as_reader()
        .get(&format!("/runs/{}", run.0))
        .await
        .assert_status(200)
        .assert_shows("Compared with the source yes measured: a random sample was restored")
        .assert_shows("Restored at random and compared 10 files: 9 the same, 1 changed since measured")
        .assert_shows("fresh, complete, checked by the database's own tool")
        .assert_shows("Folders that must be protected 3 of 3 measured")
        .assert_shows("Live database files in the backup no measured")
        .assert_hides("Northern <b>")
        .assert_shows("Database server started");
}

fn failed(run: RunId, at: Timestamp, output: Option<OutputTail>) -> EventBody {
    EventBody::RunFinished(Box::new(RunFinished {
        outcome: Outcome::Failed,
        reason: Some("The repository could not be opened.".to_owned()),
        output,
        ..finished(run, at)
    }))
}

fn tail(stdout: &[&str], stderr: &[&str]) -> OutputTail {
    let lines = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
    OutputTail {
        stdout: lines(stdout),
        stderr: lines(stderr),
    }
}

/// What is kept of outputs, as somebody with this scope sees it.
async fn outputs(test: &TestApp, scope: Scope) -> Vec<(Vec<String>, Vec<String>)> {
    let mut transaction = test.app.db.begin(scope).await.unwrap();
    let rows = sqlx::query!("select stdout, stderr from run_outputs order by run_id")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.stdout, row.stderr)).collect()
}

#[tokio::test]
async fn what_a_tool_printed_is_shown_to_the_firm_and_to_nobody_else() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let run = run_id(&test);
    let at = test.now() - SignedDuration::from_mins(5);
    let told = tail(
        &["dump <b>failed</b>"],
        &["tar: [path]: Cannot open: \u{202e}Permission denied"],
    );
    deliver(&machine, vec![failed(run, at, Some(told))]).await;
    let path = format!("/runs/{}", run.0);
    for who in [test.as_owner(), test.as_technician(), test.as_reader()] {
        who.get(&path)
            .await
            .assert_status(200)
            .assert_shows("The last 2 lines")
            .assert_shows("tar: [path]: Cannot open: Permission denied")
            .assert_hides("<b>failed</b>")
            .assert_shows("Redacted on")
            .assert_shows("remove report_output from the job nightly")
            .assert_hides("Nothing of it was sent");
    }
    test.as_viewer()
        .get(&path)
        .await
        .assert_status(404)
        .assert_hides("Cannot open");
    test.as_viewer()
        .get("/practice")
        .await
        .assert_status(200)
        .assert_hides("Cannot open");
    test.as_other_owner().get(&path).await.assert_status(404);
    let report = format!("/practices/{}/report", test.cast.harbor);
    test.as_owner()
        .get(&report)
        .await
        .assert_status(200)
        .assert_hides("Cannot open");

    let (firm, practice) = (test.cast.northwind, test.cast.harbor);
    assert_eq!(outputs(&test, Scope::Firm(firm)).await.len(), 1);
    assert_eq!(outputs(&test, Scope::Practice(firm, practice)).await, []);
    assert_eq!(outputs(&test, Scope::Firm(test.cast.other)).await, []);
    test.app.stop().await;
}

#[tokio::test]
async fn an_output_that_is_too_much_costs_its_oldest_lines_and_not_the_report() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let at = test.now() - SignedDuration::from_mins(5);
    let [many, good, silent, refused] = [(); 4].map(|()| run_id(&test));
    let lines: Vec<String> = (0..120).map(|number| format!("{number} {}", "x".repeat(70))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let ok = RunFinished {
        output: Some(tail(&["done"], &[])),
        ..finished(good, at)
    };
    let mut kept_back = RunFinished {
        outcome: Outcome::Failed,
        ..finished(refused, at)
    };
    kept_back.facts.wanted_medium = Some("Friday".to_owned());
    let bodies = vec![
        failed(many, at, Some(tail(&["the first"], &lines))),
        EventBody::RunFinished(Box::new(ok)),
        failed(silent, at, None),
        EventBody::RunFinished(Box::new(kept_back)),
    ];
    deliver(&machine, bodies).await;
    assert_eq!(states(&test).await, ["projected"; 4]);
    let kept = outputs(&test, Scope::Everything).await;
    assert_eq!(kept.len(), 1, "nothing is kept of a run that is ok: {kept:?}");
    let (stdout, stderr) = &kept[0];
    assert_eq!(stderr.last().map(String::as_str), lines.last().copied());
    assert_eq!(stderr.len(), 50);
    assert!(stderr.iter().chain(stdout).map(String::len).sum::<usize>() <= lastgood_protocol::MOST_OUTPUT_BYTES);
    let shown = async |run: RunId| test.as_reader().get(&format!("/runs/{}", run.0)).await;
    shown(silent)
        .await
        .assert_shows("Nothing of it was sent.")
        .assert_shows("report_output = 20");
    shown(good).await.assert_hides("What the tool printed");
    shown(refused).await.assert_hides("What the tool printed");

    let coloured = failed(run_id(&test), at, Some(tail(&["\u{1b}[31mfailed"], &[])));
    let answer = machine.send(&[machine.event(coloured)]).await;
    answer.assert_status(422);
    assert!(
        answer
            .body
            .contains("body.output.stdout[0]: contains the control character"),
        "{}",
        answer.body
    );
    test.app.stop().await;
}

#[tokio::test]
async fn a_run_is_stored_with_its_job_in_whatever_order_its_reports_come() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let (first, second) = (run_id(&test), run_id(&test));
    let at = test.now() - SignedDuration::from_mins(5);
    let began = at - SignedDuration::from_mins(41);
    deliver(
        &machine,
        vec![
            started(first, began),
            ended(first, at),
            ended(second, at),
            started(second, began),
        ],
    )
    .await;
    for run in [first, second] {
        let run = stored_run(&test, run).await.unwrap();
        assert_eq!((run.started_at, run.finished_at), (began, Some(at)));
        assert_eq!(run.outcome, Some(runs::Outcome::Ok));
        assert_eq!(run.facts.snapshot.as_deref(), Some("4bba301e"));
        assert_eq!(run.corrected_by, SignedDuration::ZERO);
        assert_eq!(
            (run.job_name.as_str(), run.practice_name.as_str()),
            ("nightly", "Harbor Counseling")
        );
    }
    assert_eq!(
        jobs(&test).await,
        [("nightly".to_owned(), Some(machine.agent.0), "restic".to_owned())]
    );
    assert_eq!(states(&test).await, ["projected"; 4]);
    test.app.stop().await;
}

#[tokio::test]
async fn times_of_a_wrong_clock_are_corrected_by_what_it_was_wrong() {
    let test = TestApp::start().await;
    start_committers(&test);
    let mut machine = Machine::enrolled(&test).await;
    let cases = [
        (SignedDuration::from_hours(-24 * 365), true),
        (SignedDuration::from_mins(7), true),
        (SignedDuration::from_millis(1_900), false),
    ];
    for (skew, is_corrected) in cases {
        machine.skew = skew;
        let run = run_id(&test);
        let at = test.now() - SignedDuration::from_mins(5);
        deliver(&machine, vec![ended(run, at + skew)]).await;
        let run = stored_run(&test, run).await.unwrap();
        assert_eq!(run.finished_at, Some(if is_corrected { at } else { at + skew }));
        assert_eq!(
            run.corrected_by,
            if is_corrected { -skew } else { SignedDuration::ZERO }
        );
    }
    test.app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_is_set_aside_and_holds_up_nothing() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let other = Machine::enrolled(&test).await;
    let at = test.now() - SignedDuration::from_mins(5);
    let (known, good) = (run_id(&test), run_id(&test));
    deliver(&machine, vec![ended(known, at)]).await;
    let backwards = RunFinished {
        started_at: at + SignedDuration::from_secs(1),
        ..finished(run_id(&test), at)
    };
    let huge = RunFinished {
        facts: RunFacts {
            bytes_added: Some(u64::MAX),
            ..RunFacts::default()
        },
        ..finished(run_id(&test), at)
    };
    let other_job = RunFinished {
        job: "weekly".parse().unwrap(),
        ..finished(known, at)
    };
    let otherwise = RunFinished {
        outcome: Outcome::Failed,
        ..finished(known, at)
    };
    deliver(
        &machine,
        vec![
            ended(run_id(&test), test.now() + SignedDuration::from_hours(2)),
            EventBody::RunFinished(Box::new(backwards)),
            EventBody::RunFinished(Box::new(huge)),
            EventBody::RunFinished(Box::new(other_job)),
            EventBody::RunFinished(Box::new(otherwise)),
            on_medium(run_id(&test), at, ""),
            ended(good, at),
        ],
    )
    .await;
    deliver(&other, vec![ended(known, at)]).await;
    let problems: Vec<String> = inbox(&test)
        .await
        .into_iter()
        .filter_map(|(_, problem)| problem)
        .collect();
    let blamed = [
        "finished_at",
        "finished_at",
        "facts.bytes_added",
        "another job",
        "another result",
        "medium.volume",
        "another agent",
    ];
    assert_eq!(problems.len(), blamed.len(), "{problems:?}");
    for (problem, blamed) in problems.iter().zip(blamed) {
        assert!(problem.contains(blamed), "{problem}");
    }
    assert!(stored_run(&test, good).await.is_some());
    assert_eq!(stored_run(&test, known).await.unwrap().outcome, Some(runs::Outcome::Ok));
    // Nothing of what was rolled back stays: no job "weekly", no medium without a name.
    assert_eq!(jobs(&test).await.len(), 1);
    assert_eq!(open_alerts(&test).await, ["unprojectable", "unprojectable"]);
    test.app.stop().await;
}

#[tokio::test]
async fn what_a_later_version_says_waits_for_a_later_server() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let event = serde_json::to_string(&machine.batch(vec![machine.heartbeat()])).unwrap();
    let later = event.replace("\"kind\":\"heartbeat\"", "\"kind\":\"tape_cleaned\"");
    machine.send_body(later.into_bytes()).await.assert_status(200);
    let more = event.replace(
        &event[event.find("\"id\":\"").unwrap()..][..43],
        &format!("\"id\":\"{}\"", ids::new::<Uuid>(test.now())),
    );
    let wrong = more
        .replace("\"spooled\":4", "\"spooled\":\"four\"")
        .replace("\"seq\":1", "\"seq\":2");
    machine.send_body(wrong.into_bytes()).await.assert_status(200);
    project(&test.app).await.unwrap();
    let problems: Vec<String> = inbox(&test)
        .await
        .into_iter()
        .map(|(_, problem)| problem.unwrap())
        .collect();
    assert!(
        problems[0].contains("the kind tape_cleaned. Update the server"),
        "{problems:?}"
    );
    assert!(
        problems[1].contains("not a heartbeat as this server knows it"),
        "{problems:?}"
    );
    test.app.stop().await;
}

#[tokio::test]
async fn the_same_medium_two_days_running_alerts_until_another_is_used() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let mut alerts = Vec::new();
    for volume in ["A", "B", "B", "C", "A", "B"] {
        test.advance(SignedDuration::from_hours(24));
        let run = run_id(&test);
        deliver(&machine, vec![on_medium(run, test.now(), volume)]).await;
        // A second backup on the same day changes nothing.
        deliver(&machine, vec![on_medium(run_id(&test), test.now(), volume)]).await;
        alerts.push(open_alerts(&test).await.join(" "));
        assert!(stored_run(&test, run).await.unwrap().medium.is_some());
    }
    assert_eq!(alerts, ["", "", "same_medium", "", "", ""]);
    test.app.stop().await;
}

#[tokio::test]
async fn two_sets_are_too_few_and_a_failed_run_uses_none() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let mut alerts = Vec::new();
    for (volume, outcome) in [
        ("A", Outcome::Ok),
        ("B", Outcome::Warning),
        ("A", Outcome::Ok),
        ("A", Outcome::Failed),
        ("B", Outcome::Ok),
        ("C", Outcome::Ok),
    ] {
        test.advance(SignedDuration::from_hours(24));
        let run = RunFinished {
            medium: Some(sighting(volume, None)),
            outcome,
            ..finished(run_id(&test), test.now())
        };
        deliver(&machine, vec![EventBody::RunFinished(Box::new(run))]).await;
        let media_alerts = open_alerts(&test).await.into_iter().filter(|kind| kind != "failed");
        alerts.push(media_alerts.collect::<Vec<_>>().join(" "));
    }
    assert_eq!(alerts, ["", "", "", "", "few_sets", ""]);
    test.app.stop().await;
}

#[tokio::test]
async fn a_registered_medium_keeps_its_label_and_a_copy_of_it_is_told() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let marker = Some(MarkerId(Uuid::from_u128(9)));
    let registered = |volume: &str, label: &str| {
        EventBody::MediumRegistered(MediumRegistered {
            label: label.to_owned(),
            set: Some("Blue".to_owned()),
            registered_at: test.now(),
            medium: sighting(volume, marker),
        })
    };
    deliver(&machine, vec![registered("A", "Blue 1")]).await;
    assert_eq!(open_alerts(&test).await, [""; 0]);
    deliver(&machine, vec![registered("B", "Blue 2")]).await;
    assert_eq!(open_alerts(&test).await, ["agent_problem"]);
    let mut transaction = begin(&test).await;
    let labels = sqlx::query_scalar!(
        r#"select label || ' of ' || set_name || ' is ' || volume as "label!" from media order by label"#
    )
    .fetch_all(&mut *transaction)
    .await
    .unwrap();
    assert_eq!(labels, ["Blue 1 of Blue is A", "Blue 2 of Blue is B"]);
    drop(transaction);
    test.app.stop().await;
}

/// Where the only medium is, as `true at harbor-server since 3`, in hours after the beginning.
async fn place_of_the_medium(test: &TestApp, begun: Timestamp) -> String {
    let mut transaction = begin(test).await;
    let row =
        sqlx::query!(r#"select present as "present!", moved_at as "moved_at!", moved_at_agent as "agent!" from media"#)
            .fetch_one(&mut *transaction)
            .await
            .unwrap();
    let hours = row.moved_at.to_jiff().duration_since(begun).as_hours();
    let sign = if row.present { "in" } else { "out" };
    format!("{sign} at {} since {hours}", row.agent)
}

#[tokio::test]
async fn where_a_medium_is_follows_what_agents_say_and_not_when_they_say_it() {
    let test = TestApp::start().await;
    start_committers(&test);
    let (first, second) = (Machine::enrolled(&test).await, Machine::enrolled(&test).await);
    let begun = test.now();
    let at = |hours: i64| begun + SignedDuration::from_hours(hours);
    let moved = |present, hours| {
        let medium = sighting("A", None);
        let at = at(hours);
        EventBody::MediumMoved(MediumMoved { present, at, medium })
    };
    test.advance(SignedDuration::from_hours(24));
    let mut places = Vec::new();
    for (machine, present, hours) in [
        (&first, false, 1),
        (&first, true, 3),
        // Said again after the agent lost what it knew; late; and by one that had it in its drive before.
        (&first, true, 4),
        (&first, false, 2),
        (&second, true, 5),
        (&first, false, 6),
        (&second, false, 7),
    ] {
        deliver(machine, vec![moved(present, hours)]).await;
        places.push(place_of_the_medium(&test, begun).await);
    }
    let (one, two) = (first.agent, second.agent);
    let expected = [
        format!("out at {one} since 1"),
        format!("in at {one} since 3"),
        format!("in at {one} since 3"),
        format!("in at {one} since 3"),
        format!("in at {two} since 5"),
        format!("in at {two} since 5"),
        format!("out at {two} since 7"),
    ];
    assert_eq!(places, expected);
    let mut transaction = begin(&test).await;
    let kept = sqlx::query_scalar!(r#"select count(*) as "count!" from media_moves"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(kept, 7, "each is kept");
    drop(transaction);
    assert_eq!(open_alerts(&test).await, [""; 0]);
    test.app.stop().await;
}

#[tokio::test]
async fn a_copy_is_told_although_its_original_was_never_seen() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let medium = MediumSighting {
        copied_from: Some("A".to_owned()),
        encryption: Some(Encryption::Luks),
        ..sighting("B", Some(MarkerId(Uuid::from_u128(9))))
    };
    let (present, at) = (true, test.now());
    deliver(
        &machine,
        vec![EventBody::MediumMoved(MediumMoved { present, at, medium })],
    )
    .await;
    assert_eq!(open_alerts(&test).await, ["agent_problem"]);
    let mut transaction = begin(&test).await;
    let told = sqlx::query_scalar!(r#"select facts ->> 'message' as "message!" from alerts"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert!(told.contains("the marker of “Disk B” on volume A"), "{told}");
    drop(transaction);
    test.app.stop().await;
}

#[tokio::test]
async fn a_job_that_waits_for_its_medium_says_for_which() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let mut refused = RunFinished {
        outcome: Outcome::Failed,
        reason: Some("“Monday” is in the drive; wanted is “Tuesday”. No backup was made.".to_owned()),
        ..finished(run_id(&test), test.now())
    };
    refused.facts.wanted_medium = Some("“Tuesday”".to_owned());
    deliver(&machine, vec![EventBody::RunFinished(Box::new(refused))]).await;
    assert_eq!(open_alerts(&test).await, ["failed"]);
    let mut transaction = begin(&test).await;
    let told = sqlx::query_scalar!(r#"select facts ->> 'wanted_medium' as "wanted!" from alerts"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(told, "“Tuesday”");
    drop(transaction);
    test.app.stop().await;
}

#[tokio::test]
async fn a_drill_is_stored_with_its_steps() {
    let test = TestApp::start().await;
    start_committers(&test);
    let mut machine = Machine::enrolled(&test).await;
    machine.skew = SignedDuration::from_mins(10);
    let clock = machine.clock();
    let drill = DrillRecorded {
        drill: DrillId(ids::new(test.now())),
        job: Some(job()),
        backup: "4bba301e".to_owned(),
        backup_made_at: None,
        medium: Some(sighting("A", None)),
        started_at: clock - SignedDuration::from_mins(30),
        finished_at: clock,
        steps: vec![DrillStep {
            name: "Restore".to_owned(),
            started_at: clock - SignedDuration::from_mins(30),
            finished_at: clock - SignedDuration::from_mins(5),
            outcome: StepOutcome::Failed,
        }],
        checks: vec![DrillCheck {
            what: "The program opens".to_owned(),
            passed: false,
        }],
        outcome: DrillOutcome::Failed,
        performed_by: "Theo".to_owned(),
        notes: None,
    };
    let event = EventBody::DrillRecorded(Box::new(drill.clone()));
    deliver(&machine, vec![event.clone(), event]).await;
    let mut transaction = begin(&test).await;
    let drills = crate::drills::newest(&mut transaction, test.cast.northwind, None, 10)
        .await
        .unwrap();
    drop(transaction);
    assert_eq!(drills.len(), 1);
    assert_eq!(drills[0].finished_at, test.now());
    assert_eq!(
        drills[0].steps[0].finished_at,
        test.now() - SignedDuration::from_mins(5)
    );
    assert_eq!(drills[0].what_failed(), ["Restore", "The program opens"]);
    assert_eq!(states(&test).await, ["projected"; 2]);
    test.app.stop().await;
}

#[tokio::test]
async fn trouble_of_the_database_holds_up_one_agent_and_is_not_the_events_fault_at_first() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let other = Machine::enrolled(&test).await;
    as_owner(
        &test,
        "create function trouble() returns trigger language plpgsql as
            $$ begin raise exception 'deadlock' using errcode = 'deadlock_detected'; end $$;
         create trigger trouble before insert on runs for each row when (new.attempt = 7) execute function trouble();",
    )
    .await;
    let (stuck, free) = (run_id(&test), run_id(&test));
    let seventh = RunFinished {
        attempt: 7,
        ..finished(stuck, test.now())
    };
    deliver(&machine, vec![EventBody::RunFinished(Box::new(seventh))]).await;
    deliver(&other, vec![ended(free, test.now())]).await;
    assert!(stored_run(&test, free).await.is_some());
    assert_eq!(states(&test).await, ["received", "projected"]);

    while states(&test).await == ["received", "projected"] {
        project(&test.app).await.unwrap();
    }
    assert_eq!(states(&test).await, ["set_aside", "projected"]);
    assert_eq!(open_alerts(&test).await, ["unprojectable"]);

    as_owner(&test, "drop trigger trouble on runs").await;
    test.as_owner()
        .post("/inbox/retry", &[])
        .await
        .assert_redirect("/inbox");
    project(&test.app).await.unwrap();
    assert_eq!(states(&test).await, ["projected", "projected"]);
    assert!(stored_run(&test, stuck).await.is_some());
    assert_eq!(open_alerts(&test).await, [""; 0]);
    test.app.stop().await;
}

#[tokio::test]
async fn a_heartbeat_is_settled_where_it_is_stored_unless_it_ends_a_silence() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    machine.deliver(&[machine.heartbeat()]).await;
    assert_eq!(states(&test).await, ["projected"]);

    test.advance(SignedDuration::from_hours(2));
    crate::expectations::evaluate_at(&test.app, test.now()).await.unwrap();
    assert_eq!(open_alerts(&test).await, ["agent_silent"]);
    machine.deliver(&[machine.heartbeat()]).await;
    assert_eq!(states(&test).await, ["projected", "received"]);
    project(&test.app).await.unwrap();
    assert_eq!(states(&test).await, ["projected", "projected"]);
    assert_eq!(open_alerts(&test).await, [""; 0]);
    test.app.stop().await;
}
