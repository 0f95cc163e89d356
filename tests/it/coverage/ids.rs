//! The ids in a path, and what may be put in their place.

use lastgood::web::{Ids, Route};

use super::cast::{Caller, Place};
use super::world::World;

/// An id that belongs to nothing.
pub(super) const MISSING: &str = "019350a0-0000-7000-8000-000000000000";

/// What is no id.
const MALFORMED: [&str; 6] = [
    "not-an-id",
    "..%2f..%2fetc%2fpasswd",
    "%00",
    "%ff",
    "'%20or%201=1--",
    "019350a0-0000-7000-8000-00000000000g",
];

/// The names of the ids in a path.
pub(super) fn ids_of(path: &str) -> Vec<&str> {
    path.split('/')
        .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
        .collect()
}

/// The path with these ids.
pub(super) fn filled(path: &str, ids: &[String]) -> String {
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

/// What is no id at all, in the place of each id.
pub(super) fn malformed(route: &Route) -> Vec<(String, Vec<String>)> {
    let number = ids_of(route.path).len();
    MALFORMED
        .iter()
        .filter(|_| number > 0)
        .map(|id| (format!("the malformed {id}"), vec![(*id).to_owned(); number]))
        .collect()
}

/// Ids that are none of this caller's: of nothing, of another firm, of another practice, of a colleague, and an own one before
/// another's.
pub(super) fn strange(world: &World, route: &Route, caller: &Caller) -> Vec<(String, Vec<String>)> {
    let names = ids_of(route.path);
    if names.is_empty() {
        return Vec::new();
    }
    let mut found = vec![("missing".to_owned(), vec![MISSING.to_owned(); names.len()])];
    if route.ids != Ids::Rows {
        return found;
    }
    let own = world.ids_at(route, caller.home, caller);
    for place in Place::ALL.into_iter().filter(|place| *place != caller.home) {
        let others = world.ids_at(route, place, caller);
        // What is a person's own is no colleague's either.
        if !caller.may_see(place) || names.contains(&"session") {
            found.push((format!("{place:?}'s"), others.clone()));
        }
        for first in 1..names.len() {
            let mut mixed = own.clone();
            mixed[first..].clone_from_slice(&others[first..]);
            found.push((format!("an own and {place:?}'s {}", names[first]), mixed));
        }
    }
    for first in 1..names.len() {
        let mut mixed = own.clone();
        mixed[first..].fill(MISSING.to_owned());
        found.push((format!("an own and a missing {}", names[first]), mixed));
    }
    found
}
