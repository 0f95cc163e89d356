//! What the matrix must know of each route: how to make a row for each id in its path, what a good form holds, and where else an
//! id is asked for.

use lastgood::web::Route;
use lastgood_tests::database::quoted;
use lastgood_tests::reporter::new_id;
use lastgood_tests::server::PASSWORD;

/// Another firm with its owner and practice, and a way to make a row of any kind at a practice. The second firm is made as the
/// first was, by the owner of the database, because no page and no command makes a firm beside another.
pub(super) const ELSEWHERE: &str = include_str!("world.sql");

/// A password that nobody has yet.
pub(super) const NEW_PASSWORD: &str = "a long and quiet river";

/// The kind of row that an id in this path belongs to.
fn kind_of(path: &str, name: &str) -> &'static str {
    match (name.strip_suffix("_id").unwrap_or(name), path) {
        ("practice", "/practices/{practice}/archive" | "/practices/{practice}/edit") => "practice_spare",
        ("practice", _) => "practice",
        ("office", _) => "office",
        ("closure", _) => "closure",
        ("agent", _) => "agent",
        ("token", _) => "token",
        ("event", _) => "event",
        ("job", _) => "job",
        ("run", _) => "run",
        ("medium", _) => "medium",
        ("drill", _) => "drill",
        ("proposal", "/proposals/{proposal}/dismissal/undo") => "proposal_dismissed",
        ("proposal", _) => "proposal",
        ("slot", "/slots/{slot}/excuse/undo") => "slot_excused",
        ("slot", _) => "slot",
        ("alert", "/alerts/{alert}/acknowledgement/undo") => "alert_acknowledged",
        ("alert", _) => "alert",
        ("message", _) => "message",
        ("user", "/people/{user}/enable") => "user_disabled",
        ("user", "/people/{user}/alerts/on") => "user_quiet",
        ("user", _) => "user",
        ("session", _) => "session",
        (unknown, path) => panic!("tell the matrix how to make what {{{unknown}}} in {path} means"),
    }
}

/// A query that makes a row for each id and returns their ids. Each row is made at the one before it, where that matters.
pub(super) fn rows_for(path: &str, names: &[&str], canary: &str, email: &str) -> String {
    let mut columns = Vec::new();
    let mut sources = Vec::new();
    let mut before = "null".to_owned();
    for (number, name) in names.iter().enumerate() {
        sources.push(format!(
            "lateral (select matrix.fresh({}, {}, {}, {before}) as id offset 0) as made{number}",
            quoted(kind_of(path, name)),
            quoted(canary),
            quoted(email)
        ));
        columns.push(format!("made{number}.id"));
        before = format!("made{number}.id");
    }
    format!(
        "select {} from (select 1) as one, {}",
        columns.join(", "),
        sources.join(", ")
    )
}

/// A good form of a route, or what a page must be asked beside its path. In the values below `{unique}` is in no form before,
/// `{0}` is the first id of the path, and `{office}` an id at the caller's practice.
pub(super) fn fields(
    route: &Route,
    canary: &str,
    ids: &[String],
    id_of: &dyn Fn(&str) -> String,
) -> Vec<(&'static str, String)> {
    let form: &[(&'static str, &str)] = match (route.method.as_str(), route.path) {
        ("GET", "/jobs/schedule-preview") => &[("cron", "0 22 * * *"), ("office", "{office}"), ("dst_policy", "cron")],
        ("GET", _) => &[],
        (_, "/sign-in") => &[("email", "theo@northwind.example"), ("password", PASSWORD)],
        (_, "/sign-in/again") => &[("password", PASSWORD), ("next", "/")],
        (_, "/set-up/{token}") => &[
            ("firm", "Northwind IT"),
            ("name", "Olivia"),
            ("email", "olivia@northwind.example"),
            ("password", PASSWORD),
        ],
        (_, "/set-password/{token}") => &[("password", NEW_PASSWORD)],
        (_, "/theme") => &[("theme", "dark"), ("next", "/")],
        (_, "/account/password") => &[("current", PASSWORD), ("password", PASSWORD)],
        (_, "/people/add") => &[
            ("name", "{canary} somebody"),
            ("email", "{unique}@example.com"),
            ("role", "practice_viewer"),
            ("practice", "{practice}"),
        ],
        (_, "/people/{user}/role") => &[("role", "practice_viewer"), ("practice", "{practice}")],
        (_, "/firm") => &[("name", "Firm {unique}")],
        (_, "/practices/add") => &[
            ("name", "{canary} {unique}"),
            ("office", "Main office"),
            ("zone", "America/New_York"),
            ("starts", "12:00"),
        ],
        (_, "/practices/{practice}/edit") => &[("practice", "{canary} {unique}")],
        (_, "/practices/{practice}/archive") => &[("name", "{canary} spare {0}")],
        (_, "/practices/{practice}/offices/add" | "/practices/{practice}/offices/{office}/edit") => &[
            ("office", "{canary} office"),
            ("zone", "America/New_York"),
            ("starts", "12:00"),
            ("sunday", "true"),
        ],
        (_, "/practices/{practice}/offices/{office}/closures") => &[
            ("first_day", "2099-12-24"),
            ("last_day", "2099-12-26"),
            ("reason", "{canary} closure"),
        ],
        (_, "/practices/{practice_id}/enrol") => &[("office", "{office}")],
        (_, "/practices/{practice}/jobs/add" | "/jobs/{job}/edit" | "/proposals/{proposal}/accept") => &[
            ("name", "{canary} job"),
            ("key", "job-{unique}"),
            ("office", "{office}"),
            ("cron", "0 22 * * *"),
            ("dst_policy", "cron"),
        ],
        (_, "/jobs/{job}/archive") => &[("name", "{canary} job")],
        (_, "/agents/{agent_id}/revoke") => &[("name", "{canary} agent")],
        (_, "/slots/{slot}/excuse") => &[("reason", "The office is being painted")],
        (_, "/alerts/{alert}/acknowledge") => &[("reason", "We are on it"), ("until", "tomorrow")],
        (_, "/alerts/{alert}/close") => &[("resolution", "The disk was replaced")],
        _ => &[],
    };
    let unique = new_id().simple().to_string();
    form.iter()
        .map(|(name, value)| {
            let value = match *value {
                "{office}" => id_of("office"),
                "{practice}" => id_of("practice"),
                text => text
                    .replace("{unique}", &unique)
                    .replace("{canary}", canary)
                    .replace("{0}", ids.first().map_or("", String::as_str)),
            };
            (*name, value)
        })
        .collect()
}

/// Ids that a route takes beside those in its path: method, path, the field of the form or the query, the kind of row.
pub(super) const FURTHER_IDS: [(&str, &str, &str, &str); 12] = [
    ("GET", "/jobs/schedule-preview", "office", "office"),
    ("GET", "/alerts", "practice", "practice"),
    ("GET", "/audit", "practice", "practice"),
    ("GET", "/media", "practice", "practice"),
    ("GET", "/drills", "practice", "practice"),
    ("POST", "/people/add", "practice", "practice"),
    ("POST", "/people/{user}/role", "practice", "practice"),
    ("POST", "/practices/{practice}/jobs/add", "office", "office"),
    ("POST", "/jobs/{job}/edit", "office", "office"),
    ("POST", "/proposals/{proposal}/accept", "office", "office"),
    ("POST", "/practices/{practice_id}/enrol", "office", "office"),
    ("GET", "/audit", "actor", "user"),
];
