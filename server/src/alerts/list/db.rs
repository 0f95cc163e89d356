//! The SQL of `alerts` and `alert_changes` that reads for pages.

use jiff::Timestamp;
use jiff_sqlx::ToSqlx as _;
use sqlx::types::Json;
use uuid::Uuid;

use super::{Acknowledgement, Closure, Filter, OpenAlert, Place, Shown};
use crate::alerts::model::{AlertFacts, AlertKind, Subject, SubjectKind};
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{AlertId, FirmId, PracticeId};
use crate::web::words::zone;

/// More open alerts than this at once are not read: nobody looks at more on one page.
const MOST: i64 = 1000;

/// What a query for alerts is narrowed to. Empty fields narrow nothing.
#[derive(Debug, Clone, Default)]
struct Narrowing {
    firm: Option<FirmId>,
    practice: Option<PracticeId>,
    subject: Option<(SubjectKind, Uuid)>,
    alerts: Option<Vec<Uuid>>,
    kind: Option<AlertKind>,
    shown: Option<Shown>,
    after: Option<Place>,
}

/// The open alerts of one practice, worst first.
pub async fn open_for_practice(
    transaction: &mut Transaction,
    firm: FirmId,
    practice: PracticeId,
) -> Result<Vec<OpenAlert>, AppError> {
    let narrowing = Narrowing {
        firm: Some(firm),
        practice: Some(practice),
        shown: Some(Shown::Open),
        ..Narrowing::default()
    };
    narrowed(transaction, narrowing).await
}

/// The open alerts of a firm: those that nobody acknowledged first, in each part the worst kind first.
pub async fn open_for_firm(transaction: &mut Transaction, firm: FirmId) -> Result<Vec<OpenAlert>, AppError> {
    let narrowing = Narrowing {
        firm: Some(firm),
        shown: Some(Shown::Open),
        ..Narrowing::default()
    };
    narrowed(transaction, narrowing).await
}

/// The open alerts about one thing, worst first.
pub async fn for_subject(
    transaction: &mut Transaction,
    firm: FirmId,
    kind: SubjectKind,
    subject: Uuid,
) -> Result<Vec<OpenAlert>, AppError> {
    let narrowing = Narrowing {
        firm: Some(firm),
        subject: Some((kind, subject)),
        shown: Some(Shown::Open),
        ..Narrowing::default()
    };
    narrowed(transaction, narrowing).await
}

/// These alerts, of whichever firm.
pub(in crate::alerts) async fn by_ids(
    transaction: &mut Transaction,
    alerts: Vec<AlertId>,
) -> Result<Vec<OpenAlert>, AppError> {
    let narrowing = Narrowing {
        alerts: Some(alerts.into_iter().map(|alert| alert.0).collect()),
        ..Narrowing::default()
    };
    narrowed(transaction, narrowing).await
}

/// One alert.
pub(in crate::alerts) async fn one(
    transaction: &mut Transaction,
    firm: FirmId,
    alert: AlertId,
) -> Result<OpenAlert, AppError> {
    let narrowing = Narrowing {
        firm: Some(firm),
        alerts: Some(vec![alert.0]),
        ..Narrowing::default()
    };
    let row = read(transaction, narrowing, 1).await?.into_iter().next();
    row.map(|row| row.0).ok_or(AppError::NotFound)
}

/// One page of a list, and where the next begins if there is one.
pub(in crate::alerts) async fn page(
    transaction: &mut Transaction,
    firm: FirmId,
    filter: Filter,
    after: Option<Place>,
    length: usize,
) -> Result<(Vec<OpenAlert>, Option<Place>), AppError> {
    let narrowing = Narrowing {
        firm: Some(firm),
        practice: filter.practice,
        kind: filter.kind,
        shown: Some(filter.shown),
        after,
        ..Narrowing::default()
    };
    let most = i64::try_from(length).unwrap_or(MOST) + 1;
    let mut rows = read(transaction, narrowing, most).await?;
    let has_more = rows.len() > length;
    rows.truncate(length);
    let next = rows.last().map(|row| row.1).filter(|_| has_more);
    Ok((rows.into_iter().map(|row| row.0).collect(), next))
}

/// Everything that a narrowing leaves, without the places.
async fn narrowed(transaction: &mut Transaction, narrowing: Narrowing) -> Result<Vec<OpenAlert>, AppError> {
    let rows = read(transaction, narrowing, MOST).await?;
    Ok(rows.into_iter().map(|(alert, _)| alert).collect())
}

/// The one query for alerts: everything a row shows in one round trip, whatever it is narrowed to.
async fn read(
    transaction: &mut Transaction,
    narrowing: Narrowing,
    most: i64,
) -> Result<Vec<(OpenAlert, Place)>, AppError> {
    let rows = sqlx::query_as!(
        Row,
        r#"select a.alert_id as "alert: AlertId", a.firm_id as "firm: FirmId", a.practice_id as "practice: PracticeId",
               p.name as practice_name, a.kind as "kind: AlertKind", a.subject_kind as "subject_kind: SubjectKind", a.subject_id,
               a.subject_name, a.since, a.opened_at, a.facts as "facts: Json<AlertFacts>", a.acknowledged_at, a.acknowledged_by,
               a.acknowledged_reason, a.acknowledged_until, a.closed_at, a.closed_how, a.closed_by, a.resolution,
               ranked.rank as "rank!",
               coalesce(
                   (select o.zone from jobs j join offices o on o.firm_id = j.firm_id and o.office_id = j.office_id
                    where a.subject_kind = 'job' and j.firm_id = a.firm_id and j.job_id = a.subject_id),
                   (select o.zone from agents g join offices o on o.firm_id = g.firm_id and o.office_id = g.office_id
                    where a.subject_kind = 'agent' and g.firm_id = a.firm_id and g.agent_id = a.subject_id),
                   (select o.zone from offices o where o.firm_id = a.firm_id and o.practice_id = a.practice_id
                    order by o.created_at, o.office_id limit 1),
                   'UTC') as "zone!"
           from alerts a join practices p on p.firm_id = a.firm_id and p.practice_id = a.practice_id,
               lateral (select a.weight + case when a.closed_at is not null then 200 when a.acknowledged_at is not null then 100
                   else 0 end as rank) ranked
           where ($1::uuid is null or a.firm_id = $1) and ($2::uuid is null or a.practice_id = $2)
             and ($3::text is null or (a.subject_kind = $3 and a.subject_id = $4))
             and ($5::uuid[] is null or a.alert_id = any($5)) and ($6::text is null or a.kind = $6)
             and case coalesce($7, 'all') when 'open' then a.closed_at is null
                 when 'acknowledged' then a.closed_at is null and a.acknowledged_at is not null
                 when 'closed' then a.closed_at is not null else true end
             and ($8::integer is null or ranked.rank > $8 or (ranked.rank = $8 and (a.opened_at, a.alert_id) < ($9, $10)))
           order by ranked.rank, a.opened_at desc, a.alert_id desc limit $11"#,
        narrowing.firm.map(|firm| firm.0),
        narrowing.practice.map(|practice| practice.0),
        narrowing.subject.map(|(kind, _)| kind.as_str()),
        narrowing.subject.map(|(_, subject)| subject),
        narrowing.alerts.as_deref(),
        narrowing.kind.map(AlertKind::as_str),
        narrowing.shown.map(Shown::as_str),
        narrowing.after.map(|place| place.rank),
        narrowing.after.map(|place| place.opened_at.to_sqlx()) as Option<jiff_sqlx::Timestamp>,
        narrowing.after.map(|place| place.alert),
        most,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(Row::told).collect())
}

/// A row of [`read`].
struct Row {
    alert: AlertId,
    firm: FirmId,
    practice: PracticeId,
    practice_name: String,
    kind: AlertKind,
    subject_kind: SubjectKind,
    subject_id: Uuid,
    subject_name: String,
    since: jiff_sqlx::Timestamp,
    opened_at: jiff_sqlx::Timestamp,
    facts: Json<AlertFacts>,
    acknowledged_at: Option<jiff_sqlx::Timestamp>,
    acknowledged_by: Option<String>,
    acknowledged_reason: Option<String>,
    acknowledged_until: Option<jiff_sqlx::Timestamp>,
    closed_at: Option<jiff_sqlx::Timestamp>,
    closed_how: Option<String>,
    closed_by: Option<String>,
    resolution: Option<String>,
    rank: i32,
    zone: String,
}

impl Row {
    /// The alert in words, and its place in the order.
    fn told(self) -> (OpenAlert, Place) {
        let place = Place {
            rank: self.rank,
            opened_at: self.opened_at.to_jiff(),
            alert: self.alert.0,
        };
        let acknowledged = self.acknowledged_at.zip(self.acknowledged_until);
        let mut alert = OpenAlert {
            id: self.alert,
            firm: self.firm,
            practice: self.practice,
            practice_name: self.practice_name,
            zone: zone(&self.zone),
            kind: self.kind,
            subject: Subject {
                kind: self.subject_kind,
                id: self.subject_id,
                name: self.subject_name,
            },
            headline: String::new(),
            fact: String::new(),
            sentence: String::new(),
            since: self.since.to_jiff(),
            opened_at: self.opened_at.to_jiff(),
            facts: self.facts.0,
            acknowledged: acknowledged.map(|(at, until)| Acknowledgement {
                at: at.to_jiff(),
                by: self.acknowledged_by.unwrap_or_default(),
                reason: self.acknowledged_reason.unwrap_or_default(),
                until: until.to_jiff(),
            }),
            closed: self.closed_at.map(|at| Closure {
                at: at.to_jiff(),
                how: self.closed_how.unwrap_or_default(),
                by: self.closed_by.unwrap_or_default(),
                resolution: self.resolution.unwrap_or_default(),
            }),
        };
        let told = alert.told();
        (alert.headline, alert.fact, alert.sentence) = (told.headline(), told.fact(), told.sentence());
        (alert, place)
    }
}

/// One line of an alert's history.
#[derive(Debug)]
pub(in crate::alerts) struct ChangeRow {
    pub(in crate::alerts) at: Timestamp,
    pub(in crate::alerts) what: String,
    pub(in crate::alerts) who: String,
    pub(in crate::alerts) reason: String,
}

/// An alert's history, oldest first.
pub(in crate::alerts) async fn history(
    transaction: &mut Transaction,
    firm: FirmId,
    alert: AlertId,
) -> Result<Vec<ChangeRow>, AppError> {
    let rows = sqlx::query!(
        "select at, what, who, reason from alert_changes where firm_id = $1 and alert_id = $2 order by change_id limit 500",
        firm.0,
        alert.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    let rows = rows.into_iter().map(|row| ChangeRow {
        at: row.at.to_jiff(),
        what: row.what,
        who: row.who,
        reason: row.reason,
    });
    Ok(rows.collect())
}

/// The practices that have alerts, by name, for the filter.
pub(in crate::alerts) async fn practices(
    transaction: &mut Transaction,
    firm: FirmId,
) -> Result<Vec<(PracticeId, String)>, AppError> {
    let rows = sqlx::query!(
        r#"select practice_id as "practice: PracticeId", name from practices p
           where firm_id = $1 and exists (select from alerts a where a.firm_id = p.firm_id and a.practice_id = p.practice_id)
           order by lower(name)"#,
        firm.0,
    )
    .fetch_all(&mut **transaction)
    .await?;
    Ok(rows.into_iter().map(|row| (row.practice, row.name)).collect())
}
