//! What every change in the route table has in common: it is refused when another site asks for it, and what quiets alerting asks for
//! a fresh sign-in. A route or an id in a path that is not known here fails.

mod forms;
mod world;

use lastgood::users::Role;
use lastgood::web::Access;

use world::{Place, World};

/// An id that belongs to nothing.
const MISSING: &str = "019350a0-0000-7000-8000-000000000000";

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
