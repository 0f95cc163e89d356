use std::fs;
use std::path::Path;
use std::time::SystemTime;

use jiff::Timestamp;
use proptest::prelude::{ProptestConfig, any, proptest};
use tempfile::TempDir;

use super::compare::{Found, look};
use super::reservoir::Reservoir;
use crate::config::{RepositoryTool, Tool};
use crate::tools::{self, Entry, Place};

fn entry(path: &Path) -> Entry {
    let metadata = fs::metadata(path).expect("it is there");
    Entry {
        path: path.to_str().expect("plain").to_owned(),
        is_file: true,
        size: metadata.len(),
        modified: Some(Timestamp::try_from(metadata.modified().expect("a time")).expect("in range")),
    }
}

#[test]
fn a_file_that_changed_since_is_told_from_one_that_differs() {
    let folder = TempDir::new().expect("a temporary folder");
    let source = folder.path().join("letter");
    fs::write(&source, "Dear colleague").expect("writable");
    let noted = entry(&source);
    let to = folder.path().join("restored");
    let restored = to.join(source.strip_prefix("/").expect("absolute"));
    assert_eq!(look(&noted, &to), Found::NotRestored);
    fs::create_dir_all(restored.parent().expect("it has one")).expect("writable");
    fs::write(&restored, "Dear colleague").expect("writable");
    assert_eq!(look(&noted, &to), Found::Same);
    fs::write(&restored, "dEAR COLLEAGUE").expect("writable");
    assert_eq!(look(&noted, &to), Found::Different, "same size, same time");
    let file = fs::File::options().write(true).open(&source).expect("ours");
    file.set_modified(SystemTime::UNIX_EPOCH).expect("ours");
    assert_eq!(look(&noted, &to), Found::ChangedSince);
    fs::write(&restored, "cut").expect("writable");
    assert_eq!(
        look(&noted, &to),
        Found::Different,
        "not even the size that the backup noted"
    );
    fs::write(&restored, "Dear colleague").expect("writable");
    fs::remove_file(&source).expect("ours");
    assert_eq!(look(&noted, &to), Found::ChangedSince);
    for path in ["../letter", "/srv/../../letter", "", "/"] {
        let odd = Entry {
            path: path.to_owned(),
            ..noted.clone()
        };
        assert_eq!(look(&odd, &to), Found::NotRestored, "{path}");
    }
    fs::remove_file(&restored).expect("ours");
    std::os::unix::fs::symlink("/etc/passwd", &restored).expect("writable");
    assert_eq!(look(&noted, &to), Found::NotRestored, "a link is not followed");
}

#[test]
fn every_file_has_the_same_chance_to_be_drawn() {
    let mut drawn = [0_u32; 20];
    let mut random = 88_172_645_463_325_252_u64;
    for _ in 0..4_000 {
        let mut reservoir = Reservoir::new(5, 0);
        for number in 0..20 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let path = number.to_string();
            reservoir.offer(
                Entry {
                    path,
                    is_file: true,
                    size: 1,
                    modified: None,
                },
                random,
            );
        }
        assert_eq!(reservoir.drawn.len(), 5);
        for entry in reservoir.drawn {
            drawn[entry.path.parse::<usize>().expect("a number")] += 1;
        }
    }
    assert!(drawn.iter().all(|times| (850..1_150).contains(times)), "{drawn:?}");
}

#[test]
fn folders_empty_files_and_names_that_are_no_text_are_not_drawn() {
    let mut reservoir = Reservoir::new(5, 0);
    let file = Entry {
        path: "a".to_owned(),
        is_file: true,
        size: 1,
        modified: None,
    };
    for unfit in [
        Entry {
            is_file: false,
            ..file.clone()
        },
        Entry {
            size: 0,
            ..file.clone()
        },
        Entry {
            size: u64::MAX,
            ..file.clone()
        },
        Entry {
            path: "a\u{fffd}".to_owned(),
            ..file.clone()
        },
        Entry {
            path: "a\nb".to_owned(),
            ..file.clone()
        },
    ] {
        reservoir.offer(unfit, 0);
    }
    assert!(reservoir.drawn.is_empty());
    reservoir.offer(file, 0);
    assert_eq!(reservoir.drawn.len(), 1);
}

const RESTIC_LS: &str = r#"{"time":"2026-11-23T13:07:23.845063804Z","paths":["/tmp/cap/src"],"short_id":"e7487f81","struct_type":"snapshot"}
{"name":"src","type":"dir","path":"/src","uid":0,"gid":0,"mtime":"2026-11-23T12:43:17.198587063Z","struct_type":"node"}
{"name":"a","type":"file","path":"/src/a","uid":0,"gid":0,"size":5,"mtime":"2026-11-23T12:43:17.162587063Z","struct_type":"node"}"#;

const BORG_LIST: &str = r#"{"type": "d", "path": "tmp/cap/src", "healthy": true, "mtime": "2026-11-23T12:43:17.198587", "size": 0}
{"type": "-", "path": "tmp/cap/src/a", "healthy": true, "mtime": "2026-11-23T12:43:17.162587", "size": 5}"#;

#[test]
fn lists_of_restic_and_borg_are_read() {
    let restic = Tool::Restic(RepositoryTool::default());
    let borg = Tool::Borg(RepositoryTool::default());
    let read = |tool: &Tool, text: &str| -> Vec<Entry> {
        text.lines().filter_map(|line| tools::read_entry(tool, line)).collect()
    };
    let from_restic = read(&restic, RESTIC_LS);
    let from_borg = read(&borg, BORG_LIST);
    assert_eq!((from_restic.len(), from_borg.len()), (2, 2));
    assert_eq!((from_restic[1].is_file, from_restic[1].size), (true, 5));
    let micros = |entry: &Entry| entry.modified.expect("it says").as_microsecond();
    assert_eq!(micros(&from_restic[1]), micros(&from_borg[1]));
    assert_eq!(from_borg[1].place(), Place::of("/tmp/cap/src/a"));
    assert!(!from_borg[0].is_file);
}

#[test]
fn paths_are_restored_literally() {
    let odd = "/srv/[a] *?\\.txt";
    let to = Path::new("/scratch");
    let list = Path::new("/list");
    let tool = RepositoryTool {
        repository: Some("/r".to_owned()),
        ..RepositoryTool::default()
    };
    let restic = tools::restore_command(&Tool::Restic(tool.clone()), "abc", &[odd], to, list).expect("it can");
    assert_eq!(
        restic,
        [
            "restic",
            "--repo",
            "/r",
            "restore",
            "abc",
            "--target",
            "/scratch",
            "--include",
            "/srv/[[]a] [*][?][\\\\].txt"
        ]
    );
    let borg = tools::restore_command(&Tool::Borg(tool), "abc", &[odd], to, list).expect("it can");
    assert_eq!(borg, ["borg", "extract", "--patterns-from", "/list", "/r::abc"]);
    assert_eq!(tools::restore_list(&[odd]), "+ pf:/srv/[a] *?\\.txt\n- re:.*\n");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn no_line_breaks_the_readers(line in any::<String>()) {
        for tool in [Tool::Restic(RepositoryTool::default()), Tool::Borg(RepositoryTool::default())] {
            assert_eq!(tools::read_entry(&tool, &line), None);
        }
    }
}
