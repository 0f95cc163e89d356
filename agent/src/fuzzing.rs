//! Doors for the fuzz targets in `fuzz/`: everything that reads what the agent did not write itself. Each takes whatever bytes
//! come. A panic is a finding, and so is a promise that does not hold.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use lastgood_protocol::{AgentProblem, AgentProblemKind, BatchAnswer, EventBody, EventId, Problem};
use uuid::Uuid;

use crate::config;
use crate::discover;
use crate::exec::Ended;
use crate::media;
use crate::platform;
use crate::redaction;
use crate::spool::{self, Limits, Spool};
use crate::tools::{self, Entry};
use crate::watch;

/// The lines of an input's beginning, and what follows them.
fn lines<const COUNT: usize>(input: &[u8]) -> ([String; COUNT], &[u8]) {
    let mut rest = input;
    let found = [(); COUNT].map(|()| {
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let (line, after) = rest.split_at(end);
        rest = after.get(1..).unwrap_or_default();
        String::from_utf8_lossy(line).into_owned()
    });
    (found, rest)
}

/// The end of a tool: a line with its command, a line with its exit code, then what it printed and, after a NUL, what it complained.
pub fn tool_output(input: &[u8]) {
    let ([command, code], printed) = lines(input);
    let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let tool = tools::recognise(&command);
    let mut parts = printed.splitn(2, |&byte| byte == 0);
    let mut text = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let ended = Ended {
        code: code.parse().unwrap_or_default(),
        cut_short: None,
        stdout: text().as_str().into(),
        stderr: text().as_str().into(),
    };
    let mut verdict = tools::read(&tool, &command, &ended, 0);
    if tools::check_command(&tool, &command, &verdict).is_some() {
        tools::read_check(&tool, &ended, &mut verdict);
    }
    assert_eq!(
        verdict.reason.is_none(),
        verdict.outcome == lastgood_protocol::Outcome::Ok,
        "what is not ok has a reason, and only that"
    );
}

/// A line with a secret of the job, then what a tool printed and, after a NUL, what it complained: what is told of it has neither the
/// secret nor a word that is not on the list.
pub fn redaction(input: &[u8]) {
    let ([secret], printed) = lines(input);
    redaction::fuzzing::output(&secret, &String::from_utf8_lossy(printed));
}

/// The list of a backup's content, a line with the backup's command first: places stay comparable.
pub fn listing(input: &[u8]) {
    let ([command], list) = lines(input);
    let command: Vec<String> = command.split(' ').map(str::to_owned).collect();
    let mut tool = tools::recognise(&command);
    if let config::Tool::Program(tool) = &mut tool {
        tool.command = command;
    }
    for line in String::from_utf8_lossy(list).lines() {
        if let Some(entry) = tools::read_entry(&tool, line) {
            assert!(!entry.place().is_inside(&entry.place()), "nothing is inside itself");
            restored(&entry);
        }
    }
}

/// Whatever a backup says that it contains, nothing outside the scratch folder is looked at.
fn restored(entry: &Entry) {
    if let Some(inner) = tools::inner(&entry.path) {
        assert!(
            inner
                .components()
                .all(|part| matches!(part, std::path::Component::Normal(_))),
            "{} leaves the scratch folder",
            inner.display()
        );
    }
}

/// What `wevtutil` prints.
pub fn event_log(input: &[u8]) {
    watch::fuzzing::event_log(&String::from_utf8_lossy(input));
}

/// A log file that grows, in each encoding.
pub fn log_file(input: &[u8], scratch: &Path) {
    watch::fuzzing::log_file(input, scratch);
}

/// resticprofile's status file.
pub fn status_file(input: &[u8]) {
    watch::fuzzing::status_file(&String::from_utf8_lossy(input));
}

/// A whole request to the port on which Duplicati's reports are awaited.
pub fn duplicati_report(input: &[u8]) {
    watch::fuzzing::duplicati_report(input);
}

/// The configuration, after its file was found to be its administrator's.
pub fn configuration(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    // What is wrong with it is said; that is all that can be known of any text.
    let _said = config::read(
        Path::new("agent.toml"),
        &text,
        &config::Overrides::default(),
        Timestamp::UNIX_EPOCH,
    );
}

/// A line of the system's list of mounts, and the marker of a medium.
pub fn medium(input: &[u8], scratch: &Path) {
    let ([mount], marker) = lines(input);
    platform::fuzzing::mount(&mount);
    media::fuzzing::marker(marker, scratch);
}

/// A line that says what it is, and what discovery may find under that name.
pub fn discovery(input: &[u8]) {
    let ([kind], found) = lines(input);
    let text = String::from_utf8_lossy(found);
    match kind.as_str() {
        "crontab" => discover::fuzzing::crontab(&text),
        "unit" => discover::fuzzing::unit(&text),
        "calendar" => discover::fuzzing::on_calendar(&text),
        "command" => discover::fuzzing::command_line(&text),
        _ => discover::fuzzing::task(found),
    }
}

/// What a server answers to a batch, and to a request that it refuses: only what was sent and acknowledged leaves the spool.
pub fn answer(input: &[u8], scratch: &Path) {
    let _refusal = serde_json::from_slice::<Problem>(input);
    let Ok(answer) = serde_json::from_slice::<BatchAnswer>(input) else {
        return;
    };
    let spool = Spool::open(scratch, Limits::default()).expect("the scratch folder can be written");
    for number in 1..=3 {
        append(&spool, number);
    }
    let before = spool.waiting(10, usize::MAX).expect("readable");
    let (sent, kept) = before.split_at(2);
    spool.settle(sent, &answer.results).expect("settled");
    let left: Vec<EventId> = ids(&spool);
    assert!(
        kept.iter().all(|waiting| left.contains(&waiting.event.id)),
        "what was not sent stays"
    );
    for waiting in sent {
        let settled = answer.results.iter().any(|result| result.id == Some(waiting.event.id));
        assert_eq!(
            left.contains(&waiting.event.id),
            !settled,
            "what was not answered stays"
        );
    }
    fs::remove_dir_all(scratch).expect("it is ours");
}

/// A spool whose files hold anything: it opens, reads, gives out and takes in.
pub fn spool(input: &[u8], scratch: &Path) {
    let folder = scratch.join("spool");
    let opened = Spool::open(&folder, Limits::default()).expect("the scratch folder can be written");
    append(&opened, 1);
    spool::fuzzing::damage(&folder, input);
    let opened = Spool::open(&folder, Limits::default()).expect("it always starts");
    let appended = append(&opened, 2);
    let waiting = opened.waiting(10_000, usize::MAX).expect("it can be read");
    assert!(
        waiting.iter().any(|waiting| waiting.event.id == appended),
        "what is appended afterwards is given out"
    );
    let numbers: Vec<u64> = waiting.iter().map(|waiting| waiting.event.seq).collect();
    assert!(numbers.is_sorted(), "in order");
    drop(opened.interrupted_runs());
    fs::remove_dir_all(&folder).expect("it is ours");
}

fn append(spool: &Spool, number: u128) -> EventId {
    let id = EventId(Uuid::from_u128(number));
    let problem = AgentProblem {
        kind: AgentProblemKind::SpoolCorrupt,
        message: String::new(),
        count: 1,
    };
    let appended = spool.append(id, Timestamp::UNIX_EPOCH, EventBody::AgentProblem(problem));
    assert_eq!(appended.expect("there is room"), spool::Appended::Stored);
    id
}

fn ids(spool: &Spool) -> Vec<EventId> {
    let waiting = spool.waiting(10, usize::MAX).expect("readable");
    waiting.iter().map(|waiting| waiting.event.id).collect()
}
