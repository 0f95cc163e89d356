use std::path::PathBuf;

use lastgood_protocol::{Coverage, Outcome};

use super::{Counter, Wanted, judge};
use crate::tools::{self, Entry};

fn file(path: &str, size: u64) -> Entry {
    Entry {
        path: path.to_owned(),
        is_file: true,
        size,
        modified: None,
    }
}

fn folder(path: &str) -> Entry {
    Entry {
        is_file: false,
        ..file(path, 0)
    }
}

fn count(wanted: Wanted, entries: &[Entry]) -> Coverage {
    let mut counter = Counter::new(wanted);
    for entry in entries {
        counter.see(entry);
    }
    counter.finish()
}

fn paths(list: &[&str]) -> Vec<PathBuf> {
    list.iter().map(PathBuf::from).collect()
}

#[test]
fn folders_are_covered_by_what_is_in_them_as_restic_and_borg_write_it() {
    let wanted = || Wanted {
        required: paths(&["/srv/practice", "/srv/empty/", "/etc/letter", "/srv/prac"]),
        ..Wanted::default()
    };
    for entries in [
        [
            folder("/srv/practice"),
            file("/srv/practice/a", 1),
            folder("/srv/empty"),
            file("/etc/letter", 1),
        ],
        [
            folder("srv/practice"),
            file("srv/practice/a", 1),
            folder("srv/empty"),
            file("etc/letter", 1),
        ],
    ] {
        let coverage = count(wanted(), &entries);
        assert_eq!((coverage.required, coverage.covered), (4, 2), "{entries:?}");
        assert_eq!((coverage.copy_inside, coverage.live_inside), (None, None));
    }
}

#[test]
fn a_copy_is_inside_only_with_every_file_in_its_size() {
    let wanted = || Wanted {
        copy: Some([(PathBuf::from("/copy/a.db"), 7), (PathBuf::from("/copy/a.log"), 3)].into()),
        ..Wanted::default()
    };
    let inside = |entries: &[Entry]| count(wanted(), entries).copy_inside;
    assert_eq!(inside(&[file("/copy/a.db", 7), file("copy/a.log", 3)]), Some(true));
    assert_eq!(inside(&[file("/copy/a.db", 7)]), Some(false));
    assert_eq!(inside(&[file("/copy/a.db", 6), file("/copy/a.log", 3)]), Some(false));
    assert_eq!(inside(&[folder("/copy")]), Some(false));
}

#[test]
fn the_live_database_is_allowed_inside_only_when_it_did_not_run() {
    for (ran, outcome) in [
        (Some(true), Outcome::Warning),
        (None, Outcome::Warning),
        (Some(false), Outcome::Ok),
    ] {
        let wanted = Wanted {
            live: paths(&["/var/live"]),
            database_ran: ran,
            ..Wanted::default()
        };
        let coverage = count(wanted, &[file("var/live/base/1", 1)]);
        assert_eq!(coverage.live_inside, Some(true));
        let mut verdict = tools::refused("");
        verdict.outcome = Outcome::Ok;
        judge(coverage, &mut verdict);
        assert_eq!(verdict.outcome, outcome, "{ran:?}");
        assert_eq!(verdict.facts.coverage, Some(coverage));
    }
    let wanted = Wanted {
        live: paths(&["/var/live"]),
        ..Wanted::default()
    };
    let beside = count(wanted, &[file("/var/live2/x", 1), folder("/var/live")]);
    assert_eq!(beside.live_inside, Some(false));
}
