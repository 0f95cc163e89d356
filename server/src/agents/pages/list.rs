//! `/agents`: every machine that reports, and how it stands.

use askama::Template;
use axum::response::Response;

use super::db;
use crate::agents::{Agent, AgentState};
use crate::error::AppError;
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Context, Layout};

#[derive(Template)]
#[template(path = "agents/list.html")]
struct AgentsPage {
    layout: Layout,
    agents: Vec<Line>,
}

struct Line {
    agent: Agent,
    standing: AgentState,
    last_heard: Option<Moment>,
    silent_since: Option<Moment>,
    skew_warning: Option<String>,
}

impl From<Agent> for Line {
    fn from(agent: Agent) -> Self {
        let zone = words::zone(&agent.zone);
        let moment = |at| Moment { at, zone: zone.clone() };
        Self {
            standing: agent.state(),
            last_heard: agent.last_heard_at.map(moment),
            silent_since: agent.silent_since.map(moment),
            skew_warning: agent.skew_warning(),
            agent,
        }
    }
}

/// The page.
pub(in crate::agents) async fn agents(context: Context) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let agents = db::list(&mut transaction, context.person()?.firm, None).await?;
    let layout = context.layout(&mut transaction, Section::Agents, "Agents").await?;
    let agents = agents.into_iter().map(Line::from).collect();
    Ok(render(&AgentsPage { layout, agents }))
}
