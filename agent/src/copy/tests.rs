use std::process;

use super::{Server, is_like, server, uncapitalised};
use crate::clock;

#[test]
fn names_are_matched_with_one_star() {
    for (name, pattern, like) in [
        ("practice.db", "practice.db", true),
        ("practice.db", "*.db", true),
        ("practice.db", "practice*", true),
        ("practice.db", "*", true),
        ("practice.db", "*.log", false),
        ("aba", "ab*ba", false),
        ("", "*", true),
    ] {
        assert_eq!(is_like(name, pattern), like, "{name} {pattern}");
    }
}

#[test]
fn a_process_is_found_by_its_name_and_when_it_began_is_told() {
    let own = std::env::current_exe().expect("there is one");
    let name = own.file_name().expect("it has one").to_string_lossy().into_owned();
    let Server::Runs(at) = server(&name) else {
        panic!("process {} named {name} was not found", process::id());
    };
    let age = clock::wall().duration_since(at).as_secs();
    assert!((-2..3_600).contains(&age), "{age} seconds");
    assert_eq!(server("no-such-database").runs(), Some(false));
    assert_eq!(server("no-such-database").started_at(), None);
}

#[test]
fn a_reason_becomes_the_end_of_a_sentence() {
    assert_eq!(uncapitalised("The database refused."), "the database refused.");
    assert_eq!(uncapitalised(""), "");
}
