//! All SQL of `proposals`.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use lastgood_protocol::JobProposal;
use serde_json::Value;
use uuid::Uuid;

use super::model::{AcceptedJob, Proposal, State};
use crate::agents::Reporter;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, AgentId, FirmId, JobId, OfficeId, PracticeId, ProposalId};

/// Adds what is new and brings the rest up to date. A report that comes late does not undo a newer one.
pub(super) async fn keep(
    transaction: &mut Transaction,
    reporter: &Reporter,
    looked_at: Timestamp,
    proposals: &[JobProposal],
) -> Result<(), AppError> {
    let ids: Vec<Uuid> = proposals.iter().map(|_| ids::new::<ProposalId>(looked_at).0).collect();
    let keys: Vec<String> = proposals.iter().map(|proposal| proposal.key.to_string()).collect();
    let said: Result<Vec<Value>, _> = proposals.iter().map(serde_json::to_value).collect();
    let said = said.map_err(AppError::internal)?;
    sqlx::query!(
        "insert into proposals (firm_id, proposal_id, practice_id, agent_id, key, proposal, place, first_proposed_at,
            last_proposed_at, state_since)
         select $1, new.id, $2, $3, new.key, new.proposal, new.place, $4, $4, $4
         from unnest($5::uuid[], $6::text[], $7::jsonb[]) with ordinality as new (id, key, proposal, place)
         on conflict (firm_id, agent_id, key) do update set
            proposal = excluded.proposal, place = excluded.place, last_proposed_at = excluded.last_proposed_at, gone_since = null
         where proposals.last_proposed_at <= excluded.last_proposed_at",
        reporter.firm.0,
        reporter.practice.0,
        reporter.agent.0,
        looked_at.to_sqlx(),
        &ids,
        &keys,
        &said,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Marks what the newest report does not name any more.
pub(super) async fn mark_gone(
    transaction: &mut Transaction,
    reporter: &Reporter,
    looked_at: Timestamp,
) -> Result<(), AppError> {
    sqlx::query!(
        "update proposals set gone_since = $3
         where firm_id = $1 and agent_id = $2 and last_proposed_at < $3 and gone_since is null",
        reporter.firm.0,
        reporter.agent.0,
        looked_at.to_sqlx(),
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// How many of a practice wait for somebody.
pub(super) async fn waiting(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<i64, AppError> {
    let count = sqlx::query_scalar!(
        r#"select count(*) as "count!" from proposals p
         join agents a on a.firm_id = p.firm_id and a.agent_id = p.agent_id
         where p.firm_id = $1 and p.practice_id = $2 and p.state = 'proposed' and p.gone_since is null
            and a.revoked_at is null"#,
        firm.0,
        practice.0,
    )
    .fetch_one(&mut **transaction)
    .await?;
    Ok(count)
}

struct Row {
    proposal_id: ProposalId,
    practice_id: PracticeId,
    practice_name: String,
    office_id: OfficeId,
    zone: String,
    agent_id: AgentId,
    agent_name: String,
    platform: String,
    proposal: Value,
    last_proposed_at: jiff_sqlx::Timestamp,
    gone_since: Option<jiff_sqlx::Timestamp>,
    state: State,
    state_since: jiff_sqlx::Timestamp,
    job_id: Option<JobId>,
    job_name: Option<String>,
    job_key: Option<String>,
    cron: Option<String>,
}

impl TryFrom<Row> for Proposal {
    type Error = AppError;

    fn try_from(row: Row) -> Result<Self, AppError> {
        Ok(Self {
            id: row.proposal_id,
            practice: row.practice_id,
            practice_name: row.practice_name,
            office: row.office_id,
            zone: row.zone,
            agent: row.agent_id,
            agent_name: row.agent_name,
            platform: row.platform,
            said: serde_json::from_value(row.proposal).map_err(AppError::internal)?,
            last_proposed_at: row.last_proposed_at.to_jiff(),
            gone_since: row.gone_since.map(jiff_sqlx::Timestamp::to_jiff),
            state: row.state,
            state_since: row.state_since.to_jiff(),
            job: match (row.job_id, row.job_name, row.job_key) {
                (Some(id), Some(name), Some(key)) => Some(AcceptedJob {
                    id,
                    name,
                    key,
                    cron: row.cron,
                }),
                _ => None,
            },
        })
    }
}

/// Those of a practice, or the one asked for: of each agent in the order it gave them.
async fn read(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: Option<PracticeId>,
    proposal: Option<ProposalId>,
) -> Result<Vec<Proposal>, AppError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select s.proposal_id, s.practice_id, p.name as practice_name, a.office_id, o.zone, s.agent_id,
            a.name as agent_name, a.platform, s.proposal, s.last_proposed_at, s.gone_since, s.state as "state: State", s.state_since,
            s.job_id, j.name as "job_name?", j.key as "job_key?", e.cron as "cron?"
         from proposals s
         join practices p on p.firm_id = s.firm_id and p.practice_id = s.practice_id
         join agents a on a.firm_id = s.firm_id and a.agent_id = s.agent_id
         join offices o on o.firm_id = a.firm_id and o.office_id = a.office_id
         left join jobs j on j.firm_id = s.firm_id and j.job_id = s.job_id
         left join expectations e on e.firm_id = j.firm_id and e.job_id = j.job_id and e.retired_at is null
         where s.firm_id = $1 and ($2::uuid is null or s.practice_id = $2) and ($3::uuid is null or s.proposal_id = $3)
            and p.archived_at is null and a.revoked_at is null
         order by lower(a.name), s.agent_id, s.place, s.key limit 500"#,
        firm.0,
        practice.map(|practice| practice.0) as Option<Uuid>,
        proposal.map(|proposal| proposal.0) as Option<Uuid>,
    )
    .fetch_all(&mut **transaction)
    .await?;
    rows.into_iter().map(Proposal::try_from).collect()
}

/// The proposals of a practice.
pub(super) async fn of_practice(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Vec<Proposal>, AppError> {
    read(transaction, firm, Some(practice), None).await
}

/// A proposal, if it is in the transaction's scope.
pub(super) async fn find(
    transaction: &mut Transaction,
    firm: FirmId,
    proposal: ProposalId,
) -> Result<Option<Proposal>, AppError> {
    Ok(read(transaction, firm, None, Some(proposal)).await?.pop())
}

/// Changes what became of a proposal, if it still stands as `from`. Whether it did.
pub(super) async fn set_state(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    proposal: ProposalId,
    (from, to): (State, State),
    job: Option<JobId>,
) -> Result<bool, AppError> {
    let done = sqlx::query!(
        "update proposals set state = $4, state_since = $5, job_id = $6
         where firm_id = $1 and proposal_id = $2 and state = $3",
        firm.0,
        proposal.0,
        from.as_str(),
        to.as_str(),
        now.to_sqlx(),
        job.map(|job| job.0) as Option<Uuid>,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The name of a practice in use, if it is in the transaction's scope.
pub(super) async fn practice_name(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Option<String>, AppError> {
    let name = sqlx::query_scalar!(
        "select name from practices where firm_id = $1 and practice_id = $2 and archived_at is null",
        firm.0,
        practice.0,
    )
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(name)
}
