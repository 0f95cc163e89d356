//! `exec`: a command that another scheduler starts is not touched.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use lastgood_protocol::{EventBody, Knowledge, Outcome};

use crate::machine::{Machine, Running, finished, signal, text, wait_for};

#[test]
fn input_output_and_exit_code_are_the_command_s_own() {
    let machine = Machine::new();
    let script = "cat; head -c 300000 /dev/urandom > copy; cat copy; echo complaint >&2; exit 42";
    let mut command = machine.command(&["exec", "nightly", "--", "sh", "-c", script]);
    command
        .current_dir(machine.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().expect("it can be started");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(b"the input")
        .expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(42));
    assert_eq!(output.stderr, b"complaint\n");
    let copy = fs::read(machine.path("copy")).expect("it was written");
    assert_eq!(output.stdout, [b"the input", copy.as_slice()].concat());
    let events = machine.events();
    assert!(matches!(events[0].what, EventBody::RunStarted(_)));
    let run = &finished(&events)[0];
    assert_eq!((run.outcome, run.exit_code), (Outcome::Failed, Some(42)));
    assert!(
        !fs::read_dir(machine.state().join("spool/events"))
            .expect("there")
            .any(|file| {
                String::from_utf8_lossy(&fs::read(file.expect("an entry").path()).expect("readable"))
                    .contains("complaint")
            })
    );
}

#[test]
fn restic_s_summary_is_read_while_it_passes_through() {
    let machine = Machine::new();
    let repository = machine.path("repository");
    let password = machine.secret("password", "right");
    let restic = |arguments: &[&str]| {
        let mut all = vec![
            "restic",
            "--repo",
            repository.to_str().expect("plain"),
            "--password-file",
        ];
        all.push(password.to_str().expect("plain"));
        all.extend(arguments);
        all.iter().map(|&word| word.to_owned()).collect::<Vec<String>>()
    };
    let init = restic(&["init"]);
    assert!(
        Command::new(&init[0])
            .args(&init[1..])
            .output()
            .expect("restic")
            .status
            .success()
    );
    let backup = restic(&["backup", "--json", machine.path("agent.toml").to_str().expect("plain")]);
    let mut arguments = vec!["exec", "nightly", "--"];
    arguments.extend(backup.iter().map(String::as_str));
    let output = machine.run(&arguments);
    assert!(output.status.success(), "{}", text(&output));
    assert!(String::from_utf8_lossy(&output.stdout).contains("\"message_type\":\"summary\""));
    let run = machine.finished().remove(0);
    assert_eq!(run.tool.name, "restic");
    assert!(run.tool.version.is_some() && run.facts.snapshot.is_some());
    assert_eq!(run.facts.files_total, Some(1));
    assert_eq!(
        run.facts.encrypted.map(|claim| claim.known),
        Some(Knowledge::Configured)
    );
}

#[test]
fn a_backup_runs_whatever_is_wrong_with_the_agent() {
    let machine = Machine::new();
    machine.configure("[[job]]\nkey = \"nightly\"\ntool = \"nonsense\"\n");
    let output = machine.run(&["exec", "nightly", "--", "echo", "done"]);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(0), b"done\n".as_slice())
    );
    assert!(text(&output).contains("nonsense"), "{}", text(&output));
    assert_eq!(machine.finished().len(), 1, "and it is reported all the same");

    let nowhere = Machine::with_state(std::path::Path::new("/proc/nowhere"));
    let output = nowhere.run(&["exec", "nightly", "--", "sh", "-c", "echo done; exit 5"]);
    assert_eq!(
        (output.status.code(), output.stdout.as_slice()),
        (Some(5), b"done\n".as_slice())
    );
    assert!(text(&output).contains("not reported"));
}

#[test]
fn a_command_that_cannot_be_started_is_reported_and_ends_as_in_a_shell() {
    let machine = Machine::new();
    let output = machine.run(&["exec", "nightly", "--", "/nonexistent/backup"]);
    assert_eq!(output.status.code(), Some(127));
    let run = machine.finished().remove(0);
    assert_eq!((run.outcome, run.exit_code), (Outcome::Failed, None));
}

#[test]
fn a_request_to_stop_reaches_the_command_and_its_answer_counts() {
    let machine = Machine::new();
    let ready = machine.path("ready");
    let script = format!(
        "trap 'exit 6' TERM; touch {}; while :; do sleep 0.05; done",
        ready.display()
    );
    let child = machine.command(&["exec", "nightly", "--", "sh", "-c", &script]).spawn();
    let mut agent = Running(child.expect("it can be started"));
    wait_for("the command", Duration::from_secs(10), || ready.exists().then_some(()));
    signal(&agent.0, "TERM");
    let status = agent.0.wait().expect("it ends");
    assert_eq!(status.code(), Some(6));
    assert_eq!(machine.finished()[0].exit_code, Some(6));
}
