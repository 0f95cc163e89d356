use jiff::SignedDuration;
use secrecy::SecretString;

use crate::db::Scope;
use crate::testing::{Answer, TestApp};

const PASSWORD: &str = "a quiet green lamp";

/// Gives Theo a password.
async fn start() -> TestApp {
    let test = TestApp::start().await;
    let hash = test.app.hashing.hash(&SecretString::from(PASSWORD)).await.unwrap();
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    crate::users::set_password(&mut transaction, test.cast.northwind, test.cast.theo, &hash)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    test
}

async fn sign_in(test: &TestApp, email: &str, password: &str) -> Answer {
    let fields = [("email", email), ("password", password), ("next", "/account?a=1")];
    test.as_stranger().post("/sign-in", &fields).await
}

#[tokio::test]
async fn who_signs_in_goes_where_they_wanted_to() {
    let test = start().await;
    let page = test.as_stranger().get("/sign-in/again?a=1").await;
    page.assert_redirect("/sign-in?next=/sign-in/again%3Fa%3D1");
    let page = test.as_stranger().get("/sign-in?next=/account%3Fa%3D1").await;
    page.assert_status(200);
    assert!(page.body.contains("value=\"/account?a=1\""), "{}", page.body);

    let answer = sign_in(&test, " Theo@Example.test ", PASSWORD).await;
    answer.assert_redirect("/account?a=1");
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-lastgood="), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Secure; HttpOnly; SameSite=Lax"), "{cookie}");
    let session = answer.session();
    test.visitor(Some(&session))
        .get("/sign-in?next=/people")
        .await
        .assert_redirect("/people");
}

#[tokio::test]
async fn an_unknown_account_and_a_wrong_password_are_answered_alike() {
    let test = start().await;
    let wrong = sign_in(&test, "theo@example.test", "a quiet green lamb").await;
    let unknown = sign_in(&test, "thea@example.test", "a quiet green lamb").await;
    wrong.assert_status(422).assert_shows("do not belong together");
    unknown.assert_status(422);
    assert_eq!(wrong.body.replace("theo@", "thea@"), unknown.body);
    wrong.assert_hides("a quiet green lamb");
    // Rosa was added and has not chosen a password yet.
    sign_in(&test, "rosa@example.test", "").await.assert_status(422);
}

#[tokio::test]
async fn the_form_leads_to_no_other_site() {
    let test = start().await;
    let fields = [
        ("email", "theo@example.test"),
        ("password", PASSWORD),
        ("next", "//evil.example/"),
    ];
    test.as_stranger().post("/sign-in", &fields).await.assert_redirect("/");
}

#[tokio::test]
async fn an_account_is_refused_after_ten_failures_from_wherever() {
    let test = start().await;
    for number in 0..10 {
        let fields = [("email", "theo@example.test"), ("password", "wrong")];
        let address = format!("198.51.{number}.1");
        test.as_stranger()
            .at_address(&address)
            .post("/sign-in", &fields)
            .await
            .assert_status(422);
    }
    test.advance(SignedDuration::from_mins(3));
    let refused = sign_in(&test, "theo@example.test", PASSWORD).await;
    refused.assert_status(429).assert_shows("Try again in 12 min.");
    assert_eq!(refused.header("retry-after"), "720");
    test.advance(SignedDuration::from_mins(12));
    sign_in(&test, "theo@example.test", PASSWORD)
        .await
        .assert_redirect("/account?a=1");
}

#[tokio::test]
async fn success_forgives_the_account_but_others_at_the_address_stay_counted() {
    let test = start().await;
    for _ in 0..2 {
        for _ in 0..9 {
            sign_in(&test, "theo@example.test", "wrong").await.assert_status(422);
        }
        sign_in(&test, "theo@example.test", PASSWORD).await.assert_status(303);
    }
    for number in 0..12 {
        let email = format!("somebody-{number}@example.test");
        sign_in(&test, &email, "wrong").await.assert_status(422);
    }
    sign_in(&test, "theo@example.test", PASSWORD).await.assert_status(429);
    // Its neighbour in the same network is refused too, another network is not.
    let fields = [("email", "theo@example.test"), ("password", PASSWORD)];
    let stranger = test.as_stranger();
    stranger
        .at_address("192.0.2.200")
        .post("/sign-in", &fields)
        .await
        .assert_status(429);
    stranger
        .at_address("198.51.100.1")
        .post("/sign-in", &fields)
        .await
        .assert_status(303);
}

#[tokio::test]
async fn the_password_again_replaces_the_session_and_makes_it_fresh() {
    let test = start().await;
    let first = sign_in(&test, "theo@example.test", PASSWORD).await.session();
    test.advance(SignedDuration::from_mins(30));
    let page = test.visitor(Some(&first)).get("/sign-in/again?next=/alerts/1").await;
    page.assert_status(200).assert_shows("Enter your password, Theo");
    let wrong = [("password", "wrong"), ("next", "/alerts/1")];
    test.visitor(Some(&first))
        .post("/sign-in/again", &wrong)
        .await
        .assert_status(422);
    let right = [("password", PASSWORD), ("next", "/alerts/1")];
    let answer = test.visitor(Some(&first)).post("/sign-in/again", &right).await;
    answer.assert_redirect("/alerts/1");
    let second = answer.session();
    let person = crate::users::sessions::person_of(&test.app, test.now(), &second)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(person.authenticated_at, test.now());
    test.visitor(Some(&first))
        .get("/sign-in/again")
        .await
        .assert_redirect("/sign-in?next=/sign-in/again");
}

#[tokio::test]
async fn who_signs_out_is_out() {
    let test = start().await;
    let session = sign_in(&test, "theo@example.test", PASSWORD).await.session();
    let answer = test.visitor(Some(&session)).post("/sign-out", &[]).await;
    answer.assert_redirect("/sign-in");
    assert!(answer.header("set-cookie").contains("Max-Age=0"));
    test.visitor(Some(&session))
        .post("/sign-out", &[])
        .await
        .assert_status(401);
    test.visitor(Some(&session)).get("/sign-in").await.assert_status(200);
}

#[tokio::test]
async fn hostile_fields_are_answered_and_not_stored() {
    let test = start().await;
    for email in [
        "\0",
        "' or 1=1 --",
        &"x".repeat(5000),
        "<script>alert(1)</script>",
        "\u{202e}",
    ] {
        let answer = sign_in(&test, email, "\0").await;
        answer.assert_status(422).assert_hides("<script>alert");
    }
    test.as_stranger().post("/sign-in", &[]).await.assert_status(422);
}
