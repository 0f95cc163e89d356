//! `/practices/{id}/enrol`: a line to type on the new machine, and the wait for its first report.

use askama::Template;
use axum::http::HeaderMap;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

use super::db;
use crate::agents::model::{EnrolledAgent, Office, Token};
use crate::agents::{Place, TOKEN_MADE, TOKEN_WITHDRAWN, make_token};
use crate::audit::Entry;
use crate::error::AppError;
use crate::ids::{OfficeId, PracticeId, TokenId};
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Context, Form, Layout, Path, redirect};

#[derive(Template)]
#[template(path = "agents/enrol.html")]
struct EnrolPage {
    layout: Layout,
    practice: PracticeId,
    practice_name: String,
    choices: Vec<(String, String)>,
    chosen: String,
}

/// The form that makes a token.
pub(in crate::agents) async fn form(context: Context, Path(practice): Path<PracticeId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let (practice_name, offices) = offices(&context, &mut transaction, practice).await?;
    let title = format!("Enrol a machine of {practice_name}");
    let layout = context.layout(&mut transaction, Section::Practices, title).await?;
    Ok(render(&EnrolPage {
        layout,
        practice,
        practice_name,
        chosen: offices.first().map(|office| office.id.to_string()).unwrap_or_default(),
        choices: offices
            .into_iter()
            .map(|office| (office.id.to_string(), format!("{} ({})", office.name, office.zone)))
            .collect(),
    }))
}

async fn offices(
    context: &Context,
    transaction: &mut crate::db::Transaction,
    practice: PracticeId,
) -> Result<(String, Vec<Office>), AppError> {
    db::offices(transaction, context.person()?.firm, practice)
        .await?
        .ok_or(AppError::NotFound)
}

#[derive(Template)]
#[template(path = "agents/token.html")]
struct TokenPage {
    layout: Layout,
    practice: PracticeId,
    practice_name: String,
    line: String,
    windows_line: String,
    server: String,
    expires: Moment,
    progress: Progress,
}

/// The form of a new token.
#[derive(Debug, Deserialize)]
pub(in crate::agents) struct NewToken {
    #[serde(default)]
    office: String,
}

/// Makes a token and shows it, this once.
pub(in crate::agents) async fn make(
    context: Context,
    Path(practice): Path<PracticeId>,
    Form(filled): Form<NewToken>,
) -> Result<Response, AppError> {
    let person = context.person()?;
    let (firm, user) = (person.firm, person.user);
    let mut transaction = context.begin().await?;
    let (practice_name, offices) = offices(&context, &mut transaction, practice).await?;
    let chosen: Option<OfficeId> = filled.office.parse().ok();
    let office = offices.into_iter().find(|office| Some(office.id) == chosen);
    let office =
        office.ok_or_else(|| AppError::Invalid("Office is not one of this practice. Choose one.".to_owned()))?;
    let place = Place {
        firm,
        practice,
        office: office.id,
    };
    let made = make_token(&context.app.options, &mut transaction, context.now, &place, Some(user)).await?;
    let entry = Entry {
        action: TOKEN_MADE,
        practice: Some(practice),
        subject_kind: "enrolment_token",
        subject: Some(made.0.0),
        subject_name: &practice_name,
        details: json!({ "office": office.name }),
    };
    context.record(&mut transaction, entry).await?;
    let token = db::token(&mut transaction, firm, practice, made.0)
        .await?
        .ok_or(AppError::NotFound)?;
    let title = format!("Enrol a machine of {practice_name}");
    let layout = context.layout(&mut transaction, Section::Practices, title).await?;
    transaction.commit().await?;
    Ok(render(&TokenPage {
        layout,
        practice,
        practice_name,
        line: format!("lastgood-agent enroll {}", made.1),
        windows_line: format!("msiexec /i lastgood-agent.msi /qn ENROLTOKEN={}", made.1),
        server: made.1.server,
        expires: Moment {
            at: token.expires_at,
            zone: words::zone(&token.zone),
        },
        progress: Progress::new(practice, &token, context.now),
    }))
}

/// How far an enrolment is.
#[derive(Template)]
#[template(path = "agents/progress.html")]
struct Progress {
    practice: PracticeId,
    token: TokenId,
    stage: Stage,
}

/// A template itself: what it writes is escaped already.
impl askama::filters::HtmlSafe for Progress {}

enum Stage {
    Waiting(Moment),
    Withdrawn(Moment),
    Expired(Moment),
    Enrolled(EnrolledAgent, Moment),
    Reporting(EnrolledAgent, Moment, Moment),
}

impl Progress {
    fn new(practice: PracticeId, token: &Token, now: Timestamp) -> Self {
        let zone = words::zone(&token.zone);
        let moment = |at| Moment { at, zone: zone.clone() };
        let stage = match (&token.agent, token.withdrawn_at) {
            (Some(agent), _) => match agent.first_report_at {
                Some(first) => Stage::Reporting(agent.clone(), moment(agent.enrolled_at), moment(first)),
                None => Stage::Enrolled(agent.clone(), moment(agent.enrolled_at)),
            },
            (None, Some(withdrawn_at)) => Stage::Withdrawn(moment(withdrawn_at)),
            (None, None) if token.expires_at <= now => Stage::Expired(moment(token.expires_at)),
            (None, None) => Stage::Waiting(moment(token.expires_at)),
        };
        Self {
            practice,
            token: token.id,
            stage,
        }
    }

    /// Whether there is something to wait for.
    fn goes_on(&self) -> bool {
        matches!(self.stage, Stage::Waiting(_) | Stage::Enrolled(..))
    }
}

#[derive(Template)]
#[template(path = "agents/progress_page.html")]
struct ProgressPage {
    layout: Layout,
    practice: PracticeId,
    practice_name: String,
    office_name: String,
    progress: Progress,
}

/// How far an enrolment is: a page, or its changing part alone for a page that asks for it again and again.
pub(in crate::agents) async fn progress(
    context: Context,
    headers: HeaderMap,
    Path((practice, token)): Path<(PracticeId, TokenId)>,
) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let (practice_name, _) = offices(&context, &mut transaction, practice).await?;
    let token = db::token(&mut transaction, context.person()?.firm, practice, token).await?;
    let token = token.ok_or(AppError::NotFound)?;
    let progress = Progress::new(practice, &token, context.now);
    if headers.contains_key("hx-request") {
        return Ok(render(&progress));
    }
    let title = format!("Enrolment at {practice_name}");
    let layout = context.layout(&mut transaction, Section::Practices, title).await?;
    Ok(render(&ProgressPage {
        layout,
        practice,
        practice_name,
        office_name: token.office_name.clone(),
        progress,
    }))
}

/// Withdraws a token that nobody has used.
pub(in crate::agents) async fn withdraw(
    context: Context,
    Path((practice, token)): Path<(PracticeId, TokenId)>,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let (practice_name, _) = offices(&context, &mut transaction, practice).await?;
    if db::token(&mut transaction, firm, practice, token).await?.is_none() {
        return Err(AppError::NotFound);
    }
    if !db::withdraw(&mut transaction, context.now, firm, practice, token).await? {
        let sentence = "This token was used or withdrawn already. To stop a machine from reporting, revoke its agent.";
        return Err(AppError::Conflict(sentence.to_owned()));
    }
    let entry = Entry {
        action: TOKEN_WITHDRAWN,
        practice: Some(practice),
        subject_kind: "enrolment_token",
        subject: Some(token.0),
        subject_name: &practice_name,
        details: json!({}),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    Ok(redirect(&format!("/practices/{practice}/enrol/{token}/progress")))
}
