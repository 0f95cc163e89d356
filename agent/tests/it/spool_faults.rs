//! The spool under kills, power cuts and full disks: what was confirmed is there, and the agent goes on.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use lastgood_protocol::{AgentProblemKind, Event, EventBody, EventStatus, Outcome};

use crate::machine::{Machine, Running, events_in, finished, signal, wait_for};
use crate::mounted::Mounted;
use crate::server::{Authority, Server, answering};

/// The system calls between which a kill could leave something half done.
const STEPS: [&str; 6] = ["openat", "write", "fsync", "rename", "unlink", "flock"];

/// How often each of them is hit, at least.
const KILLS: u32 = 20;

/// The exit codes that the reported runs had.
fn reported(events: &[Event]) -> BTreeSet<i64> {
    finished(events).iter().filter_map(|run| run.exit_code).collect()
}

fn no_number_twice(events: &[Event]) {
    let numbers: BTreeSet<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(numbers.len(), events.len(), "a number was given twice");
}

/// Wraps a command that ends with `code` and is killed at a system call, the `occurrence`th of its kind; whether it was.
fn is_killed_at(machine: &Machine, step: &str, occurrence: u32, code: i32) -> bool {
    let output = Command::new("strace")
        .args(["-o", "/dev/null", "-e", &format!("trace={step}"), "-e"])
        .arg(format!("inject={step}:signal=KILL:when={occurrence}"))
        .arg(Machine::program())
        .args(machine.arguments())
        .args(["exec", "nightly", "--", "sh", "-c", &format!("exit {code}")])
        .output()
        .expect("strace can be started");
    output.status.code() != Some(code)
}

#[test]
fn a_kill_at_any_step_loses_nothing_confirmed_and_doubles_nothing() {
    let machine = Machine::new();
    let mut confirmed = BTreeSet::new();
    let mut next_code = 1;
    for step in STEPS {
        let mut killed = 0;
        while killed < KILLS {
            // From the first of this kind on, until the run has fewer of them than were counted.
            let before = killed;
            let mut survived = 0;
            let mut occurrence = 0;
            while survived < 2 {
                occurrence += 1;
                let code = next_code;
                next_code = next_code % 250 + 1;
                if is_killed_at(&machine, step, occurrence, code) {
                    killed += 1;
                } else {
                    confirmed.insert(i64::from(code));
                    survived += 1;
                }
                let events = machine.events();
                no_number_twice(&events);
                assert!(reported(&events).is_superset(&confirmed), "{step} {occurrence}");
            }
            assert!(killed > before, "no {step} was ever hit");
        }
    }
    assert!(confirmed.len() >= 20, "only {} runs were confirmed", confirmed.len());
    machine.run(&["status", "--json"]);
    assert_eq!(
        machine.quarantined(),
        0,
        "nothing that was renamed into place is damaged"
    );
}

#[test]
fn a_killed_daemon_delivers_every_event_once() {
    let authority = Authority::new();
    let server = Server::honest(&authority, answering(|_| EventStatus::Stored));
    let machine = Machine::new();
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    for round in 0..12_u64 {
        machine.run(&["exec", "nightly", "--", "true"]);
        let mut agent = machine.start();
        std::thread::sleep(Duration::from_millis(900 + round * 37));
        agent.0.kill().expect("it runs");
        agent.0.wait().expect("it ends");
    }
    let _agent = machine.start();
    wait_for("an empty spool", Duration::from_secs(20), || {
        finished(&machine.events()).is_empty().then_some(())
    });
    let mut by_number = std::collections::BTreeMap::new();
    for event in server
        .requests()
        .iter()
        .skip(1)
        .flat_map(|request| request.batch().events)
    {
        let known = by_number.entry(event.seq).or_insert_with(|| event.clone());
        assert_eq!(*known, event, "two events with one number");
    }
    let ends = by_number
        .values()
        .filter(|event| matches!(event.what, EventBody::RunFinished(_)))
        .count();
    assert_eq!(ends, 12);
    let numbers: Vec<u64> = by_number.keys().copied().collect();
    let expected: Vec<u64> = (1..=numbers.len() as u64).collect();
    assert_eq!(numbers, expected, "a number is missing");
}

#[test]
fn no_power_cut_loses_what_was_confirmed() {
    let disk = Mounted::ext4(24);
    let machine = Machine::with_state(&disk.path().join("state"));
    // One shell appends run after run and says which are confirmed; its words do not lie on the disk that is cut.
    let script = "n=1; while :; do \"$@\" sh -c \"exit $n\"; test $? = $n || exit; echo $n; n=$((n % 250 + 1)); done";
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", script, "writer", Machine::program()]);
    command.args(machine.arguments()).args(["exec", "nightly", "--"]);
    let mut writer = Running(command.stdout(Stdio::piped()).spawn().expect("it can be started"));
    let lines = BufReader::new(writer.0.stdout.take().expect("piped")).lines();
    let (sender, confirmations) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let code: i64 = line.parse().expect("a number");
            if sender.send(code).is_err() {
                return;
            }
        }
    });
    let mut confirmed = Vec::new();
    for cut in 0..50_u64 {
        confirmed.push(confirmations.recv_timeout(Duration::from_secs(20)).expect("it goes on"));
        std::thread::sleep(Duration::from_millis(cut * 7 % 60));
        // Nobody writes while the image is copied: a copy takes time, a power cut does not.
        let group = format!("-{}", writer.0.id());
        stop_and_go(&group, "STOP");
        std::thread::sleep(Duration::from_millis(5));
        confirmed.extend(confirmations.try_iter());
        let after = Mounted::copy_of(&disk.image());
        stop_and_go(&group, "CONT");

        let events = events_in(&after.path().join("state"));
        no_number_twice(&events);
        let lately: BTreeSet<i64> = confirmed.iter().rev().take(200).copied().collect();
        let missing: Vec<_> = lately.difference(&reported(&events)).copied().collect();
        assert_eq!(missing, [0; 0], "cut {cut}: confirmed runs were lost");
        if cut % 10 == 0 {
            opens_and_goes_on(&after.path().join("state"), &events);
        }
    }
    stop_and_go(&format!("-{}", writer.0.id()), "KILL");
    assert!(confirmed.len() >= 50);
}

fn stop_and_go(group: &str, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), "--", group])
        .status()
        .expect("kill can be started");
    assert!(sent.success());
}

/// After a cut the agent opens the spool, numbers go on above all that were given, and nothing is damaged.
fn opens_and_goes_on(state: &Path, before: &[Event]) {
    let machine = Machine::with_state(state);
    machine.run(&["exec", "after", "--", "true"]);
    let events = machine.events();
    let highest = before.iter().map(|event| event.seq).max().expect("there are some");
    assert!(events.iter().filter(|event| event.seq > highest).count() >= 2);
    no_number_twice(&events);
    assert_eq!(machine.quarantined(), 0);
}

fn fill(folder: &Path) {
    let _full = Command::new("sh")
        .args([
            "-c",
            "head -c 100m /dev/zero > \"$1/filler\"; i=0; while touch \"$1/inode$i\"; do i=$((i+1)); done",
            "sh",
        ])
        .arg(folder)
        .stderr(Stdio::null())
        .status()
        .expect("sh can be started");
}

#[test]
fn a_full_disk_keeps_the_newest_failure_and_says_what_was_dropped() {
    let authority = Authority::new();
    let server = Server::honest(&authority, answering(|_| EventStatus::Stored));
    for full in ["size=512k,nr_inodes=300", "size=16m,nr_inodes=60"] {
        let disk = Mounted::ram(full);
        let machine = Machine::with_state(&disk.path().join("state"));
        machine.succeed(&["enroll", &server.token(authority.pin())]);
        machine.run(&["exec", "before", "--", "true"]);
        fill(&disk.path());
        for code in [4, 5, 6] {
            let script = format!("exit {code}");
            let output = machine.run(&["exec", "nightly", "--", "sh", "-c", &script]);
            assert_eq!(output.status.code(), Some(code), "the backup runs all the same");
        }
        let mut agent = machine.start();
        let seen = server.requests().len();
        let delivered = wait_for("the newest failure", Duration::from_secs(20), || {
            let events: Vec<Event> = server
                .requests()
                .iter()
                .skip(seen.saturating_sub(1))
                .filter(|request| request.path.ends_with("events"))
                .flat_map(|request| request.batch().events)
                .collect();
            reported(&events).contains(&6).then_some(events)
        });
        assert!(finished(&delivered).iter().any(|run| run.outcome == Outcome::Failed));
        assert!(agent.0.try_wait().expect("it can be asked").is_none(), "it goes on");
        fs::remove_file(disk.path().join("filler")).expect("ours");
        for entry in fs::read_dir(disk.path()).expect("readable") {
            let path = entry.expect("an entry").path();
            if path.is_file() {
                fs::remove_file(path).expect("ours");
            }
        }
        wait_for("the count of what was dropped", Duration::from_secs(20), || {
            server.requests().iter().skip(seen).filter(|request| request.path.ends_with("events")).flat_map(|request| request.batch().events).find(|event| {
                matches!(&event.what, EventBody::AgentProblem(problem) if problem.kind == AgentProblemKind::SpoolOverflow)
            })
        });
        signal(&agent.0, "TERM");
        assert!(agent.0.wait().expect("it ends").success());
    }
}

/// A disk that something is being written to cannot be made read-only: between two writes it can.
fn remount_once_unused(disk: &Mounted) {
    wait_for("a moment without a write", Duration::from_secs(20), || {
        disk.try_remount("ro").then_some(())
    });
}

#[test]
fn a_disk_that_turns_read_only_stops_no_backup_and_no_sign_of_life() {
    let authority = Authority::new();
    let server = Server::honest(&authority, answering(|_| EventStatus::Stored));
    let disk = Mounted::ram("size=4m");
    let machine = Machine::with_state(&disk.path().join("state"));
    machine.succeed(&["enroll", &server.token(authority.pin())]);
    let (mark, go) = (machine.path("mark"), machine.path("go"));
    machine.due_now("nightly");
    machine.configure(&format!(
        "[[job]]\nkey = \"nightly\"\ntool = \"command\"\nschedule = \"* * * * *\"\ncommand = [\"sh\", \"-c\", \"touch {}; while ! test -e {}; do sleep 0.05; done; exit 8\"]\n",
        mark.display(),
        go.display()
    ));
    let _agent = machine.start();
    wait_for("the backup", Duration::from_secs(20), || mark.exists().then_some(()));
    remount_once_unused(&disk);
    let silent_from = server.requests().len();
    fs::write(&go, "").expect("writable");
    wait_for("signs of life", Duration::from_secs(20), || {
        (server.requests().len() > silent_from + 2).then_some(())
    });
    disk.remount("rw");
    let events = || -> Vec<Event> {
        server
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("events"))
            .flat_map(|request| request.batch().events)
            .collect()
    };
    wait_for("the report that waited in memory", Duration::from_secs(30), || {
        reported(&events()).contains(&8).then_some(())
    });
    wait_for("what became of it", Duration::from_secs(10), || {
        events().into_iter().find(|event| {
            matches!(&event.what, EventBody::AgentProblem(problem) if problem.kind == AgentProblemKind::SpoolUnwritable)
        })
    });
}
