use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use lastgood_protocol::DestinationKind;
use tempfile::TempDir;

use super::{Config, ConfigProblems, Overrides, SecretSource, Tool, load};
use crate::engine::rotation::MediumRule;

struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self {
            folder: TempDir::new().expect("a temporary folder"),
        }
    }

    fn file(&self, text: &str) -> PathBuf {
        let path = self.folder.path().join("agent.toml");
        fs::write(&path, text).expect("writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).expect("ours");
        path
    }

    fn load(&self, text: &str) -> Result<Config, ConfigProblems> {
        load(&self.file(text), true, &Overrides::default(), now())
    }
}

fn now() -> Timestamp {
    "2026-11-20T12:00:00Z".parse().expect("a timestamp")
}

/// The only problem with this text, and its line.
fn problem(text: &str) -> (Option<usize>, String) {
    let ConfigProblems(problems) = Place::new().load(text).expect_err("it is wrong");
    assert_eq!(problems.len(), 1, "{problems:?}");
    let problem = problems.into_iter().next().expect("there is one");
    assert!(!problem.remedy.is_empty());
    (problem.line, problem.message)
}

const JOB: &str = "[[job]]\nkey = \"nightly\"\n";

#[test]
fn the_example_of_the_help_is_read() {
    let example = crate::cli::example_configuration();
    let config = Place::new().load(&example).expect("the example is right");
    assert_eq!(config.jobs.len(), 3);
    assert_eq!(config.jobs[2].tool_name(), "windows-server-backup");
    let nightly = &config.jobs[0];
    assert_eq!(nightly.destination, Some(DestinationKind::Medium));
    assert_eq!(nightly.timeout, Some(Duration::from_hours(4)));
    assert!(matches!(&nightly.tool, Tool::Restic(tool) if tool.check));
    assert_eq!(nightly.report_output, Some(20));
    let database = &config.jobs[1];
    assert_eq!(database.report_output, None, "off unless it is asked for");
    assert_eq!(database.environment, [("DB_USER".to_owned(), "backup".to_owned())]);
    assert_eq!(database.secrets[0].name, "DB_KEY");
    assert_eq!(
        database.secrets[0].source,
        SecretSource::Kept("database-key".parse().expect("a name"))
    );
    assert_eq!(database.secrets[1].name, "DB_PASSWORD");
    assert_eq!(database.claims.encrypted, Some(true));
}

#[test]
fn a_mistake_is_named_with_its_line() {
    let (line, message) = problem("heartbeet = \"1m\"\n");
    assert_eq!(line, Some(1));
    assert!(message.contains("heartbeet"), "{message}");
    let cases = [
        ("schedule = \"every night\"\ntool = \"restic\"\n", 3, "cron"),
        ("tool = \"restic\"\nzone = \"Mars\"\n", 4, "Mars"),
        (
            "tool = \"restic\"\nenvironment = { A = \"secret:../x\" }\n",
            4,
            "secret's name",
        ),
        ("tool = \"restic\"\ntimeout = \"soon\"\n", 4, "soon"),
        ("tool = \"restic\"\nattempts = 0\n", 4, "attempts"),
        ("tool = \"restic\"\nreport_output = 0\n", 4, "from 1 to 50"),
        ("tool = \"restic\"\nreport_output = 51\n", 4, "from 1 to 50"),
        (
            "tool = \"restic\"\nreport_output = 20\n[job.watch]\nkind = \"event-log\"\nproduct = \"veeam\"\n",
            4,
            "only watches",
        ),
        ("tool = \"restic\"\nok = [0]\n", 4, "'ok'"),
        ("tool = \"command\"\nrepository = \"/r\"\n", 4, "'repository'"),
        ("tool = \"command\"\nwarning = [0]\n", 4, "exit code 0"),
        ("tool = \"command\"\ncommand = []\n", 4, "empty"),
        ("tool = \"rclone\"\nok = [0]\n", 4, "'ok'"),
        ("tool = \"tar\"\nrepository = \"/r\"\n", 4, "'repository'"),
        ("tool = \"tar\"\nwrites = \"a.tar\"\n", 4, "full path"),
        ("tool = \"restic\"\nwrites = \"/a\"\n", 4, "'writes'"),
        ("tool = \"command\"\ncheck = true\n", 4, "'check'"),
        ("tool = \"robocopy\"\ncheck = true\n", 4, "robocopy"),
        ("tool = \"pg_dump\"\nschedule = \"0 22 * * *\"\n", 1, "nothing to start"),
        ("tool = \"tar\"\ndestination_name = \"\"\n", 4, "name"),
        ("tool = \"restic\"\npaths = [\"srv\"]\n", 4, "full path"),
        (
            "tool = \"restic\"\nmedium = \"/m\"\ndestination = \"vendor\"\n",
            5,
            "medium",
        ),
        ("tool = \"nonsense\"\n", 3, "nonsense"),
        ("tool = \"command\"\nschedule = \"0 22 * * *\"\n", 1, "nothing to start"),
        (
            "tool = \"command\"\nenvironment = { DB_PASSWORD = \"hunter2\" }\n",
            4,
            "DB_PASSWORD",
        ),
    ];
    for (text, line, word) in cases {
        let (at, message) = problem(&format!("{JOB}{text}"));
        assert_eq!(at, Some(line), "{text}: {message}");
        assert!(message.contains(word), "{text}: {message}");
        assert!(!message.contains("hunter2"));
    }
    let (line, message) = problem("[[job]]\nkey = \"Night Job\"\ntool = \"restic\"\n");
    assert_eq!(line, Some(2), "{message}");
}

#[test]
fn all_mistakes_are_named_at_once() {
    let text = format!("{JOB}tool = \"restic\"\nattempts = 99\nretry_delay = \"x\"\n{JOB}tool = \"restic\"\n");
    let ConfigProblems(problems) = Place::new().load(&text).expect_err("it is wrong");
    assert_eq!(problems.len(), 3, "{problems:?}");
}

#[test]
fn a_file_or_folder_that_others_can_write_is_refused() {
    let place = Place::new();
    let path = place.file("");
    for mode in [0o664, 0o646, 0o602] {
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("ours");
        assert!(load(&path, true, &Overrides::default(), now()).is_err(), "{mode:o}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("ours");
    assert!(load(&path, true, &Overrides::default(), now()).is_ok());
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o777)).expect("ours");
    assert!(load(&path, true, &Overrides::default(), now()).is_err());
}

#[test]
fn a_file_that_is_not_there_is_no_jobs_unless_it_was_named() {
    let path = Place::new().folder.path().join("none.toml");
    assert!(load(&path, true, &Overrides::default(), now()).is_err());
    let config = load(&path, false, &Overrides::default(), now()).expect("the defaults hold");
    assert_eq!((config.jobs.len(), config.heartbeat), (0, Duration::from_mins(1)));
}

#[test]
fn flags_count_for_more_than_the_file() {
    let place = Place::new();
    let path = place.file("heartbeat = \"2m\"\nbackoff_cap = \"9s\"\n");
    let overrides = Overrides {
        heartbeat: Some(Duration::from_secs(1)),
        ..Overrides::default()
    };
    let config = load(&path, true, &overrides, now()).expect("it is right");
    assert_eq!(config.heartbeat, Duration::from_secs(1));
    assert_eq!(config.backoff_cap, Duration::from_secs(9));
}

#[test]
fn a_secret_that_all_can_read_is_warned_about() {
    let place = Place::new();
    let secret = place.folder.path().join("password");
    fs::write(&secret, "hunter2").expect("writable");
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).expect("ours");
    let text = format!("{JOB}tool = \"restic\"\npassword_file = \"{}\"\n", secret.display());
    let config = place.load(&text).expect("it is allowed");
    assert_eq!(config.warnings.len(), 1);
    assert_eq!(config.warnings[0].line, Some(4));
}

#[test]
fn a_password_on_a_command_line_and_a_silent_sqlcmd_are_warned_about() {
    let warned = |tool: &str, command: &str| {
        let config = Place::new()
            .load(&format!("{JOB}tool = \"{tool}\"\ncommand = {command}\n"))
            .expect("it is allowed");
        assert!(config.warnings.iter().all(|warning| warning.line == Some(4)));
        assert!(!format!("{:?}", config.warnings).contains("hunter2"));
        config.warnings.len()
    };
    for (tool, command, warnings) in [
        ("7-zip", r#"["7z", "a", "-phunter2", "x", "y"]"#, 1),
        ("mariadb-dump", r#"["mysqldump", "-phunter2", "p"]"#, 1),
        (
            "mariadb-dump",
            r#"["mysqldump", "--defaults-extra-file=/etc/x", "p"]"#,
            0,
        ),
        ("sqlcmd", r#"["sqlcmd", "-b", "-U", "sa", "-P", "hunter2"]"#, 1),
        ("sqlcmd", r#"["sqlcmd", "-E"]"#, 1),
        ("sqlcmd", r#"["sqlcmd", "-E", "-b"]"#, 0),
        ("dbbackup", r#"["dbbackup", "-c", "UID=b;PWD=hunter2", "D:\\copy"]"#, 1),
        (
            "duplicati",
            r#"["duplicati-cli", "backup", "x", "--passphrase=hunter2"]"#,
            1,
        ),
        ("tar", r#"["tar", "-cpf", "x", "y"]"#, 0),
    ] {
        assert_eq!(warned(tool, command), warnings, "{command}");
    }
}

const NIGHTLY: &str = "tool = \"restic\"\nrepository = \"/r\"\npaths = [\"/srv\"]\n";

#[test]
fn mistakes_about_copy_sample_and_coverage_are_named_with_their_line() {
    let copy = "[job.copy]\ntool = \"pg_dump\"\ncommand = [\"pg_dump\"]\n";
    let cases = [
        ("must_contain = [\"srv\"]\n".to_owned(), 6, "full path"),
        ("read_back = true\n".to_owned(), 6, "borg"),
        ("[job.compare]\nfiles = 0\nscratch = \"/s\"\n".to_owned(), 7, "files"),
        ("[job.compare]\nscratch = \"s\"\n".to_owned(), 7, "full path"),
        ("[job.compare]\nscratch = \"/srv/s\"\n".to_owned(), 7, "backed up"),
        ("[job.compare]\nscratch = \"/r/s\"\n".to_owned(), 7, "backups are"),
        (format!("{copy}writes = \"d\"\n"), 9, "full path"),
        (
            format!("{copy}writes = \"/l/d\"\nlive = [\"/l\"]\n"),
            9,
            "live database",
        ),
        (format!("{copy}writes = \"/d\"\nprocess = \"a b\"\n"), 10, "process"),
        (
            "[job.copy]\ncommand = [\"x\"]\nwrites = \"/d\"\ncheck = true\n".to_owned(),
            9,
            "no check",
        ),
        (
            "[job.copy]\ntool = \"borg\"\ncommand = [\"x\"]\nwrites = \"/d\"\n".to_owned(),
            7,
            "restic and borg",
        ),
        (
            format!("{copy}writes = \"/d\"\nvalidate = [\"v\", \"{{duplicate}}/a\"]\n"),
            10,
            "second copy",
        ),
        (
            format!("{copy}writes = \"/d\"\nvalidate = [\"v\"]\nscratch = \"/d/s\"\n"),
            11,
            "one another",
        ),
    ];
    for (text, line, word) in cases {
        let (at, message) = problem(&format!("{JOB}{NIGHTLY}{text}"));
        assert_eq!(at, Some(line), "{text}: {message}");
        assert!(message.contains(word), "{text}: {message}");
    }
    let (_, message) = problem(&format!("{JOB}tool = \"tar\"\nmust_contain = [\"/srv\"]\n"));
    assert!(message.contains("read back"), "{message}");
}

#[test]
fn mistakes_about_watching_are_named_with_their_line() {
    let cases = [
        (
            "kind = \"log-file\"\nfile = \"/l\"\nsuccess = [\"ok\"]\n",
            4,
            "success and for failure",
        ),
        (
            "kind = \"log-file\"\nfile = \"l\"\nsuccess = [\"ok\"]\nfail = [\"bad\"]\n",
            6,
            "full path",
        ),
        (
            "kind = \"log-file\"\nsuccess = [\"ok\"]\nfail = [\"bad\"]\n",
            4,
            "file is missing",
        ),
        (
            "kind = \"log-file\"\nfile = \"/l\"\nsuccess = [\"\"]\nfail = [\"bad\"]\n",
            4,
            "empty",
        ),
        ("kind = \"status-file\"\n", 4, "file is missing"),
        ("kind = \"duplicati\"\n", 4, "name in Duplicati"),
        ("kind = \"duplicati\"\nbackup = \"x\"\nport = 80\n", 4, "port"),
        ("kind = \"event-log\"\n", 4, "no entry"),
        ("kind = \"event-log\"\nproduct = \"cove\"\n", 4, "source"),
        (
            "kind = \"event-log\"\nproduct = \"veeam\"\nchannel = \"/q\"\n",
            4,
            "channel",
        ),
        ("kind = \"crystal ball\"\n", 5, "crystal ball"),
    ];
    for (text, line, word) in cases {
        let (at, message) = problem(&format!("{JOB}tool = \"command\"\n[job.watch]\n{text}"));
        assert_eq!(at, Some(line), "{text}: {message}");
        assert!(message.contains(word), "{text}: {message}");
    }
    let watch = "[job.watch]\nkind = \"status-file\"\nfile = \"/s\"\n";
    let (line, message) = problem(&format!("{JOB}tool = \"restic\"\nschedule = \"0 1 * * *\"\n{watch}"));
    assert!(line == Some(4) && message.contains("only watches"), "{message}");
    let rows = "rows = [{ source = \"TapeMaster\", id = 7, means = \"ok\" }]\n";
    let text = format!("{JOB}tool = \"command\"\n[job.watch]\nkind = \"event-log\"\nproduct = \"tape\"\n{rows}");
    let config = Place::new().load(&text).expect("it is right");
    assert_eq!(config.jobs[0].tool_name(), "tape");
}

#[test]
fn mistakes_about_the_medium_are_named_with_their_line() {
    let cases = [
        ("require_medium = \"registered\"\n", 6, "where the medium is mounted"),
        ("medium = \"/m\"\nrequire_medium = \"any\"\n", 7, "no rule"),
        ("medium = \"/m\"\nrequire_medium = true\n", 7, "no rule"),
        ("medium = \"/m\"\nrequire_medium = { mon = \"A\" }\n", 7, "'mon'"),
        ("medium = \"/m\"\nrequire_medium = { monday = \"\" }\n", 7, "'monday'"),
        ("medium = \"/m\"\nrequire_medium = { monday = 1 }\n", 7, "'monday'"),
        ("medium = \"/m\"\nrequire_medium = {}\n", 7, "no weekday"),
    ];
    for (text, line, word) in cases {
        let (at, message) = problem(&format!("{JOB}{NIGHTLY}{text}"));
        assert_eq!(at, Some(line), "{text}: {message}");
        assert!(message.contains(word), "{text}: {message}");
    }
    let (line, message) = problem("day_begins = \"noon\"\n");
    assert!(line == Some(1) && message.contains("noon"), "{message}");
    let watch = "medium = \"/m\"\nrequire_medium = \"rotated\"\n[job.watch]\nkind = \"status-file\"\nfile = \"/s\"\n";
    let (line, message) = problem(&format!("{JOB}tool = \"restic\"\n{watch}"));
    assert!(line == Some(5) && message.contains("only watches"), "{message}");
}

#[test]
fn rules_about_the_medium_are_read() {
    let rule = |rule: &str| {
        let text = format!("day_begins = \"06:30\"\n{JOB}{NIGHTLY}medium = \"/m\"\nrequire_medium = {rule}\n");
        let config = Place::new().load(&text).expect("it is right");
        assert_eq!(config.jobs[0].days.begins, jiff::civil::time(6, 30, 0, 0));
        config.jobs[0].require_medium.clone()
    };
    assert_eq!(rule("\"registered\""), Some(MediumRule::Registered));
    assert_eq!(rule("\"rotated\""), Some(MediumRule::Rotated));
    let names = BTreeMap::from([(0, "Monday".to_owned()), (6, "Archive".to_owned())]);
    assert_eq!(
        rule("{ monday = \"Monday\", sunday = \"Archive\" }"),
        Some(MediumRule::Weekdays(names))
    );
}
