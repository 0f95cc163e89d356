//! The coverage matrix, made from the route table: every route × everybody × ids of one's own, of another firm, of another
//! practice, of nobody, and no ids at all. There is no list of exceptions. A route or an id in a path that the matrix does not know
//! fails it.

mod agents;
mod cast;
mod forms;
mod hostile;
mod ids;
mod world;

use std::collections::BTreeSet;

use lastgood::users::Role;
use lastgood::web::{Access, Audit, Ids, Route};
use lastgood_tests::server::Server;
use lastgood_tests::wire::Answer;

use cast::{Caller, Place};
use ids::{MISSING, filled, malformed, strange};
use world::{Tally, World, encoded};

/// The page without what differs from request to request.
fn essence(answer: &Answer) -> (u16, String) {
    let id = answer.header("x-request-id").unwrap_or_default();
    let text = answer.text().replace(id, "");
    let differs = |word: &str| word.starts_with("datetime=") || word.chars().filter(char::is_ascii_digit).count() > 3;
    (
        answer.status,
        text.split_whitespace()
            .filter(|word| !differs(word))
            .collect::<Vec<_>>()
            .join(" "),
    )
}

/// Every answer is the same.
fn assert_alike(answers: &BTreeSet<(u16, String)>, what: &str) {
    assert!(answers.len() <= 1, "{what}: told apart: {answers:#?}");
}

/// What somebody is told whom the route does not admit.
fn assert_refused(answer: &Answer, route: &Route, caller: &Caller, what: &str) {
    let expected = match caller.role {
        None if route.method == "GET" => 303,
        None => 401,
        Some(Role::PracticeViewer) => 404,
        Some(_) if route.access == Access::Viewer => 404,
        Some(_) => 403,
    };
    assert_eq!(answer.status, expected, "{what}: {}", answer.text());
    if expected == 303 {
        let to = answer.header("location").unwrap_or_default();
        assert!(to.starts_with("/sign-in?next="), "{what}: {to}");
    }
}

/// Calls a route, and looks at what no answer may hold.
fn call(
    world: &World,
    route: &Route,
    caller: &Caller,
    (ids, form): (&[String], &[(&str, String)]),
    what: &str,
) -> Answer {
    let mut path = filled(route.path, ids);
    if route.method == "GET" && !form.is_empty() {
        path = format!("{path}?{}", encoded(form));
    }
    let answer = world.call(route, caller, &path, form);
    assert!(answer.status < 500, "{what}: {} {}", answer.status, answer.text());
    let link = (route.ids == Ids::Link).then_some(caller.home);
    caller.assert_sees_nothing_strange(&answer, link, what);
    if answer.status == 200 && caller.role.is_some() && route.ids != Ids::File {
        let cache = answer.header("cache-control").unwrap_or_default();
        assert!(cache.contains("no-store"), "{what}: may be kept by a browser: {cache}");
    }
    answer
}

fn title(route: &Route, caller: &Caller, ids: &str) -> String {
    format!("{} {} as {} with {ids} id", route.method, route.path, caller.name)
}

/// Refused whatever the ids are, with one answer.
fn check_refusal(world: &World, route: &Route, caller: &Caller) -> usize {
    let mut tries = strange(world, route, caller);
    tries.extend(malformed(route));
    tries.push(("own".to_owned(), world.ids_at(route, caller.home, caller)));
    let mut answers = BTreeSet::new();
    for (kind, ids) in &tries {
        let what = title(route, caller, kind);
        let form = world.good_form(route, caller, ids);
        let answer = call(world, route, caller, (ids, &form), &what);
        assert_refused(&answer, route, caller, &what);
        answers.insert(essence(&answer));
    }
    assert_alike(&answers, &title(route, caller, "any"));
    tries.len()
}

/// What is not one's own does not exist, whatever the form says of it.
fn check_strange(world: &World, route: &Route, caller: &Caller) -> usize {
    let tries = strange(world, route, caller);
    let mut answers = BTreeSet::new();
    for (kind, ids) in &tries {
        let what = title(route, caller, kind);
        let mut forms = vec![world.good_form(route, caller, ids)];
        forms.extend((route.method == "POST").then(Vec::new));
        for form in forms {
            let answer = call(world, route, caller, (ids, &form), &what);
            assert_eq!(answer.status, 404, "{what}: {}", answer.text());
            answers.insert(essence(&answer));
        }
    }
    assert_alike(&answers, &title(route, caller, "a strange"));
    let malformed = malformed(route);
    for (kind, ids) in &malformed {
        let what = title(route, caller, kind);
        let form = world.good_form(route, caller, ids);
        let answer = call(world, route, caller, (ids, &form), &what);
        assert_eq!(answer.status, 404, "{what}: {}", answer.text());
    }
    2 * tries.len() + malformed.len()
}

/// Does what the route is for, and looks at what it leaves in the audit log.
fn check_own(world: &World, route: &Route, caller: &Caller) {
    let what = title(route, caller, "an own");
    let ids = world.fresh_ids(route, caller);
    let form = world.good_form(route, caller, &ids);
    if route.ids == Ids::FirstLink {
        // The first firm is there: this link sets nothing up any more.
        let answer = call(world, route, caller, (&ids, &form), &what);
        assert_eq!(answer.status, 404, "{what}: {}", answer.text());
        return;
    }
    let action = match route.audit {
        Audit::Records(action) => action,
        Audit::Nothing => "",
    };
    if route.method == "POST" {
        // What is left out is asked for, or not needed; what is refused leaves nothing.
        let before = world.tally(action);
        let answer = call(world, route, caller, (&ids, &[]), &what);
        let is_refused = (400..500).contains(&answer.status);
        assert!(
            is_refused || answer.status < 400,
            "{what} and no form: {}",
            answer.text()
        );
        let after = world.tally(action);
        assert!(!is_refused || after == before, "{what}: a refused form left an entry");
        if !is_refused {
            assert_done(route, (before, after), &what);
        }
    }
    let ids = world.fresh_ids(route, caller);
    let form = world.good_form(route, caller, &ids);
    let before = world.tally(action);
    let answer = call(world, route, caller, (&ids, &form), &what);
    assert!(
        (200..400).contains(&answer.status),
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    assert_done(route, (before, world.tally(action)), &what);
    if route.method == "GET" && route.ids == Ids::Rows && !ids.is_empty() {
        assert!(
            answer.text().contains(caller.home.canary()),
            "{what}: the page names what it is about, so that a leak would be seen: {}",
            answer.text()
        );
    }
}

fn assert_done(route: &Route, (before, after): (Tally, Tally), what: &str) {
    let entries = i64::from(route.audit != Audit::Nothing);
    assert_eq!(after.all, before.all + entries, "{what}: entries in the audit log");
    if let Audit::Records(action) = route.audit {
        assert_eq!(
            after.with_action,
            before.with_action + 1,
            "{what}: leaves one entry '{action}'"
        );
    }
}

/// Calls a route as somebody in every way; how many calls that were.
fn check(world: &World, route: &Route, caller: &Caller) -> usize {
    let before = world.tally("");
    let calls = if route.access.admits(caller.role) {
        check_strange(world, route, caller)
    } else {
        check_refusal(world, route, caller)
    };
    assert_eq!(
        world.tally(""),
        before,
        "{}: what was refused left an entry",
        title(route, caller, "a strange")
    );
    if route.access.admits(caller.role) {
        check_own(world, route, caller);
    }
    calls + 1
}

/// The server's first owner sets it up: the one time that this link is worth something.
fn set_up(server: &Server, path: &str) {
    let mut visitor = server.visitor_without_session();
    assert_eq!(visitor.get(path).status, 200, "the link is good");
    let table = lastgood::routes::table();
    let route = table
        .iter()
        .find(|route| route.ids == Ids::FirstLink && route.method == "POST")
        .unwrap();
    let form = forms::fields(route, "", &[], &|_| String::new());
    let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
    for wrong in ["/set-up/guessed", &format!("/set-up/{MISSING}")] {
        assert_eq!(visitor.post(wrong, &form).status, 404, "a guessed link");
    }
    let count = || server.database().number("select count(*) from audit_entries");
    assert_eq!(visitor.post(path, &[]).status, 422, "an empty form");
    assert_eq!(count(), 0);
    assert_eq!(visitor.post(path, &form).status, 303, "a good form");
    assert_eq!(route.audit, Audit::Records("firm.added"));
    assert_eq!(
        server
            .database()
            .value("select string_agg(action, ' ') from audit_entries"),
        "firm.added"
    );
    assert_eq!(visitor.post(path, &form).status, 404, "the link was used");
}

/// Calls every route of this method as everybody; how many routes and calls that were.
fn check_all(world: &World, method: &str) -> (usize, usize) {
    let table = lastgood::routes::table();
    let routes: Vec<_> = table
        .iter()
        .filter(|route| route.method == method && route.access != Access::Agent)
        .collect();
    let mut calls = 0;
    for route in &routes {
        for caller in &world.callers {
            calls += check(world, route, caller);
        }
    }
    let said = world.server_said();
    for word in ["panicked", "ERROR"] {
        let line = said.lines().find(|line| line.contains(word));
        assert_eq!(line, None, "nothing failed inside");
    }
    (routes.len(), calls)
}

#[test]
fn every_page_is_shown_to_whom_it_says_and_nobody_sees_what_is_not_theirs() {
    let world = World::make();
    let (routes, calls) = check_all(&world, "GET");
    assert!(routes > 35 && calls > 1_000, "only {routes} pages and {calls} calls");
}

#[test]
fn every_change_is_made_by_whom_it_says_and_leaves_what_it_says() {
    let (server, mail, path) = World::empty();
    set_up(&server, &path);
    let world = World::fill(server, mail);
    let (routes, calls) = check_all(&world, "POST");
    assert!(routes > 35 && calls > 1_000, "only {routes} changes and {calls} calls");
    let table = lastgood::routes::table();
    assert!(
        table
            .iter()
            .all(|route| ["GET", "POST"].contains(&route.method.as_str())),
        "the matrix calls every method that there is"
    );
}

#[test]
fn ids_in_forms_and_queries_are_looked_at_as_those_in_paths_are() {
    let world = World::make();
    let table = lastgood::routes::table();
    for (method, path, field, kind) in forms::FURTHER_IDS {
        let found = table.iter().find(|route| route.method == method && route.path == path);
        let route = found.unwrap_or_else(|| panic!("{method} {path} is in no table"));
        for caller in world.callers.iter().filter(|caller| route.access.admits(caller.role)) {
            let what = format!("{method} {path} as {} with a strange {field}", caller.name);
            let ids = world.ids_at(route, caller.home, caller);
            let with = |value: &str| {
                let mut form = world.good_form(route, caller, &ids);
                form.retain(|(name, _)| *name != field);
                form.push((field, value.to_owned()));
                call(&world, route, caller, (&ids, &form), &what)
            };
            let before = world.tally("");
            let mut answers = BTreeSet::from([essence(&with(MISSING))]);
            for place in Place::ALL.into_iter().filter(|place| *place != caller.home) {
                // An office belongs to one practice; a practice is chosen among those of the firm.
                if kind == "office" && route.path != "/jobs/schedule-preview" || !caller.may_see(place) {
                    answers.insert(essence(&with(&world.id_of(kind, place))));
                }
            }
            assert_alike(&answers, &what);
            let malformed = with("not-an-id' or 1=1 --");
            assert!(
                (400..500).contains(&malformed.status),
                "{what}: {} {}",
                malformed.status,
                malformed.text()
            );
            assert_eq!(world.tally(""), before, "{what}: leaves an entry");
        }
    }
}

#[test]
fn what_quiets_alerting_asks_for_a_fresh_sign_in() {
    let world = World::make();
    let table = lastgood::routes::table();
    let fresh: Vec<_> = table.iter().filter(|route| route.fresh).collect();
    let paths: Vec<_> = fresh.iter().map(|route| route.path).collect();
    for quiets in [
        "/agents/{agent_id}/revoke",
        "/jobs/{job}/archive",
        "/people/{user}/alerts/off",
        "/people/{user}/disable",
        "/people/{user}/role",
        "/practices/{practice}/archive",
        "/practices/{practice}/offices/{office}/closures",
        "/practices/{practice}/offices/{office}/edit",
        "/slots/{slot}/excuse",
    ] {
        assert!(paths.contains(&quiets), "{quiets} quiets alerting");
    }
    let owner = world.owner();
    for route in fresh {
        let ids = world.fresh_ids(route, owner);
        let form = world.good_form(route, owner, &ids);
        let entries = world.tally("");
        world.age_sign_ins();
        let answer = world.call(route, owner, &filled(route.path, &ids), &form);
        assert_eq!(answer.status, 303, "{}: {}", route.path, answer.text());
        assert!(
            answer
                .header("location")
                .is_some_and(|to| to.starts_with("/sign-in/again")),
            "{}: {:?}",
            route.path,
            answer.headers
        );
        assert_eq!(world.tally(""), entries, "{}: nothing was done", route.path);
    }
}

#[test]
fn no_change_is_made_for_another_site() {
    let world = World::make();
    let owner = world.owner();
    for route in lastgood::routes::table()
        .iter()
        .filter(|route| route.method == "POST" && route.access != Access::Agent)
    {
        let ids = world.fresh_ids(route, owner);
        let form = world.good_form(route, owner, &ids);
        let entries = world.tally("");
        for site in [Some("cross-site"), Some("same-site"), Some("none"), None] {
            let answer = world.call_from(route, owner, &filled(route.path, &ids), &form, site);
            assert_eq!(answer.status, 403, "{} from {site:?}: {}", route.path, answer.text());
        }
        assert_eq!(world.tally(""), entries, "{}: nothing was done", route.path);
    }
}
