//! SQL by which tests put evidence into the database and look at what became of it.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff_sqlx::ToSqlx as _;
use uuid::Uuid;

use super::stage::{Given, Report};
use crate::alerts::AlertKind;
use crate::db::Transaction;
use crate::expectations::{JobState, SlotState};
use crate::ids::{AgentId, ClosureId, FirmId, JobId, OfficeId, PracticeId};

pub(super) async fn add_agent(
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, practice, office, agent): (FirmId, PracticeId, OfficeId, AgentId),
    silent_after_seconds: i32,
) {
    let mut key = [0; 32];
    key[..16].copy_from_slice(agent.0.as_bytes());
    sqlx::query!(
        "insert into agents (firm_id, agent_id, practice_id, office_id, name, public_key, platform, agent_version, enrolled_at,
            last_heard_at, silent_after_seconds, silent_at)
         values ($1, $2, $3, $4, 'FRONTDESK', $5, 'linux', '1', $6::timestamptz, $6, $7, $6::timestamptz + make_interval(secs => $7::integer))",
        firm.0,
        agent.0,
        practice.0,
        office.0,
        &key[..],
        now.to_sqlx(),
        silent_after_seconds
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

pub(super) async fn add_job(
    transaction: &mut Transaction,
    now: Timestamp,
    (firm, practice, office, agent): (FirmId, PracticeId, OfficeId, AgentId),
    job: JobId,
    name: &str,
) {
    sqlx::query!(
        "insert into jobs (firm_id, job_id, practice_id, office_id, agent_id, key, name, created_at)
         values ($1, $2, $3, $4, $5, $2::uuid::text, $6, $7)",
        firm.0,
        job.0,
        practice.0,
        office.0,
        agent.0,
        name,
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// Stores what an agent says of a run, as the projector does: a later word never takes back that it ended.
pub(super) async fn store_run(transaction: &mut Transaction, now: Timestamp, given: &Given, report: &Report) {
    let ended = report.ended.map(|(at, _)| at.to_sqlx());
    let outcome = report.ended.map(|(_, outcome)| outcome.as_str());
    sqlx::query!(
        "insert into runs (firm_id, run_id, practice_id, job_id, agent_id, started_at, finished_at, received_at, outcome, will_be_retried)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         on conflict (firm_id, run_id) do update
         set finished_at = excluded.finished_at, outcome = excluded.outcome, will_be_retried = excluded.will_be_retried
         where runs.finished_at is null",
        given.firm.0,
        report.run.0,
        given.practice.0,
        given.job.0,
        given.agent.0,
        report.started_at.to_sqlx(),
        ended as Option<jiff_sqlx::Timestamp>,
        now.to_sqlx(),
        outcome,
        report.will_be_retried,
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// Has the evaluator believe that it evaluated until now, so that a played history need not tick each minute.
pub(super) async fn note_alive(transaction: &mut Transaction, now: Timestamp) {
    sqlx::query!("update evaluator set last_tick_at = $1", now.to_sqlx())
        .execute(&mut **transaction)
        .await
        .unwrap();
}

/// Ends a history, so that the next one is alone: nothing is expected of the job, and its agent is revoked.
pub(super) async fn end(transaction: &mut Transaction, now: Timestamp, given: &Given) {
    sqlx::query!(
        "update agents set revoked_at = $3, silent_since = null where firm_id = $1 and agent_id = $2",
        given.firm.0,
        given.agent.0,
        now.to_sqlx()
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// A time that the database knows and this program does not: whatever reads it fails.
const UNREADABLE: &str = "20000-01-01";

/// Makes the job's first slot one that cannot be judged, or gives it back its time.
pub(super) async fn poison_slot(transaction: &mut Transaction, given: &Given, missed_at: Option<&str>) {
    sqlx::query!(
        "update slots set missed_at = $3::text::timestamptz where (firm_id, slot_id) =
            (select firm_id, slot_id from slots where firm_id = $1 and job_id = $2 order by due_at limit 1)",
        given.firm.0,
        given.job.0,
        missed_at.unwrap_or(UNREADABLE),
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// Makes the end of the job's runs one that cannot be read, or gives them back theirs.
pub(super) async fn poison_runs(transaction: &mut Transaction, given: &Given, finished_at: Option<&str>) {
    sqlx::query!(
        "update runs set finished_at = $3::text::timestamptz where firm_id = $1 and job_id = $2",
        given.firm.0,
        given.job.0,
        finished_at.unwrap_or(UNREADABLE),
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// Gives the job's rule another schedule, whatever it says, and has its slots written at once.
pub(super) async fn set_cron(transaction: &mut Transaction, given: &Given, cron: &str, at: Timestamp) {
    sqlx::query!(
        "update expectations set cron = $3, materialise_at = $4 where firm_id = $1 and job_id = $2",
        given.firm.0,
        given.job.0,
        cron,
        at.to_sqlx()
    )
    .execute(&mut **transaction)
    .await
    .unwrap();
}

/// The closure of this day.
pub(super) async fn closure(transaction: &mut Transaction, given: &Given, day: Date) -> ClosureId {
    sqlx::query_scalar!(
        r#"select c.closure_id as "id: ClosureId" from office_closures c join offices o using (firm_id, office_id)
           where c.firm_id = $1 and o.practice_id = $2 and c.first_day = $3"#,
        given.firm.0,
        given.practice.0,
        day.to_sqlx() as jiff_sqlx::Date
    )
    .fetch_one(&mut **transaction)
    .await
    .unwrap()
}

/// Whether somebody in this database waits for somebody else's lock.
pub(super) async fn somebody_waits(transaction: &mut Transaction) -> bool {
    sqlx::query_scalar!(
        r#"select exists (
            select from pg_locks l join pg_stat_activity a on a.pid = l.pid
            where not l.granted and a.datname = current_database()) as "waits!""#
    )
    .fetch_one(&mut **transaction)
    .await
    .unwrap()
}

/// What there is twice: alerts of one subject and kind, messages about one alert to one recipient, and the same change of one
/// slot.
pub(super) async fn doubled(transaction: &mut Transaction) -> (i64, i64, i64) {
    let row = sqlx::query!(
        r#"select
            (select count(*) - count(distinct (practice_id, subject_id, kind)) from alerts) as "alerts!",
            (select count(*) - count(distinct (alert_id, user_id, purpose)) from notifications) as "messages!",
            (select count(*) - count(distinct (slot_id, from_state, to_state)) from slot_changes) as "changes!""#
    )
    .fetch_one(&mut **transaction)
    .await
    .unwrap();
    (row.alerts, row.messages, row.changes)
}

/// How many alerts there are of this kind, and how many messages that they opened.
pub(super) async fn told(transaction: &mut Transaction, kind: AlertKind) -> (i64, i64) {
    let row = sqlx::query!(
        r#"select count(distinct a.alert_id) as "alerts!", count(n.notification_id) as "messages!"
           from alerts a left join notifications n on n.firm_id = a.firm_id and n.alert_id = a.alert_id and n.purpose = 'opened'
           where a.kind = $1"#,
        kind.as_str()
    )
    .fetch_one(&mut **transaction)
    .await
    .unwrap();
    (row.alerts, row.messages)
}

/// All jobs.
pub(super) async fn jobs(transaction: &mut Transaction) -> Vec<(PracticeId, JobId)> {
    sqlx::query!("select practice_id, job_id from jobs")
        .fetch_all(&mut **transaction)
        .await
        .unwrap()
        .into_iter()
        .map(|row| (row.practice_id, row.job_id))
        .collect()
}

/// A slot as a test sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SeenSlot {
    pub(super) id: Uuid,
    pub(super) due_at: Timestamp,
    pub(super) opens_at: Timestamp,
    pub(super) late_at: Timestamp,
    pub(super) missed_at: Timestamp,
    pub(super) state: SlotState,
    pub(super) declared_missed: bool,
    pub(super) reported_late: bool,
    pub(super) closed: bool,
}

pub(super) async fn slots(transaction: &mut Transaction, given: &Given) -> Vec<SeenSlot> {
    sqlx::query!(
        "select slot_id, due_at, opens_at, late_at, missed_at, state, declared_missed_at, reported_late, excused_by_calendar
         from slots where firm_id = $1 and job_id = $2 order by due_at",
        given.firm.0,
        given.job.0
    )
    .fetch_all(&mut **transaction)
    .await
    .unwrap()
    .into_iter()
    .map(|row| SeenSlot {
        id: row.slot_id.0,
        due_at: row.due_at.to_jiff(),
        opens_at: row.opens_at.to_jiff(),
        late_at: row.late_at.to_jiff(),
        missed_at: row.missed_at.to_jiff(),
        state: row.state,
        declared_missed: row.declared_missed_at.is_some(),
        reported_late: row.reported_late,
        closed: row.excused_by_calendar,
    })
    .collect()
}

pub(super) async fn open_alerts(transaction: &mut Transaction, given: &Given) -> Vec<AlertKind> {
    let mut kinds = sqlx::query_scalar!(
        "select kind from alerts where firm_id = $1 and closed_at is null and subject_id in ($2, $3, $4)",
        given.firm.0,
        given.job.0,
        given.agent.0,
        given.practice.0
    )
    .fetch_all(&mut **transaction)
    .await
    .unwrap();
    kinds.sort_unstable();
    kinds
}

pub(super) async fn job_state(transaction: &mut Transaction, given: &Given) -> JobState {
    sqlx::query_scalar!(
        "select state from jobs where firm_id = $1 and job_id = $2",
        given.firm.0,
        given.job.0
    )
    .fetch_one(&mut **transaction)
    .await
    .unwrap()
}

/// How the alerts of a job ended, oldest first.
pub(super) async fn closed_alerts(transaction: &mut Transaction, given: &Given) -> Vec<(AlertKind, String)> {
    sqlx::query!(
        r#"select kind, closed_how as "how!" from alerts
           where firm_id = $1 and closed_at is not null and subject_id in ($2, $3, $4) order by closed_at, kind"#,
        given.firm.0,
        given.job.0,
        given.agent.0,
        given.practice.0
    )
    .fetch_all(&mut **transaction)
    .await
    .unwrap()
    .into_iter()
    .map(|row| (row.kind, row.how))
    .collect()
}

pub(super) async fn missed_days(transaction: &mut Transaction, given: &Given) -> Vec<String> {
    let days = sqlx::query_scalar!(
        r#"select facts->'days' as "days!" from alerts
           where firm_id = $1 and subject_id = $2 and kind = 'missed' and closed_at is null"#,
        given.firm.0,
        given.job.0
    )
    .fetch_one(&mut **transaction)
    .await
    .unwrap();
    serde_json::from_value(days).unwrap()
}
