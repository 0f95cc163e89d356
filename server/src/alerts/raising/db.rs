//! The SQL that opens alerts, for any number of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Found, KeyParts, Raising};
use crate::alerts::model::{AlertFacts, AlertKey, AlertKind, SubjectKind};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{self, AlertId, FirmId, PracticeId};

/// The columns of keys.
struct Columns {
    firms: Vec<Uuid>,
    practices: Vec<Uuid>,
    subject_kinds: Vec<String>,
    subjects: Vec<Uuid>,
    kinds: Vec<String>,
}

impl Columns {
    fn of<'a>(keys: impl Iterator<Item = &'a AlertKey> + Clone) -> Self {
        Self {
            firms: keys.clone().map(|key| key.firm.0).collect(),
            practices: keys.clone().map(|key| key.practice.0).collect(),
            subject_kinds: keys.clone().map(|key| key.subject.kind.to_string()).collect(),
            subjects: keys.clone().map(|key| key.subject.id).collect(),
            kinds: keys.map(|key| key.kind.to_string()).collect(),
        }
    }
}

fn json(facts: &AlertFacts) -> Result<serde_json::Value, AppError> {
    serde_json::to_value(facts).map_err(AppError::internal)
}

/// Opens alerts, or finds the open ones with these keys and keeps them locked. In the order of `raisings`, no two of which
/// have the same key.
pub(super) async fn open_or_find(
    transaction: &mut Transaction,
    now: Timestamp,
    raisings: &[Raising],
) -> Result<Vec<Found>, AppError> {
    let new: Vec<AlertId> = raisings.iter().map(|_| ids::new(now)).collect();
    let columns = Columns::of(raisings.iter().map(|raising| &raising.key));
    let alerts: Vec<Uuid> = new.iter().map(|alert| alert.0).collect();
    let names: Vec<String> = raisings
        .iter()
        .map(|raising| raising.key.subject.name.clone())
        .collect();
    let weights: Vec<i16> = raisings.iter().map(|raising| raising.key.kind.weight()).collect();
    let since: Vec<_> = raisings
        .iter()
        .map(|raising| raising.since.min(now).to_sqlx())
        .collect();
    let facts: Vec<_> = raisings
        .iter()
        .map(|raising| json(&raising.facts))
        .collect::<Result<_, _>>()?;
    let rows = sqlx::query!(
        r#"insert into alerts (firm_id, alert_id, practice_id, kind, subject_kind, subject_id, subject_name, weight, since, opened_at,
               changed_at, facts)
           select n.firm_id, n.alert_id, n.practice_id, n.kind, n.subject_kind, n.subject_id, n.subject_name, n.weight, n.since, $1, $1,
               n.facts
           from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::uuid[], $8::text[], $9::smallint[],
                       $10::timestamptz[], $11::jsonb[])
               as n (firm_id, alert_id, practice_id, kind, subject_kind, subject_id, subject_name, weight, since, facts)
           on conflict (firm_id, practice_id, subject_kind, subject_id, kind) where closed_at is null
           do update set changed_at = excluded.changed_at, subject_name = excluded.subject_name
           returning firm_id as "firm: FirmId", practice_id as "practice: PracticeId", subject_kind as "subject_kind: SubjectKind",
               subject_id, kind as "kind: AlertKind", alert_id as "alert: AlertId", facts as "facts: Json<AlertFacts>""#,
        now.to_sqlx(),
        &columns.firms,
        &alerts,
        &columns.practices,
        &columns.kinds,
        &columns.subject_kinds,
        &columns.subjects,
        &names,
        &weights,
        &since as &[jiff_sqlx::Timestamp],
        &facts,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let mut found: BTreeMap<KeyParts, (AlertId, AlertFacts)> = rows
        .into_iter()
        .map(|row| {
            let parts = (row.firm, row.practice, row.subject_kind, row.subject_id, row.kind);
            (parts, (row.alert, row.facts.0))
        })
        .collect();
    let in_order = raisings.iter().zip(new).map(|(raising, new)| {
        let key = &raising.key;
        let parts = (key.firm, key.practice, key.subject.kind, key.subject.id, key.kind);
        let (alert, facts) = found
            .remove(&parts)
            .ok_or_else(|| AppError::internal("an alert was neither opened nor found"))?;
        Ok(Found {
            is_new: alert == new,
            alert,
            facts,
        })
    });
    in_order.collect()
}

/// Writes alerts' facts anew.
pub(super) async fn set_facts(
    transaction: &mut Transaction,
    changed: &[(FirmId, AlertId, AlertFacts)],
) -> Result<(), AppError> {
    if changed.is_empty() {
        return Ok(());
    }
    let (firms, alerts): (Vec<Uuid>, Vec<Uuid>) = changed.iter().map(|(firm, alert, _)| (firm.0, alert.0)).unzip();
    let facts: Vec<_> = changed
        .iter()
        .map(|(_, _, facts)| json(facts))
        .collect::<Result<_, _>>()?;
    sqlx::query!(
        "update alerts a set facts = n.facts
         from unnest($1::uuid[], $2::uuid[], $3::jsonb[]) as n (firm_id, alert_id, facts)
         where a.firm_id = n.firm_id and a.alert_id = n.alert_id",
        &firms,
        &alerts,
        &facts,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// A line for the history of an alert.
pub(super) struct Line<'a> {
    pub(super) key: &'a AlertKey,
    pub(super) alert: AlertId,
    /// As the schema lists them.
    pub(super) what: &'static str,
    pub(super) facts: &'a AlertFacts,
}

/// Adds lines to the histories of alerts.
pub(super) async fn add_lines(
    transaction: &mut Transaction,
    now: Timestamp,
    lines: &[Line<'_>],
) -> Result<(), AppError> {
    if lines.is_empty() {
        return Ok(());
    }
    let columns = Columns::of(lines.iter().map(|line| line.key));
    let alerts: Vec<Uuid> = lines.iter().map(|line| line.alert.0).collect();
    let what: Vec<String> = lines.iter().map(|line| line.what.to_owned()).collect();
    let facts: Vec<_> = lines.iter().map(|line| json(line.facts)).collect::<Result<_, _>>()?;
    sqlx::query!(
        "insert into alert_changes (firm_id, practice_id, alert_id, at, what, facts)
         select n.firm_id, n.practice_id, n.alert_id, $1, n.what, n.facts
         from unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::jsonb[])
            as n (firm_id, practice_id, alert_id, what, facts)",
        now.to_sqlx(),
        &columns.firms,
        &columns.practices,
        &alerts,
        &what,
        &facts,
    )
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// When something about each of these keys was or will be sent last, if that is later than `since`.
pub(super) async fn last_told(
    transaction: &mut Transaction,
    keys: &[&AlertKey],
    since: Timestamp,
) -> Result<Vec<Option<Timestamp>>, AppError> {
    let columns = Columns::of(keys.iter().copied());
    let told = sqlx::query_scalar!(
        r#"select max(coalesce(n.delivered_at, n.due_at)) as "told?: jiff_sqlx::Timestamp"
           from unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[])
               with ordinality as w (firm_id, practice_id, subject_kind, subject_id, kind, place)
           left join alerts a on a.firm_id = w.firm_id and a.practice_id = w.practice_id and a.subject_kind = w.subject_kind
               and a.subject_id = w.subject_id and a.kind = w.kind and a.closed_at > $6
           left join notifications n on n.firm_id = a.firm_id and n.alert_id = a.alert_id
               and n.state in ('waiting', 'leased', 'delivered') and coalesce(n.delivered_at, n.due_at) > $6
           group by w.place order by w.place"#,
        &columns.firms,
        &columns.practices,
        &columns.subject_kinds,
        &columns.subjects,
        &columns.kinds,
        since.to_sqlx(),
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(told
        .into_iter()
        .map(|told| told.map(jiff_sqlx::Timestamp::to_jiff))
        .collect())
}
