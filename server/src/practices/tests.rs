use jiff::SignedDuration;

use crate::db::Scope;
use crate::testing::{Answer, TestApp};

const FIELDS: [(&str, &str); 6] = [
    ("name", "Hilltop Dental"),
    ("office", "Main office"),
    ("zone", "america/denver"),
    ("starts", "11:30"),
    ("saturday", "true"),
    ("sunday", "true"),
];

async fn count(test: &TestApp, what: &'static str) -> i64 {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let row = sqlx::query!(
        r#"select
            (select count(*) from expectations where kind = 'drill' and retired_at is null) as "drills!",
            (select count(*) from notifications where purpose = 'notice') as "notices!""#
    )
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    match what {
        "drills" => row.drills,
        _ => row.notices,
    }
}

async fn add(test: &TestApp) -> (Answer, String) {
    let answer = test.as_technician().post("/practices/add", &FIELDS).await;
    answer.assert_status(303);
    let path = answer.header("location").to_owned();
    (answer, path)
}

/// The path of the first office's page.
async fn office_of(test: &TestApp, practice: &str) -> String {
    let page = test.as_owner().get(&format!("{practice}/edit")).await;
    let start = page.body.find("/offices/").unwrap();
    let rest = &page.body[start..];
    format!("{practice}{}", rest.split("/edit").next().unwrap())
}

#[tokio::test]
async fn the_list_is_filtered_by_name_and_shows_the_own_firm_alone() {
    let test = TestApp::start().await;
    let page = test.as_reader().get("/practices").await;
    page.assert_status(200)
        .assert_shows("2 practices.")
        .assert_hides("Elsewhere")
        .assert_hides("/practices/add");
    page.assert_shows("Harbor Counseling Main office America/New_York 0 0");
    let page = test.as_owner().get("/practices?name=LAKE").await;
    page.assert_shows("1 practice with “LAKE” in the name.")
        .assert_hides("Harbor Counseling");
    test.as_owner()
        .get("/practices?name=%3Cb%3E")
        .await
        .assert_shows("No practice has that in its name.")
        .assert_hides("<b>");
    test.as_owner().get("/practices?name=%00").await.assert_status(422);
    test.as_owner()
        .get("/practices?archived=true")
        .await
        .assert_shows("No practice was archived.");
    test.as_viewer().get("/practices").await.assert_status(404);
}

#[tokio::test]
async fn a_practice_is_added_with_its_office_and_a_drill_is_expected_of_it() {
    let test = TestApp::start().await;
    let page = test.as_technician().get("/practices/add").await;
    page.assert_status(200);
    assert!(
        page.body.contains("<option value=\"America/New_York\">"),
        "{}",
        page.body
    );
    add(&test).await;
    assert_eq!(count(&test, "drills").await, 1);
    test.as_owner()
        .get("/practices")
        .await
        .assert_shows("Hilltop Dental Main office America/Denver 0 0");
    let again = test.as_technician().post("/practices/add", &FIELDS).await;
    again
        .assert_status(422)
        .assert_shows("A practice named Hilltop Dental exists already");
    assert_eq!(count(&test, "drills").await, 1);
    test.as_reader()
        .post("/practices/add", &FIELDS)
        .await
        .assert_status(403);
}

#[tokio::test]
async fn what_was_typed_stays_when_a_practice_cannot_be_added() {
    let test = TestApp::start().await;
    for (field, value, problem) in [
        ("name", "", "Name is empty"),
        ("name", "a\0b", "Name contains control characters"),
        ("office", " ", "Office is empty"),
        ("zone", "Mars/Olympus", "Time zone is not one"),
        ("zone", "\0", "Time zone contains"),
        ("starts", "noon", "Start of the backup day is not a time"),
    ] {
        let fields = FIELDS.map(|(name, typed)| (name, if name == field { value } else { typed }));
        let answer = test.as_owner().post("/practices/add", &fields).await;
        answer.assert_status(422).assert_shows(problem);
        assert!(answer.body.contains("value=\"true\" checked"), "{}", answer.body);
    }
    let week = ["monday", "tuesday", "wednesday", "thursday", "friday"].map(|day| (day, "true"));
    let fields: Vec<_> = FIELDS.into_iter().chain(week).collect();
    test.as_owner()
        .post("/practices/add", &fields)
        .await
        .assert_status(422)
        .assert_shows("Leave one open");
}

#[tokio::test]
async fn a_practice_is_renamed_and_archived_by_its_name() {
    let test = TestApp::start().await;
    let (_, path) = add(&test).await;
    let taken = test
        .as_owner()
        .post(&format!("{path}/edit"), &[("practice", "harbor counseling")])
        .await;
    taken.assert_status(422).assert_shows("exists already");
    test.as_owner()
        .post(&format!("{path}/edit"), &[("practice", "Valley Dental")])
        .await
        .assert_status(303);

    let wrong = test
        .as_owner()
        .post(&format!("{path}/archive"), &[("name", "Hilltop Dental")])
        .await;
    wrong.assert_status(422).assert_shows("Type Valley Dental.");
    let right = test
        .as_owner()
        .post(&format!("{path}/archive"), &[("name", "Valley Dental")])
        .await;
    right.assert_redirect("/practices");
    assert_eq!((count(&test, "drills").await, count(&test, "notices").await), (0, 1));
    test.as_owner().get("/practices").await.assert_hides("Valley Dental");
    test.as_owner()
        .get("/practices?archived=true")
        .await
        .assert_shows("Valley Dental");
    test.as_owner().get(&format!("{path}/edit")).await.assert_status(404);
}

#[tokio::test]
async fn the_viewers_of_an_archived_practice_are_out_and_stay_out() {
    let test = TestApp::start().await;
    let (lakeside, lena) = (test.cast.lakeside, test.cast.lena);
    test.as_other_viewer().get("/practice").await.assert_status(200);
    let link = test
        .as_owner()
        .post(&format!("/people/{lena}/password-link"), &[])
        .await;
    let (_, rest) = link.body.split_once("/set-password/").unwrap();
    let link = format!("/set-password/{}", rest.split(['<', '"', ' ']).next().unwrap().trim());
    test.as_stranger().get(&link).await.assert_status(200);

    let named = [("name", "Lakeside Clinic")];
    let archive = format!("/practices/{lakeside}/archive");
    test.as_owner()
        .post(&archive, &named)
        .await
        .assert_redirect("/practices");
    test.as_other_viewer()
        .get("/practice")
        .await
        .assert_redirect("/sign-in?next=/practice");
    test.as_stranger().get(&link).await.assert_status(404);
    test.as_viewer().get("/practice").await.assert_status(200);
    test.as_owner().get("/audit").await.assert_shows("viewers disabled: 1");

    let page = format!("/people/{lena}");
    let enable = test.as_owner().post(&format!("{page}/enable"), &[]).await;
    enable
        .assert_status(409)
        .assert_shows("The practice that Lena sees is archived");
    let again = [("role", "practice_viewer"), ("practice", &lakeside.to_string())];
    test.as_owner()
        .post(&format!("{page}/role"), &again)
        .await
        .assert_status(422)
        .assert_shows("Practice is not chosen");
    let elsewhere = [("role", "practice_viewer"), ("practice", &test.cast.harbor.to_string())];
    test.as_owner()
        .post(&format!("{page}/role"), &elsewhere)
        .await
        .assert_redirect(&page);
    test.as_owner()
        .post(&format!("{page}/enable"), &[])
        .await
        .assert_redirect(&page);
}

#[tokio::test]
async fn an_office_is_closed_for_some_days_and_everybody_is_told() {
    let test = TestApp::start().await;
    let (_, path) = add(&test).await;
    let office = office_of(&test, &path).await;
    let closures = format!("{office}/closures");
    for (first, last, reason, problem) in [
        ("", "", "Holiday", "First day is not a date"),
        ("2026-12-24", "soon", "Holiday", "Last day is not a date"),
        ("2026-12-24", "2026-12-23", "Holiday", "Last day is before the first"),
        ("2026-11-22", "", "Holiday", "First day has passed"),
        ("2026-12-24", "2027-12-24", "Holiday", "Last day is more than 92 days"),
        ("9999-12-31", "-009999-01-01", "Holiday", "is not a date"),
        ("2026-12-24", "", "", "Reason is empty"),
    ] {
        let fields = [("first_day", first), ("last_day", last), ("reason", reason)];
        test.as_owner()
            .post(&closures, &fields)
            .await
            .assert_status(422)
            .assert_shows(problem);
    }
    let fields = [
        ("first_day", "2026-12-24"),
        ("last_day", "2027-01-02"),
        ("reason", "Winter <break>"),
    ];
    test.as_owner().post(&closures, &fields).await.assert_status(303);
    assert_eq!(count(&test, "notices").await, 1);
    let page = test.as_owner().get(&format!("{office}/edit")).await;
    page.assert_shows("24 Dec 2026 to 2 Jan 2027 Winter <break>")
        .assert_hides("<break>");
    let start = page.body.find("/closures/").unwrap();
    let remove = page.body[start..].split('"').next().unwrap();
    test.as_owner()
        .post(&format!("{office}{remove}"), &[])
        .await
        .assert_status(303);
    test.as_owner()
        .post(&format!("{office}{remove}"), &[])
        .await
        .assert_status(404);
    test.as_owner()
        .get(&format!("{office}/edit"))
        .await
        .assert_shows("No closure is planned.");
}

#[tokio::test]
async fn closing_an_office_on_more_weekdays_is_told_and_wants_a_fresh_sign_in() {
    let test = TestApp::start().await;
    let (_, path) = add(&test).await;
    let office = format!("{}/edit", office_of(&test, &path).await);
    let mut fields = FIELDS.to_vec();
    test.as_owner().post(&office, &fields).await.assert_status(303);
    assert_eq!(count(&test, "notices").await, 0);
    fields.push(("friday", "true"));
    test.as_owner().post(&office, &fields).await.assert_status(303);
    assert_eq!(count(&test, "notices").await, 1);
    test.advance(SignedDuration::from_mins(11));
    test.as_owner()
        .post(&office, &fields)
        .await
        .assert_redirect("/sign-in/again?next=/");
    let closures = format!("{}/closures", office.trim_end_matches("/edit"));
    test.as_owner()
        .post(&closures, &[])
        .await
        .assert_redirect("/sign-in/again?next=/");
    test.as_owner()
        .post(&format!("{path}/archive"), &[])
        .await
        .assert_redirect("/sign-in/again?next=/");
}

#[tokio::test]
async fn an_office_is_added_and_another_firm_reaches_none_of_it() {
    let test = TestApp::start().await;
    let harbor = format!("/practices/{}", test.cast.harbor);
    let office = format!("{harbor}/offices/{}", test.cast.harbor_office);
    test.as_owner()
        .get(&format!("{harbor}/offices/add"))
        .await
        .assert_status(200);
    let fields = [
        ("office", "Riverside"),
        ("zone", "America/Chicago"),
        ("starts", "12:00"),
    ];
    test.as_owner()
        .post(&format!("{harbor}/offices/add"), &fields)
        .await
        .assert_redirect(&format!("{harbor}/edit"));
    test.as_owner()
        .get(&format!("{harbor}/edit"))
        .await
        .assert_shows("Riverside America/Chicago");

    let closure = format!("{office}/closures/{}/remove", test.cast.elsewhere.0);
    for path in [
        format!("{harbor}/edit"),
        format!("{harbor}/archive"),
        format!("{harbor}/offices/add"),
        format!("{office}/edit"),
        format!("{office}/closures"),
        closure,
    ] {
        test.as_other_owner().post(&path, &fields).await.assert_status(404);
        test.as_viewer().post(&path, &fields).await.assert_status(404);
        test.as_reader().post(&path, &fields).await.assert_status(403);
    }
    // The office of one practice under the address of another.
    let mixed = format!(
        "/practices/{}/offices/{}/edit",
        test.cast.lakeside, test.cast.harbor_office
    );
    test.as_owner().get(&mixed).await.assert_status(404);
    test.as_owner()
        .get(&format!("{harbor}/offices/x/edit"))
        .await
        .assert_status(404);
}
