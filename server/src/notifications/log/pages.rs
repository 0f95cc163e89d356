//! `/messages`: the log, each message as it was sent, and the message that tests whether mail arrives.

use askama::Template;
use axum::response::{Html, IntoResponse as _, Response};
use lettre::Address;
use serde::Deserialize;
use serde_json::json;

use super::LoggedMessage;
use super::db::{self, Narrowing};
use crate::audit::Entry;
use crate::error::AppError;
use crate::ids::NotificationId;
use crate::notifications::model::{DeliveryState, Posting, Purpose, Recipient};
use crate::notifications::{Letter, has_recipients, mime, post};
use crate::users::Role;
use crate::web::extract::escape;
use crate::web::page::render;
use crate::web::security_headers::ContentPolicy;
use crate::web::{Access, Audit, Context, Layout, Path, Query, Route, Section, redirect};

/// How many messages a page of the log shows.
const PAGE: usize = 50;

/// The routes of the message log.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/messages", Access::Reader, list),
        Route::get("/messages/{message}", Access::Reader, show),
        Route::get("/messages/{message}/html", Access::Reader, show_html),
        Route::post("/messages/test", Access::Owner, Audit::Records("mail.tested"), test),
    ]
}

/// What the log's address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct LogQuery {
    state: String,
    recipient: String,
    before: String,
}

#[derive(Template)]
#[template(path = "notifications/list.html")]
struct ListPage {
    layout: Layout,
    messages: Vec<LoggedMessage>,
    query: LogQuery,
    states: Vec<(&'static str, &'static str)>,
    recipients: Vec<(String, String)>,
    folder: Option<String>,
    has_recipients: bool,
    is_owner: bool,
    is_narrowed: bool,
    next: Option<String>,
}

async fn list(context: Context, Query(query): Query<LogQuery>) -> Result<Response, AppError> {
    let person = context.person()?;
    let unknown = |name: &str| {
        AppError::Invalid(format!(
            "{name} in this address is not one of ours. Choose it on the page of messages."
        ))
    };
    let state = match query.state.as_str() {
        "" => None,
        state => Some(state.parse::<DeliveryState>().map_err(|_| unknown("state"))?),
    };
    let before = match query.before.as_str() {
        "" => None,
        before => Some(before.parse::<i64>().map_err(|_| unknown("before"))?),
    };
    if query.recipient.contains('\0') {
        return Err(unknown("recipient"));
    }
    let narrowing = Narrowing {
        state,
        recipient: (!query.recipient.is_empty()).then(|| query.recipient.clone()),
        before,
        ..Narrowing::default()
    };
    let mut transaction = context.begin().await?;
    let most = i64::try_from(PAGE).unwrap_or(50) + 1;
    let mut messages = db::read(&mut transaction, person.firm, narrowing, most).await?;
    let recipients = db::recipients(&mut transaction, person.firm).await?;
    let has_recipients = has_recipients(&mut transaction, person.firm).await?;
    let layout = context.layout(&mut transaction, Section::Messages, "Messages").await?;
    transaction.commit().await?;
    let has_more = messages.len() > PAGE;
    messages.truncate(PAGE);
    let next = messages.last().filter(|_| has_more).map(|last| {
        let (state, recipient) = (escape(&query.state), escape(&query.recipient));
        format!("/messages?state={state}&recipient={recipient}&before={}", last.position)
    });
    let any = (String::new(), "Anybody".to_owned());
    Ok(render(&ListPage {
        layout,
        messages,
        states: std::iter::once(("", "Any"))
            .chain(DeliveryState::ALL.iter().map(|state| (state.as_str(), state.words())))
            .collect(),
        recipients: std::iter::once(any)
            .chain(recipients.into_iter().map(|address| (address.clone(), address)))
            .collect(),
        folder: context.app.mailer.folder().map(|folder| folder.display().to_string()),
        has_recipients,
        is_owner: person.role == Role::Owner,
        is_narrowed: !(query.state.is_empty() && query.recipient.is_empty() && query.before.is_empty()),
        query,
        next,
    }))
}

#[derive(Template)]
#[template(path = "notifications/show.html")]
struct ShowPage {
    layout: Layout,
    message: LoggedMessage,
    headers: String,
    text: String,
}

async fn show(context: Context, Path(message): Path<NotificationId>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let narrowing = Narrowing {
        message: Some(message),
        ..Narrowing::default()
    };
    let logged = db::read(&mut transaction, firm, narrowing, 1).await?;
    let logged = logged.into_iter().next().ok_or(AppError::NotFound)?;
    let whole = db::whole(&mut transaction, firm, message).await?;
    let layout = context
        .layout(&mut transaction, Section::Messages, logged.subject.clone())
        .await?;
    transaction.commit().await?;
    // The headers as they are sent; an address that none can be made for was never sent to.
    let headers = whole
        .recipient
        .parse::<Address>()
        .ok()
        .and_then(|to| mime::build(context.app.mailer.from(), &to, &whole).ok())
        .map(|mime| mime.headers().to_string())
        .unwrap_or_default();
    Ok(render(&ShowPage {
        layout,
        message: logged,
        headers,
        text: whole.text,
    }))
}

/// The HTML part alone, under a policy that lets it do nothing: not even we trust what stands in it.
async fn show_html(context: Context, Path(message): Path<NotificationId>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let whole = db::whole(&mut transaction, firm, message).await?;
    transaction.commit().await?;
    let mut response = Html(whole.html).into_response();
    response.extensions_mut().insert(ContentPolicy::SentMessage);
    Ok(response)
}

/// Writes to the owner who asks, through the outbox as everything else.
async fn test(context: Context) -> Result<Response, AppError> {
    let person = context.person()?;
    let letter = Letter {
        purpose: Purpose::Test,
        practice: String::new(),
        fact: format!("Test message from Lastgood for {}", person.firm_name),
        mark: String::new(),
        first_line: format!("Mail from Lastgood arrives. {} asked for this message.", person.name),
        details: vec!["Messages about backups come the same way.".to_owned()],
        days: Vec::new(),
        button: (
            "Open the message log",
            format!("{}/messages", context.app.options.public_url),
        ),
        reason: "You get this because you pressed the button that sends it.",
    };
    let posting = Posting {
        recipient: Recipient {
            firm: person.firm,
            user: person.user,
            address: person.email.clone(),
        },
        practice: None,
        alert: None,
        message: letter.message()?,
        in_reply_to: None,
        due: context.now,
    };
    let mut transaction = context.begin().await?;
    post(&context.app, &mut transaction, context.now, &[posting]).await?;
    let entry = Entry {
        action: "mail.tested",
        practice: None,
        subject_kind: "user",
        subject: Some(person.user.0),
        subject_name: &person.name,
        details: json!({}),
    };
    context.record(&mut transaction, entry).await?;
    transaction.commit().await?;
    context.app.wake.dispatcher.notify_one();
    Ok(redirect("/messages"))
}
