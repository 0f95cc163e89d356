//! Watching other software, by the real daemon: a log file, a status file, reports posted to its port, and an event log that a script in
//! place of Windows' `wevtutil` prints.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use lastgood_protocol::{EventBody, Outcome, RunFinished};

use crate::machine::{Machine, Running, text, wait_for};
use crate::tools::{lonely, plain};

const SOON: Duration = Duration::from_secs(30);

fn runs_of(machine: &Machine, job: &str, count: usize) -> Vec<RunFinished> {
    wait_for(job, SOON, || {
        let runs: Vec<RunFinished> = machine
            .finished()
            .into_iter()
            .filter(|run| run.job.as_str() == job)
            .collect();
        (runs.len() >= count).then_some(runs)
    })
}

fn append(machine: &Machine, name: &str, text: &str) {
    let mut file = fs::File::options()
        .create(true)
        .append(true)
        .open(machine.path(name))
        .expect("writable");
    file.write_all(text.as_bytes()).expect("writable");
}

/// The daemon looked, and remembers how far.
fn await_memory(machine: &Machine, job: &str) {
    let kept = machine.state().join(format!("watch/job-{job}.json"));
    wait_for("the first look", SOON, || kept.exists().then_some(()));
}

#[test]
fn a_log_and_a_status_file_become_runs_once_also_over_a_restart() {
    let machine = lonely();
    append(&machine, "synobackup.log", "Backup task started\nBackup task Failed\n");
    let sample = include_str!("../../src/watch/samples/resticprofile.json");
    fs::write(machine.path("status.json"), sample).expect("writable");
    machine.configure(&format!(
        "[[job]]\nkey = \"nas\"\ntool = \"command\"\ndestination = \"disk\"\n[job.watch]\nkind = \"log-file\"\nfile = \"{}\"\n\
         fail = [\"Failed\"]\nsuccess = [\"finished successfully\"]\nstart = [\"started\"]\n\
         [[job]]\nkey = \"profile\"\ntool = \"restic\"\n[job.watch]\nkind = \"status-file\"\nfile = \"{}\"\n",
        plain(&machine.path("synobackup.log")),
        plain(&machine.path("status.json"))
    ));
    let agent = machine.start();
    let run = runs_of(&machine, "profile", 1).remove(0);
    assert_eq!((run.outcome, run.tool.name.as_str()), (Outcome::Ok, "resticprofile"));
    assert_eq!(run.facts.files_total, Some(358));
    await_memory(&machine, "nas");
    append(&machine, "synobackup.log", "Backup task started\n");
    let started = wait_for("the start", SOON, || {
        machine.events().iter().find_map(|event| match &event.what {
            EventBody::RunStarted(run) if run.job.as_str() == "nas" => Some(run.run),
            _ => None,
        })
    });
    drop(agent);
    append(&machine, "synobackup.log", "Backup task finished successfully\n");
    let _again = machine.start();
    let run = runs_of(&machine, "nas", 1).remove(0);
    assert_eq!((run.run, run.outcome), (started, Outcome::Ok));
    append(&machine, "synobackup.log", "Backup task started\nBackup task Failed\n");
    let runs = runs_of(&machine, "nas", 2);
    assert_eq!((runs.len(), runs[1].outcome), (2, Outcome::Failed));
    assert_eq!(runs_of(&machine, "profile", 1).len(), 1, "a status is told once");
    let said = machine.succeed(&["check-config"]);
    assert!(said.contains("resticprofile, watched"), "{said}");
}

fn post(port: u16, head: &str, body: &str) -> String {
    let mut stream = wait_for("the port", SOON, || TcpStream::connect(("127.0.0.1", port)).ok());
    stream.set_read_timeout(Some(SOON)).expect("a time limit");
    write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn duplicati_posts_its_report_to_a_port_of_this_machine() {
    let machine = lonely();
    let port = 38_217;
    machine.configure(&format!(
        "[[job]]\nkey = \"files\"\ntool = \"duplicati\"\n[job.watch]\nkind = \"duplicati\"\nbackup = \"Practice files\"\nport = {port}\n"
    ));
    let _agent = machine.start();
    let sample = include_str!("../../src/watch/samples/duplicati-success.json");
    let json = format!("POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json; charset=utf-8");
    assert!(post(port, &json, sample).starts_with("HTTP/1.1 200"));
    let run = runs_of(&machine, "files", 1).remove(0);
    assert_eq!((run.outcome, run.tool.name.as_str()), (Outcome::Ok, "duplicati"));
    assert_eq!(run.tool.version.as_deref(), Some("2.1.0.5"));
    assert_eq!(run.facts.bytes_added, Some(8_290_314));
    assert!(post(port, &json, sample).starts_with("HTTP/1.1 200"));
    let twice = runs_of(&machine, "files", 2);
    assert_eq!(twice[0].run, twice[1].run, "the server stores one run");
    let other = sample.replace("Practice files", "Somebody's");
    assert!(post(port, &json, &other).starts_with("HTTP/1.1 404"));
    let to_key = json.replace("POST /", "POST /files");
    assert!(post(port, &to_key, &other).starts_with("HTTP/1.1 404"));
    // What older versions post has no name.
    let nameless = include_str!("../../src/watch/samples/duplicati-posted-2023.json");
    assert!(post(port, &json, nameless).starts_with("HTTP/1.1 404"));
    assert!(
        machine.log().contains("in the address it posts to"),
        "{}",
        machine.log()
    );
    assert!(post(port, &json.replace("POST /", "POST /others"), nameless).starts_with("HTTP/1.1 404"));
    assert!(post(port, &to_key, nameless).starts_with("HTTP/1.1 200"));
    let third = runs_of(&machine, "files", 3).remove(2);
    assert_eq!(third.tool.version.as_deref(), Some("2.0.7.1"));
    assert!(post(port, &json, "{").starts_with("HTTP/1.1 200"), "not about a backup");
    for (head, status) in [
        (json.replace("127.0.0.1", "evil.example"), "421"),
        (json.replace("application/json", "text/plain"), "415"),
        (json.replace("POST", "GET"), "405"),
        (format!("{json}\r\nX: {}", "y".repeat(20_000)), "400"),
    ] {
        let answer = post(port, &head, sample);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{answer}");
    }
    assert_eq!(machine.finished().len(), 3);
}

/// Prints what `wevtutil qe CHANNEL /q:… /f:xml /rd:… /c:…` would, of a file with an entry a line.
const WEVTUTIL: &str = r#"#!/bin/sh
[ "$2" = Microsoft-Windows-Backup ] || exit 1
after=$(printf %s "$3" | sed -n 's/.*EventRecordID > \([0-9]*\).*/\1/p')
before=$(printf %s "$3" | sed -n 's/.*EventRecordID < \([0-9]*\).*/\1/p')
source=$(printf %s "$3" | sed -n "s/.*@Name='\([^']*\)'.*/\1/p")
order=cat; [ "$5" = /rd:true ] && order=tac
most=${6#/c:}
$order "$LOG" | while read -r line; do
    record=$(printf %s "$line" | sed -n 's/.*<EventRecordID>\([0-9]*\)<.*/\1/p')
    [ "$record" -gt "${after:-0}" ] && [ "$record" -lt "${before:-999999}" ] || continue
    case $line in *"Name='$source"*|*"Name=\"$source"*) printf '%s\n' "$line" ;; esac
done | head -n "$most"
"#;

/// A job that watches Windows Server Backup, and the log that the script prints from.
fn with_event_log() -> Machine {
    let machine = lonely();
    fs::create_dir(machine.path("bin")).expect("writable");
    let program = machine.path("bin/wevtutil");
    fs::write(&program, WEVTUTIL).expect("writable");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("ours");
    machine.configure(
        "[[job]]\nkey = \"image\"\ntool = \"windows-server-backup\"\n[job.watch]\nkind = \"event-log\"\nproduct = \"windows-server-backup\"\n",
    );
    machine
}

fn command_beside_event_log(machine: &Machine, arguments: &[&str]) -> Command {
    let mut command = machine.command(arguments);
    command
        .env("PATH", format!("{}:/usr/bin:/bin", plain(&machine.path("bin"))))
        .env("LOG", machine.path("events"));
    command
}

const GOOD: &str = include_str!("../../src/watch/samples/server-backup-4.xml");
const BAD: &str = include_str!("../../src/watch/samples/server-backup-5.xml");

/// An entry with another number, on one line.
fn numbered(entry: &str, record: u64) -> String {
    let (head, rest) = entry.split_once("<EventRecordID>").expect("it has one");
    let (_, tail) = rest.split_once('<').expect("it ends");
    format!("{head}<EventRecordID>{record}<{tail}").replace('\n', "") + "\n"
}

#[test]
fn windows_event_log_is_read_from_where_it_stood() {
    let machine = with_event_log();
    append(&machine, "events", &numbered(GOOD, 700));
    let start = || {
        let log = fs::File::create(machine.path("log")).expect("writable");
        let child = command_beside_event_log(&machine, &["run"])
            .stdin(Stdio::null())
            .stderr(log)
            .spawn();
        Running(child.expect("it can be started"))
    };
    let first = start();
    await_memory(&machine, "image");
    drop(first);
    assert_eq!(machine.finished().len(), 0, "what was logged before is not reported");
    // More entries than are read at once that cannot be read at all.
    let broken: String = (701..725)
        .map(|record| numbered(GOOD, record).replace("</System>", ""))
        .collect();
    append(
        &machine,
        "events",
        &format!("{broken}{}{}", numbered(GOOD, 812), numbered(BAD, 813)),
    );
    let again = start();
    let runs = runs_of(&machine, "image", 2);
    assert_eq!(
        (runs[0].outcome, runs[1].outcome),
        (Outcome::Ok, Outcome::Failed),
        "{}",
        machine.log()
    );
    assert_eq!(runs[0].facts.full.map(|claim| claim.holds), Some(true));
    assert_eq!(runs[0].tool.name, "windows-server-backup");
    assert_eq!(runs[0].finished_at.to_string(), "2026-11-20T03:12:44.7625059Z");
    drop(again);
    // What these entries say together is longer than what is kept of an answer.
    let long = GOOD.replace("<EventID>4<", "<EventID>14<").replace(
        "</EventData>",
        &format!("<Data>{}</Data></EventData>", "x".repeat(30_000)),
    );
    append(&machine, "events", &numbered(BAD, 900));
    for record in 901..906 {
        append(&machine, "events", &numbered(&long, record));
    }
    let _once_more = start();
    let told = runs_of(&machine, "image", 3);
    assert_eq!(told[2].outcome, Outcome::Failed, "{}", machine.log());
}

#[test]
fn what_is_in_the_event_log_already_can_be_looked_at_and_nothing_is_reported() {
    let machine = with_event_log();
    let other = GOOD.replace("Microsoft-Windows-Backup", "SomethingElse");
    append(&machine, "events", &numbered(&other, 1));
    let preview = |arguments: &[&str]| {
        let mut all = vec!["preview", "image"];
        all.extend(arguments);
        let output = command_beside_event_log(&machine, &all).output().expect("it starts");
        (output.status.code(), text(&output))
    };
    let (code, said) = preview(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(
        said.contains("no entry of Microsoft-Windows-Backup. Its newest are of: SomethingElse"),
        "{said}"
    );
    let over = GOOD.replace("<EventID>4<", "<EventID>14<");
    for record in 2..30 {
        append(&machine, "events", &numbered(&over, record));
    }
    append(
        &machine,
        "events",
        &format!("{}{}", numbered(GOOD, 30), numbered(BAD, 31)),
    );
    let (code, said) = preview(&["--last", "25"]);
    assert_eq!(code, Some(0), "{said}");
    let failed = said.find("Microsoft-Windows-Backup 5 (error)").expect("the newest");
    let good = said
        .find("Microsoft-Windows-Backup 4 (information)")
        .expect("the one before");
    assert!(failed < good, "{said}");
    assert!(said.contains("counts as FAILED"), "{said}");
    assert!(said.contains("counts as ok; full"), "{said}");
    assert!(
        said.contains("Microsoft-Windows-Backup 14 (information)\n      says nothing of a backup's end"),
        "{said}"
    );
    assert!(
        said.contains("2 of 25 would be reported. Nothing was reported now."),
        "{said}"
    );
    let (_, said) = preview(&["--json", "--last", "1"]);
    let value: serde_json::Value = serde_json::from_str(&said).expect("JSON");
    assert_eq!(value["entries"][0]["outcome"], "failed");
    assert_eq!(value["entries"].as_array().map(Vec::len), Some(1));
    assert!(machine.events().is_empty() && !machine.state().join("watch").exists());
}

#[test]
fn what_logs_and_status_files_say_already_can_be_looked_at() {
    let machine = lonely();
    let sample = include_str!("../../src/watch/samples/resticprofile.json");
    fs::write(machine.path("status.json"), sample).expect("writable");
    append(
        &machine,
        "nas.log",
        "09:00 Backup task started\nnothing\n09:40 Backup \u{1b}[31mtask Failed\n10:00 Backup task started",
    );
    machine.configure(&format!(
        "[[job]]\nkey = \"nas\"\ntool = \"command\"\ndestination = \"disk\"\n[job.watch]\nkind = \"log-file\"\nfile = \"{0}/nas.log\"\n\
         fail = [\"Failed\"]\nsuccess = [\"finished successfully\"]\nstart = [\"started\"]\n\
         [[job]]\nkey = \"profile\"\ntool = \"restic\"\n[job.watch]\nkind = \"status-file\"\nfile = \"{0}/status.json\"\n\
         [[job]]\nkey = \"other\"\ntool = \"restic\"\n[job.watch]\nkind = \"status-file\"\nfile = \"{0}/status.json\"\nprofile = \"office\"\n\
         [[job]]\nkey = \"none\"\ntool = \"restic\"\n[job.watch]\nkind = \"status-file\"\nfile = \"{0}/no.json\"\n\
         [[job]]\nkey = \"files\"\ntool = \"duplicati\"\n[job.watch]\nkind = \"duplicati\"\nbackup = \"Files\"\n\
         [[job]]\nkey = \"own\"\ntool = \"command\"\ncommand = [\"true\"]\ndestination = \"disk\"\n",
        plain(&machine.path(""))
            .trim_end_matches('/')
    ));
    let said = machine.succeed(&["preview", "nas"]);
    assert!(
        said.contains(
            "10:00 Backup task started\n      a backup began\n  09:40 Backup [31mtask Failed\n      counts as FAILED"
        ),
        "{said}"
    );
    assert!(
        said.contains("3 of 3 would be reported. Nothing was reported now."),
        "{said}"
    );
    let said = machine.succeed(&["preview", "profile"]);
    assert!(said.contains("counts as ok; full"), "{said}");
    assert!(
        machine
            .fail(&["preview", "other"])
            .contains("no profile 'office', only: default")
    );
    let said = machine.fail(&["preview", "none"]);
    assert!(
        said.contains("no.json cannot be read") && said.contains("Make a backup first"),
        "{said}"
    );
    assert!(machine.fail(&["preview", "files"]).contains("http://127.0.0.1:8217/"));
    assert!(machine.fail(&["preview", "own"]).contains("watches nothing"));
    assert!(machine.fail(&["preview", "nothing"]).contains("no job 'nothing'"));
    assert!(machine.events().is_empty());
}
