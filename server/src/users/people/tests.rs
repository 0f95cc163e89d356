use crate::db::Scope;
use crate::testing::{Answer, TestApp};

async fn count_notices(test: &TestApp) -> i64 {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!(r#"select count(*) as "count!" from notifications where purpose = 'notice'"#)
        .fetch_one(&mut *transaction)
        .await
        .unwrap()
}

async fn actions(test: &TestApp) -> Vec<String> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query_scalar!("select action from audit_entries order by at, entry_id")
        .fetch_all(&mut *transaction)
        .await
        .unwrap()
}

/// A second later, so that what is done is in order.
async fn change(test: &TestApp, user: impl std::fmt::Display, what: &str, fields: &[(&str, &str)]) -> Answer {
    test.advance(jiff::SignedDuration::from_secs(1));
    test.as_owner().post(&format!("/people/{user}/{what}"), fields).await
}

#[tokio::test]
async fn an_owner_adds_somebody_who_then_chooses_a_password() {
    let test = TestApp::start().await;
    test.as_owner().get("/people/add").await.assert_status(200);
    let fields = [
        ("name", "Nora"),
        ("email", "Nora@example.test"),
        ("role", "technician"),
        ("receives_alerts", "true"),
    ];
    let answer = test.as_owner().post("/people/add", &fields).await;
    answer.assert_status(200).assert_shows("Nora was added");
    let start = answer.body.find("https://lastgood.test:8443/set-password/").unwrap();
    let link: String = answer.body[start + "https://lastgood.test:8443".len()..]
        .chars()
        .take_while(|c| *c != '<')
        .collect();
    let page = test.as_owner().get("/people").await;
    page.assert_shows("Nora nora@example.test Technician receives them invited, no password yet never");
    test.advance(jiff::SignedDuration::from_secs(1));
    let session = test
        .as_stranger()
        .post(&link, &[("password", "a quiet green lamp")])
        .await
        .session();
    test.visitor(Some(&session))
        .get("/people")
        .await
        .assert_status(200)
        .assert_hides("/people/add");
    assert_eq!(actions(&test).await, ["person.added", "password.changed"]);
}

#[tokio::test]
async fn what_was_typed_stays_when_somebody_cannot_be_added() {
    let test = TestApp::start().await;
    let fields = [
        ("name", "Nora <b>"),
        ("email", "theo@example.test"),
        ("role", "technician"),
    ];
    let answer = test.as_owner().post("/people/add", &fields).await;
    answer
        .assert_status(422)
        .assert_shows("belongs to somebody already")
        .assert_hides("<b>");
    assert!(answer.body.contains("value=\"Nora &#60;b&#62;\""), "{}", answer.body);

    let elsewhere = test.cast.elsewhere.to_string();
    for practice in ["", "x", &elsewhere] {
        let fields = [
            ("name", "N"),
            ("email", "n@example.test"),
            ("role", "practice_viewer"),
            ("practice", practice),
        ];
        let answer = test.as_owner().post("/people/add", &fields).await;
        answer
            .assert_status(422)
            .assert_shows("Practice is not chosen")
            .assert_hides("Elsewhere");
    }
    let fields = [("name", "N"), ("email", "n@example.test"), ("role", "king")];
    test.as_owner()
        .post("/people/add", &fields)
        .await
        .assert_status(422)
        .assert_shows("Role must be one of");
}

#[tokio::test]
async fn the_only_owner_stays_one() {
    let test = TestApp::start().await;
    let olivia = test.cast.olivia;
    change(&test, olivia, "disable", &[])
        .await
        .assert_status(409)
        .assert_shows("is the only owner");
    change(&test, olivia, "role", &[("role", "read_only")])
        .await
        .assert_status(409);
    change(&test, test.cast.theo, "role", &[("role", "owner")])
        .await
        .assert_status(303);
    change(&test, olivia, "role", &[("role", "read_only")])
        .await
        .assert_status(303);
    // Her session ended with her role.
    test.as_owner()
        .get("/people")
        .await
        .assert_redirect("/sign-in?next=/people");
}

#[tokio::test]
async fn who_takes_alerts_away_enters_the_password_again_and_everybody_is_told() {
    let test = TestApp::start().await;
    let (olivia, theo) = (test.cast.olivia, test.cast.theo);
    change(&test, theo, "alerts/on", &[])
        .await
        .assert_redirect(&format!("/people/{theo}"));
    assert_eq!(count_notices(&test).await, 0);
    change(&test, theo, "alerts/off", &[]).await.assert_status(303);
    // Both were recipients until then.
    assert_eq!(count_notices(&test).await, 2);
    change(&test, theo, "alerts/off", &[]).await.assert_status(303);
    assert_eq!(count_notices(&test).await, 2);

    test.advance(jiff::SignedDuration::from_mins(11));
    for what in ["alerts/off", "disable", "role"] {
        let answer = change(&test, olivia, what, &[("role", "technician")]).await;
        answer.assert_redirect("/sign-in/again?next=/");
    }
    let page = test.as_owner().get("/people").await;
    page.assert_shows("Olivia olivia@example.test Owner receives them");
}

#[tokio::test]
async fn a_disabled_person_is_out_until_enabled() {
    let test = TestApp::start().await;
    let theo = test.cast.theo;
    test.as_technician().get("/people").await.assert_status(200);
    change(&test, theo, "disable", &[]).await.assert_status(303);
    assert_eq!(count_notices(&test).await, 0, "he received no alerts");
    test.as_technician()
        .get("/people")
        .await
        .assert_redirect("/sign-in?next=/people");
    change(&test, theo, "password-link", &[]).await.assert_status(409);
    test.as_owner()
        .get("/people")
        .await
        .assert_shows("Theo theo@example.test Technician none disabled");
    change(&test, theo, "enable", &[]).await.assert_status(303);
    change(&test, theo, "password-link", &[])
        .await
        .assert_status(200)
        .assert_shows("A link for Theo");
    assert_eq!(
        actions(&test).await,
        ["person.disabled", "person.enabled", "person.invited"]
    );
}

#[tokio::test]
async fn people_of_another_firm_are_not_there() {
    let test = TestApp::start().await;
    let oscar = test.cast.oscar;
    test.as_owner()
        .get(&format!("/people/{oscar}"))
        .await
        .assert_status(404);
    for what in ["role", "alerts/on", "alerts/off", "disable", "enable", "password-link"] {
        change(&test, oscar, what, &[("role", "technician")])
            .await
            .assert_status(404);
    }
    test.as_owner().get("/people").await.assert_hides("Oscar");
    test.as_owner().get("/people/x").await.assert_status(404);
    for visitor in [test.as_technician(), test.as_reader()] {
        visitor.get("/people/add").await.assert_status(403);
        visitor
            .post(&format!("/people/{}/disable", test.cast.rosa), &[])
            .await
            .assert_status(403);
    }
    test.as_viewer().get("/people").await.assert_status(404);
}

#[tokio::test]
async fn whoever_works_for_the_firm_sees_who_receives_alerts_and_owners_alone_change_it() {
    let test = TestApp::start().await;
    for reader in [test.as_reader(), test.as_technician()] {
        reader
            .get("/people")
            .await
            .assert_status(200)
            .assert_shows("olivia@example.test Owner receives them")
            .assert_hides("Add somebody")
            .assert_hides("/people/");
        reader
            .get(&format!("/people/{}", test.cast.olivia))
            .await
            .assert_status(403);
    }
    test.as_viewer().get("/people").await.assert_status(404);
}
