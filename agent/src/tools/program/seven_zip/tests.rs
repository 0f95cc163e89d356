use super::super::options::Options;
use super::listing::{can_be_listed, read_entry};
use crate::config::Program;
use crate::tools::Entry;

fn with_options<T>(command: &str, look: impl FnOnce(&Options<'_>) -> T) -> T {
    let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
    look(&Options::of(Program::SevenZip, &command))
}

fn read(command: &str, line: &str) -> Option<Entry> {
    with_options(command, |options| read_entry(options, line))
}

/// What 7-Zip 26.02 shows with `l`.
#[cfg(unix)]
const LIST: &str = "
   Date      Time    Attr         Size   Compressed  Name
------------------- ----- ------------ ------------  ------------------------
2026-11-23 19:51:24 D....            0            0  practice
2026-11-23 19:51:24 ....A            2           12  practice/ lead
2026-11-23 19:51:24 ....A            1               practice/new_line
                    .....            3               practice/sub/b  c.txt
------------------- ----- ------------ ------------  ------------------------
2026-11-23 19:51:24                  8           12  5 files, 2 folders
";

#[cfg(unix)]
#[test]
fn a_list_is_read_and_its_frame_is_not() {
    let entries: Vec<Entry> = LIST
        .lines()
        .filter_map(|line| read("7zz a -mx9 /b/x.7z /srv/practice /srv/x", line))
        .collect();
    let seen: Vec<(&str, bool, u64)> = entries
        .iter()
        .map(|entry| (entry.path.as_str(), entry.is_file, entry.size))
        .collect();
    assert_eq!(
        seen,
        [
            ("/srv/practice", false, 0),
            ("/srv/practice/ lead", true, 2),
            ("/srv/practice/new_line", true, 1),
            ("/srv/practice/sub/b  c.txt", true, 3),
        ]
    );
    let time = entries[1].modified.map(|at| at.to_string());
    assert_eq!(time.as_deref(), Some("2026-11-23T19:51:24Z"));
    assert_eq!(entries[3].modified, None);
}

#[cfg(unix)]
#[test]
fn names_are_put_where_they_came_from() {
    let line = "2026-11-23 19:51:24 ....A            2           12  a/b.txt";
    for (command, path) in [
        ("7z a x.7z /srv/a", Some("/srv/a/b.txt")),
        ("7z a x.7z /srv/a/", Some("/srv/a/b.txt")),
        ("7z a x.7z /srv/*", Some("/srv/a/b.txt")),
        ("7z u -pX x.7z /one/c /two/a", Some("/two/a/b.txt")),
        ("7z a -spf x.7z /srv/a", Some("a/b.txt")),
        ("7z a x.7z /srv/other", None),
    ] {
        assert_eq!(
            read(command, line).map(|entry| entry.path).as_deref(),
            path,
            "{command}"
        );
    }
}

#[cfg(windows)]
#[test]
fn names_are_put_where_they_came_from() {
    let line = "2026-11-23 19:51:24 ....A            2           12  practice\\b.txt";
    let entry = read("7z.exe a D:\\x.7z C:\\Data\\Practice", line).expect("an entry");
    assert_eq!(entry.path, "C:\\Data\\practice\\b.txt");
}

#[test]
fn great_sizes_push_the_columns_aside() {
    let all = if cfg!(windows) { "C:\\*" } else { "/*" };
    for (line, size) in [
        (
            "2026-11-23 19:51:24 ....A 1234567890123           12  a",
            1_234_567_890_123,
        ),
        (
            "2026-11-23 19:51:24 ....A 1234567890123               a",
            1_234_567_890_123,
        ),
        (
            "2026-11-23 19:51:24 ....A 1234567890123 1234567890123  a",
            1_234_567_890_123,
        ),
        (
            "2026-11-23 19:51:24 ....A  123456789012 123456789012  a",
            123_456_789_012,
        ),
    ] {
        let entry = read(&format!("7z a x.7z {all}"), line).expect(line);
        assert_eq!((entry.size, entry.path), (size, all.replace('*', "a")), "{line}");
    }
}

#[test]
fn what_cannot_be_told_apart_is_not_listed() {
    let can = |command: &str| {
        let of_windows = command.replace(" /", " C:/").replace('/', "\\");
        with_options(if cfg!(windows) { &of_windows } else { command }, can_be_listed)
    };
    assert!(can("7z a x.7z /a") && can("7z u x.7z /a /b") && can("7z a x.7z /*"));
    for command in [
        "7z a x.7z a",
        "7z a x.7z",
        "7z a x.7z /a /b/a",
        "7z a x.7z /a/../b",
        "7z a x.7z /a/.",
        "7z a x.7z /a*",
        "7z a x.7z /a? /b",
        "7z a x.7z @list",
        "7z a -r x.7z /a",
        "7z a -ir!x x.7z /a",
        "7z a -SPF2 x.7z /a",
        "7z a -siname x.7z",
        "7z a x.7z -- /a",
        "7z d x.7z /a",
        "sh -c 7z",
    ] {
        assert!(!can(command), "{command}");
    }
}
