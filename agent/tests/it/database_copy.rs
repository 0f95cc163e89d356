//! A run that begins with the copy of a running database: real PostgreSQL, MariaDB and SQLite, and a script in place of SQL
//! Anywhere's dbbackup and dbvalid, which Debian does not have: it behaves as their manual says (-y overwrites without asking, -c
//! connects, the last argument is the target folder, which gets the database file and its log; it ends with 0 or not 0).

use std::fs;
use std::process::Command;

use lastgood_protocol::{Outcome, RunFinished};

use crate::databases::{MariaDb, Postgres};
use crate::machine::Machine;
use crate::tools::{lonely, plain, run_jobs};

struct Place {
    machine: Machine,
}

impl Place {
    fn new() -> Self {
        let machine = lonely();
        fs::create_dir(machine.path("practice")).expect("writable");
        fs::write(machine.path("practice/letter"), "Dear colleague").expect("writable");
        fs::create_dir(machine.path("copies")).expect("writable");
        machine.secret("password", "right");
        let place = Self { machine };
        let made = Command::new("restic")
            .args([
                "init",
                "--repo",
                &place.path("restic"),
                "--password-file",
                &place.path("password"),
            ])
            .output();
        assert!(made.expect("restic").status.success());
        place
    }

    fn path(&self, name: &str) -> String {
        plain(&self.machine.path(name))
    }

    /// A nightly job that begins with a copy.
    fn job(&self, key: &str, paths: &[&str], copy: &str) -> (String, String) {
        let lines = format!(
            "tool = \"restic\"\nrepository = \"{}\"\npaths = {}\npassword_file = \"{}\"\n[job.copy]\n{copy}\n",
            self.path("restic"),
            serde_json::json!(paths),
            self.path("password")
        );
        (key.to_owned(), lines)
    }

    fn run(&self, jobs: &[(String, String)]) -> Vec<RunFinished> {
        // One after the other: they write the same copies.
        jobs.iter()
            .flat_map(|job| run_jobs(&self.machine, std::slice::from_ref(job)))
            .collect()
    }
}

fn copy(tool: &str, command: &[&str], writes: &str, more: &str) -> String {
    let command = serde_json::json!(command);
    format!("tool = \"{tool}\"\ncommand = {command}\nwrites = \"{writes}\"\n{more}")
}

fn assert_good(run: &RunFinished) {
    assert_eq!((run.outcome, &run.reason), (Outcome::Ok, &None), "{run:?}");
    let copy = run.facts.copy.expect("there was a copy");
    assert!(copy.fresh && copy.complete && copy.bytes > 0, "{copy:?}");
    assert_eq!(copy.validated, Some(true), "{run:?}");
    let coverage = run.facts.coverage.expect("it was read back");
    assert_eq!(coverage.copy_inside, Some(true));
    assert_eq!(coverage.live_inside, Some(false));
}

#[test]
fn a_running_postgres_is_copied_and_its_live_folder_must_not_be_in_the_backup() {
    let place = Place::new();
    let postgres = Postgres::start();
    let (dump, live) = (place.path("copies/practice.dump"), plain(&postgres.live()));
    let command = ["pg_dump", "-Fc", "-f", &dump, &postgres.connection()];
    let more = format!("check = true\nlive = [\"{live}\"]\nprocess = \"postgres\"");
    let step = copy("pg_dump", &command, &dump, &more);
    let (practice, copies) = (place.path("practice"), place.path("copies"));
    let runs = place.run(&[
        place.job("good", &[&practice, &copies], &step),
        place.job("forgotten", &[&practice], &step),
        place.job("live", &[&copies, &live], &step),
    ]);
    assert_good(&runs[0]);
    let coverage = runs[0].facts.coverage.expect("it was read back");
    assert_eq!(coverage.database_ran, Some(true));
    let started = runs[0].facts.database_started_at.expect("it runs");
    // Another of that name may run on this machine, and longer.
    assert!(started <= runs[0].started_at);
    assert_eq!(runs[1].outcome, Outcome::Failed, "{runs:?}");
    assert!(
        runs[1]
            .reason
            .as_deref()
            .is_some_and(|reason| reason.contains("copy is not in it"))
    );
    assert_eq!(
        runs[2].facts.coverage.and_then(|coverage| coverage.live_inside),
        Some(true)
    );
    assert_eq!(runs[2].outcome, Outcome::Warning, "{runs:?}");
    assert!(!serde_json::to_string(&runs).expect("JSON").contains("practice.dump"));
}

#[test]
fn mariadb_and_sqlite_are_copied_and_a_copy_that_fails_or_collapses_is_said() {
    let place = Place::new();
    let mariadb = MariaDb::start();
    let (dump, small, sqlite) = (
        place.path("copies/m.sql"),
        place.path("copies/small"),
        place.path("copies/lite.db"),
    );
    let live = place.path("live.db");
    let made = Command::new("sqlite3")
        .args([&live, "create table t(a); insert into t values (randomblob(9000))"])
        .status();
    assert!(made.expect("sqlite3").success());
    fs::write(&small, vec![7; 200_000]).expect("writable");
    let away = format!(
        "check = true\nlive = [\"{}\"]\nprocess = \"mariadbd\"",
        place.path("nowhere")
    );
    let socket = mariadb.socket();
    let from = |socket: &str| {
        copy(
            "mariadb-dump",
            &["mariadb-dump", "-S", socket, "-r", &dump, "practice"],
            &dump,
            &away,
        )
    };
    let vacuum = format!("rm -f {sqlite}; sqlite3 {live} \"VACUUM INTO '{sqlite}'\"");
    let of_sqlite = format!("check = true\nlive = [\"{live}\"]");
    let paths = [place.path("practice"), place.path("copies")];
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let runs = place.run(&[
        place.job("maria", &paths, &from(&socket)),
        place.job(
            "lite",
            &paths,
            &copy("sqlite3", &["sh", "-c", &vacuum], &sqlite, &of_sqlite),
        ),
        place.job("away", &paths, &from("/nowhere")),
        place.job(
            "collapsed",
            &paths,
            &copy("command", &["sh", "-c", &format!("echo x > {small}")], &small, ""),
        ),
        place.job(
            "stale",
            &paths,
            &copy("command", &["true"], &place.path("practice/letter"), ""),
        ),
    ]);
    assert_good(&runs[0]);
    assert!(runs[0].facts.database_started_at.is_some());
    assert_good(&runs[1]);
    let reason = |run: &RunFinished| {
        assert_eq!(run.outcome, Outcome::Failed, "{run:?}");
        run.reason.clone().expect("it says why")
    };
    assert!(reason(&runs[2]).contains("could not be reached"), "{runs:?}");
    // The practice's other files are in the backup all the same.
    assert!(runs[2].facts.snapshot.is_some());
    assert!(reason(&runs[3]).contains("half as large"), "{runs:?}");
    let collapsed = runs[3].facts.copy.expect("there was a copy");
    assert_eq!(
        (collapsed.bytes, collapsed.bytes_before, collapsed.complete),
        (2, Some(200_000), false)
    );
    assert!(reason(&runs[4]).contains("older than this run"), "{runs:?}");
}

const DBBACKUP: &str = r#"#!/bin/sh
# Stands in for dbbackup: -y, -c "…" and a target folder. The connection is what SQLCONNECT or -c says.
yes=no connection=$SQLCONNECT
while [ $# -gt 1 ]; do
    case $1 in
    -y) yes=yes ;;
    -c) connection=$2; shift ;;
    esac
    shift
done
case $connection in *PWD=right*) ;; *) echo 'Invalid user ID or password' >&2; exit 9 ;; esac
if [ -e "$1/practice.db" ] && [ $yes = no ]; then echo 'Overwrite? (Y/N)' >&2; exit 1; fi
mkdir -p "$1" && cp "$LIVE/practice.db" "$LIVE/practice.log" "$1"
"#;

const DBVALID: &str = r#"#!/bin/sh
# Stands in for dbvalid: starts a server on the file of DBF=, which recovers it and so changes it, and validates it.
case $2 in *DBF=*) file=${2#*DBF=} ;; *) exit 1 ;; esac
grep -q damaged "$file" && { echo 'Validation found errors' >&2; exit 1; }
echo recovered >> "$file"
"#;

#[test]
fn a_stand_in_for_dbbackup_is_run_as_its_manual_says_and_validated_on_a_second_copy() {
    let place = Place::new();
    let machine = &place.machine;
    let program = |name: &str, script: &str| {
        let path = plain(&machine.secret(name, script));
        assert!(
            Command::new("chmod")
                .args(["700", &path])
                .status()
                .expect("chmod")
                .success()
        );
        path
    };
    let (dbbackup, dbvalid) = (program("dbbackup", DBBACKUP), program("dbvalid", DBVALID));
    for folder in ["live", "copies/sql-anywhere", "scratch"] {
        fs::create_dir(machine.path(folder)).expect("writable");
    }
    fs::write(machine.path("live/practice.db"), vec![b'x'; 100_000]).expect("writable");
    fs::write(machine.path("live/practice.log"), "log").expect("writable");
    machine.secret("connection", "UID=backup;PWD=right");
    machine.secret("wrong", "UID=backup;PWD=wrong");
    let to = place.path("copies/sql-anywhere");
    let job = |key: &str, connection: &str, expect: &str| {
        let validate = serde_json::json!([dbvalid, "-c", "UID=backup;DBF={duplicate}/practice.db"]);
        let more = format!(
            "expect = {expect}\nlive = [\"{}\"]\nprocess = \"dbsrv17\"\nvalidate = {validate}\nscratch = \"{}\"\n\
             [job.environment]\nLIVE = \"{}\"\nSQLCONNECT_FILE = \"{}\"",
            place.path("live"),
            place.path("scratch"),
            place.path("live"),
            place.path(connection)
        );
        let step = copy("dbbackup", &[&dbbackup, "-y", &to], &to, &more);
        place.job(key, &[&place.path("practice"), &place.path("copies")], &step)
    };
    let expected = "[\"*.db\", \"*.log\"]";
    let good = place.run(&[job("good", "connection", expected)]).remove(0);
    assert_good(&good);
    let copied = good.facts.copy.expect("there was a copy");
    assert_eq!((copied.files, copied.bytes), (2, 100_003));
    let coverage = good.facts.coverage.expect("it was read back");
    assert_eq!(coverage.database_ran, Some(false), "no dbsrv17 runs here");
    let written = fs::read(machine.path("copies/sql-anywhere/practice.db")).expect("it is there");
    assert_eq!(written.len(), 100_000, "the check changed the copy itself");
    assert_eq!(fs::read_dir(machine.path("scratch")).expect("there").count(), 0);

    fs::write(
        machine.path("live/practice.db"),
        [vec![b'x'; 100_000], b"damaged".to_vec()].concat(),
    )
    .expect("writable");
    let bad = place.run(&[
        job("refused", "wrong", expected),
        job("damaged", "connection", expected),
        job("incomplete", "connection", "[\"*.db\", \"second.db\"]"),
    ]);
    for (run, word) in bad.iter().zip(["refused the user", "found damage", "missing"]) {
        assert_eq!(run.outcome, Outcome::Failed, "{run:?}");
        assert!(
            run.reason.as_deref().is_some_and(|reason| reason.contains(word)),
            "{run:?}"
        );
    }
    assert_eq!(bad[1].facts.copy.and_then(|copy| copy.validated), Some(false));
    assert!(!serde_json::to_string(&bad).expect("JSON").contains("PWD"));
}
