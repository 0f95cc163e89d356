//! Temporary: how fast.
use super::machine::*;
use crate::db::Scope;
use crate::testing::TestApp;
use std::time::Instant;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speed() {
    let test = TestApp::start().await;
    start_committers(&test);
    let app = test.app.clone();
    if std::env::var("NOPROJ").is_err() {
        let a = app.clone();
        test.app.spawn(async move {
            crate::worker::repeat(
                &a,
                "projector",
                std::time::Duration::from_secs(2),
                &a.wake.projector,
                || crate::ingest::project(&a),
            )
            .await;
        });
    }
    let mut machines = Vec::new();
    for _ in 0..64 {
        machines.push(Machine::enrolled(&test).await);
    }
    let each = 500_usize;
    let begun = Instant::now();
    let mut lat: Vec<u128> = futures_util::future::join_all(machines.iter().map(|m| async move {
        let mut l = Vec::new();
        for _ in 0..each {
            let e = m.heartbeat();
            let t = Instant::now();
            let a = m.send(&[e]).await;
            assert_eq!(a.status, 200, "{}", a.body);
            l.push(t.elapsed().as_micros());
        }
        l
    }))
    .await
    .into_iter()
    .flatten()
    .collect();
    let took = begun.elapsed().as_secs_f64();
    lat.sort_unstable();
    eprintln!(
        "SPEED one event per request, 64 agents: {:.0}/s p50 {} us p99 {} us",
        (64 * each) as f64 / took,
        lat[lat.len() / 2],
        lat[lat.len() * 99 / 100]
    );
    let mut t = test.app.db.begin(Scope::Everything).await.unwrap();
    let n = sqlx::query_scalar!(r#"select count(*) as "c!" from inbox"#)
        .fetch_one(&mut *t)
        .await
        .unwrap();
    assert_eq!(n, (64 * each) as i64);
    let db = sqlx::query_scalar!(r#"select current_database()::text as "c!""#)
        .fetch_one(&mut *t)
        .await
        .unwrap();
    eprintln!("DB {db}");
    drop(t);
    test.app.stop().await;
}
