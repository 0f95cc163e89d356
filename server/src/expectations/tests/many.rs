//! A thousand nights missed at once.

use std::time::Instant;

use jiff::SignedDuration;

use super::db;
use super::stage::Stage;
use crate::alerts::{self, AlertFacts, AlertKey, AlertKind, Raising, Subject};
use crate::practices::{self, NewPractice, OfficeDetails};
use crate::testing::ZONE;

const NIGHTLY: &str = "0 22 * * *";
const NEVER_SILENT: SignedDuration = SignedDuration::from_hours(24 * 30);
const JOBS: usize = 1_000;

/// A thousand jobs, spread over as many practices as said, all of which miss a night in the same round.
async fn miss_together(practices: usize) {
    let mut stage = Stage::with(NIGHTLY, NEVER_SILENT).await;
    let now = stage.test.now();
    for number in 1..JOBS {
        if practices > 1 && number % (JOBS / practices) == 0 {
            let practice = NewPractice {
                name: format!("Practice {number}"),
                office: OfficeDetails::usual("Main office", ZONE),
            };
            let mut transaction = stage.begin().await;
            let added = practices::add(&mut transaction, now, stage.given.firm, &practice).await;
            (stage.given.practice, stage.given.office) = added.unwrap();
            transaction.commit().await.unwrap();
        }
        stage.add(NIGHTLY, NEVER_SILENT).await;
    }
    stage.look().await;
    stage.pass_until("2026-11-24T04:00:00Z").await;
    stage.test.advance(SignedDuration::from_hours(2));
    let mut transaction = stage.begin().await;
    db::note_alive(&mut transaction, stage.test.now()).await;
    transaction.commit().await.unwrap();
    let began = Instant::now();
    stage.tick().await;
    println!("{JOBS} misses of {practices} practices: {:?}", began.elapsed());
    let jobs = i64::try_from(JOBS).unwrap();
    let mut transaction = stage.begin().await;
    assert_eq!(db::told(&mut transaction, AlertKind::Missed).await, (jobs, jobs));
    assert_eq!(db::doubled(&mut transaction).await, (0, 0, 0));
    drop(transaction);
    raise_in_both_ways(&stage).await;
}

/// Opens an alert of every job, one after the other and all together: neither stays.
async fn raise_in_both_ways(stage: &Stage) {
    let (app, now) = (&stage.test.app, stage.test.now());
    let mut transaction = stage.begin().await;
    let raisings: Vec<Raising> = db::jobs(&mut transaction)
        .await
        .into_iter()
        .map(|(practice, job)| Raising {
            key: AlertKey {
                firm: stage.given.firm,
                practice,
                subject: Subject::job(job, "Nightly to disk"),
                kind: AlertKind::NoSuccess,
            },
            since: now,
            facts: AlertFacts::NoSuccess {
                last_good: None,
                limit_seconds: 60,
            },
        })
        .collect();
    assert_eq!(raisings.len(), JOBS);
    let began = Instant::now();
    for raising in &raisings {
        alerts::raise(app, &mut transaction, now, &raising.key, now, &raising.facts)
            .await
            .unwrap();
    }
    let one_by_one = began.elapsed();
    drop(transaction);
    let mut transaction = stage.begin().await;
    let began = Instant::now();
    alerts::raise_all(app, &mut transaction, now, raisings).await.unwrap();
    let together = began.elapsed();
    println!("{JOBS} alerts: one by one {one_by_one:?}, together {together:?}");
    assert!(together < one_by_one, "{together:?}, {one_by_one:?}");
    let jobs = i64::try_from(JOBS).unwrap();
    assert_eq!(db::told(&mut transaction, AlertKind::NoSuccess).await, (jobs, jobs));
}

#[tokio::test]
async fn a_thousand_jobs_of_one_practice_that_miss_a_night_are_told_in_one_round() {
    miss_together(1).await;
}

#[tokio::test]
async fn a_thousand_jobs_of_many_practices_that_miss_a_night_are_told_in_one_round() {
    miss_together(250).await;
}
