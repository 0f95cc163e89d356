//! The tools that Debian has, really run: rclone, tar, 7-Zip, pg_dump, mariadb-dump and sqlite3, good and bad, by the daemon.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lastgood_protocol::{Basis, Claim, EventStatus, Knowledge, Outcome, RunFinished};

use crate::databases::{MariaDb, Postgres};
use crate::machine::{Machine, wait_for};
use crate::server::{Authority, Server, answering};

/// Long enough for a handful of runs, one after the other, on a machine that is busy.
const SOON: Duration = Duration::from_mins(1);

/// Enrolled at a server that is gone, so that everything stays in the spool.
pub fn lonely() -> Machine {
    let authority = Authority::new();
    let server = Server::honest(&authority, answering(|_| EventStatus::Stored));
    let machine = Machine::new();
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    server.answer_with(|_| crate::server::Reply::Nothing);
    machine
}

/// A job of the configuration: its key, its lines, and the command it starts.
pub fn job(key: &str, lines: &str, command: &[&str]) -> (String, String) {
    let lines = format!("{lines}\ncommand = {}\n", serde_json::json!(command));
    (key.to_owned(), lines)
}

/// Runs each of these jobs (key and lines) once, by the daemon, and answers their reports in that order.
pub fn run_jobs(machine: &Machine, jobs: &[(String, String)]) -> Vec<RunFinished> {
    let before = machine.finished().len();
    let mut text = String::new();
    for (key, lines) in jobs {
        let schedule = "schedule = \"0 0 1 1 *\"\ncatch_up = \"9000h\"";
        writeln!(text, "[[job]]\nkey = \"{key}\"\n{schedule}\n{lines}").expect("memory");
        let folder = machine.state().join("jobs");
        fs::create_dir_all(&folder).expect("writable");
        let kept = serde_json::json!({ "anchor": "2020-06-01T00:00:00Z" });
        fs::write(folder.join(format!("job-{key}.json")), kept.to_string()).expect("writable");
    }
    machine.configure(&text);
    let mut agent = machine.start();
    let runs = wait_for("the runs", SOON, || {
        let ended = agent.0.try_wait().expect("it can be looked at");
        assert!(ended.is_none(), "the daemon ended: {}", machine.log());
        let runs = machine.finished();
        (runs.len() >= before + jobs.len()).then_some(runs)
    });
    drop(agent);
    let new = runs.get(before..).expect("there are more");
    jobs.iter()
        .map(|(key, _)| {
            let run = new.iter().find(|run| run.job.as_str() == key);
            run.unwrap_or_else(|| panic!("{key} did not run: {new:?}\n{}", machine.log()))
                .clone()
        })
        .collect()
}

pub fn plain(path: &Path) -> String {
    path.to_str().expect("a plain path").to_owned()
}

fn claim(holds: bool, known: Knowledge, basis: Basis) -> Claim {
    let basis = Some(basis);
    Claim { holds, known, basis }
}

fn practice(machine: &Machine) -> String {
    fs::create_dir(machine.path("practice")).expect("writable");
    fs::write(machine.path("practice/accounts"), vec![7; 100_000]).expect("writable");
    fs::write(machine.path("practice/letter"), "Dear colleague").expect("writable");
    plain(&machine.path("practice"))
}

fn assert_good(run: &RunFinished) {
    assert_eq!((run.outcome, &run.reason), (Outcome::Ok, &None), "{run:?}");
    assert!(
        run.tool.version.as_deref().is_some_and(|version| version.contains('.')),
        "{run:?}"
    );
}

const RCLONE: [&str; 5] = ["rclone", "sync", "--use-json-log", "--stats-log-level", "NOTICE"];

#[test]
fn rclone_tar_and_seven_zip_back_up_real_files_and_are_checked() {
    let machine = lonely();
    let source = practice(&machine);
    let place = |name: &str| plain(&machine.path(name));
    let (copy, archive, packed) = (place("copy"), place("a.tgz"), place("a.7z"));
    let vault = "destination = \"vendor\"\ndestination_name = \"Northern Vault\"";
    let jobs = [
        job(
            "rclone",
            &format!("tool = \"rclone\"\ncheck = true\n{vault}"),
            &[&RCLONE[..], &[&source, &copy]].concat(),
        ),
        job(
            "tar",
            "tool = \"tar\"\ncheck = true",
            &["tar", "--totals", "-czf", &archive, &source],
        ),
        job(
            "7-zip",
            "tool = \"7-zip\"\ncheck = true",
            &["7zz", "a", "-psecret", &packed, &source],
        ),
    ];
    let [rclone, tar, zip] = run_jobs(&machine, &jobs).try_into().expect("three");
    for run in [&rclone, &tar, &zip] {
        assert_good(run);
    }
    assert_eq!(rclone.facts.files_total, Some(2));
    assert_eq!(rclone.facts.bytes_added, Some(100_014));
    assert_eq!(rclone.facts.destination_name.as_deref(), Some("Northern Vault"));
    let checked = Some(claim(true, Knowledge::Measured, Basis::DataCheck));
    assert_eq!(rclone.facts.compared, checked);
    assert_eq!(tar.facts.verified, checked);
    assert_eq!(zip.facts.verified, checked);
    let seen = claim(true, Knowledge::Measured, Basis::WrittenFile);
    assert_eq!(tar.facts.compressed, Some(seen));
    assert_eq!(
        tar.facts.bytes_added,
        Some(fs::metadata(&archive).expect("it is there").len())
    );
    assert_eq!(zip.facts.files_total, Some(2));
    let configured = claim(true, Knowledge::Configured, Basis::Options);
    assert_eq!(zip.facts.encrypted, Some(configured));
    assert!(!format!("{:?}", machine.finished()).contains("secret"));
}

#[test]
fn the_failures_of_rclone_tar_and_seven_zip_are_failures() {
    let machine = lonely();
    let place = |name: &str| plain(&machine.path(name));
    let (nowhere, archive) = (place("nowhere"), place("b.tar"));
    let jobs = [
        job(
            "rclone",
            "tool = \"rclone\"",
            &[&RCLONE[..], &["--retries=1", &nowhere, &place("copy")]].concat(),
        ),
        job("tar", "tool = \"tar\"", &["tar", "-cf", &archive, &nowhere]),
        job("7-zip", "tool = \"7-zip\"", &["7zz", "frob"]),
        job(
            "absent",
            &format!("tool = \"tar\"\nwrites = \"{}\"", place("absent")),
            &["true"],
        ),
    ];
    let runs = run_jobs(&machine, &jobs);
    for (run, code) in runs.iter().zip([3, 2, 7, 0]) {
        assert_eq!((run.outcome, run.exit_code), (Outcome::Failed, Some(code)), "{run:?}");
    }
    let absent = runs[3].reason.as_deref();
    assert!(absent.is_some_and(|reason| reason.contains("not there")), "{runs:?}");
}

#[test]
fn real_postgres_is_dumped_and_a_dump_that_was_cut_off_is_found() {
    let machine = lonely();
    let postgres = Postgres::start();
    let place = |name: &str| plain(&machine.path(name));
    let (custom, text, cut) = (place("pg.dump"), place("pg.sql"), place("cut.dump"));
    let connection = postgres.connection();
    let whole = ["pg_dump", "--format=custom", "--file", &custom, &connection];
    let none = ["pg_dump", "-f", &place("none"), "dbname=none host=/nowhere"];
    let jobs = [
        job("custom", "tool = \"pg_dump\"\ncheck = true", &whole),
        job(
            "text",
            "tool = \"pg_dump\"\ncheck = true",
            &["pg_dump", "-f", &text, &connection],
        ),
        job("none", "tool = \"pg_dump\"", &none),
    ];
    let runs = run_jobs(&machine, &jobs);
    for run in &runs[..2] {
        assert_good(run);
        assert_eq!(run.facts.verified.map(|claim| claim.holds), Some(true), "{run:?}");
        assert_eq!(run.facts.encrypted.map(|claim| claim.holds), Some(false), "{run:?}");
        assert!(run.facts.bytes_added.is_some_and(|bytes| bytes > 10_000), "{run:?}");
    }
    let reason = runs[2].reason.as_deref();
    assert!(reason.is_some_and(|reason| reason.contains("reached")), "{runs:?}");

    // Its table of contents is whole: `pg_restore --list` would find nothing.
    let length = fs::metadata(&custom).expect("it is there").len();
    let script = format!("head -c {} {custom} > {cut}", length - 20);
    let lines = format!("tool = \"pg_dump\"\ncheck = true\nwrites = \"{cut}\"");
    let runs = run_jobs(&machine, &[job("cut", &lines, &["sh", "-c", &script])]);
    assert_eq!(runs[0].outcome, Outcome::Failed, "{runs:?}");
    assert_eq!(runs[0].facts.verified.map(|claim| claim.holds), Some(false));
}

#[test]
fn real_mariadb_and_sqlite_are_copied_and_checked() {
    let machine = lonely();
    let mariadb = MariaDb::start();
    let place = |name: &str| plain(&machine.path(name));
    let (dump, copy, live, broken) = (place("m.sql"), place("copy.db"), place("live.db"), place("broken.db"));
    let made = Command::new("sqlite3")
        .args([&live, "create table t(a); insert into t values (randomblob(9000))"])
        .status();
    assert!(made.expect("sqlite3").success());
    let copied = |to: &str| format!("tool = \"sqlite3\"\ncheck = true\nwrites = \"{to}\"");
    let breaking = format!("cp {live} {broken} && printf XXXXXXXX | dd of={broken} bs=1 seek=60 conv=notrunc");
    let socket = mariadb.socket();
    let to_dump = format!("--result-file={dump}");
    let nothing = [
        "mariadb-dump",
        "-S",
        &socket,
        "-r",
        &place("none"),
        "practice",
        "nothing",
    ];
    let jobs = [
        job(
            "maria",
            "tool = \"mariadb-dump\"\ncheck = true",
            &["mariadb-dump", "-S", &socket, &to_dump, "practice"],
        ),
        job(
            "sqlite",
            &copied(&copy),
            &["sqlite3", &live, &format!(".backup '{copy}'")],
        ),
        job("no-table", "tool = \"mariadb-dump\"", &nothing),
        job("broken", &copied(&broken), &["sh", "-c", &breaking]),
    ];
    let runs = run_jobs(&machine, &jobs);
    for run in &runs[..2] {
        assert_good(run);
        assert_eq!(run.facts.verified.map(|claim| claim.holds), Some(true), "{run:?}");
        assert_eq!(run.facts.compressed.map(|claim| claim.holds), Some(false), "{run:?}");
    }
    for ending in ["-shm", "-wal"] {
        assert!(
            !Path::new(&format!("{copy}{ending}")).exists(),
            "the check left a file beside the copy"
        );
    }
    let no_table = runs[2].reason.as_deref();
    assert!(no_table.is_some_and(|reason| reason.contains("table")), "{runs:?}");
    assert_eq!(runs[3].outcome, Outcome::Failed, "{runs:?}");
    assert_eq!(runs[3].facts.verified.map(|claim| claim.holds), Some(false));
}
