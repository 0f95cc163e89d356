use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;

use jiff::Timestamp;
use lastgood_protocol::{
    AgentProblemKind, EventAnswer, EventBody, EventId, EventStatus, Heartbeat, Outcome, RunFacts, RunFinished, RunId,
    RunStarted, ToolIdentity,
};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Appended, Limits, RunRecord, SEQ_JUMP, Settled, Spool, SpoolError, Waiting};
use crate::ids;

const MANY: usize = 1000;
const ROOMY: usize = 10_000_000;

fn now() -> Timestamp {
    "2026-11-20T22:00:00Z".parse().expect("a timestamp")
}

struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(TempDir::new().expect("a temporary folder"))
    }

    fn spool(&self) -> Spool {
        self.bounded(Limits::default())
    }

    fn bounded(&self, limits: Limits) -> Spool {
        Spool::open(&self.folder(), limits).expect("a spool always opens")
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("spool")
    }

    fn event_files(&self) -> Vec<std::path::PathBuf> {
        files(&self.folder().join("events"))
    }
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    files
}

fn heartbeat() -> EventBody {
    EventBody::Heartbeat(Heartbeat {
        spooled: 0,
        next_in_seconds: 60,
        jobs: Vec::new(),
    })
}

fn run_finished(outcome: Outcome) -> RunFinished {
    RunFinished {
        run: ids::run(),
        job: "nightly".parse().expect("a key"),
        started_at: now(),
        finished_at: now(),
        attempt: 1,
        will_be_retried: false,
        outcome,
        reason: None,
        exit_code: Some(0),
        tool: ToolIdentity {
            name: "restic".to_owned(),
            version: None,
        },
        facts: RunFacts::default(),
        medium: None,
        output: None,
    }
}

fn finished(outcome: Outcome) -> EventBody {
    EventBody::RunFinished(Box::new(run_finished(outcome)))
}

fn append(spool: &Spool, what: EventBody) -> EventId {
    let id = ids::event();
    assert_eq!(spool.append(id, now(), what).expect("there is room"), Appended::Stored);
    id
}

fn waiting(spool: &Spool) -> Vec<Waiting> {
    spool.waiting(MANY, ROOMY).expect("readable")
}

fn ids_of(waiting: &[Waiting]) -> Vec<EventId> {
    waiting.iter().map(|waiting| waiting.event.id).collect()
}

fn answer(id: EventId, status: EventStatus) -> EventAnswer {
    EventAnswer {
        id: Some(id),
        status,
        field: None,
        message: None,
    }
}

/// The kinds and counts of the problems that wait.
fn problems(spool: &Spool) -> Vec<(AgentProblemKind, u64)> {
    waiting(spool)
        .iter()
        .filter_map(|waiting| {
            if let EventBody::AgentProblem(problem) = &waiting.event.what {
                Some((problem.kind, problem.count))
            } else {
                None
            }
        })
        .collect()
}

#[test]
fn what_was_appended_waits_in_order_also_after_reopening() {
    let place = Place::new();
    let spool = place.spool();
    let appended = [
        append(&spool, heartbeat()),
        append(&spool, finished(Outcome::Ok)),
        append(&spool, heartbeat()),
    ];
    assert_eq!(ids_of(&waiting(&spool)), appended);
    let again = place.spool();
    assert_eq!(ids_of(&waiting(&again)), appended);
    let numbers: Vec<u64> = waiting(&again).iter().map(|waiting| waiting.event.seq).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

#[test]
fn exactly_what_the_server_acknowledged_leaves() {
    let place = Place::new();
    let spool = place.spool();
    let [stored, duplicate, conflict, rejected, unanswered] = [0; 5].map(|_| append(&spool, finished(Outcome::Failed)));
    let sent = waiting(&spool);
    let later = append(&spool, finished(Outcome::Ok));
    let answers = [
        answer(stored, EventStatus::Stored),
        answer(duplicate, EventStatus::Duplicate),
        answer(conflict, EventStatus::Conflict),
        answer(rejected, EventStatus::Rejected),
        answer(later, EventStatus::Stored),
        answer(ids::event(), EventStatus::Stored),
    ];
    let settled = spool.settle(&sent, &answers).expect("writable");
    let expected = Settled {
        acknowledged: 2,
        refused: 2,
        unasked: 2,
    };
    assert_eq!(settled, expected);
    assert_eq!(ids_of(&waiting(&spool)), [unanswered, later]);
    assert_eq!(spool.quarantined(), 2);

    spool.report_troubles(now(), ids::event).expect("writable");
    spool.report_troubles(now(), ids::event).expect("writable");
    assert_eq!(problems(&spool), [(AgentProblemKind::EventsRejected, 2)]);
}

#[test]
fn a_number_is_never_given_twice() {
    let place = Place::new();
    let mut given = BTreeSet::new();
    for _ in 0..5 {
        let spool = place.spool();
        for _ in 0..3 {
            append(&spool, heartbeat());
        }
        let sent = waiting(&spool);
        for waiting in &sent {
            assert!(given.insert(waiting.event.seq), "{} was given twice", waiting.event.seq);
        }
        let answers: Vec<EventAnswer> = sent
            .iter()
            .map(|sent| answer(sent.event.id, EventStatus::Stored))
            .collect();
        spool.settle(&sent, &answers).expect("writable");
    }
    assert_eq!(given.len(), 15);
    assert_eq!(given.last(), Some(&15), "no number was skipped either");
}

#[test]
fn damaged_records_are_set_aside_and_reported_and_the_rest_flows() {
    let place = Place::new();
    let spool = place.spool();
    let ids = [0; 5].map(|_| append(&spool, finished(Outcome::Ok)));
    let files = place.event_files();
    fs::write(&files[0], b"").expect("writable");
    let mut flipped = fs::read(&files[1]).expect("readable");
    let last = flipped.len() - 5;
    flipped[last] ^= 1;
    fs::write(&files[1], flipped).expect("writable");
    let cut = fs::read(&files[2]).expect("readable");
    fs::write(&files[2], &cut[..cut.len() / 2]).expect("writable");
    fs::copy(&files[4], &files[3]).expect("writable");

    let spool = place.spool();
    assert_eq!(ids_of(&waiting(&spool)), [ids[4]]);
    assert_eq!(spool.quarantined(), 4);
    spool.report_troubles(now(), ids::event).expect("writable");
    assert_eq!(problems(&spool), [(AgentProblemKind::SpoolCorrupt, 4)]);
}

#[test]
fn a_lost_ledger_makes_a_jump_and_not_a_repetition() {
    let place = Place::new();
    append(&place.spool(), heartbeat());
    fs::write(place.folder().join("ledger"), b"nonsense").expect("writable");
    let spool = place.spool();
    append(&spool, heartbeat());
    assert!(waiting(&spool).last().is_some_and(|last| last.event.seq > SEQ_JUMP));
    fs::remove_file(place.folder().join("ledger")).expect("removable");
    append(&spool, heartbeat());
    assert!(waiting(&spool).last().is_some_and(|last| last.event.seq > 2 * SEQ_JUMP));
}

#[test]
fn one_slot_of_the_ledger_is_enough() {
    let place = Place::new();
    let spool = place.spool();
    for _ in 0..4 {
        append(&spool, heartbeat());
        let sent = waiting(&spool);
        spool
            .settle(&sent, &[answer(sent[0].event.id, EventStatus::Stored)])
            .expect("writable");
    }
    let path = place.folder().join("ledger");
    let whole = fs::read(&path).expect("readable");
    // The fourth write went to the first slot; torn, the third still stands in the second.
    let mut torn = whole;
    torn[20] ^= 0xff;
    fs::write(&path, torn).expect("writable");
    let spool = place.spool();
    append(&spool, heartbeat());
    assert_eq!(waiting(&spool)[0].event.seq, 4);
}

#[test]
fn a_full_spool_gives_up_heartbeats_then_successes_and_keeps_failures() {
    let place = Place::new();
    let spool = place.bounded(Limits {
        events: 4,
        bytes: 1024 * 1024,
    });
    append(&spool, heartbeat());
    append(&spool, finished(Outcome::Ok));
    let failures = [0; 3].map(|_| append(&spool, finished(Outcome::Failed)));
    append(&spool, finished(Outcome::Ok));
    let last = append(&spool, finished(Outcome::Failed));
    assert_eq!(ids_of(&waiting(&spool)), [&failures[..], &[last]].concat());

    let newest = append(&spool, finished(Outcome::Failed));
    assert!(ids_of(&waiting(&spool)).contains(&newest), "the newest failure is kept");
    let dropped = 4;
    spool.report_troubles(now(), ids::event).expect("writable");
    assert_eq!(problems(&spool)[0], (AgentProblemKind::SpoolOverflow, dropped));
}

#[test]
fn bytes_are_bounded_as_well_as_events() {
    let place = Place::new();
    let spool = place.bounded(Limits {
        events: 5_000,
        bytes: 20_000,
    });
    for _ in 0..100 {
        append(&spool, finished(Outcome::Ok));
    }
    let held: u64 = place
        .event_files()
        .iter()
        .map(|file| fs::metadata(file).expect("there").len())
        .sum();
    assert!(held <= 20_000, "{held} bytes");
    assert!(spool.count().expect("readable") > 10);
}

#[test]
fn an_event_that_no_server_takes_is_not_taken_here() {
    let place = Place::new();
    let spool = place.spool();
    let mut run = run_finished(Outcome::Failed);
    run.reason = Some("x".repeat(20_000));
    let refused = spool.append(ids::event(), now(), EventBody::RunFinished(Box::new(run)));
    assert!(matches!(refused, Err(SpoolError::TooLarge { .. })));
    assert_eq!(spool.count().expect("readable"), 0);
}

#[test]
fn a_batch_is_bounded_by_events_and_bytes() {
    let place = Place::new();
    let spool = place.spool();
    for _ in 0..20 {
        append(&spool, finished(Outcome::Ok));
    }
    assert_eq!(spool.waiting(7, ROOMY).expect("readable").len(), 7);
    let few = spool.waiting(MANY, 2_000).expect("readable");
    assert!(!few.is_empty() && few.len() < 7, "{}", few.len());
}

#[test]
fn several_appenders_and_a_deliverer_lose_and_double_nothing() {
    let place = Place::new();
    let spool = place.spool();
    let (sender, delivered) = channel();
    let appenders: Vec<_> = (0..4)
        .map(|_| {
            let spool = place.spool();
            std::thread::spawn(move || [0; 25].map(|_| append(&spool, finished(Outcome::Ok))).to_vec())
        })
        .collect();
    let courier = std::thread::spawn(move || {
        let mut numbers = BTreeSet::new();
        while numbers.len() < 100 {
            let sent = waiting(&spool);
            let answers: Vec<EventAnswer> = sent
                .iter()
                .map(|sent| answer(sent.event.id, EventStatus::Stored))
                .collect();
            for waiting in &sent {
                assert!(numbers.insert(waiting.event.seq), "delivered twice");
                sender.send(waiting.event.id).expect("somebody listens");
            }
            spool.settle(&sent, &answers).expect("writable");
        }
    });
    let appended: BTreeSet<EventId> = appenders
        .into_iter()
        .flat_map(|appender| appender.join().expect("it does not panic"))
        .collect();
    courier.join().expect("it does not panic");
    assert_eq!(delivered.into_iter().collect::<BTreeSet<_>>(), appended);
}

fn record() -> RunRecord {
    RunRecord {
        run: ids::run(),
        job: "nightly".parse().expect("a key"),
        started_at: now(),
        attempt: 1,
        tool: ToolIdentity {
            name: "restic".to_owned(),
            version: None,
        },
        finish_event: ids::event(),
    }
}

fn end_of(record: &RunRecord) -> RunFinished {
    RunFinished {
        run: record.run,
        ..run_finished(Outcome::Ok)
    }
}

#[test]
fn a_run_whose_process_is_gone_is_found_once() {
    let place = Place::new();
    let spool = place.spool();
    let record = record();
    let ticket = spool.begin_run(record.clone(), ids::event()).expect("writable");
    assert!(
        matches!(&waiting(&spool)[0].event.what, EventBody::RunStarted(RunStarted { run, .. }) if *run == record.run)
    );
    assert_eq!(spool.interrupted_runs().expect("readable"), [], "it still runs");
    drop(ticket);
    let broken = place.spool().interrupted_runs().expect("readable");
    assert_eq!(broken.len(), 1);
    assert_eq!(broken[0].record, record);
    spool.finish_interrupted(&broken[0], end_of(&record)).expect("writable");
    assert_eq!(spool.interrupted_runs().expect("readable"), []);
}

#[test]
fn a_run_that_was_reported_is_not_reported_as_broken_off_too() {
    let place = Place::new();
    let spool = place.spool();
    let record = record();
    let ticket = spool.begin_run(record.clone(), ids::event()).expect("writable");
    let path = place.folder().join("runs").join(format!("{}.run", record.run));
    let kept = fs::read(&path).expect("it is recorded");
    spool.finish_run(ticket, end_of(&record)).expect("writable");

    // Killed between the report and forgetting the run: the record is still there.
    fs::write(&path, &kept).expect("writable");
    assert_eq!(spool.interrupted_runs().expect("readable"), []);
    assert!(!path.exists());

    // The same, with the report delivered before anybody looked.
    fs::write(&path, &kept).expect("writable");
    let sent = waiting(&spool);
    let answers: Vec<EventAnswer> = sent
        .iter()
        .map(|sent| answer(sent.event.id, EventStatus::Stored))
        .collect();
    spool.settle(&sent, &answers).expect("writable");
    assert_eq!(spool.interrupted_runs().expect("readable"), []);
}

#[test]
fn a_run_record_that_was_never_whole_is_forgotten() {
    let place = Place::new();
    let spool = place.spool();
    let path = place.folder().join("runs").join(format!("{}.run", RunId(ids::uuid())));
    fs::write(&path, b"{\"run\":").expect("writable");
    assert_eq!(spool.interrupted_runs().expect("readable"), []);
    assert!(!path.exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Any bytes in any spool file: it opens, nothing panics, and what is intact still flows.
    #[test]
    fn no_bytes_on_disk_keep_the_spool_from_working(
        garbage in proptest::collection::vec(any::<u8>(), 0..200),
        at in 0..400_usize,
        which in 0..5_usize,
    ) {
        let place = Place::new();
        let spool = place.spool();
        append(&spool, finished(Outcome::Failed));
        let intact = append(&spool, finished(Outcome::Failed));
        let target = match which {
            0 => place.event_files()[0].clone(),
            1 => place.folder().join("ledger"),
            2 => place.folder().join("reserve-0"),
            3 => place.folder().join("incoming"),
            _ => place.folder().join("events").join("00000000000000000009.i.not-an-id.event"),
        };
        let mut bytes = fs::read(&target).unwrap_or_default();
        let at = at.min(bytes.len());
        bytes.splice(at.., garbage);
        fs::write(&target, bytes).expect("writable");
        let spool = place.spool();
        let new = append(&spool, heartbeat());
        let found = ids_of(&waiting(&spool));
        prop_assert!(found.contains(&intact) && found.contains(&new));
    }

    #[test]
    fn no_bytes_make_a_record_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _any = super::record::decode(&bytes);
    }
}
