use jiff::SignedDuration;

use crate::testing::TestApp;

#[tokio::test]
async fn a_server_whose_evaluator_runs_is_ready() {
    let test = TestApp::start().await;
    let answer = test.as_stranger().get("/readyz").await;
    answer.assert_status(200);
    let answer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(answer["ready"], true);
    assert_eq!(answer["evaluator_age_seconds"], 0);
}

#[tokio::test]
async fn a_server_whose_evaluator_stands_still_is_not_ready_and_says_so() {
    let test = TestApp::start().await;
    test.advance(SignedDuration::from_secs(90));
    let answer = test.as_stranger().get("/readyz").await;
    answer
        .assert_status(503)
        .assert_shows("the evaluator last ran 90 s ago");
    test.as_stranger().get("/healthz").await.assert_status(200);
}

#[tokio::test]
async fn a_server_without_its_database_is_alive_and_not_ready() {
    let test = TestApp::start().await;
    test.app.db.close().await;
    test.as_stranger()
        .get("/readyz")
        .await
        .assert_status(503)
        .assert_shows("the database does not answer");
    test.as_stranger().get("/healthz").await.assert_status(200);
}

#[tokio::test]
async fn figures_name_nobody() {
    let test = TestApp::start().await;
    test.as_owner().get("/nowhere/Harbor").await.assert_status(404);
    let answer = test.as_stranger().get("/metrics").await;
    answer.assert_status(200).assert_hides("Harbor").assert_hides("nowhere");
    for figure in [
        "lastgood_requests_total{class=\"4xx\"} ",
        "lastgood_alerts_open 0",
        "lastgood_notifications_waiting 0",
        "lastgood_pool_connections{pool=\"web\",state=\"idle\"} ",
        &format!("lastgood_evaluator_last_tick_seconds {}", test.now().as_second()),
    ] {
        assert!(answer.body.contains(figure), "{figure} should be in {}", answer.body);
    }
}
