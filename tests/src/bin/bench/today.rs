//! The page that is opened most, with 10,000 jobs behind it.

use std::time::Instant;

use lastgood_tests::server::{PASSWORD, Server};
use lastgood_tests::visitor::Visitor;

use crate::figures::Durations;

/// How often it is opened.
const VISITS: usize = 300;

pub(crate) fn measure() {
    let server = Server::wishes()
        .with("LASTGOOD_LOG", "warn")
        .with("LASTGOOD_EVALUATOR_PERIOD", "5s")
        .start();
    server.add_user("bench@example.com", "owner", None);
    fill(&server);
    let mut visitor = Visitor::new(&server.address());
    visitor.sign_in("bench@example.com", PASSWORD);
    for (path, what) in [("/", "Today"), ("/practices", "Practices")] {
        for _ in 0..20 {
            assert_eq!(visitor.get(path).status, 200, "{path}");
        }
        let mut size = 0;
        let durations: Vec<_> = (0..VISITS)
            .map(|_| {
                let began = Instant::now();
                let answer = visitor.get(path);
                size = answer.body.len();
                assert_eq!(answer.status, 200);
                began.elapsed()
            })
            .collect();
        let durations = Durations::of(durations);
        println!(
            "{what} with 10,000 jobs in 200 practices, {} visits, {} KB: p50 {:.1} ms, p99 {:.1} ms",
            durations.len(),
            size / 1000,
            durations.percentile(50),
            durations.percentile(99)
        );
    }
    println!();
}

/// 200 practices with 50 jobs each, 35 days of slots, some of them in trouble.
pub(crate) fn fill(server: &Server) {
    server.database().execute(
        "insert into practices (firm_id, practice_id, name, created_at)
         select f.firm_id, gen_random_uuid(), 'Practice ' || n, now() - interval '90 days' from firms f, generate_series(1, 200) n;
         insert into offices (firm_id, office_id, practice_id, name, zone, created_at)
         select firm_id, gen_random_uuid(), practice_id, 'Main office', 'America/New_York', created_at from practices;
         insert into agents (firm_id, agent_id, practice_id, office_id, name, public_key, platform, agent_version, enrolled_at, last_heard_at,
            silent_after_seconds, silent_at)
         select firm_id, gen_random_uuid(), practice_id, office_id, 'agent', decode(md5(practice_id::text) || md5(office_id::text), 'hex'), 'linux',
            '0.1.0', now(), now(), 360000, now() + interval '100 hours' from offices;
         insert into jobs (firm_id, job_id, practice_id, office_id, agent_id, key, name, state, created_at)
         select a.firm_id, gen_random_uuid(), a.practice_id, a.office_id, a.agent_id, 'job-' || n, 'Job ' || n,
            case when n = 1 and random() < 0.2 then 'missed' else 'ok' end, now() - interval '90 days'
         from agents a, generate_series(1, 50) n;
         insert into expectations (firm_id, expectation_id, practice_id, kind, job_id, office_id, cron, opens_before_seconds, late_after_seconds,
            missed_after_seconds, maximum_run_seconds, active_from, materialised_until, materialise_at)
         select firm_id, gen_random_uuid(), practice_id, 'run', job_id, office_id, '0 22 * * *', 7200, 3600, 10800, 14400, now() - interval '90 days',
            now() + interval '20 days', now() + interval '10 days' from jobs;
         insert into slots (firm_id, slot_id, practice_id, expectation_id, job_id, backup_day, opens_at, due_at, late_at, missed_at, closes_at, state,
            state_since)
         select e.firm_id, gen_random_uuid(), e.practice_id, e.expectation_id, e.job_id, current_date - d, t.due - interval '2 hours', t.due,
            t.due + interval '1 hour', t.due + interval '3 hours', t.due + interval '22 hours',
            case when d = 1 then j.state else 'ok' end, t.due
         from expectations e join jobs j using (firm_id, job_id), generate_series(1, 35) d, lateral (select (current_date - d + 1)::timestamptz as due) t;
         insert into alerts (firm_id, alert_id, practice_id, kind, weight, subject_kind, subject_id, subject_name, since, opened_at, changed_at, facts)
         select firm_id, gen_random_uuid(), practice_id, 'missed', 0, 'job', job_id, name, now() - interval '9 hours', now() - interval '8 hours',
            now() - interval '8 hours', jsonb_build_object('kind', 'missed', 'days', jsonb_build_array(current_date - 1),
                'due_at', '2026-11-22T03:00:00Z', 'last_good', null, 'never_reported', false)
         from jobs where state = 'missed';",
    );
    server.database().rows("analyze");
}
