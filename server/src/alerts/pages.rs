//! `/alerts` and `/alerts/{id}`.

use askama::Template;
use axum::response::Response;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::json;

use super::handling::{self, By, Until};
use super::list::db::ChangeRow;
use super::list::{Filter, OpenAlert, Place, Shown, db};
use super::model::{AlertFacts, AlertKind, SubjectKind};
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::AlertId;
use crate::notifications::{self, LoggedMessage};
use crate::users::Role;
use crate::web::extract::{escape, field};
use crate::web::page::render;
use crate::web::words::Moment;
use crate::web::{Access, Audit, Context, Form, Layout, Path, Person, Query, Route, Section, redirect};

/// How many alerts a page of the list shows.
const PAGE: usize = 50;

/// The routes of alerts.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/alerts", Access::Reader, list),
        Route::get("/alerts/{alert}", Access::Reader, show),
        Route::post(
            "/alerts/{alert}/acknowledge",
            Access::Operator,
            Audit::Records("alert.acknowledged"),
            acknowledge,
        ),
        Route::post(
            "/alerts/{alert}/acknowledgement/undo",
            Access::Operator,
            Audit::Records("alert.acknowledgement_undone"),
            undo,
        ),
        Route::post(
            "/alerts/{alert}/close",
            Access::Operator,
            Audit::Records("alert.closed"),
            close,
        ),
    ]
}

/// What the list's address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ListQuery {
    state: String,
    kind: String,
    practice: String,
    after: String,
}

impl ListQuery {
    fn filter(&self) -> Result<Filter, AppError> {
        Ok(Filter {
            shown: choice("state", &self.state)?.unwrap_or(Shown::Open),
            kind: choice("kind", &self.kind)?,
            practice: choice("practice", &self.practice)?,
        })
    }

    fn after(&self, place: Place) -> String {
        format!(
            "/alerts?state={}&kind={}&practice={}&after={place}",
            escape(&self.state),
            escape(&self.kind),
            escape(&self.practice)
        )
    }

    fn none(&self) -> WhyNone {
        let is_narrowed =
            !(self.kind.is_empty() && self.practice.is_empty() && matches!(self.state.as_str(), "" | "open" | "all"));
        if !self.after.is_empty() {
            WhyNone::Further
        } else if is_narrowed {
            WhyNone::Alike
        } else {
            WhyNone::Open
        }
    }
}

/// What there is none of, when a list is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WhyNone {
    /// No further alerts.
    Further,
    /// No alerts like those asked for.
    Alike,
    /// No open alerts at all.
    Open,
}

/// A choice in an address; an empty one chooses nothing.
fn choice<T: std::str::FromStr>(name: &str, text: &str) -> Result<Option<T>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    let unknown = |_| {
        AppError::Invalid(format!(
            "{name} in this address is not one of ours. Choose it on the page of alerts."
        ))
    };
    text.parse().map(Some).map_err(unknown)
}

#[derive(Template)]
#[template(path = "alerts/list.html")]
struct ListPage {
    layout: Layout,
    alerts: Vec<OpenAlert>,
    query: ListQuery,
    states: Vec<(&'static str, &'static str)>,
    kinds: Vec<(&'static str, &'static str)>,
    practices: Vec<(String, String)>,
    none: WhyNone,
    has_recipients: bool,
    may_change_people: bool,
    next: Option<String>,
    reader: Option<TimeZone>,
}

async fn list(context: Context, Query(query): Query<ListQuery>) -> Result<Response, AppError> {
    let person = context.person()?;
    let filter = query.filter()?;
    let after = choice::<Place>("after", &query.after)?;
    let mut transaction = context.begin().await?;
    let (alerts, next) = db::page(&mut transaction, person.firm, filter, after, PAGE).await?;
    let practices = db::practices(&mut transaction, person.firm).await?;
    let has_recipients = notifications::has_recipients(&mut transaction, person.firm).await?;
    let layout = context.layout(&mut transaction, Section::Alerts, "Alerts").await?;
    transaction.commit().await?;
    let any = |words: &str| (String::new(), words.to_owned());
    let named = practices.into_iter().map(|(id, name)| (id.to_string(), name));
    Ok(render(&ListPage {
        layout,
        next: next.map(|place| query.after(place)),
        none: query.none(),
        alerts,
        states: vec![
            ("open", "Open"),
            ("acknowledged", "Acknowledged"),
            ("closed", "Closed"),
            ("all", "All"),
        ],
        kinds: std::iter::once(("", "Any"))
            .chain(AlertKind::ALL.iter().map(|kind| (kind.as_str(), kind.words())))
            .collect(),
        practices: std::iter::once(any("Any")).chain(named).collect(),
        has_recipients,
        may_change_people: person.role == Role::Owner,
        query,
        reader: context.zone.clone(),
    }))
}

/// One line of the history, in words.
struct HistoryLine {
    moment: Moment,
    what: &'static str,
    who: String,
    reason: String,
}

#[derive(Template)]
#[template(path = "alerts/show.html")]
struct ShowPage {
    layout: Layout,
    alert: OpenAlert,
    what_happened: String,
    what_to_do: &'static str,
    evidence: (&'static str, String),
    history: Vec<HistoryLine>,
    messages: Vec<LoggedMessage>,
    untils: Vec<(&'static str, String)>,
    may_change: bool,
    reader: Option<TimeZone>,
}

async fn show(context: Context, Path(alert): Path<AlertId>) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let alert = db::one(&mut transaction, person.firm, alert).await?;
    let history = db::history(&mut transaction, person.firm, alert.id).await?;
    let messages = notifications::about_alert(&mut transaction, person.firm, alert.id).await?;
    let untils = untils(&context, &mut transaction, &alert).await?;
    let title = alert.headline.clone();
    let layout = context.layout(&mut transaction, Section::Alerts, title).await?;
    transaction.commit().await?;
    let told = alert.told();
    Ok(render(&ShowPage {
        layout,
        what_happened: told.what_happened(),
        what_to_do: told.what_to_do(),
        evidence: evidence(&alert),
        history: history.into_iter().map(|change| line(&alert, change)).collect(),
        messages,
        untils,
        may_change: Access::Operator.admits(Some(person.role)),
        alert,
        reader: context.zone.clone(),
    }))
}

/// The choices of the acknowledgement's end that this alert has, with the time each stands for.
async fn untils(
    context: &Context,
    transaction: &mut Transaction,
    alert: &OpenAlert,
) -> Result<Vec<(&'static str, String)>, AppError> {
    let next = handling::next_backup(transaction, context.now, alert).await?;
    let choices = Until::ALL.into_iter().filter_map(|until| {
        let time = until.time(alert, context.now, next)?;
        let moment = alert.moment(&time);
        let note = moment.zone_note(context.zone.as_ref());
        let words = format!("{} ({}{note})", until.words(), moment.words());
        Some((until.as_str(), words))
    });
    Ok(choices.collect())
}

fn line(alert: &OpenAlert, change: ChangeRow) -> HistoryLine {
    let what = match change.what.as_str() {
        "opened" => "Opened",
        "repeated" => "Happened again",
        "acknowledged" => "Acknowledged",
        "acknowledgement_undone" => "Acknowledgement taken back",
        "acknowledgement_ended" => "Acknowledgement ended",
        "replaced" => "Replaced by a better explanation",
        _ => "Closed",
    };
    HistoryLine {
        moment: alert.moment(&change.at),
        what,
        who: change.who,
        reason: change.reason,
    }
}

/// The page that shows what the alert is about.
fn evidence(alert: &OpenAlert) -> (&'static str, String) {
    let subject = alert.subject.id;
    match (&alert.facts, alert.subject.kind) {
        (AlertFacts::Failed { run, .. } | AlertFacts::Overrun { run, .. }, _) => {
            ("Open the run", format!("/runs/{run}"))
        }
        (AlertFacts::DrillFailed { drill, .. }, _) => ("Open the drill", format!("/drills/{drill}")),
        (_, SubjectKind::Job) => ("Open the job", format!("/jobs/{subject}")),
        (_, SubjectKind::Agent) => ("Open the agent", format!("/agents/{subject}")),
        (_, SubjectKind::Practice) => ("Open the practice", format!("/practices/{subject}")),
        (_, SubjectKind::Recipient) => {
            let recipient = escape(&alert.subject.name);
            ("Open the messages", format!("/messages?recipient={recipient}"))
        }
    }
}

fn by(person: &Person) -> By<'_> {
    By {
        user: person.user,
        name: &person.name,
    }
}

#[derive(Debug, Deserialize)]
struct Acknowledge {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    until: String,
}

async fn acknowledge(
    context: Context,
    Path(alert): Path<AlertId>,
    Form(form): Form<Acknowledge>,
) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let alert = db::one(&mut transaction, person.firm, alert).await?;
    let reason = field("Reason", &form.reason, 500)?;
    let until = Until::ALL
        .into_iter()
        .find(|until| until.as_str() == form.until)
        .ok_or_else(|| {
            AppError::Invalid("Until is not one of the choices. Choose when to be asked again.".to_owned())
        })?;
    let next = handling::next_backup(&mut transaction, context.now, &alert).await?;
    let until = until.time(&alert, context.now, next).ok_or_else(|| {
        AppError::Invalid(
            "Until cannot be the next backup: none is expected within seven days. Choose another end.".to_owned(),
        )
    })?;
    let how = (reason.as_str(), until);
    handling::acknowledge(&context.app, &mut transaction, context.now, &alert, by(person), how).await?;
    let details = json!({ "reason": reason, "until": until.to_string() });
    finish(&context, transaction, &alert, "alert.acknowledged", details).await
}

async fn undo(context: Context, Path(alert): Path<AlertId>) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let alert = db::one(&mut transaction, person.firm, alert).await?;
    handling::undo(&context.app, &mut transaction, context.now, &alert, by(person)).await?;
    finish(&context, transaction, &alert, "alert.acknowledgement_undone", json!({})).await
}

#[derive(Debug, Deserialize)]
struct Close {
    #[serde(default)]
    resolution: String,
}

async fn close(context: Context, Path(alert): Path<AlertId>, Form(form): Form<Close>) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let alert = db::one(&mut transaction, person.firm, alert).await?;
    let resolution = field("Resolution", &form.resolution, 1000)?;
    handling::close(
        &context.app,
        &mut transaction,
        context.now,
        &alert,
        &person.name,
        &resolution,
    )
    .await?;
    let details = json!({ "resolution": resolution });
    finish(&context, transaction, &alert, "alert.closed", details).await
}

/// Records what was done, commits, and leads back to the alert.
async fn finish(
    context: &Context,
    mut transaction: Transaction,
    alert: &OpenAlert,
    action: &'static str,
    details: serde_json::Value,
) -> Result<Response, AppError> {
    let entry = Entry {
        action,
        practice: Some(alert.practice),
        subject_kind: "alert",
        subject: Some(alert.id.0),
        subject_name: &alert.headline,
        details,
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    context.app.changes.tell(alert.firm);
    context.app.wake.dispatcher.notify_one();
    Ok(redirect(&alert.path()))
}
