//! SQL of events that were set aside.

use uuid::Uuid;

use super::{SetAside, Which};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{EventId, FirmId};

/// The newest events of a firm that are set aside, at most `most`; or the one asked for.
pub(super) async fn list(
    transaction: &mut Transaction,
    firm: FirmId,
    event: Option<EventId>,
    most: i64,
) -> Result<Vec<SetAside>, AppError> {
    let rows = sqlx::query!(
        "select i.agent_id, a.name as agent_name, i.event_id, i.practice_id, p.name as practice_name, o.zone, i.kind,
            i.received_at, i.attempts, i.problem, i.body
         from inbox i
         join agents a on a.firm_id = i.firm_id and a.agent_id = i.agent_id
         join offices o on o.firm_id = a.firm_id and o.office_id = a.office_id
         join practices p on p.firm_id = i.firm_id and p.practice_id = i.practice_id
         where i.firm_id = $1 and i.state = 'set_aside' and ($2::uuid is null or i.event_id = $2)
         order by i.received_at desc, i.position desc limit $3",
        firm.0,
        event.map(|event| event.0) as Option<Uuid>,
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let events = rows.into_iter().map(|row| SetAside {
        agent: row.agent_id,
        agent_name: row.agent_name,
        event: row.event_id,
        practice: row.practice_id,
        practice_name: row.practice_name,
        zone: row.zone,
        kind: row.kind,
        received_at: row.received_at.to_jiff(),
        attempts: row.attempts,
        problem: row.problem.unwrap_or_default(),
        body: row.body,
    });
    Ok(events.collect())
}

/// Lets the projector have events again. How many.
pub(super) async fn retry(transaction: &mut Transaction, firm: FirmId, which: Which) -> Result<u64, AppError> {
    let (agent, event) = match which {
        Which::All => (None, None),
        Which::One(agent, event) => (agent, Some(event)),
    };
    let done = sqlx::query!(
        "update inbox set state = 'received', problem = null
         where firm_id = $1 and state = 'set_aside' and ($2::uuid is null or agent_id = $2)
            and ($3::uuid is null or event_id = $3)",
        firm.0,
        agent.map(|agent| agent.0) as Option<Uuid>,
        event.map(|event| event.0) as Option<Uuid>,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(done.rows_affected())
}
