//! The pages about agents, as people of the cast see them.

use jiff::SignedDuration;

use crate::ingest::testing::{Machine, start_committers};
use crate::testing::TestApp;

/// What stands between two texts of a page.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap();
    rest.split_once(after).unwrap().0
}

#[tokio::test]
async fn a_machine_is_enrolled_from_its_practices_page() {
    let test = TestApp::start().await;
    start_committers(&test);
    let path = format!("/practices/{}/enrol", test.cast.harbor);
    let form = test.as_technician().get(&path).await;
    form.assert_status(200)
        .assert_shows("Enrol a machine of Harbor Counseling")
        .assert_shows("Main office");
    let office = test.cast.harbor_office.to_string();
    let page = test.as_technician().post(&path, &[("office", &office)]).await;
    page.assert_status(200)
        .assert_shows("lastgood-agent enroll lgenroll1_")
        .assert_shows("waiting for the machine");

    let line = between(&page.body, "lastgood-agent enroll ", "<");
    let token: lastgood_protocol::EnrolmentToken = line.parse().unwrap();
    assert_eq!(
        (token.server.as_str(), token.authority_pin),
        ("https://lastgood.test:8443", Some([7; 32]))
    );
    let progress = format!("{path}/{}", between(&page.body, "/enrol/", "\""));
    let machine = Machine::with_word(&test, &token).await;
    test.as_technician()
        .get(&progress)
        .await
        .assert_shows("Waiting for its first report");
    machine.deliver(&[machine.heartbeat()]).await;
    let page = test.as_technician().get(&progress).await;
    page.assert_shows("Enrolled as harbor-server Mon 23 Nov, 09:00; first report Mon 23 Nov, 09:00");
    page.assert_hides("every 2s");

    let list = test.as_reader().get("/agents").await;
    list.assert_status(200)
        .assert_shows("harbor-server")
        .assert_shows("reporting");
    test.as_other_owner().get("/agents").await.assert_hides("harbor-server");
    for stranger in [test.as_other_owner(), test.as_viewer()] {
        stranger.get(&progress).await.assert_status(404);
        stranger.get(&path).await.assert_status(404);
        stranger.post(&path, &[("office", &office)]).await.assert_status(404);
        stranger
            .get(&format!("/agents/{}", machine.agent))
            .await
            .assert_status(404);
    }
    test.as_reader().get(&path).await.assert_status(403);
    test.app.stop().await;
}

#[tokio::test]
async fn a_token_can_be_withdrawn_while_nobody_used_it() {
    let test = TestApp::start().await;
    let path = format!("/practices/{}/enrol", test.cast.harbor);
    let page = test
        .as_owner()
        .post(&path, &[("office", &test.cast.harbor_office.to_string())])
        .await;
    let token: lastgood_protocol::EnrolmentToken = between(&page.body, "lastgood-agent enroll ", "<").parse().unwrap();
    let progress = format!("{path}/{}", between(&page.body, "/enrol/", "\""));
    let withdraw = progress.replace("/progress", "/withdraw");
    test.as_other_owner().post(&withdraw, &[]).await.assert_status(404);
    test.as_owner().post(&withdraw, &[]).await.assert_redirect(&progress);
    test.as_owner()
        .get(&progress)
        .await
        .assert_shows("does not work any more");
    test.as_owner().post(&withdraw, &[]).await.assert_status(409);
    Machine::try_word(&test, &token).await.assert_status(403);
    let foreign = test.cast.elsewhere_office.to_string();
    test.as_owner()
        .post(&path, &[("office", &foreign)])
        .await
        .assert_status(422);
}

#[tokio::test]
async fn a_revoked_agent_is_not_listened_to_and_its_silence_is_over() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let page = format!("/agents/{}", machine.agent);
    let revoke = format!("{page}/revoke");
    machine.deliver(&[machine.heartbeat()]).await;
    test.as_owner()
        .get(&page)
        .await
        .assert_shows("Type harbor-server to confirm")
        .assert_shows("heartbeat");
    test.as_reader()
        .get(&page)
        .await
        .assert_status(200)
        .assert_hides("to confirm");
    test.as_reader()
        .post(&revoke, &[("name", "harbor-server")])
        .await
        .assert_status(403);
    test.as_other_owner()
        .post(&revoke, &[("name", "harbor-server")])
        .await
        .assert_status(404);
    let wrong = test.as_owner().post(&revoke, &[("name", "harbour")]).await;
    wrong.assert_status(422).assert_shows("That is not the machine's name");

    test.as_owner()
        .post(&revoke, &[("name", "harbor-server")])
        .await
        .assert_redirect(&page);
    test.as_owner()
        .get(&page)
        .await
        .assert_shows("revoked")
        .assert_hides("to confirm");
    machine.send(&[machine.heartbeat()]).await.assert_status(401);
    test.as_owner()
        .post(&revoke, &[("name", "harbor-server")])
        .await
        .assert_status(409);
    test.advance(SignedDuration::from_mins(11));
    let late = test.as_owner().post(&revoke, &[("name", "harbor-server")]).await;
    assert!(late.header("location").starts_with("/sign-in/again"));

    let mut transaction = test.app.db.begin(crate::db::Scope::Everything).await.unwrap();
    let told = sqlx::query_scalar!(r#"select count(*) as "count!" from notifications where purpose = 'notice'"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(told, 1, "Olivia, who receives alerts, is told");
    drop(transaction);
    test.app.stop().await;
}
