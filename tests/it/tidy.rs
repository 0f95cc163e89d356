//! The form of the sources, where no lint holds it.

use std::fs;
use std::path::{Path, PathBuf};

use lastgood_tests::programs::root;

/// The most lines of production code in a file, comments and blank lines not counted; one that is longer is two things.
const MOST_LINES: usize = 400;

/// Files of the repository below `folder` with one of these endings, as paths from the root.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name().into_string().unwrap();
            if path.is_dir() {
                if name != "node_modules" {
                    folders.push(path);
                }
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path.strip_prefix(root()).unwrap().to_path_buf());
            }
        }
    }
    assert!(!found.is_empty(), "{folder} should hold files that end in {endings:?}");
    found.sort();
    found
}

fn read(path: &Path) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn is_test(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name == "tests.rs"
        || name.ends_with("_tests.rs")
        || path
            .components()
            .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "testing")))
}

/// The Rust files of what we ship.
fn sources() -> Vec<PathBuf> {
    let folders = ["protocol/src", "server/src", "agent/src"];
    folders
        .into_iter()
        .flat_map(|folder| files(folder, &[".rs"]))
        .filter(|path| !is_test(path))
        .collect()
}

/// The part of a file before its tests.
fn production(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap()
}

fn assert_none(problems: &[String], rule: &str) {
    assert!(problems.is_empty(), "{rule}\n{}", problems.join("\n"));
}

/// Lines of `files` in which `is_wrong` finds something, as `path:line: text`.
fn lines_where(files: impl IntoIterator<Item = PathBuf>, is_wrong: impl Fn(&str) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    for path in files {
        for (index, line) in read(&path).lines().enumerate() {
            if is_wrong(line) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn no_file_is_two_things() {
    let mut long = Vec::new();
    for path in sources() {
        let text = read(&path);
        let lines = production(&text).lines().map(str::trim);
        let lines = lines.filter(|line| !line.is_empty() && !line.starts_with("//")).count();
        if lines > MOST_LINES {
            long.push(format!("{}: {lines} lines", path.display()));
        }
    }
    assert_none(&long, "a file of more than 400 lines is two things: divide it");
}

#[test]
fn sql_stands_in_db_files_alone() {
    let elsewhere = sources().into_iter().filter(|path| {
        let at_home = path.file_name().is_some_and(|name| name == "db.rs")
            || path
                .parent()
                .and_then(Path::file_name)
                .is_some_and(|folder| folder == "db");
        !at_home
    });
    let macros = [
        "query!(",
        "query_as!(",
        "query_scalar!(",
        "raw_sql(",
        "query_unchecked!(",
    ];
    let found = lines_where(elsewhere, |line| macros.iter().any(|name| line.contains(name)));
    assert_none(&found, "SQL belongs into the slice's db.rs");
}

#[test]
fn nothing_is_put_off() {
    // Put together here, so that this file does not find itself.
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
        concat!("HA", "CK"),
    ];
    let everything = [
        "server",
        "agent",
        "protocol",
        "tests",
        "migrations",
        "templates",
        "static",
        "scripts",
    ];
    let endings = [
        ".rs",
        ".sql",
        ".html",
        ".css",
        ".mjs",
        "install",
        "postgres",
        "sqlx",
        "advisories",
    ];
    let files = everything.into_iter().flat_map(|folder| files(folder, &endings));
    let found = lines_where(files, |line| marks.iter().any(|mark| has_word(line, mark)));
    assert_none(&found, "do it now, or open an issue");
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|part| part == word)
}

#[test]
fn no_test_is_left_out() {
    let ignored = concat!("#[ign", "ore");
    let everywhere = ["server", "agent", "protocol", "tests"]
        .into_iter()
        .flat_map(|folder| files(folder, &[".rs"]));
    assert_none(
        &lines_where(everywhere, |line| line.contains(ignored)),
        "a test that is not run tests nothing",
    );
}

#[test]
fn templates_escape_everything_and_run_nothing() {
    let forbidden = [
        "|safe",
        "| safe",
        "hx-on",
        "<script>",
        "javascript:",
        "escape \"none\"",
        " onclick",
        " onload",
    ];
    let found = lines_where(files("templates", &[".html"]), |line| {
        forbidden.iter().any(|text| line.contains(text))
    });
    assert_none(
        &found,
        "a template neither leaves text unescaped nor carries a script of its own",
    );
    // Mail programs read no style sheets; pages do.
    let pages = files("templates", &[".html"])
        .into_iter()
        .filter(|path| !path.ends_with("notifications/letter.html"));
    let found = lines_where(pages, |line| line.contains("style=\"") || line.contains("<style"));
    assert_none(
        &found,
        "a page's look is in static/, which the content security policy allows",
    );
}

#[test]
fn pages_ask_nobody_else() {
    let mut files = files("templates", &[".html"]);
    files.extend(
        self::files("static", &[".css", ".js"])
            .into_iter()
            .filter(|path| !read(path).contains("htmx")),
    );
    let found = lines_where(files, |line| {
        let is_namespace = line.contains("http://www.w3.org/");
        (line.contains("http://") || line.contains("https://") || line.contains("src=\"//")) && !is_namespace
    });
    assert_none(&found, "pages load from this server alone");
}

#[test]
fn what_tools_printed_is_read_for_the_page_of_a_run_alone() {
    let readers: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|path| read(path).contains("run_outputs"))
        .collect();
    let expected = [
        "server/src/dashboard/run/db.rs",
        "server/src/demo/db.rs",
        "server/src/runs/db.rs",
    ];
    assert_eq!(readers, expected.map(PathBuf::from), "no mail, report or export has it");
}

#[test]
fn migrations_say_what_may_be_empty_and_guard_every_table() {
    let mut problems = Vec::new();
    for path in files("migrations", &[".sql"]) {
        let text = read(&path);
        for table in text.split("\ncreate table ").skip(1) {
            let name = table.split([' ', '(']).next().unwrap();
            let has_firm = table.split("\n);").next().unwrap().contains("\n    firm_id uuid");
            let guarded = text.contains(&format!("call guard_firm_table('{name}')"))
                || text.contains(&format!("call guard_practice_table('{name}')"))
                || text.contains(&format!("alter table {name} force row level security"));
            if has_firm && !guarded {
                problems.push(format!("{}: table {name} has firm_id and no guard", path.display()));
            }
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        let (version, what) = name.split_once('_').unwrap();
        if version.len() != 14 || !version.chars().all(|c| c.is_ascii_digit()) || what.contains(' ') {
            problems.push(format!("{name}: is not named <timestamp>_<what>.sql"));
        }
    }
    assert_none(&problems, "a migration follows the rules");
}

#[test]
fn module_files_are_named_in_one_way() {
    let vague = ["util", "utils", "helper", "helpers", "manager", "misc", "data"];
    let found: Vec<String> = sources()
        .iter()
        .filter(|path| {
            let stem = path.file_stem().unwrap().to_str().unwrap();
            vague.contains(&stem)
        })
        .map(|path| path.display().to_string())
        .collect();
    assert_none(&found, "a file's name says what is in it");
}
