//! The coverage matrix: every route of the table × everybody × ids of one's own, of others, of nobody, and none at all.
//!
//! Reads are tried with ids of one's own, of others, of nobody and none at all; changes are tried by everybody who may not make
//! them, from other sites, and without a fresh sign-in. A route or an id in a path that the matrix does not know fails it.

mod forms;
mod world;

use std::collections::BTreeSet;

use lastgood::users::Role;
use lastgood::web::{Access, Audit, Route};
use lastgood_tests::wire::Answer;

use world::{Caller, Place, World};

/// Ids that belong to nothing, and texts that are none.
const MISSING: &str = "019350a0-0000-7000-8000-000000000000";
const MALFORMED: [&str; 4] = [
    "not-an-id",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "019350a0-0000-7000-8000-00000000000g",
];

/// Ids in a path that are secrets of their own: whoever has one may use it, so it is nobody's.
const SECRETS: [&str; 3] = ["/set-up/{token}", "/set-password/{token}", "/static/{hash}/{*name}"];

fn ids_of(path: &str) -> Vec<&str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect()
}

fn filled(path: &str, ids: &[String]) -> String {
    let mut ids = ids.iter();
    path.split('/')
        .map(|part| {
            if part.starts_with('{') {
                ids.next().unwrap().as_str()
            } else {
                part
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// What somebody is told whom the route does not admit.
fn assert_refused(answer: &Answer, route: &Route, caller: &Caller, what: &str) {
    let expected: &[u16] = match caller.role {
        None if route.method == "GET" => &[303],
        None => &[401],
        Some(Role::PracticeViewer) => &[404],
        Some(_) if route.access == Access::Viewer => &[404],
        Some(_) => &[403],
    };
    assert!(
        expected.contains(&answer.status),
        "{what}: {} and not {expected:?}: {}",
        answer.status,
        answer.text()
    );
    if caller.role.is_none() && route.method == "GET" {
        assert!(
            answer
                .header("location")
                .is_some_and(|to| to.starts_with("/sign-in?next=")),
            "{what}: {:?}",
            answer.headers
        );
    }
}

/// The page without what differs from request to request.
fn essence(answer: &Answer) -> (u16, String) {
    let id = answer.header("x-request-id").unwrap_or_default();
    let text = answer.text().replace(id, "");
    let is_clock = |word: &str| word.starts_with("datetime=") || word.chars().filter(char::is_ascii_digit).count() > 3;
    (
        answer.status,
        text.split_whitespace()
            .filter(|word| !is_clock(word))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

#[test]
fn every_route_admits_whom_it_says_and_nobody_sees_what_is_not_theirs() {
    let world = World::make();
    let table = lastgood::routes::table();
    assert!(table.len() > 30, "the route table is all there: {}", table.len());
    let mut checked = 0;
    for route in table.iter().filter(|route| route.access != Access::Agent) {
        for caller in &world.callers {
            checked += check(&world, route, caller);
        }
    }
    assert!(checked > 1_000, "only {checked} calls");
    let said = world.server_said();
    for word in ["panicked", "ERROR"] {
        let line = said.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "nothing failed inside");
    }
}

/// Calls a route as somebody in every way; how many calls that were.
fn check(world: &World, route: &Route, caller: &Caller) -> usize {
    let ids = ids_of(route.path);
    let what = |kind: &str| format!("{} {} as {} with {kind} id", route.method, route.path, caller.name);
    let secret = SECRETS.contains(&route.path);
    let mut calls = 0;
    let mut call = |ids: &[String], kind: &str| {
        let answer = world.call(route, caller, &filled(route.path, ids));
        assert!(
            answer.status < 500,
            "{}: {} {}",
            what(kind),
            answer.status,
            answer.text()
        );
        World::assert_no_leak(caller, &answer, &what(kind));
        calls += 1;
        answer
    };
    if !route.access.admits(caller.role) {
        let own = if secret {
            ids.iter().map(|_| MISSING.to_owned()).collect()
        } else {
            world.ids(route.path, &ids, caller.home(), caller)
        };
        assert_refused(&call(&own, "an own"), route, caller, &what("an own"));
        return calls;
    }
    // What a change answers to whom it admits depends on its form: that is each slice's own test.
    if route.method == "POST" {
        return calls;
    }
    if !ids.is_empty() {
        let missing = call(&vec![MISSING.to_owned(); ids.len()], "a missing");
        assert_eq!(missing.status, 404, "{}: {}", what("a missing"), missing.text());
        let mut answers = BTreeSet::from([essence(&missing)]);
        for malformed in MALFORMED {
            answers.insert(essence(&call(&vec![malformed.to_owned(); ids.len()], malformed)));
        }
        if !secret {
            for place in caller.strange_places() {
                let strange = world.ids(route.path, &ids, place, &world.resident(place));
                answers.insert(essence(&call(&strange, "a foreign")));
                // One's own first id does not make another's second id one's own.
                if ids.len() > 1 {
                    let mut mixed = world.ids(route.path, &ids, caller.home(), caller);
                    mixed[1..].clone_from_slice(&strange[1..]);
                    answers.insert(essence(&call(&mixed, "half a foreign")));
                }
            }
        }
        assert_eq!(
            answers.len(),
            1,
            "{}: foreign, missing and malformed are told apart: {answers:#?}",
            what("some")
        );
    }
    if !secret {
        let own = world.ids(route.path, &ids, caller.home(), caller);
        calls += 1;
        let path = filled(route.path, &own) + &world.query_for(route.path, caller.home());
        check_own(world, route, caller, &path, &what("an own"));
    }
    calls
}

/// Does what the route is for, and looks at what it leaves in the audit log.
fn check_own(world: &World, route: &Route, caller: &Caller, path: &str, what: &str) {
    let action = match route.audit {
        Audit::Records(action) => action,
        Audit::Nothing => "",
    };
    let before = world.audited(action);
    let answer = world.call(route, caller, path);
    assert!(
        (200..400).contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    World::assert_no_leak(caller, &answer, what);
    if action.is_empty() {
        assert_eq!(world.audited(""), before, "{what}: changes nothing that is audited");
    } else {
        assert_eq!(world.audited(action), before + 1, "{what}: leaves one entry '{action}'");
    }
}

#[test]
fn what_quiets_alerting_asks_for_a_fresh_sign_in() {
    let world = World::make();
    let table = lastgood::routes::table();
    let fresh: Vec<_> = table.iter().filter(|route| route.fresh).collect();
    assert!(!fresh.is_empty(), "there are such routes");
    let owner = &world.callers[1];
    assert_eq!(owner.role, Some(Role::Owner));
    for route in fresh {
        let ids = world.ids(route.path, &ids_of(route.path), Place::Harbor, owner);
        world.age_sign_ins();
        let entries = world.audited("");
        let answer = world.call_with_aged_session(route, owner, &filled(route.path, &ids));
        assert_eq!(answer.status, 303, "{}: {}", route.path, answer.text());
        assert!(
            answer
                .header("location")
                .is_some_and(|to| to.starts_with("/sign-in/again")),
            "{}: {:?}",
            route.path,
            answer.headers
        );
        assert_eq!(world.audited(""), entries, "{}: nothing was done", route.path);
    }
}

#[test]
fn no_change_is_made_for_another_site() {
    let world = World::make();
    let owner = &world.callers[1];
    for route in lastgood::routes::table()
        .iter()
        .filter(|route| route.method == "POST" && route.access != Access::Agent)
    {
        let ids = if SECRETS.contains(&route.path) {
            vec![MISSING.to_owned(); ids_of(route.path).len()]
        } else {
            world.ids(route.path, &ids_of(route.path), Place::Harbor, owner)
        };
        let entries = world.audited("");
        for site in [Some("cross-site"), Some("same-site"), Some("none"), None] {
            let answer = world.call_from(route, owner, &filled(route.path, &ids), site);
            assert_eq!(answer.status, 403, "{} from {site:?}: {}", route.path, answer.text());
        }
        assert_eq!(world.audited(""), entries, "{}: nothing was done", route.path);
    }
}
