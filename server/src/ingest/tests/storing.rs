//! An acknowledged event is stored, once, as it was received.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::SignedDuration;
use jiff_sqlx::ToSqlx as _;
use lastgood_protocol::{Event, EventStatus, Problem, ProblemClass};

use super::machine::{Machine, as_owner, start_committers, statuses};
use crate::db::Scope;
use crate::testing::TestApp;

async fn inbox(test: &TestApp) -> Vec<(i64, String)> {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let rows = sqlx::query!("select seq, body from inbox order by position")
        .fetch_all(&mut *transaction)
        .await
        .unwrap();
    rows.into_iter().map(|row| (row.seq, row.body)).collect()
}

#[tokio::test]
async fn events_are_stored_as_received_and_in_order() {
    let test = TestApp::start().await;
    start_committers(&test);
    let mut machine = Machine::enrolled(&test).await;
    machine.skew = SignedDuration::from_secs(90);
    let events = [machine.heartbeat(), machine.heartbeat(), machine.heartbeat()];
    assert_eq!(machine.deliver(&events).await, [EventStatus::Stored; 3]);
    let stored = inbox(&test).await;
    let sent: Vec<(i64, String)> = events
        .iter()
        .map(|event| (i64::try_from(event.seq).unwrap(), serde_json::to_string(event).unwrap()))
        .collect();
    assert_eq!(stored, sent);

    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let agent = sqlx::query!("select last_heard_at, last_seq, last_boot, clock_skew_ms, spooled from agents")
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(agent.last_heard_at.unwrap(), test.now().to_sqlx());
    assert_eq!((agent.last_seq, agent.last_boot), (3, Some(machine.boot)));
    assert_eq!((agent.clock_skew_ms, agent.spooled), (Some(90_000), Some(4)));
    drop(transaction);
    test.app.stop().await;
}

#[tokio::test]
async fn the_same_event_a_hundred_times_at_once_is_stored_once() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let event = [machine.heartbeat()];
    let answers = join_all((0..100).map(|_| machine.deliver(&event))).await;
    let stored = answers
        .iter()
        .filter(|answer| **answer == [EventStatus::Stored])
        .count();
    let duplicates = answers
        .iter()
        .filter(|answer| **answer == [EventStatus::Duplicate])
        .count();
    assert_eq!((stored, duplicates, inbox(&test).await.len()), (1, 99, 1));
    test.app.stop().await;
}

#[tokio::test]
async fn another_event_under_the_same_id_is_refused_and_the_first_stays() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let first = machine.heartbeat();
    let forged = Event {
        occurred_at: first.occurred_at - SignedDuration::from_secs(1),
        ..first.clone()
    };
    let both = machine.deliver(&[first.clone(), forged.clone(), first.clone()]).await;
    assert_eq!(
        both,
        [EventStatus::Stored, EventStatus::Conflict, EventStatus::Duplicate]
    );
    assert_eq!(machine.deliver(&[forged]).await, [EventStatus::Conflict]);
    assert_eq!(inbox(&test).await, [(1, serde_json::to_string(&first).unwrap())]);
    test.app.stop().await;
}

#[tokio::test]
async fn one_bad_event_does_not_keep_out_the_others() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let events: Vec<Event> = (0..100).map(|_| machine.heartbeat()).collect();
    let body = serde_json::to_string(&machine.batch(events)).unwrap();
    let body = body.replace("\"seq\":57,", "\"seq\":-57,");
    let statuses = statuses(machine.send_body(body.into_bytes()).await.assert_status(200));
    assert_eq!(
        statuses.iter().filter(|status| **status == EventStatus::Stored).count(),
        99
    );
    assert_eq!(statuses[56], EventStatus::Rejected);
    test.app.stop().await;
}

#[tokio::test]
async fn a_revoked_agent_is_not_listened_to() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    machine.deliver(&[machine.heartbeat()]).await;
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!("update agents set revoked_at = $1", test.now().to_sqlx())
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
    for _ in 0..2 {
        // Once with the key still remembered, once without.
        let answer = machine.send(&[machine.heartbeat()]).await;
        let problem: Problem = serde_json::from_str(&answer.assert_status(401).body).unwrap();
        assert_eq!(problem.class, ProblemClass::UnknownAgent);
    }
    assert_eq!(inbox(&test).await.len(), 1);
    test.app.stop().await;
}

#[tokio::test]
async fn what_cannot_be_committed_is_not_acknowledged() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    as_owner(
        &test,
        "create function refuse_commit() returns trigger language plpgsql as
            $$ begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$;
         create constraint trigger refuse_commit after insert on inbox deferrable initially deferred
            for each row execute function refuse_commit();",
    )
    .await;
    let event = [machine.heartbeat()];
    let answer = machine.send(&event).await;
    let problem: Problem = serde_json::from_str(&answer.assert_status(503).body).unwrap();
    assert_eq!(
        (problem.class, answer.header("retry-after")),
        (ProblemClass::Unavailable, "5")
    );
    assert_eq!(inbox(&test).await, []);

    as_owner(&test, "drop trigger refuse_commit on inbox").await;
    assert_eq!(machine.deliver(&event).await, [EventStatus::Stored]);
    test.app.stop().await;
}

#[tokio::test]
async fn whoever_goes_away_leaves_what_was_acknowledged_stored_and_nothing_twice() {
    let test = TestApp::start().await;
    start_committers(&test);
    let machine = Machine::enrolled(&test).await;
    let mut acknowledged = Vec::new();
    let mut given_up = 0;
    // Patience is measured in deliveries, so that it ends at every stage of one, however slow the machine is.
    let began = Instant::now();
    for _ in 0..10 {
        machine.deliver(&[machine.heartbeat()]).await;
    }
    let delivery = began.elapsed() / 10;
    for round in 0..400_u32 {
        let event = machine.heartbeat();
        let patience = match round % 20 {
            0 => Duration::ZERO,
            1 => delivery * 1_000,
            _ => delivery * (round * 37 % 150) / 100,
        };
        match tokio::time::timeout(patience, machine.deliver(std::slice::from_ref(&event))).await {
            Ok(statuses) => {
                assert_eq!(statuses, [EventStatus::Stored]);
                acknowledged.push(i64::try_from(event.seq).unwrap());
            }
            Err(_) => given_up += 1,
        }
    }
    assert!(given_up > 0 && !acknowledged.is_empty());
    // Its commit waits for everything the same agent submitted before.
    machine.deliver(&[machine.heartbeat()]).await;
    let stored: Vec<i64> = inbox(&test).await.into_iter().map(|(seq, _)| seq).collect();
    assert!(acknowledged.iter().all(|seq| stored.contains(seq)));
    assert_eq!(stored.iter().collect::<BTreeSet<_>>().len(), stored.len());

    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    let left_open = sqlx::query_scalar!(
        r#"select count(*) as "count!" from pg_stat_activity
           where datname = current_database() and state = 'idle in transaction' and pid <> pg_backend_pid()"#
    )
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    assert_eq!(left_open, 0);
    drop(transaction);
    test.app.stop().await;
}
