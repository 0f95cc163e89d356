//! The daemon: jobs by the clock, their ends, and its own.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use lastgood_protocol::{EventBody, EventStatus, Knowledge, Outcome, RunFinished};

use crate::machine::{Machine, Running, signal, text, wait_for};
use crate::server::{Authority, Server, answering};
use crate::tools::run_jobs;

/// Long enough for a run that is due.
const SOON: Duration = Duration::from_secs(20);

/// Enrolled at a server that is gone, so that everything stays in the spool.
fn lonely() -> Machine {
    let authority = Authority::new();
    let server = Server::honest(&authority, answering(|_| EventStatus::Stored));
    let machine = Machine::new();
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    server.answer_with(|_| crate::server::Reply::Nothing);
    for job in ["nightly", "absent", "restic", "borg"] {
        machine.due_now(job);
    }
    machine
}

#[test]
fn a_job_starts_by_the_clock() {
    let machine = lonely();
    fs::remove_dir_all(machine.state().join("jobs")).expect("ours");
    machine.configure(&job("tool = \"command\"\ncommand = [\"true\"]\n"));
    let _agent = machine.start();
    let run = wait_for("the minute", Duration::from_secs(75), || machine.finished().pop());
    assert_eq!(run.outcome, Outcome::Ok);
    let second = run.started_at.to_zoned(jiff::tz::TimeZone::UTC).second();
    assert!(second < 5, "it began {second} seconds into the minute");
}

fn job(rest: &str) -> String {
    format!("[[job]]\nkey = \"nightly\"\nschedule = \"* * * * *\"\nretry_delay = \"1s\"\n{rest}")
}

fn await_runs(machine: &Machine, count: usize) -> Vec<RunFinished> {
    wait_for("runs to end", SOON, || {
        let runs = machine.finished();
        (runs.len() >= count).then_some(runs)
    })
}

fn initialised(machine: &Machine, arguments: &[&str]) {
    let mut command = std::process::Command::new(arguments[0]);
    command
        .args(&arguments[1..])
        .env("HOME", machine.path(""))
        .env("BORG_PASSPHRASE", "right");
    let output = command.output().expect("it can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn restic_and_borg_back_up_real_files_and_are_checked() {
    let machine = lonely();
    fs::create_dir(machine.path("practice")).expect("writable");
    fs::write(machine.path("practice/accounts"), vec![7; 100_000]).expect("writable");
    let password = machine.secret("password", "right\n");
    let plain = |path: &Path| path.to_str().expect("plain").to_owned();
    let (restic, borg) = (plain(&machine.path("restic")), plain(&machine.path("borg")));
    initialised(
        &machine,
        &[
            "restic",
            "--repo",
            &restic,
            "--password-file",
            &plain(&password),
            "init",
        ],
    );
    initialised(&machine, &["borg", "init", "--encryption", "repokey-blake2", &borg]);
    let common = format!(
        "check = true\ntimeout = \"1m\"\npassword_file = \"{}\"\npaths = [\"{}\"]",
        password.display(),
        machine.path("practice").display()
    );
    let job = |tool: &str, repository: &str| {
        let lines = format!("tool = \"{tool}\"\nrepository = \"{repository}\"\n{common}\n");
        (tool.to_owned(), lines)
    };
    let runs = run_jobs(&machine, &[job("restic", &restic), job("borg", &borg)]);
    for tool in ["restic", "borg"] {
        let run = runs.iter().find(|run| run.tool.name == tool).expect("both ran");
        assert_eq!((run.outcome, &run.reason), (Outcome::Ok, &None), "{tool}");
        assert!(run.tool.version.is_some() && run.facts.snapshot.is_some(), "{run:?}");
        assert_eq!(run.facts.files_total, Some(1));
        assert!(
            run.facts.bytes_processed.is_some_and(|bytes| bytes >= 100_000),
            "{run:?}"
        );
        let verified = run.facts.verified.expect("it was checked");
        assert_eq!((verified.holds, verified.known), (true, Knowledge::Measured));
    }
}

/// Runs a command of the agent with something on its standard input.
fn fed(machine: &Machine, arguments: &[&str], input: &str) -> std::process::Output {
    let mut command = machine.command(arguments);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the agent can be started");
    let mut stdin = child.stdin.take().expect("it is piped");
    stdin.write_all(input.as_bytes()).expect("it reads");
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

#[test]
fn a_secret_that_the_configuration_names_reaches_the_job_and_nothing_else() {
    let machine = lonely();
    let check = machine.path("got");
    let command = format!("printf %s \"$RESTIC_PASSWORD\" > {}", check.display());
    machine.configure(&job(&format!(
        "tool = \"command\"\ncommand = [\"sh\", \"-c\", {command:?}]\n[job.environment]\nRESTIC_PASSWORD = \"secret:restic\"\n"
    )));
    let said = machine.succeed(&["check-config"]);
    assert!(said.contains("secret set restic"), "{said}");
    let agent = machine.start();
    let refused = await_runs(&machine, 1).remove(0);
    assert_eq!(refused.outcome, Outcome::Failed);
    assert!(refused.reason.expect("a reason").contains("not kept on this machine"));
    drop(agent);

    let kept = fed(&machine, &["secret", "set", "restic"], "hunter2 hunter2\n");
    assert!(
        kept.status.success() && !text(&kept).contains("hunter2"),
        "{}",
        text(&kept)
    );
    for (name, value) in [("../x", "a"), ("empty", "\n"), ("nul", "a\0b")] {
        assert!(
            !fed(&machine, &["secret", "set", name], value).status.success(),
            "{name}"
        );
    }
    assert_eq!(machine.succeed(&["secret", "list"]).trim(), "restic");
    assert!(!machine.succeed(&["check-config"]).contains("secret set"));
    let file = machine.state().join("secrets/s-restic.secret");
    assert_eq!(fs::metadata(&file).expect("there").mode() & 0o777, 0o600);
    machine.due_now("nightly");
    let _agent = machine.start();
    wait_for("a run that got it", SOON, || {
        (fs::read_to_string(&check).ok()? == "hunter2 hunter2").then_some(())
    });
    wait_for("its report", SOON, || {
        machine.finished().into_iter().find(|run| run.outcome == Outcome::Ok)
    });
    let reported = serde_json::to_string(&machine.events()).expect("JSON");
    assert!(!format!("{reported}{}", machine.log()).contains("hunter2"));

    machine.succeed(&["secret", "remove", "restic"]);
    assert!(machine.fail(&["secret", "remove", "restic"]).contains("secret list"));
    assert!(machine.succeed(&["secret", "list"]).contains("No secret is kept"));
}

#[test]
fn a_failed_run_is_tried_again_and_says_that_it_will_be() {
    let machine = lonely();
    let flag = machine.path("second");
    let script = format!("test -e {0} && exit 0; touch {0}; exit 9", flag.display());
    machine.configure(&job(&format!(
        "tool = \"command\"\nattempts = 3\ncommand = [\"sh\", \"-c\", \"{script}\"]\n"
    )));
    let _agent = machine.start();
    let runs = await_runs(&machine, 2);
    let told: Vec<_> = runs
        .iter()
        .take(2)
        .map(|run| (run.attempt, run.outcome, run.will_be_retried))
        .collect();
    assert_eq!(told, [(1, Outcome::Failed, true), (2, Outcome::Ok, false)]);
}

#[test]
fn a_time_limit_and_a_missing_program_are_said_in_words() {
    let machine = lonely();
    machine.configure(&format!(
        "{}[[job]]\nkey = \"absent\"\nschedule = \"* * * * *\"\ntool = \"command\"\ncommand = [\"/nonexistent\"]\n",
        job(
            "tool = \"command\"\ntimeout = \"1s\"\ncommand = [\"sh\", \"-c\", \"setsid sleep 987654 & sleep 987654\"]\n"
        )
    ));
    let _agent = machine.start();
    let runs = await_runs(&machine, 2);
    let reason = |key: &str| {
        let run = runs.iter().find(|run| run.job.as_str() == key).expect("it ran");
        assert_eq!(run.outcome, Outcome::Failed);
        run.reason.clone().expect("it says why")
    };
    assert!(reason("nightly").contains("time limit"));
    assert!(reason("absent").contains("not installed"));
    let left = std::process::Command::new("pgrep")
        .args(["-f", "sleep 987654"])
        .output()
        .expect("pgrep");
    assert_eq!(
        String::from_utf8_lossy(&left.stdout),
        "",
        "a grandchild outlived the time limit"
    );
}

fn start_long_run(machine: &Machine) -> Running {
    let ready = machine.path("ready");
    let script = format!("touch {}; exec sleep 600", ready.display());
    machine.configure(&job(&format!(
        "tool = \"command\"\nattempts = 2\ncommand = [\"sh\", \"-c\", \"{script}\"]\n"
    )));
    let agent = machine.start();
    wait_for("the run", SOON, || ready.exists().then_some(()));
    agent
}

#[test]
fn status_says_what_a_run_does_now_and_believes_nothing_that_a_kill_left() {
    let machine = lonely();
    let (at, go) = (machine.path("at"), machine.path("go"));
    let archive = machine.path("a.tar");
    fs::write(machine.path("letter"), "Dear colleague").expect("writable");
    // A tar that waits at each of its steps until it may go on.
    let waiting = machine.secret(
        "tar",
        &format!(
            "#!/bin/sh\ntest \"$1\" = --version && exec tar --version\necho \"$1\" > {0}.new; mv {0}.new {0}; while ! test -e {1}; do sleep 0.05; done; rm {1} {0}; exec tar \"$@\"\n",
            at.display(),
            go.display()
        ),
    );
    fs::set_permissions(&waiting, std::os::unix::fs::PermissionsExt::from_mode(0o700)).expect("ours");
    let letter = machine.path("letter");
    machine.configure(&format!(
        "[[job]]\nkey = \"nightly\"\nschedule = \"0 0 1 1 *\"\ncatch_up = \"9000h\"\ntool = \"tar\"\ncheck = true\nmust_contain = [{letter:?}]\ncommand = [{waiting:?}, \"-cf\", {archive:?}, {letter:?}]\n"
    ));
    // Due once at each start, and not by the minute.
    let due = || {
        let anchor = serde_json::json!({ "anchor": "2020-06-01T00:00:00Z" });
        fs::write(machine.state().join("jobs/job-nightly.json"), anchor.to_string()).expect("writable");
    };
    due();
    let mut agent = machine.start();
    for (option, words) in [("-cf", "backing up"), ("--list", "checking"), ("--list", "reading")] {
        wait_for(words, SOON, || {
            (fs::read_to_string(&at).ok()?.trim() == option).then_some(())
        });
        let said = text(&machine.run(&["status"]));
        assert!(said.contains("now: ") && said.contains(words), "{words}: {said}");
        fs::write(&go, "").expect("writable");
        wait_for("the next step", SOON, || (!go.exists()).then_some(()));
    }
    let run = await_runs(&machine, 1).remove(0);
    assert_eq!(
        (run.outcome, run.facts.coverage.map(|coverage| coverage.covered)),
        (Outcome::Ok, Some(1))
    );
    assert!(!text(&machine.run(&["status"])).contains("now: "));

    agent.0.kill().expect("it runs");
    agent.0.wait().expect("it ends");
    due();
    let mut agent = machine.start();
    wait_for("the next run", SOON, || at.exists().then_some(()));
    assert!(text(&machine.run(&["status"])).contains("backing up"));
    agent.0.kill().expect("it runs");
    agent.0.wait().expect("it ends");
    fs::write(&go, "").expect("writable");
    assert!(!text(&machine.run(&["status"])).contains("now: "));
}

#[test]
fn a_stopped_daemon_ends_what_runs_reports_it_and_ends_well() {
    let machine = lonely();
    let mut agent = start_long_run(&machine);
    let begun = Instant::now();
    signal(&agent.0, "TERM");
    let status = agent.0.wait().expect("it ends");
    assert!(status.success(), "{}", machine.log());
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let run = machine.finished().remove(0);
    assert_eq!((run.outcome, run.will_be_retried), (Outcome::Failed, false));
    assert!(run.reason.expect("it says why").contains("agent was stopped"));
}

#[test]
fn a_killed_daemon_reports_what_it_left_when_it_starts_again() {
    let machine = lonely();
    let mut agent = start_long_run(&machine);
    agent.0.kill().expect("it runs");
    agent.0.wait().expect("it ends");
    assert_eq!(machine.finished().len(), 0);
    let started = machine.events().iter().find_map(|event| match &event.what {
        EventBody::RunStarted(run) => Some(run.run),
        _ => None,
    });
    machine.configure("");
    let _again = machine.start();
    let run = await_runs(&machine, 1).remove(0);
    assert_eq!((Some(run.run), run.outcome), (started, Outcome::Failed));
    assert!(run.reason.expect("it says why").contains("broken off"));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(machine.finished().len(), 1, "it is said once");
}

#[test]
fn a_second_daemon_is_refused_and_the_first_is_told_apart_by_status() {
    let machine = lonely();
    let said = machine.fail(&["status", "--json"]);
    assert!(said.contains("\"running\":false"), "{said}");
    let _agent = machine.start();
    wait_for("the daemon", Duration::from_secs(10), || {
        machine.log().contains("begins").then_some(())
    });
    let said = machine.fail(&["run"]);
    assert!(said.contains("another lastgood-agent"), "{said}");
    let output = machine.run(&["status", "--json"]);
    let status: serde_json::Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    assert_eq!(status["running"], true);
    assert_eq!(status["agent"]["practice"], "Harbor Counseling");
}

#[test]
fn a_machine_that_is_not_enrolled_says_so() {
    let machine = Machine::new();
    for command in ["run", "status"] {
        let said = machine.fail(&[command]);
        assert!(
            said.contains("not enrolled") && said.contains("lastgood-agent enroll TOKEN"),
            "{said}"
        );
    }
}

#[test]
fn systemd_hears_that_it_is_ready_alive_and_ending() {
    let machine = lonely();
    let path = machine.path("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket
        .set_read_timeout(Some(Duration::from_secs(10)))
        .expect("a time limit");
    let mut command = machine.command(&["run"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "3000000")
        .stderr(Stdio::null());
    let mut agent = Running(command.spawn().expect("it can be started"));
    let hear = || {
        let mut text = [0; 200];
        let length = socket.recv(&mut text).expect("something is said");
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    assert!(hear().starts_with("READY=1"));
    assert_eq!(hear(), "WATCHDOG=1");
    assert_eq!(hear(), "WATCHDOG=1");
    signal(&agent.0, "TERM");
    wait_for("the end", Duration::from_secs(10), || {
        (hear() == "STOPPING=1").then_some(())
    });
    assert!(agent.0.wait().expect("it ends").success());
}

#[test]
fn a_silent_server_is_warned_about_once_a_day_and_by_status() {
    let machine = lonely();
    let identity = machine.state().join("identity.json");
    let kept = fs::read_to_string(&identity).expect("enrolled");
    let mut kept: serde_json::Value = serde_json::from_str(&kept).expect("JSON");
    kept["enrolled_at"] = "2026-01-05T12:00:00Z".into();
    fs::write(&identity, kept.to_string()).expect("writable");
    let log = fs::File::create(machine.path("log")).expect("writable");
    let status = log.metadata().expect("its file");
    let journal = format!("{}:{}", status.dev(), status.ino());
    let mut command = machine.command(&["run"]);
    command.stderr(log).env("JOURNAL_STREAM", journal);
    let agent = Running(command.spawn().expect("the agent can be started"));
    let warnings = || {
        let log = machine.log();
        log.lines()
            .filter(|line| line.contains("not acknowledged anything"))
            .count()
    };
    wait_for("the warning", SOON, || (warnings() > 0).then_some(()));
    assert!(
        machine.log().contains("<6>"),
        "the journal reads levels: {}",
        machine.log()
    );
    let warned = machine.log();
    let warned = warned
        .lines()
        .find(|line| line.contains("not acknowledged"))
        .expect("there is one");
    assert!(warned.starts_with("<4>"), "{warned}");
    let said = machine.fail(&["status"]);
    assert!(
        said.contains("has not acknowledged anything for more than a day"),
        "{said}"
    );
    drop(agent);
    // Started again it tries again, and has told it today.
    let _agent = machine.start();
    let attempts = || fs::read_to_string(machine.state().join("delivery.json")).expect("kept");
    let first = attempts();
    wait_for("further tries", SOON, || (attempts() != first).then_some(()));
    assert_eq!(warnings(), 0, "{}", machine.log());
}
