//! What agents propose, what is refused of it, and what people make of it, through the front door.

use jiff::SignedDuration;
use lastgood_protocol::{
    EventBody, FoundBy, JobProposal, JobsProposed, MOST_PROPOSALS, ProposedSchedule, ReportingWay, Unclear,
};

use crate::db::Scope;
use crate::ingest::project;
use crate::ingest::testing::{Machine, start_committers};
use crate::jobs;
use crate::testing::TestApp;

fn proposal(key: &str) -> JobProposal {
    JobProposal {
        key: key.parse().unwrap(),
        tool: "restic".to_owned(),
        found: FoundBy::SystemdTimer,
        name: Some("nightly-backup".to_owned()),
        way: ReportingWay::Wrapped,
        is_indirect: false,
        schedule: Some(ProposedSchedule {
            cron: "30 1 * * 1-5".to_owned(),
            zone: Some("America/New_York".to_owned()),
            up_to_seconds_later: None,
        }),
        unclear: None,
        version: None,
        source: None,
    }
}

fn database() -> JobProposal {
    JobProposal {
        tool: "pg_dump".to_owned(),
        found: FoundBy::DatabaseServer,
        name: None,
        way: ReportingWay::Own,
        schedule: None,
        unclear: Some(Unclear::NothingStartsIt),
        version: Some("15".to_owned()),
        ..proposal("postgresql")
    }
}

async fn report(machine: &Machine<'_>, proposals: Vec<JobProposal>) {
    let proposed = JobsProposed {
        looked_at: machine.clock(),
        proposals,
    };
    let event = machine.event(EventBody::JobsProposed(Box::new(proposed)));
    machine.deliver(&[event]).await;
    project(&machine.test.app).await.unwrap();
}

/// Key and state of each proposal, and whether it is still found.
async fn stored(test: &TestApp) -> Vec<(String, String, bool)> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let rows = sqlx::query!("select key, state, gone_since is null as \"found!\" from proposals order by place, key")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.key, row.state, row.found)).collect()
}

async fn path_of(test: &TestApp, key: &str) -> String {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let id = sqlx::query_scalar!("select proposal_id from proposals where key = $1", key)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    format!("/proposals/{id}")
}

async fn problems(test: &TestApp) -> Vec<String> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!(r#"select problem as "problem!" from inbox where problem is not null order by position"#)
        .fetch_all(&mut *transaction)
        .await
        .unwrap()
}

fn list_path(test: &TestApp) -> String {
    format!("/practices/{}/proposals", test.cast.harbor)
}

fn filled(test: &TestApp) -> Vec<(&'static str, String)> {
    vec![
        ("name", "Nightly backup".to_owned()),
        ("key", "nightly".to_owned()),
        ("office", test.cast.harbor_office.to_string()),
        ("tool", "restic".to_owned()),
        ("cron", "30 1 * * 1-5".to_owned()),
        ("dst_policy", "systemd".to_owned()),
    ]
}

fn fields<'a>(form: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
    form.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

#[tokio::test]
async fn what_is_found_again_is_brought_up_to_date_and_not_doubled() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    report(&machine, vec![proposal("restic"), database()]).await;
    test.advance(SignedDuration::from_mins(1));
    let changed = JobProposal {
        schedule: None,
        unclear: Some(Unclear::NotFiveFields),
        ..proposal("restic")
    };
    report(&machine, vec![database(), changed]).await;
    let found = |key: &str| (key.to_owned(), "proposed".to_owned(), true);
    assert_eq!(stored(&test).await, [found("postgresql"), found("restic")]);
    let page = test.as_owner().get(&list_path(&test)).await;
    page.assert_status(200)
        .assert_shows("five cron fields cannot say exactly")
        .assert_shows("A database server that runs: PostgreSQL 15. Nothing was found that backs it up.")
        .assert_hides("At 01:30");

    test.advance(SignedDuration::from_mins(1));
    report(&machine, vec![database()]).await;
    let gone = ("restic".to_owned(), "proposed".to_owned(), false);
    assert_eq!(stored(&test).await, [found("postgresql"), gone]);
    let page = test.as_owner().get(&format!("/practices/{}", test.cast.harbor)).await;
    page.assert_shows("1 proposed job");
    let page = test.as_owner().get(&format!("/agents/{}", machine.agent)).await;
    page.assert_shows("1 proposed job");
    let page = test.as_reader().get(&format!("/agents/{}", machine.agent)).await;
    page.assert_hides("proposed job");
    assert!(problems(&test).await.is_empty());
}

#[tokio::test]
async fn a_proposal_becomes_a_job_as_every_job_does() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    report(&machine, vec![proposal("nightly")]).await;
    let path = path_of(&test, "nightly").await;
    test.as_technician()
        .get(&list_path(&test))
        .await
        .assert_shows("A systemd timer, nightly-backup, starts restic.")
        .assert_shows("At 01:30");
    let form = test.as_technician().get(&format!("{path}/accept")).await;
    form.assert_status(200)
        .assert_shows("A systemd timer, nightly-backup, starts restic.");
    for value in [
        "value=\"nightly\"",
        "value=\"30 1 * * 1-5\"",
        "value=\"restic on harbor-server\"",
    ] {
        assert!(form.body.contains(value), "{value} is in the form");
    }
    assert!(form.body.contains("value=\"systemd\" selected"), "a timer's own rule");

    let typed = filled(&test);
    let mut wrong = fields(&typed);
    wrong.retain(|(name, _)| *name != "cron");
    wrong.push(("cron", "at night"));
    let refused = test.as_technician().post(&format!("{path}/accept"), &wrong).await;
    refused.assert_status(422).assert_shows("needs five");

    let accepted = test
        .as_technician()
        .post(&format!("{path}/accept"), &fields(&typed))
        .await;
    accepted.assert_redirect(&path);
    let page = test.as_owner().get(&path).await;
    page.assert_shows("It is the job Nightly backup now.")
        .assert_shows("[[job]] key = \"nightly\" tool = \"restic\"")
        .assert_shows("lastgood-agent exec nightly --")
        .assert_shows("/etc/lastgood/agent.toml");
    let mut transaction = test.app.db.begin(Scope::Firm(test.cast.northwind)).await.unwrap();
    let all = jobs::list(&mut transaction, test.cast.northwind, Some(test.cast.harbor))
        .await
        .unwrap();
    assert_eq!(all.len(), 1);
    drop(transaction);
    let log = test.as_owner().get("/audit").await;
    log.assert_shows("Theo job added job Nightly backup");

    for again in ["accept", "dismiss", "dismissal/undo"] {
        let answer = test
            .as_technician()
            .post(&format!("{path}/{again}"), &fields(&typed))
            .await;
        answer.assert_status(409).assert_shows("accepted already");
    }
    test.as_owner()
        .get(&list_path(&test))
        .await
        .assert_shows("No job is proposed.")
        .assert_shows("lastgood-agent discover --report");
    report(&machine, vec![proposal("nightly")]).await;
    let accepted = ("nightly".to_owned(), "accepted".to_owned(), true);
    assert_eq!(stored(&test).await, [accepted], "a second look leaves it accepted");
}

#[tokio::test]
async fn a_taken_key_is_said_beside_its_field() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let add = format!("/practices/{}/jobs/add", test.cast.harbor);
    test.as_owner().post(&add, &fields(&filled(&test))).await;
    report(&machine, vec![proposal("nightly")]).await;
    let path = path_of(&test, "nightly").await;
    let answer = test
        .as_owner()
        .post(&format!("{path}/accept"), &fields(&filled(&test)))
        .await;
    answer.assert_status(422).assert_shows("has a job nightly already");
    assert_eq!(stored(&test).await[0].1, "proposed");
}

#[tokio::test]
async fn what_is_dismissed_stays_so_until_it_is_taken_back() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    report(&machine, vec![proposal("nightly")]).await;
    let path = path_of(&test, "nightly").await;
    let dismiss = test.as_technician().post(&format!("{path}/dismiss"), &[]).await;
    dismiss.assert_redirect(&list_path(&test));
    test.advance(SignedDuration::from_mins(1));
    report(&machine, vec![proposal("nightly")]).await;
    assert_eq!(
        stored(&test).await[0].1,
        "dismissed",
        "a second look does not bring it back"
    );
    let page = test.as_owner().get(&list_path(&test)).await;
    page.assert_shows("No job is proposed.").assert_shows("dismissed");
    test.as_technician()
        .get(&format!("{path}/accept"))
        .await
        .assert_status(409)
        .assert_shows("dismissed already");
    let undo = test.as_technician().post(&format!("{path}/dismissal/undo"), &[]).await;
    undo.assert_redirect(&list_path(&test));
    assert_eq!(stored(&test).await[0].1, "proposed");
    let log = test.as_owner().get("/audit").await;
    log.assert_shows("Theo proposal dismissed proposal restic on harbor-server")
        .assert_shows("Theo proposal dismissal undone proposal");
}

#[tokio::test]
async fn another_zone_and_a_start_by_chance_are_pointed_out() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let elsewhere = JobProposal {
        schedule: Some(ProposedSchedule {
            cron: "30 1 * * 1-5".to_owned(),
            zone: Some("UTC".to_owned()),
            up_to_seconds_later: Some(3600),
        }),
        ..proposal("nightly")
    };
    report(&machine, vec![elsewhere]).await;
    let path = path_of(&test, "nightly").await;
    let form = test.as_owner().get(&format!("{path}/accept")).await;
    form.assert_shows("Its times are those of UTC, and the office's clocks show America/New_York")
        .assert_shows("up to 1 h later");
}

#[tokio::test]
async fn what_cannot_be_is_refused_by_its_name() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let named = |name: &str| JobProposal {
        name: Some(name.to_owned()),
        ..proposal("nightly")
    };
    let tool = |tool: &str| JobProposal {
        tool: tool.to_owned(),
        ..proposal("nightly")
    };
    let cron = |cron: &str| JobProposal {
        schedule: Some(ProposedSchedule {
            cron: cron.to_owned(),
            zone: None,
            up_to_seconds_later: None,
        }),
        ..proposal("nightly")
    };
    for (proposals, problem) in [
        (
            vec![proposal("one"), named(&"x".repeat(101))],
            "proposals[1].name must have 1 to 100",
        ),
        (vec![named("  ")], "proposals[0].name must have"),
        (vec![tool("")], "proposals[0].tool must have"),
        (vec![tool("rm -rf / \"")], "proposals[0].tool must have"),
        (vec![cron("* * * *")], "proposals[0].schedule.cron is no schedule."),
        (vec![cron("0 0 31 2 *")], "proposals[0].schedule.cron is no schedule."),
        (
            vec![proposal("one"), proposal("one")],
            "proposals[1].key is there twice: one.",
        ),
    ] {
        report(&machine, proposals).await;
        let said = problems(&test).await.pop().unwrap();
        assert!(said.contains(problem), "{problem:?} should be in {said:?}");
    }
    let many = (0..=MOST_PROPOSALS).map(|number| JobProposal {
        name: None,
        ..proposal(&format!("job-{number}"))
    });
    report(&machine, many.collect()).await;
    assert!(
        problems(&test)
            .await
            .pop()
            .unwrap()
            .contains("must not be more than 40")
    );
    assert!(stored(&test).await.is_empty(), "nothing of them is kept");
}

#[tokio::test]
async fn hostile_names_are_shown_as_text() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let hostile = JobProposal {
        name: Some("<b>'\"--</code>".to_owned()),
        way: ReportingWay::EventLog,
        source: Some("\"\n[x]".replace('\n', "\\")),
        tool: "cove".to_owned(),
        ..proposal("nightly")
    };
    report(&machine, vec![hostile]).await;
    let path = path_of(&test, "nightly").await;
    for path in [list_path(&test), path.clone(), format!("{path}/accept")] {
        test.as_owner().get(&path).await.assert_status(200).assert_hides("<b>'");
    }
    let typed = filled(&test);
    let accepted = test.as_owner().post(&format!("{path}/accept"), &fields(&typed)).await;
    accepted.assert_redirect(&path);
    let page = test.as_owner().get(&path).await;
    page.assert_shows(r#"source = "\"\\[x]""#);
}

#[tokio::test]
async fn who_may_only_read_and_who_is_elsewhere_sees_none_of_it() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    report(&machine, vec![proposal("nightly")]).await;
    let path = path_of(&test, "nightly").await;
    for path in [list_path(&test), path.clone(), format!("{path}/accept")] {
        test.as_reader().get(&path).await.assert_status(403);
        test.as_viewer().get(&path).await.assert_status(404);
        test.as_other_owner().get(&path).await.assert_status(404);
    }
}
