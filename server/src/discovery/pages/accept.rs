//! `/proposals/{proposal}/accept`: the form of a new job, filled with what was found.

use axum::response::Response;

use super::already;
use crate::db::Transaction;
use crate::discovery::db;
use crate::discovery::model::{Proposal, State};
use crate::error::AppError;
use crate::ids::{JobId, ProposalId};
use crate::jobs::{self, FormPlace, FormSent, JobForm, OfficeChoice};
use crate::web::{Context, Form, Path, redirect};

fn place(proposal: &Proposal) -> FormPlace {
    let mut lead = vec![proposal.sentence()];
    lead.extend(proposal.cautions());
    if proposal.said.schedule.is_none() {
        lead.push("The schedule below is only what is usual: set the right one.".to_owned());
    }
    FormPlace {
        practice: proposal.practice,
        path: format!("/proposals/{}/accept", proposal.id),
        lead,
    }
}

fn filled(proposal: &Proposal, offices: &[OfficeChoice]) -> JobForm {
    let usual = JobForm::usual(offices);
    let is_offered = offices.iter().any(|office| office.id == proposal.office);
    let tool = &proposal.said.tool;
    JobForm {
        name: proposal.usual_name(),
        key: proposal.said.key.to_string(),
        office: if is_offered {
            proposal.office.to_string()
        } else {
            usual.office.clone()
        },
        tool: if tool == "command" { String::new() } else { tool.clone() },
        cron: proposal
            .schedule()
            .map_or_else(|| usual.cron.clone(), |schedule| schedule.to_string()),
        dst_policy: proposal.policy().to_string(),
        ..usual
    }
}

async fn waiting(context: &Context, transaction: &mut Transaction, proposal: ProposalId) -> Result<Proposal, AppError> {
    let found = db::find(transaction, context.person()?.firm, proposal).await?;
    let found = found.ok_or(AppError::NotFound)?;
    if found.state == State::Proposed {
        Ok(found)
    } else {
        Err(already(found.state))
    }
}

pub(in crate::discovery) async fn show(
    context: Context,
    Path(proposal): Path<ProposalId>,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let proposal = waiting(&context, &mut transaction, proposal).await?;
    let fill = |offices: &[OfficeChoice]| filled(&proposal, offices);
    jobs::show_form(&context, &mut transaction, place(&proposal), fill).await
}

pub(in crate::discovery) async fn submit(
    context: Context,
    Path(proposal): Path<ProposalId>,
    Form(typed): Form<JobForm>,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let proposal = waiting(&context, &mut transaction, proposal).await?;
    match jobs::send_form(&context, &mut transaction, place(&proposal), typed).await? {
        FormSent::Added(job) => accepted(&context, transaction, &proposal, job).await,
        FormSent::Again(form) => Ok(form),
    }
}

async fn accepted(
    context: &Context,
    mut transaction: Transaction,
    proposal: &Proposal,
    job: JobId,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let change = (State::Proposed, State::Accepted);
    if !db::set_state(&mut transaction, context.now, firm, proposal.id, change, Some(job)).await? {
        return Err(already(State::Accepted));
    }
    transaction.commit().await?;
    context.app.wake.evaluator.notify_one();
    Ok(redirect(&format!("/proposals/{}", proposal.id)))
}
