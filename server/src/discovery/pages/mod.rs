//! The pages of what agents propose.

pub(super) mod accept;

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;

use super::model::{Proposal, State, tool_words};
use super::{DISMISSED, UNDONE, db};
use crate::audit::Entry;
use crate::error::AppError;
use crate::ids::{AgentId, PracticeId, ProposalId};
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Context, Layout, Path, redirect};

#[derive(Template)]
#[template(path = "discovery/list.html")]
struct ListPage {
    layout: Layout,
    practice: PracticeId,
    practice_name: String,
    machines: Vec<Machine>,
    settled: Vec<Line>,
}

/// What one machine proposes.
struct Machine {
    agent: AgentId,
    name: String,
    looked: Moment,
    lines: Vec<Line>,
}

/// A proposal as pages show it.
struct Line {
    proposal: Proposal,
    found: String,
    cautions: Vec<String>,
    schedule: Option<String>,
    next: Vec<Moment>,
    since: Moment,
    last_found: Moment,
}

impl Line {
    fn new(proposal: Proposal, now: Timestamp) -> Self {
        let zone = words::zone(&proposal.zone);
        let moment = |at| Moment { at, zone: zone.clone() };
        let schedule = proposal.schedule();
        let next = schedule.as_ref().map(|schedule| schedule.next_five(now, &zone));
        Self {
            found: proposal.sentence(),
            cautions: proposal.cautions(),
            schedule: schedule.map(|schedule| schedule.sentence()),
            next: next.unwrap_or_default().into_iter().map(&moment).collect(),
            since: moment(proposal.state_since),
            last_found: moment(proposal.last_proposed_at),
            proposal,
        }
    }

    fn tool(&self) -> &str {
        tool_words(&self.proposal.said.tool)
    }

    fn waits(&self) -> bool {
        self.proposal.state == State::Proposed && self.proposal.gone_since.is_none()
    }

    /// What became of it, for one that does not wait.
    fn outcome(&self) -> &'static str {
        match self.proposal.state {
            State::Accepted => "accepted",
            State::Dismissed => "dismissed",
            State::Proposed => "not found any more",
        }
    }

    fn is_dismissed(&self) -> bool {
        self.proposal.state == State::Dismissed
    }
}

/// What the machines of a practice propose.
pub(super) async fn list(context: Context, Path(practice): Path<PracticeId>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let name = db::practice_name(&mut transaction, firm, practice).await?;
    let practice_name = name.ok_or(AppError::NotFound)?;
    let proposals = db::of_practice(&mut transaction, firm, practice).await?;
    let layout = context
        .layout(&mut transaction, Section::Practices, "Proposed jobs")
        .await?;
    let lines = proposals.into_iter().map(|proposal| Line::new(proposal, context.now));
    let (waiting, settled): (Vec<Line>, Vec<Line>) = lines.partition(Line::waits);
    Ok(render(&ListPage {
        layout,
        practice,
        practice_name,
        machines: by_machine(waiting),
        settled,
    }))
}

fn by_machine(lines: Vec<Line>) -> Vec<Machine> {
    let mut machines: Vec<Machine> = Vec::new();
    for line in lines {
        match machines.last_mut() {
            Some(machine) if machine.agent == line.proposal.agent => machine.lines.push(line),
            _ => machines.push(Machine {
                agent: line.proposal.agent,
                name: line.proposal.agent_name.clone(),
                looked: line.last_found.clone(),
                lines: vec![line],
            }),
        }
    }
    machines
}

#[derive(Template)]
#[template(path = "discovery/show.html")]
struct ShowPage {
    layout: Layout,
    line: Line,
    steps: Option<Steps>,
}

/// What is to be done on the machine after a proposal was accepted.
struct Steps {
    file: &'static str,
    lines: String,
    further: String,
    restart: &'static str,
}

impl Steps {
    fn of(proposal: &Proposal) -> Option<Self> {
        let job = proposal.job.as_ref()?;
        let key = job.key.parse().ok()?;
        let on_windows = proposal.platform == "windows";
        let (file, restart) = if on_windows {
            (
                r"C:\ProgramData\Lastgood\agent.toml",
                "net stop LastgoodAgent, then net start LastgoodAgent",
            )
        } else {
            ("/etc/lastgood/agent.toml", "systemctl restart lastgood-agent")
        };
        Some(Self {
            file,
            lines: proposal.said.settings(&key, job.cron.as_deref(), on_windows),
            further: proposal.said.further_step(&key),
            restart,
        })
    }
}

/// One proposal; when it was accepted, with what to do on the machine.
pub(super) async fn show(context: Context, Path(proposal): Path<ProposalId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let found = db::find(&mut transaction, context.person()?.firm, proposal).await?;
    let proposal = found.ok_or(AppError::NotFound)?;
    let title = proposal.usual_name();
    let layout = context.layout(&mut transaction, Section::Practices, title).await?;
    Ok(render(&ShowPage {
        layout,
        steps: Steps::of(&proposal),
        line: Line::new(proposal, context.now),
    }))
}

/// Somebody says that it is no job to watch.
pub(super) async fn dismiss(context: Context, Path(proposal): Path<ProposalId>) -> Result<Response, AppError> {
    change(&context, proposal, (State::Proposed, State::Dismissed), DISMISSED).await
}

/// Takes a dismissal back.
pub(super) async fn undo(context: Context, Path(proposal): Path<ProposalId>) -> Result<Response, AppError> {
    change(&context, proposal, (State::Dismissed, State::Proposed), UNDONE).await
}

async fn change(
    context: &Context,
    proposal: ProposalId,
    (from, to): (State, State),
    action: &'static str,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let found = db::find(&mut transaction, firm, proposal).await?;
    let found = found.ok_or(AppError::NotFound)?;
    if !db::set_state(&mut transaction, context.now, firm, proposal, (from, to), None).await? {
        return Err(already(found.state));
    }
    let entry = Entry {
        action,
        practice: Some(found.practice),
        subject_kind: "proposal",
        subject: Some(proposal.0),
        subject_name: &found.usual_name(),
        details: json!({ "key": found.said.key, "agent": found.agent_name }),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(redirect(&format!("/practices/{}/proposals", found.practice)))
}

/// Somebody was faster.
fn already(state: State) -> AppError {
    let what = match state {
        State::Proposed => "It is proposed again already. Look at the list.",
        State::Accepted => "It was accepted already. Its job is on the practice's page.",
        State::Dismissed => "It was dismissed already. Take that back to accept it.",
    };
    AppError::Conflict(what.to_owned())
}
