//! What the matrix must know of each route: how to make a row for each id in its path, and what a good form holds.

use lastgood_tests::database::quoted;
use lastgood_tests::server::PASSWORD;

use super::world::Place;

/// The practice's name before the matrix renames it.
pub(super) fn practice(place: Place) -> &'static str {
    match place {
        Place::Harbor => "Harbor Counseling",
        Place::Lakeside => "Lakeside Clinic",
        Place::Elsewhere => "Elsewhere",
    }
}

/// Another firm with its owner and practice, and a way to make a row of any kind at a practice. The second firm is made as the
/// first was, by the owner of the database, because no page and no command makes a firm beside another.
pub(super) const ELSEWHERE: &str = include_str!("world.sql");

/// The kind of row that an id in this path belongs to.
fn kind_of(path: &str, name: &str) -> &'static str {
    match (name.strip_suffix("_id").unwrap_or(name), path) {
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
pub(super) fn rows_for(path: &str, names: &[&str], _place: Place, canary: &str, email: &str) -> String {
    let mut columns = Vec::new();
    let mut sources = Vec::new();
    let mut before = "null".to_owned();
    for (number, name) in names.iter().enumerate() {
        let kind = kind_of(path, name);
        sources.push(format!(
            "lateral (select matrix.fresh({}, {}, {}, {before}) as id offset 0) as made{number}",
            quoted(kind),
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

/// A good form of a route. `unique` is in no form before.
pub(super) fn fields(path: &str, canary: &str, unique: &str) -> Vec<(&'static str, String)> {
    let form: &[(&'static str, &str)] = match path {
        "/sign-in" => &[("email", "theo@northwind.example"), ("password", PASSWORD)],
        "/sign-in/again" => &[("password", PASSWORD), ("next", "/")],
        "/set-up/{token}" => &[
            ("firm", "New firm"),
            ("name", "New"),
            ("email", "new@example.com"),
            ("password", "a long and new password"),
        ],
        "/set-password/{token}" => &[("password", "a long and new password")],
        "/theme" => &[("theme", "dark"), ("next", "/")],
        "/account/password" => &[("current", PASSWORD), ("password", PASSWORD)],
        "/people/add" => &[
            ("name", "Somebody"),
            ("email", "{unique}@example.com"),
            ("role", "technician"),
            ("practice", ""),
        ],
        "/people/{user}/role" => &[("role", "read_only"), ("practice", "")],
        "/firm" => &[("name", "Firm {unique}")],
        "/practices/add" => &[
            ("name", "Practice {unique}"),
            ("office", "Main office"),
            ("zone", "America/New_York"),
        ],
        "/practices/{practice}/jobs/add" => &[
            ("name", "Job"),
            ("key", "job-{unique}"),
            ("cron", "0 22 * * *"),
            ("dst_policy", "cron"),
        ],
        "/jobs/{job}/edit" => &[
            ("name", "Job"),
            ("key", "job-{unique}"),
            ("cron", "0 21 * * *"),
            ("dst_policy", "cron"),
        ],
        "/slots/{slot}/excuse" => &[("reason", "The office is being painted")],
        "/alerts/{alert}/acknowledge" => &[("reason", "We are on it"), ("until", "tomorrow")],
        "/alerts/{alert}/close" => &[("resolution", "The disk was replaced")],
        "/jobs/{job}/archive" => &[("name", "{canary} job")],
        _ => &[],
    };
    form.iter()
        .map(|(name, value)| (*name, value.replace("{unique}", unique).replace("{canary}", canary)))
        .collect()
}
