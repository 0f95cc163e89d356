//! One round of the evaluator, with 100 slots due among few and among many.

use std::time::Instant;

use jiff::SignedDuration;
use lastgood::app::{App, Options};
use lastgood::clock::Clock;
use lastgood::config::TrustedProxies;
use lastgood::db::Database;
use lastgood::expectations;
use lastgood::notifications::Mailer;
use lastgood_tests::server::Server;

use crate::figures::Durations;
use crate::today::fill;

/// Rounds of each kind.
const ROUNDS: usize = 15;

/// Slots due in each round.
const DUE: usize = 100;

pub(crate) fn measure() {
    let mut server = Server::wishes().with("LASTGOOD_LOG", "warn").start();
    server.add_user("bench@example.com", "owner", None);
    // The server's own evaluator must not be faster than the one that is measured.
    server.database().execute("update users set receives_alerts = false");
    server.process().signal(rustix::process::Signal::STOP);
    fill(&server);
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    let app = runtime.block_on(application(&server));
    for slots in [10_000, 1_000_000] {
        hold(&server, slots);
        let idle = rounds(&server, &runtime, &app, 0);
        let durations = rounds(&server, &runtime, &app, DUE);
        println!(
            "Evaluator with {slots:>9} slots: {DUE} due p50 {:.1} ms, p99 {:.1} ms; nothing due p50 {:.2} ms",
            durations.percentile(50),
            durations.percentile(99),
            idle.percentile(50)
        );
    }
    runtime.block_on(app.stop());
    server.process().signal(rustix::process::Signal::CONT);
    println!();
}

async fn application(server: &Server) -> App {
    let url = format!(
        "postgres://lastgood_owner@localhost/lastgood?host={}",
        server.state().join("pg/run").display()
    );
    let owner = url.parse().expect("it is a URL");
    let database = Database::connect(owner, 2, 4).await.expect("the database answers");
    let hour = SignedDuration::from_hours(1);
    let options = Options {
        state: server.state(),
        public_url: server.url(),
        authority_pin: None,
        alert_hold: SignedDuration::ZERO,
        silent_after: hour,
        landing: SignedDuration::from_mins(10),
        evaluator_period: std::time::Duration::from_secs(5),
        session_idle: hour,
        session_absolute: hour,
        trusted_proxies: TrustedProxies::default(),
        metrics: false,
        demo: false,
    };
    App::new(database, Clock::system(), options, Mailer::default())
}

/// Leaves this many slots that are to be judged in the far future.
fn hold(server: &Server, slots: usize) {
    server.database().execute(&format!(
        "set session_replication_role = replica;
         truncate slot_changes, slots cascade;
         set session_replication_role = origin;
         insert into slots (firm_id, slot_id, practice_id, expectation_id, job_id, backup_day, opens_at, due_at, late_at, missed_at, closes_at, state,
            state_since, check_at)
         select e.firm_id, gen_random_uuid(), e.practice_id, e.expectation_id, e.job_id, (t.due)::date, t.due - interval '2 hours', t.due,
            t.due + interval '1 hour', t.due + interval '3 hours', t.due + interval '22 hours', 'waiting', now(), t.due + interval '1 hour'
         from expectations e, generate_series(1, {slots} / 10000) d, lateral (select now() + d * interval '1 day' as due) t;"
    ));
    server.database().execute("analyze slots");
}

fn rounds(server: &Server, runtime: &tokio::runtime::Runtime, app: &App, due: usize) -> Durations {
    let database = server.database();
    let durations = (0..ROUNDS).map(|_| {
        database.execute(&format!(
            "update slots set due_at = due_at - interval '1 microsecond' * (random() * 1000000)::int - (due_at - now()) - interval '61 minutes',
                late_at = now() - interval '1 minute', check_at = now() - interval '1 minute'
             where slot_id in (select slot_id from slots where state = 'waiting' and late_at > now() limit {due});
             insert into evaluator (last_tick_at) values (now()) on conflict (only_row) do update set last_tick_at = now(), hold_until = null"
        ));
        let began = Instant::now();
        runtime.block_on(expectations::evaluate_at(app, app.clock.now())).expect("a round ends");
        began.elapsed()
    });
    Durations::of(durations.collect())
}
