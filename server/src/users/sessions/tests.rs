use jiff::SignedDuration;
use secrecy::SecretBox;

use super::{NewSession, begin, person_of};
use crate::db::Scope;
use crate::testing::TestApp;
use crate::web::session_cookie::SessionToken;

async fn session_of_theo(test: &TestApp) -> SessionToken {
    let now = test.now();
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let session = NewSession {
        firm: test.cast.northwind,
        user: test.cast.theo,
        practice: None,
        address: "192.0.2.7",
        user_agent: "a browser",
        idle_expires_at: now + SignedDuration::from_mins(60),
        expires_at: now + SignedDuration::from_mins(100),
    };
    let token = begin(&mut transaction, now, &session).await.unwrap();
    transaction.commit().await.unwrap();
    token
}

async fn name_of(test: &TestApp, token: &SessionToken) -> Option<String> {
    person_of(&test.app, test.now(), token)
        .await
        .unwrap()
        .map(|person| person.name)
}

#[tokio::test]
async fn a_session_lives_while_it_is_used_and_not_beyond_its_end() {
    let test = TestApp::start().await;
    let token = session_of_theo(&test).await;
    test.advance(SignedDuration::from_mins(59));
    assert_eq!(name_of(&test, &token).await.as_deref(), Some("Theo"));
    test.advance(SignedDuration::from_mins(40));
    assert_eq!(name_of(&test, &token).await.as_deref(), Some("Theo"));
    test.advance(SignedDuration::from_mins(1));
    assert_eq!(name_of(&test, &token).await, None);
}

#[tokio::test]
async fn a_session_that_is_not_used_ends() {
    let test = TestApp::start().await;
    let token = session_of_theo(&test).await;
    test.advance(SignedDuration::from_mins(60));
    assert_eq!(name_of(&test, &token).await, None);
}

#[tokio::test]
async fn a_token_that_nobody_was_given_belongs_to_nobody() {
    let test = TestApp::start().await;
    let guessed: SessionToken = SecretBox::new(Box::new([0; 32]));
    assert_eq!(name_of(&test, &guessed).await, None);
}
