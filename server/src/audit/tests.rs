use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::{Actor, Entry, Origin, record};
use crate::db::Scope;
use crate::ids::{FirmId, PracticeId};
use crate::testing::TestApp;

/// `number` entries, a minute apart, named 1, 2, 3…
async fn entries(test: &TestApp, firm: FirmId, practice: Option<PracticeId>, number: u32) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    for number in 1..=number {
        let entry = Entry {
            action: "practice.renamed",
            practice,
            subject_kind: "practice",
            subject: Some(Uuid::nil()),
            subject_name: &format!("number-{number}."),
            details: json!({ "from": "<i>before</i>", "nothing": null }),
        };
        test.advance(SignedDuration::from_secs(1));
        let actor = Actor::System { firm };
        record(&mut transaction, test.now(), actor, Origin::default(), entry)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn the_log_is_read_page_by_page_without_gap_or_repetition() {
    let test = TestApp::start().await;
    entries(&test, test.cast.northwind, Some(test.cast.harbor), 120).await;
    let mut seen = Vec::new();
    let mut path = "/audit?actor=system".to_owned();
    loop {
        let page = test.as_reader().get(&path).await;
        page.assert_status(200).assert_hides("<i>before");
        seen.extend(
            (1..=120)
                .rev()
                .filter(|number| page.body.contains(&format!("number-{number}."))),
        );
        let Some(start) = page.body.find("rel=\"next\"") else {
            break;
        };
        let link = page.body[..start].rsplit("href=\"").next().unwrap();
        path = link.split('"').next().unwrap().replace("&#38;", "&");
    }
    assert_eq!(seen, (1..=120).rev().collect::<Vec<_>>());
}

#[tokio::test]
async fn entries_are_found_by_practice_person_and_action() {
    let test = TestApp::start().await;
    entries(&test, test.cast.northwind, Some(test.cast.harbor), 1).await;
    test.as_owner()
        .post(&format!("/people/{}/alerts/on", test.cast.theo), &[])
        .await
        .assert_status(303);
    let shows = async |query: String, renamed: bool, switched: bool| {
        let page = test.as_reader().get(&format!("/audit?{query}")).await;
        page.assert_status(200);
        let table = page.body.split("<tbody>").nth(1).unwrap_or_default();
        let found = (table.contains("practice renamed"), table.contains("person alerts on"));
        assert_eq!(found, (renamed, switched), "with {query}");
    };
    shows(String::new(), true, true).await;
    shows("practice=&actor=&action=".to_owned(), true, true).await;
    shows(format!("practice={}", test.cast.harbor), true, false).await;
    shows(format!("practice={}", test.cast.lakeside), false, false).await;
    shows(format!("actor={}", test.cast.olivia), false, true).await;
    shows("actor=system".to_owned(), true, false).await;
    shows("action=person.alerts_on".to_owned(), false, true).await;
    shows(format!("before={}", Uuid::nil()), false, false).await;
    for hostile in ["practice=x", "actor=%00", "action=nothing", "before='"] {
        test.as_reader()
            .get(&format!("/audit?{hostile}"))
            .await
            .assert_status(404);
    }
}

#[tokio::test]
async fn the_log_of_another_firm_is_not_there() {
    let test = TestApp::start().await;
    entries(&test, test.cast.northwind, Some(test.cast.harbor), 1).await;
    test.as_other_owner()
        .get("/audit")
        .await
        .assert_shows("Nothing was done yet.")
        .assert_hides("number-1.");
    let practice = format!("/audit?practice={}", test.cast.harbor);
    test.as_other_owner()
        .get(&practice)
        .await
        .assert_status(200)
        .assert_hides("number-1.")
        .assert_hides("Harbor");
    test.as_viewer().get("/audit").await.assert_status(404);
}
