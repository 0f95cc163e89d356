use secrecy::SecretString;

use crate::db::Scope;
use crate::testing::TestApp;
use crate::web::session_cookie::SessionToken;

const PASSWORD: &str = "a quiet green lamp";

/// Vera with a password and a second session.
async fn start() -> (TestApp, SessionToken) {
    let test = TestApp::start().await;
    let hash = test.app.hashing.hash(&SecretString::from(PASSWORD)).await.unwrap();
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    crate::users::set_password(&mut transaction, test.cast.northwind, test.cast.vera, &hash)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    let fields = [("email", "vera@example.test"), ("password", PASSWORD)];
    let answer = test
        .as_stranger()
        .at_address("198.51.100.4")
        .post("/sign-in", &fields)
        .await;
    let session = answer.session();
    (test, session)
}

#[tokio::test]
async fn everybody_sees_and_ends_their_own_sessions() {
    let (test, second) = start().await;
    let page = test.as_viewer().get("/account").await;
    page.assert_status(200)
        .assert_shows("198.51.100.4")
        .assert_shows("192.0.2.7")
        .assert_shows("this browser");
    test.as_viewer()
        .post("/account/sessions/end-others", &[])
        .await
        .assert_redirect("/account");
    test.visitor(Some(&second))
        .get("/account")
        .await
        .assert_redirect("/sign-in?next=/account");
    test.as_viewer()
        .get("/account")
        .await
        .assert_status(200)
        .assert_hides("198.51.100.4");
}

#[tokio::test]
async fn one_session_is_ended_by_its_own_person_alone() {
    let (test, second) = start().await;
    let person = crate::users::sessions::person_of(&test.app, test.now(), &second)
        .await
        .unwrap()
        .unwrap();
    let path = format!("/account/sessions/{}/end", person.session);
    // Lena at the other practice, Oscar at the other firm, and Olivia, who owns Vera's firm.
    for visitor in [test.as_other_viewer(), test.as_other_owner(), test.as_owner()] {
        visitor.post(&path, &[]).await.assert_status(404);
    }
    test.as_viewer().post(&path, &[]).await.assert_redirect("/account");
    test.visitor(Some(&second)).get("/account").await.assert_status(303);
    test.as_viewer().post(&path, &[]).await.assert_status(404);
    test.as_viewer()
        .post("/account/sessions/x/end", &[])
        .await
        .assert_status(404);
}

#[tokio::test]
async fn a_new_password_needs_the_present_one_and_ends_the_other_sessions() {
    let (test, second) = start().await;
    let wrong = [("current", "something else"), ("password", "another quiet lamp")];
    let answer = test.as_viewer().post("/account/password", &wrong).await;
    answer
        .assert_status(422)
        .assert_shows("Your present password is another one");
    let short = [("current", PASSWORD), ("password", "short")];
    test.as_viewer()
        .post("/account/password", &short)
        .await
        .assert_status(422)
        .assert_shows("shorter than 12");
    let right = [("current", PASSWORD), ("password", "another quiet lamp")];
    test.as_viewer()
        .post("/account/password", &right)
        .await
        .assert_redirect("/account");
    test.as_viewer().get("/account").await.assert_status(200);
    test.visitor(Some(&second)).get("/account").await.assert_status(303);
    for (password, status) in [(PASSWORD, 422), ("another quiet lamp", 303)] {
        let fields = [("email", "vera@example.test"), ("password", password)];
        test.as_stranger().post("/sign-in", &fields).await.assert_status(status);
    }
}

#[tokio::test]
async fn guessing_the_present_password_is_throttled() {
    let (test, _) = start().await;
    let wrong = [("current", "something else"), ("password", "another quiet lamp")];
    for _ in 0..10 {
        test.as_viewer()
            .post("/account/password", &wrong)
            .await
            .assert_status(422);
    }
    let answer = test.as_viewer().post("/account/password", &wrong).await;
    answer.assert_status(429).assert_shows("Try again in 15 min.");
    assert_eq!(answer.header("retry-after"), "900");
}
