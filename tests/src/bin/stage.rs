//! The demo on a stage of its own, for the browser tests: prints where it is, who may sign in and every page there is, as JSON
//! on one line, and plays until its standard input ends.

#![expect(clippy::print_stdout, reason = "what it prints is what it is for")]

use std::io::Read as _;

use lastgood::web::Access;
use lastgood_tests::database::Psql;
use lastgood_tests::demo::Demo;
use lastgood_tests::wait;
use serde_json::{Value, json};

fn main() {
    let mut demo = Demo::start();
    let database = demo.database();
    wait::until_within(
        3 * wait::PATIENCE,
        "the real agent and the mail to have done something",
        || {
            let recent = "select count(*) from runs r join jobs j using (firm_id, job_id) where j.key = 'documents' and r.outcome = 'ok'";
            let sent = "select count(*) from notifications where state = 'delivered'";
            (database.number(recent) > 0 && database.number(sent) > 0).then_some(())
        },
    );
    let pages = [
        ("nobody", &[Access::Anyone][..]),
        (
            "consultant",
            &[Access::SignedIn, Access::Reader, Access::Operator, Access::Owner],
        ),
        ("viewer", &[Access::SignedIn, Access::Viewer]),
    ];
    let pages: Vec<Value> = pages
        .into_iter()
        .flat_map(|(who, accesses)| pages_of(&demo, &database, who, accesses))
        .collect();
    let mut shown = demo.whole_welcome().clone();
    if let Value::Object(fields) = &mut shown {
        fields.insert("pages".to_owned(), Value::Array(pages));
    }
    println!("{shown}");
    let mut rest = Vec::new();
    // Whoever reads the line closes our input when they are done.
    std::io::stdin()
        .read_to_end(&mut rest)
        .expect("standard input can be read");
    demo.stop();
}

/// Every whole page that somebody may open.
fn pages_of(demo: &Demo, database: &Psql, who: &str, accesses: &[Access]) -> Vec<Value> {
    let mut visitor = demo.visitor(who);
    let table = lastgood::routes::table();
    let routes = table
        .iter()
        .filter(|route| route.method == "GET" && accesses.contains(&route.access));
    let mut pages = Vec::new();
    for route in routes {
        let Some(path) = filled(database, route.path) else {
            continue;
        };
        let answer = visitor.follow(&path);
        let is_page = answer.status == 200 && answer.text().trim_start().to_lowercase().starts_with("<!doctype html");
        // What is shown inside a frame is part of the page with the frame.
        if is_page && !path.ends_with("/html") {
            pages.push(json!({ "as": who, "path": path, "route": route.path }));
        }
    }
    pages
}

/// A path with ids of the demo that have something to show; `None` for one whose id is a secret or a file's hash.
fn filled(database: &Psql, path: &str) -> Option<String> {
    let parts = path.split('/').map(|part| {
        let Some(name) = part.strip_prefix('{').and_then(|name| name.strip_suffix('}')) else {
            return Some(part.to_owned());
        };
        let harbor = "practice_id = (select practice_id from practices where name = 'Harbor Counseling')";
        let query = match name.trim_end_matches("_id") {
            "practice" => format!("select practice_id from practices where {harbor}"),
            "office" => format!("select office_id from offices where {harbor}"),
            "job" => format!("select job_id from jobs where key = 'nightly' and {harbor}"),
            "run" => "select run_id from runs where outcome = 'ok' order by started_at desc limit 1".to_owned(),
            "alert" => "select alert_id from alerts where kind = 'missed' and closed_at is null limit 1".to_owned(),
            "agent" => "select agent_id from agents where name = 'harbor-srv'".to_owned(),
            "proposal" => {
                "select proposal_id from proposals where state = 'proposed' order by place limit 1".to_owned()
            }
            "drill" => "select drill_id from drills where outcome = 'failed' limit 1".to_owned(),
            "message" => {
                "select notification_id from notifications where state = 'delivered' order by created_at desc limit 1"
                    .to_owned()
            }
            "slot" => "select slot_id from slots where state = 'missed' order by due_at desc limit 1".to_owned(),
            "user" => "select user_id from users where role = 'practice_viewer' limit 1".to_owned(),
            "token" | "hash" | "*name" | "session" | "event" | "closure" => return None,
            other => panic!("tell the stage what {{{other}}} in {path} is"),
        };
        Some(database.value(&query)).filter(|id| !id.is_empty())
    });
    let parts: Option<Vec<String>> = parts.collect();
    parts.map(|parts| parts.join("/"))
}
