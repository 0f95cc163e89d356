//! `/inbox`: the reports that could not be understood.

use askama::Template;
use axum::response::Response;
use serde_json::{Value, json};

use super::{EVENT_RETRIED, SetAside, Which, db};
use crate::audit::Entry;
use crate::error::AppError;
use crate::ids::{AgentId, EventId, PracticeId};
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Access, Context, Layout, Path, redirect};

/// How many are shown.
const MOST: i64 = 100;

#[derive(Template)]
#[template(path = "ingest/inbox.html")]
struct InboxPage {
    layout: Layout,
    events: Vec<Line>,
    more: bool,
    may_retry: bool,
}

struct Line {
    event: SetAside,
    kind: String,
    received: Moment,
    body: String,
}

impl From<SetAside> for Line {
    fn from(event: SetAside) -> Self {
        let readable = serde_json::from_str::<Value>(&event.body)
            .and_then(|value| serde_json::to_string_pretty(&value))
            .unwrap_or_else(|_| event.body.clone());
        Self {
            kind: event.kind.replace('_', " "),
            received: Moment {
                at: event.received_at,
                zone: words::zone(&event.zone),
            },
            body: readable,
            event,
        }
    }
}

/// The page.
pub(super) async fn inbox(context: Context) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let mut events = db::list(&mut transaction, person.firm, None, MOST + 1).await?;
    let more = events.len() > usize::try_from(MOST).unwrap_or(usize::MAX);
    events.truncate(usize::try_from(MOST).unwrap_or(usize::MAX));
    let layout = context
        .layout(&mut transaction, Section::Agents, "Reports set aside")
        .await?;
    Ok(render(&InboxPage {
        layout,
        events: events.into_iter().map(Line::from).collect(),
        more,
        may_retry: Access::Operator.admits(Some(person.role)),
    }))
}

/// Tries one event again.
pub(super) async fn retry_one(
    context: Context,
    Path((agent, event)): Path<(AgentId, EventId)>,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let found = db::list(&mut transaction, firm, Some(event), MOST).await?;
    let found = found
        .into_iter()
        .find(|found| found.agent == agent)
        .ok_or(AppError::NotFound)?;
    drop(transaction);
    retry(
        &context,
        Which::One(Some(agent), event),
        Some(found.practice),
        &found.kind,
    )
    .await
}

/// Tries everything again.
pub(super) async fn retry_all(context: Context) -> Result<Response, AppError> {
    retry(&context, Which::All, None, "all").await
}

async fn retry(
    context: &Context,
    which: Which,
    practice: Option<PracticeId>,
    what: &str,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let count = db::retry(&mut transaction, context.person()?.firm, which).await?;
    let subject = match which {
        Which::All => None,
        Which::One(_, event) => Some(event.0),
    };
    let entry = Entry {
        action: EVENT_RETRIED,
        practice,
        subject_kind: "event",
        subject,
        subject_name: what,
        details: json!({ "events": count }),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    context.app.wake.projector.notify_one();
    Ok(redirect("/inbox"))
}
