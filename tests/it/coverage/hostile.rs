//! Forms that no browser sends, to every route that takes one.

use lastgood::web::Access;

use super::ids::filled;
use super::world::{FORM, World, encoded};

#[test]
fn forms_that_no_browser_sends_are_refused_or_harmless() {
    let world = World::make();
    let owner = world.owner();
    let whole: [(&str, &str, &str); 6] = [
        ("JSON", "application/json", "{\"email\": \"x\"}"),
        ("not UTF-8", FORM, "email=%ff%fe&password=%80&name=%ff&reason=%ff"),
        ("half an escape", FORM, "email=%&password=%2&name=%&reason=%"),
        ("a field twice", FORM, "email=a&email=b&name=a&name=b&reason=a&reason=b"),
        ("lists", FORM, "name[]=a&name[0]=b&reason[a]=c"),
        ("many fields", FORM, &"a=b&".repeat(3_000)),
    ];
    let long = "x".repeat(100_000);
    let values = [
        "",
        " ",
        "a\0b",
        "\u{1b}[31m",
        "-1",
        "9999999999999999999999",
        "<b>'\"--",
        "\u{202e}\u{feff}",
        long.as_str(),
    ];
    let mut calls = 0;
    for route in lastgood::routes::table()
        .iter()
        .filter(|route| route.method == "POST" && route.access != Access::Agent)
    {
        let mut send = |what: &str, kind: &str, body: &str, ids: &[String]| {
            let path = filled(route.path, ids);
            let answer = world.send_form(route, owner, &path, (kind, body), Some("same-origin"));
            let what = format!("{path} with {what}");
            assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text());
            assert!(!answer.text().contains("<b>'\"--"), "{what}: shown as it was typed");
            calls += 1;
        };
        for (what, kind, body) in whole {
            world.tally("");
            send(what, kind, body, &world.fresh_ids(route, owner));
        }
        for number in 0..world.good_form(route, owner, &[]).len() {
            let ids = world.fresh_ids(route, owner);
            for value in values {
                let mut form = world.good_form(route, owner, &ids);
                value.clone_into(&mut form[number].1);
                world.tally("");
                send(
                    &format!("{} = {value:.20?}", form[number].0),
                    FORM,
                    &encoded(&form),
                    &ids,
                );
            }
        }
        // The many wrong passwords are no part of what comes next.
        world.database.execute("delete from login_failures");
    }
    assert!(calls > 500, "only {calls} calls");
    let said = world.server_said();
    for word in ["panicked", "ERROR"] {
        let line = said.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "nothing failed inside");
    }
}
