use std::collections::BTreeSet;
use std::fs;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{CutShort, Ended, Invocation, OnStop, Output, StopSwitch, Tail, run, short_answer};
use crate::ids;

fn shell(script: &str) -> Invocation {
    Invocation {
        command: ["sh", "-c", script].map(str::to_owned).to_vec(),
        ..Invocation::default()
    }
}

fn run_kept(invocation: &Invocation, limit: Option<Duration>, stop: &StopSwitch) -> Ended {
    run(invocation, ids::run(), Output::Kept, limit, stop).expect("it can be started")
}

/// Processes, zombies apart, whose command line holds `word`.
fn living(word: &str) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc").expect("there is a /proc") {
        let Some(pid) = entry
            .expect("an entry")
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&line).contains(word) && pid != std::process::id() {
            found.insert(pid);
        }
    }
    found
}

#[test]
fn a_process_s_end_and_output_are_seen() {
    let ended = run_kept(&shell("echo out; echo err >&2; exit 3"), None, &StopSwitch::default());
    assert_eq!((ended.code, ended.cut_short), (3, None));
    assert_eq!(
        (ended.stdout.text().as_str(), ended.stderr.text().as_str()),
        ("out\n", "err\n")
    );
    let signalled = run_kept(&shell("kill -KILL $$"), None, &StopSwitch::default());
    assert_eq!(signalled.code, 137);
}

#[test]
fn a_program_that_is_not_there_is_an_error() {
    let invocation = Invocation {
        command: vec!["/nonexistent/backup".to_owned()],
        ..Invocation::default()
    };
    let error = run(&invocation, ids::run(), Output::Kept, None, &StopSwitch::default()).expect_err("nothing there");
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
    assert_eq!(short_answer("/nonexistent/backup", &[]), None);
}

#[test]
fn a_time_limit_ends_the_whole_tree_also_what_left_it() {
    let word = format!("86{}", ids::random_u64() % 100_000_000);
    let folder = TempDir::new().expect("a temporary folder");
    let started = folder.path().join("started");
    // A child, a grandchild in a session of its own whose parent is gone, and one that ignores being asked to end.
    let script = format!(
        "sleep {word} & setsid sh -c 'sleep {word} & sleep {word}' & (trap '' TERM; touch {}; sleep {word}; sleep {word}) & wait",
        started.display()
    );
    let begun = Instant::now();
    let ended = run_kept(&shell(&script), Some(Duration::from_secs(1)), &StopSwitch::default());
    assert_eq!(ended.cut_short, Some(CutShort::TimedOut));
    assert!(started.exists(), "the tree was there to be ended");
    assert_eq!(living(&format!("sleep\0{word}")), BTreeSet::new());
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn a_stop_ends_what_runs_and_what_would_start_after_it() {
    let stop = StopSwitch::default();
    let switch = stop.clone();
    let runner = std::thread::spawn(move || run_kept(&shell("exec sleep 600"), None, &switch));
    stop.stop();
    assert_eq!(runner.join().expect("no panic").cut_short, Some(CutShort::Stopped));
    let next = run_kept(&shell("exec sleep 600"), None, &stop);
    assert_eq!(next.cut_short, Some(CutShort::Stopped));
}

#[test]
fn a_wrapped_process_gets_the_request_to_stop_and_the_time_it_takes() {
    let folder = TempDir::new().expect("a temporary folder");
    let ready = folder.path().join("ready");
    let script = format!(
        "trap 'echo tidied; exit 9' TERM; echo > {}; while :; do sleep 0.05; done",
        ready.display()
    );
    let mut invocation = shell(&script);
    invocation.on_stop = OnStop::PassOn;
    let stop = StopSwitch::default();
    let switch = stop.clone();
    let runner = std::thread::spawn(move || run_kept(&invocation, None, &switch));
    while !ready.exists() {
        std::thread::yield_now();
    }
    stop.stop();
    let ended = runner.join().expect("no panic");
    assert_eq!(
        (ended.code, ended.cut_short, ended.stdout.text().as_str()),
        (9, None, "tidied\n")
    );
}

#[test]
fn a_pipe_that_a_grandchild_keeps_open_does_not_hold_the_run() {
    let begun = Instant::now();
    let ended = run_kept(
        &shell("echo done; setsid sleep 30 & exit 0"),
        None,
        &StopSwitch::default(),
    );
    assert_eq!((ended.code, ended.stdout.text().as_str()), (0, "done\n"));
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn output_is_kept_to_a_cap_and_its_end_is_what_stays() {
    let ended = run_kept(
        &shell("head -c 3000000 /dev/zero | tr '\\0' x; echo; echo the end"),
        None,
        &StopSwitch::default(),
    );
    let text = ended.stdout.text();
    assert!(ended.stdout.is_cut && text.len() <= 128 * 1024);
    assert!(text.ends_with("x\nthe end\n"));

    let mut tail = Tail::default();
    tail.push(&vec![b'a'; 100 * 1024]);
    tail.push(&vec![b'b'; 100 * 1024]);
    assert_eq!(tail.text().len(), 128 * 1024);
    assert!(tail.text().ends_with("bbb") && tail.text().starts_with("aaa"));
}

#[test]
fn secrets_and_the_mark_reach_the_process() {
    let mut invocation = shell("printf '%s %s' \"$SECRET\" \"${#LASTGOOD_RUN}\"");
    invocation.secrets = vec![("SECRET".to_owned(), secrecy::SecretString::from("hunter2"))];
    assert!(!format!("{invocation:?}").contains("hunter2"));
    let ended = run_kept(&invocation, None, &StopSwitch::default());
    assert_eq!(ended.stdout.text(), "hunter2 36");
}
