use crate::testing::TestApp;

#[tokio::test]
async fn an_owner_renames_the_firm() {
    let test = TestApp::start().await;
    test.as_owner().get("/firm").await.assert_status(200);
    test.as_owner()
        .post("/firm", &[("name", " ")])
        .await
        .assert_status(422)
        .assert_shows("Name is empty");
    test.as_owner()
        .post("/firm", &[("name", "Southwind <IT>")])
        .await
        .assert_redirect("/people");
    test.as_owner()
        .get("/people")
        .await
        .assert_shows("Southwind <IT>")
        .assert_hides("<IT>");
    test.as_other_owner().get("/people").await.assert_shows("Other IT");
    test.as_technician()
        .post("/firm", &[("name", "Theo's")])
        .await
        .assert_status(403);
}
