//! The forms, through the front door.

use jiff::SignedDuration;

use crate::db::Scope;
use crate::expectations::JobState;
use crate::jobs::{JobRow, list};
use crate::testing::TestApp;

async fn only_job(test: &TestApp) -> JobRow {
    let mut transaction = test.app.db.begin(Scope::Firm(test.cast.northwind)).await.unwrap();
    let jobs = list(&mut transaction, test.cast.northwind, Some(test.cast.harbor))
        .await
        .unwrap();
    assert_eq!(jobs.len(), 1);
    jobs[0].clone()
}

fn add_path(test: &TestApp) -> String {
    format!("/practices/{}/jobs/add", test.cast.harbor)
}

fn nightly(test: &TestApp) -> Vec<(&'static str, String)> {
    vec![
        ("name", "Nightly to disk".to_owned()),
        ("key", "nightly".to_owned()),
        ("office", test.cast.harbor_office.to_string()),
        ("cron", "0 22 * * *".to_owned()),
        ("dst_policy", "cron".to_owned()),
    ]
}

/// The form with these fields changed.
fn with<'a>(form: &'a [(&'static str, String)], changed: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    let mut fields: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    fields.retain(|(name, _)| !changed.iter().any(|(other, _)| other == name));
    fields.extend(changed);
    fields
}

#[tokio::test]
async fn a_job_is_added_and_awaits_its_first_report() {
    let test = TestApp::start().await;
    test.as_technician()
        .get(&add_path(&test))
        .await
        .assert_status(200)
        .assert_shows("At 22:00.");
    let form = nightly(&test);
    let answer = test.as_technician().post(&add_path(&test), &with(&form, &[])).await;
    let job = only_job(&test).await;
    answer.assert_redirect(&format!("/jobs/{}", job.id));
    assert_eq!(job.state, JobState::NeverReported);
    let again = test.as_technician().post(&add_path(&test), &with(&form, &[])).await;
    again.assert_status(422).assert_shows("has a job nightly already");
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays() {
    let test = TestApp::start().await;
    let form = nightly(&test);
    for (field, typed, sentence) in [
        ("name", "", "Name is empty"),
        ("key", "Nightly!", "A job key has"),
        ("cron", "0 25 * * *", "hour (second field) cannot be"),
        ("late_after", "soon", "is not a duration"),
        ("missed_after", "10 min", "Missed after is shorter than late after"),
        ("office", "nowhere", "Office is not one of this practice"),
        ("dst_policy", "quartz", "must be one of cron, systemd"),
        ("destination", "moon", "must be one of medium"),
    ] {
        let answer = test
            .as_owner()
            .post(&add_path(&test), &with(&form, &[(field, typed)]))
            .await;
        answer.assert_status(422).assert_shows(sentence);
    }
    let page = test
        .as_owner()
        .post(
            &add_path(&test),
            &with(&form, &[("act", "preview"), ("cron", "30 1 * * 1-5")]),
        )
        .await;
    page.assert_status(422)
        .assert_shows("At 01:30, on Monday")
        .assert_shows("30 1 * * 1-5");
}

#[tokio::test]
async fn a_schedule_is_shown_while_it_is_typed() {
    let test = TestApp::start().await;
    let office = test.cast.harbor_office;
    let path = format!("/jobs/schedule-preview?cron=0+2+*+*+*&office={office}&dst_policy=cron");
    test.as_technician()
        .get(&path)
        .await
        .assert_status(200)
        .assert_shows("At 02:00.")
        .assert_shows("Tue 24 Nov, 02:00");
    let wrong = format!("/jobs/schedule-preview?cron=what&office={office}");
    test.as_technician()
        .get(&wrong)
        .await
        .assert_status(200)
        .assert_shows("five");
    let elsewhere = format!(
        "/jobs/schedule-preview?cron=0+2+*+*+*&office={}",
        test.cast.elsewhere_office
    );
    test.as_technician().get(&elsewhere).await.assert_status(404);
}

#[tokio::test]
async fn loosening_asks_for_the_password_again_and_tightening_does_not() {
    let test = TestApp::start().await;
    let form = nightly(&test);
    test.as_owner().post(&add_path(&test), &with(&form, &[])).await;
    let job = only_job(&test).await;
    let edit = format!("/jobs/{}/edit", job.id);
    let page = test.as_owner().get(&edit).await;
    assert!(page.body.contains("value=\"3 days\""), "the usual is written out");
    test.advance(SignedDuration::from_mins(20));
    let looser = test
        .as_owner()
        .post(&edit, &with(&form, &[("missed_after", "9 h")]))
        .await;
    looser.assert_redirect(&format!("/sign-in/again?next=/jobs/{}/edit", job.id));
    let tighter = test
        .as_owner()
        .post(&edit, &with(&form, &[("missed_after", "2 h")]))
        .await;
    tighter.assert_redirect(&format!("/jobs/{}", job.id));
    let page = test.as_owner().get(&edit).await;
    assert!(page.body.contains("name=\"missed_after\" type=\"text\" value=\"2 h\""));
}

#[tokio::test]
async fn a_job_is_archived_by_its_name_alone() {
    let test = TestApp::start().await;
    let form = nightly(&test);
    test.as_owner().post(&add_path(&test), &with(&form, &[])).await;
    let job = only_job(&test).await;
    let archive = format!("/jobs/{}/archive", job.id);
    test.as_owner()
        .post(&archive, &[("name", "nightly")])
        .await
        .assert_status(422)
        .assert_shows("That is not its name");
    test.as_owner()
        .post(&archive, &[("name", "Nightly to disk")])
        .await
        .assert_redirect(&format!("/practices/{}", test.cast.harbor));
    test.as_owner()
        .get(&format!("/jobs/{}/edit", job.id))
        .await
        .assert_status(404);
}

#[tokio::test]
async fn who_may_only_read_and_who_is_elsewhere_sees_no_form() {
    let test = TestApp::start().await;
    let form = nightly(&test);
    test.as_owner().post(&add_path(&test), &with(&form, &[])).await;
    let job = only_job(&test).await;
    for path in [add_path(&test), format!("/jobs/{}/edit", job.id)] {
        test.as_reader().get(&path).await.assert_status(403);
        test.as_viewer().get(&path).await.assert_status(404);
        test.as_other_owner().get(&path).await.assert_status(404);
    }
}
