use jiff::SignedDuration;

use super::{first_owner_link, password_link};
use crate::db::Scope;
use crate::testing::{Answer, EmptyApp, TestApp};

const FORM: [(&str, &str); 4] = [
    ("firm", "Hilltop IT"),
    ("name", "Hanna"),
    ("email", "Hanna@Hilltop.example"),
    ("password", "a quiet green lamp"),
];

fn path(test: &EmptyApp, link: &str) -> String {
    link.strip_prefix(&test.app.options.public_url).unwrap().to_owned()
}

async fn sign_in(test: &EmptyApp, email: &str, password: &str) -> Answer {
    test.as_stranger()
        .post("/sign-in", &[("email", email), ("password", password)])
        .await
}

#[tokio::test]
async fn the_first_owner_sets_the_server_up_once() {
    let test = TestApp::empty().await;
    let voided = path(&test, &first_owner_link(&test.app).await.unwrap().unwrap());
    let link = path(&test, &first_owner_link(&test.app).await.unwrap().unwrap());
    test.as_stranger()
        .get(&voided)
        .await
        .assert_status(404)
        .assert_shows("works no longer");
    test.as_stranger()
        .get(&link)
        .await
        .assert_status(200)
        .assert_shows("Name of your firm");

    let answer = test.as_stranger().post(&link, &FORM).await;
    answer.assert_redirect("/");
    let session = answer.session();
    test.visitor(Some(&session)).get("/sign-in").await.assert_redirect("/");
    assert_eq!(first_owner_link(&test.app).await.unwrap(), None);
    test.as_stranger().get(&link).await.assert_status(404);
    test.as_stranger().post(&link, &FORM).await.assert_status(404);
    sign_in(&test, "hanna@hilltop.example", "a quiet green lamp")
        .await
        .assert_status(303);
}

#[tokio::test]
async fn what_was_typed_stays_when_it_is_refused() {
    let test = TestApp::empty().await;
    let link = path(&test, &first_owner_link(&test.app).await.unwrap().unwrap());
    let mut form = FORM;
    form[2].1 = "hanna at hilltop";
    form[3].1 = "short";
    let answer = test.as_stranger().post(&link, &form).await;
    answer
        .assert_status(422)
        .assert_shows("E-mail is not an address")
        .assert_shows("Password is shorter");
    assert!(answer.body.contains("value=\"Hilltop IT\""), "{}", answer.body);
    assert!(answer.body.contains("value=\"hanna at hilltop\""), "{}", answer.body);
    assert!(!answer.body.contains("value=\"short\""), "{}", answer.body);
    test.as_stranger().post(&link, &[]).await.assert_status(422);
    test.as_stranger().post(&link, &FORM).await.assert_redirect("/");
}

#[tokio::test]
async fn a_link_ends_after_a_day() {
    let test = TestApp::empty().await;
    let link = path(&test, &first_owner_link(&test.app).await.unwrap().unwrap());
    test.advance(SignedDuration::from_hours(24));
    test.as_stranger().get(&link).await.assert_status(404);
    test.as_stranger().post(&link, &FORM).await.assert_status(404);
}

#[tokio::test]
async fn an_invited_person_chooses_their_password_once() {
    let test = TestApp::start().await;
    let mut transaction = test.app.db.begin(Scope::Firm(test.cast.northwind)).await.unwrap();
    let now = test.now();
    let link = password_link(&test.app, &mut transaction, now, test.cast.northwind, test.cast.vera)
        .await
        .unwrap();
    let second = password_link(&test.app, &mut transaction, now, test.cast.northwind, test.cast.vera)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let link = path(&test, &link);
    test.as_stranger()
        .get(&link)
        .await
        .assert_status(200)
        .assert_shows("Vera");
    let refused = test
        .as_stranger()
        .post(&link, &[("password", "vera@example.test")])
        .await;
    refused
        .assert_status(422)
        .assert_shows("Password is the e-mail address");
    let answer = test
        .as_stranger()
        .post(&link, &[("password", "a quiet green lamp")])
        .await;
    answer.assert_redirect("/");
    // Her other sessions and her other links are worth nothing any more.
    test.as_viewer().post("/sign-out", &[]).await.assert_status(401);
    test.as_stranger().get(&path(&test, &second)).await.assert_status(404);
    test.as_stranger()
        .post(&link, &[("password", "another quiet lamp")])
        .await
        .assert_status(404);
    sign_in(&test, "vera@example.test", "a quiet green lamp")
        .await
        .assert_status(303);
}

#[tokio::test]
async fn guessed_links_are_void() {
    let test = TestApp::start().await;
    for link in ["/set-up/x", "/set-password/x", "/set-password/%00", "/set-up/%ff"] {
        test.as_stranger().get(link).await.assert_status(404);
    }
    let forms: [(&str, &[(&str, &str)]); 4] = [
        ("/set-up/x", &FORM),
        ("/set-up/x", &[]),
        ("/set-password/x", &[("password", "a quiet green lamp")]),
        ("/set-password/x", &[]),
    ];
    for (link, form) in forms {
        let answer = test.as_stranger().post(link, form).await;
        answer.assert_status(404).assert_shows("works no longer");
    }
}
