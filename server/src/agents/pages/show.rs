//! `/agents/{id}`: one machine, what it reports, and how to stop listening to it.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

use super::db::{self, JobOfAgent};
use crate::agents::{Agent, AgentState, revoking};
use crate::error::AppError;
use crate::ids::AgentId;
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Context, Form, Layout, Path, redirect};

/// How many of the newest events are shown.
const NEWEST: i64 = 20;

#[derive(Template)]
#[template(path = "agents/show.html")]
struct AgentPage {
    layout: Layout,
    agent: Agent,
    standing: AgentState,
    enrolled: Moment,
    revoked: Option<Moment>,
    last_heard: Option<Moment>,
    silent_since: Option<Moment>,
    jobs: Vec<JobOfAgent>,
    /// `2 proposed jobs`, for who may accept them.
    proposed: Option<String>,
    events: Vec<Event>,
    waiting: String,
    revoke_path: String,
    may_revoke: bool,
    error: String,
}

struct Event {
    kind: String,
    received: Moment,
    state: &'static str,
}

/// The page.
pub(in crate::agents) async fn agent(context: Context, Path(agent): Path<AgentId>) -> Result<Response, AppError> {
    page(&context, agent, String::new()).await
}

async fn page(context: &Context, agent: AgentId, error: String) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let found = db::list(&mut transaction, person.firm, Some(agent)).await?.pop();
    let agent = found.ok_or(AppError::NotFound)?;
    let jobs = db::jobs(&mut transaction, person.firm, agent.id).await?;
    let proposed = db::proposed(&mut transaction, person.firm, agent.id).await?;
    let may_operate = crate::web::Access::Operator.admits(Some(person.role));
    let events = db::newest_events(&mut transaction, person.firm, agent.id, NEWEST).await?;
    let layout = context
        .layout(&mut transaction, Section::Agents, agent.name.clone())
        .await?;
    let zone = words::zone(&agent.zone);
    let moment = |at| Moment { at, zone: zone.clone() };
    let status = if error.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let mut response = render(&AgentPage {
        layout,
        standing: agent.state(),
        enrolled: moment(agent.enrolled_at),
        revoked: agent.revoked_at.map(moment),
        last_heard: agent.last_heard_at.map(moment),
        silent_since: agent.silent_since.map(moment),
        jobs,
        proposed: (proposed > 0 && may_operate).then(|| words::count(proposed, "proposed job", "proposed jobs")),
        events: events
            .into_iter()
            .map(|event| Event {
                kind: event.kind.replace('_', " "),
                received: moment(event.received_at.to_jiff()),
                state: match event.state.as_str() {
                    "projected" => "taken in",
                    "set_aside" => "set aside",
                    _ => "waiting",
                },
            })
            .collect(),
        waiting: agent.spooled.map_or_else(
            || "not known".to_owned(),
            |number| words::count(number, "report", "reports"),
        ),
        revoke_path: format!("/agents/{}/revoke", agent.id),
        may_revoke: agent.revoked_at.is_none() && may_operate,
        error,
        agent,
    });
    *response.status_mut() = status;
    Ok(response)
}

/// The form that revokes an agent.
#[derive(Debug, Deserialize)]
pub(in crate::agents) struct RevokeForm {
    /// The agent's name, typed to confirm.
    #[serde(default)]
    name: String,
}

/// Revokes an agent: it is not listened to any more, and its silence is not watched any more.
pub(in crate::agents) async fn revoke(
    context: Context,
    Path(agent): Path<AgentId>,
    Form(filled): Form<RevokeForm>,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let firm = context.person()?.firm;
    let found = db::list(&mut transaction, firm, Some(agent)).await?.pop();
    let found = found.ok_or(AppError::NotFound)?;
    if filled.name.trim() != found.name {
        drop(transaction);
        return page(
            &context,
            agent,
            format!("That is not the machine's name. Type {} to revoke it.", found.name),
        )
        .await;
    }
    revoking::revoke(&context, &mut transaction, &found).await?;
    transaction.commit().await?;
    revoking::after_commit(&context.app, firm, agent);
    Ok(redirect(&format!("/agents/{agent}")))
}
