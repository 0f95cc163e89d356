//! Rows for the tests of pages.

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use crate::db::{Scope, Transaction};
use crate::expectations::SlotState;
use crate::ids::{self, AgentId, ExpectationId, JobId, OfficeId, PracticeId, RunId, SlotId};
use crate::testing::TestApp;

/// A job at a practice, with one slot and one run of each state but `waiting`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seeded {
    pub(super) agent: AgentId,
    pub(super) job: JobId,
    pub(super) run: RunId,
}

/// A job that was reported for some nights, at this practice and office of Northwind IT.
pub(super) async fn job(test: &TestApp, practice: PracticeId, office: OfficeId, name: &str) -> Seeded {
    let now = test.now();
    let firm = test.cast.northwind;
    let seeded = Seeded {
        agent: ids::new(now),
        job: ids::new(now),
        run: ids::new(now),
    };
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!(
        "insert into agents (firm_id, agent_id, practice_id, office_id, name, public_key, platform, agent_version, enrolled_at,
            last_heard_at, silent_after_seconds)
         values ($1, $2, $3, $4, 'front-desk', $5, 'linux', '0.1.0', $6, $6, 1800)",
        firm.0,
        seeded.agent.0,
        practice.0,
        office.0,
        &ids::random::<32>()[..],
        now.to_sqlx(),
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    sqlx::query!(
        "insert into jobs (firm_id, job_id, practice_id, office_id, agent_id, key, name, tool, destination, state, created_at)
         values ($1, $2, $3, $4, $5, $2::uuid::text, $6, 'restic', 'disk', 'ok', $7)",
        firm.0,
        seeded.job.0,
        practice.0,
        office.0,
        seeded.agent.0,
        name,
        now.to_sqlx(),
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    let expectation: ExpectationId = ids::new(now);
    sqlx::query!(
        "insert into expectations (firm_id, expectation_id, practice_id, kind, job_id, office_id, cron, opens_before_seconds,
            late_after_seconds, missed_after_seconds, maximum_run_seconds, active_from, materialised_until)
         values ($1, $2, $3, 'run', $4, $5, '30 22 * * *', 3600, 3600, 14400, 21600, $6, $6)",
        firm.0,
        expectation.0,
        practice.0,
        seeded.job.0,
        office.0,
        now.to_sqlx(),
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    nights(&mut transaction, test, practice, expectation, seeded).await;
    transaction.commit().await.unwrap();
    seeded
}

/// The nights before the test begins: Sun 22 Nov is ok and filled by the run, the nights before have the other states.
async fn nights(
    transaction: &mut Transaction,
    test: &TestApp,
    practice: PracticeId,
    expectation: ExpectationId,
    seeded: Seeded,
) {
    let firm = test.cast.northwind;
    let zone = crate::web::words::zone(crate::testing::ZONE);
    let states = [
        SlotState::Missed,
        SlotState::Failed,
        SlotState::Warning,
        SlotState::Excused,
        SlotState::NotMonitored,
        SlotState::Unknown,
        SlotState::Ok,
    ];
    for (day, state) in (16..).zip(states) {
        let due: Timestamp = date(2026, 11, day)
            .at(22, 30, 0, 0)
            .to_zoned(zone.clone())
            .unwrap()
            .timestamp();
        sqlx::query!(
            "insert into slots (firm_id, slot_id, practice_id, expectation_id, job_id, backup_day, opens_at, due_at, late_at,
                missed_at, state, state_since, excused_at, excused_by, excuse_reason)
             values ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz, $9, $10, $11::text, $10,
                case $11::text when 'excused' then $8::timestamptz end, case $11::text when 'excused' then 'Theo' end,
                case $11::text when 'excused' then 'Power was off' end)",
            firm.0,
            ids::new::<SlotId>(due).0,
            practice.0,
            expectation.0,
            seeded.job.0,
            date(2026, 11, day).to_sqlx(),
            (due - SignedDuration::from_hours(1)).to_sqlx(),
            due.to_sqlx(),
            (due + SignedDuration::from_hours(1)).to_sqlx(),
            (due + SignedDuration::from_hours(4)).to_sqlx(),
            state.as_str(),
        )
        .execute(&mut **transaction)
        .await
        .unwrap();
    }
    let began = date(2026, 11, 22).at(22, 31, 0, 0).to_zoned(zone).unwrap().timestamp();
    sqlx::query!(
        r#"insert into runs (firm_id, run_id, practice_id, job_id, agent_id, slot_id, started_at, finished_at, received_at,
            finish_received_at, outcome, exit_code, tool, tool_version, bytes_processed, bytes_added, files_total, facts)
         select $1, $2, $3, $4, $5, slot_id, $6, $7, $7, $7, 'ok', 0, 'restic', '0.18.0', 1440000000, 12000000, 48613,
            '{"encrypted": {"holds": true, "known": "configured"}, "verified": {"holds": false, "known": "measured"}}'
         from slots where firm_id = $1 and job_id = $4 and state = 'ok'"#,
        firm.0,
        seeded.run.0,
        practice.0,
        seeded.job.0,
        seeded.agent.0,
        began.to_sqlx(),
        (began + SignedDuration::from_mins(41)).to_sqlx(),
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
    sqlx::query!(
        "update slots set run_id = $3 where firm_id = $1 and job_id = $2 and state = 'ok'",
        firm.0,
        seeded.job.0,
        seeded.run.0
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// Has a job stand in this state.
pub(super) async fn job_state(test: &TestApp, job: JobId, state: &str) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!("update jobs set state = $2 where job_id = $1", job.0, state)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

/// Has the job's run say when the database server was started, by an agent's clock that is an hour behind.
pub(super) async fn database_started(test: &TestApp, run: RunId, at: &str) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!(
        "update runs set facts = facts || jsonb_build_object('database_started_at', $2::text), corrected_by_ms = 3600000
         where run_id = $1",
        run.0,
        at
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}

/// Somebody looks after every open alert for an hour.
pub(super) async fn acknowledge(test: &TestApp) {
    let until = test.now() + SignedDuration::from_hours(1);
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!(
        "update alerts set acknowledged_at = $1, acknowledged_until = $2, acknowledged_by = 'Theo',
            acknowledged_reason = 'New disk on Tuesday'",
        test.now().to_sqlx(),
        until.to_sqlx()
    )
    .execute(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
}

/// Ends every session.
pub(super) async fn end_sessions(test: &TestApp) {
    let mut transaction = test.app.db.begin(Scope::Everything).await.unwrap();
    sqlx::query!("update sessions set ended_at = $1", test.now().to_sqlx())
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction.commit().await.unwrap();
}

/// A number nobody has.
pub(super) fn nobody() -> Uuid {
    Uuid::from_u128(1)
}
