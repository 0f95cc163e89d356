//! Faults: what is killed, cut off or gone, and that nothing acknowledged is lost and nothing counted twice.

mod crash;
mod disconnect;
mod postgres;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use jiff::SignedDuration;
use lastgood_protocol::{Event, EventId};
use lastgood_tests::database::Psql;
use lastgood_tests::reporter::{Reported, Reporter, now};

/// What agents were told is stored, written down by them after each answer.
type Acknowledged = Arc<Mutex<BTreeSet<EventId>>>;

/// Agents that report runs again and again, each run until it is acknowledged.
struct Load {
    stop: Arc<AtomicBool>,
    acknowledged: Acknowledged,
    statuses: Arc<Mutex<BTreeMap<u16, usize>>>,
    agents: Vec<JoinHandle<(Reporter, BTreeSet<EventId>)>>,
}

impl Load {
    /// Each reporter tells of runs of the job `nightly`, one after the other.
    fn begin(reporters: Vec<Reporter>) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Acknowledged::default());
        let statuses: Arc<Mutex<BTreeMap<u16, usize>>> = Arc::default();
        let agents = reporters.into_iter().map(|mut reporter| {
            let (stop, acknowledged, statuses) = (Arc::clone(&stop), Arc::clone(&acknowledged), Arc::clone(&statuses));
            std::thread::spawn(move || {
                let mut said = BTreeSet::new();
                let mut minutes = 0;
                while !stop.load(Ordering::SeqCst) {
                    let events = next_events(&mut reporter, &mut minutes);
                    said.extend(events.iter().map(|event| event.id));
                    while !tell(&mut reporter, &events, &acknowledged, &statuses) {
                        std::thread::sleep(std::time::Duration::from_millis(100));
                    }
                }
                (reporter, said)
            })
        });
        Self {
            agents: agents.collect(),
            stop,
            acknowledged,
            statuses,
        }
    }

    fn acknowledged(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    fn statuses(&self) -> BTreeMap<u16, usize> {
        self.statuses.lock().unwrap().clone()
    }

    /// Lets every agent bring its last reports home, and compares what they were told with what is there.
    fn end(self, database: &Psql) {
        self.stop.store(true, Ordering::SeqCst);
        let mut said = BTreeSet::new();
        for agent in self.agents {
            said.extend(agent.join().unwrap().1);
        }
        let acknowledged = self.acknowledged.lock().unwrap().clone();
        assert_eq!(acknowledged, said, "in the end every report was acknowledged");
        assert_stored_once(database, &acknowledged);
    }
}

fn next_events(reporter: &mut Reporter, minutes: &mut i64) -> Vec<Event> {
    (0..3)
        .map(|_| {
            *minutes += 1;
            let run = Reported::ok("nightly", now() - SignedDuration::from_mins(30 + *minutes));
            reporter.event(now(), run.finished())
        })
        .collect()
}

/// Sends a batch; whether all of it is acknowledged now.
fn tell(
    reporter: &mut Reporter,
    events: &[Event],
    acknowledged: &Acknowledged,
    statuses: &Mutex<BTreeMap<u16, usize>>,
) -> bool {
    let body = reporter.batch(events);
    let answer = reporter.send(&body);
    let status = answer.as_ref().map_or(0, |answer| answer.status);
    *statuses.lock().unwrap().entry(status).or_default() += 1;
    let Ok(answer) = answer else {
        reporter.hang_up();
        return false;
    };
    if answer.status == 503 {
        assert!(answer.header("retry-after").is_some(), "503 says when to come back");
    }
    assert!(
        matches!(answer.status, 200 | 429 | 503),
        "{}: {}",
        answer.status,
        answer.text()
    );
    let Ok(parsed) = serde_json::from_slice::<lastgood_protocol::BatchAnswer>(&answer.body) else {
        return false;
    };
    let mut known = acknowledged.lock().unwrap();
    let before = known.len();
    known.extend(
        parsed
            .results
            .iter()
            .filter(|result| result.status.is_acknowledged())
            .filter_map(|result| result.id),
    );
    assert!(
        parsed.results.iter().all(|result| result.status.is_acknowledged()),
        "{}",
        answer.text()
    );
    known.len() >= before
}

/// Every one of these events is in the inbox, exactly once, and nothing else of its kind.
fn assert_stored_once(database: &Psql, acknowledged: &BTreeSet<EventId>) {
    let stored = database.column("select event_id from inbox where kind = 'run_finished'");
    let distinct: BTreeSet<EventId> = stored.iter().map(|id| id.parse().unwrap()).collect();
    assert_eq!(distinct.len(), stored.len(), "nothing is stored twice");
    let lost: Vec<_> = acknowledged.difference(&distinct).collect();
    assert!(
        lost.is_empty(),
        "{} of {} acknowledged reports are lost: {lost:?}",
        lost.len(),
        acknowledged.len()
    );
}
