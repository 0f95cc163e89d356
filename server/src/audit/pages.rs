//! `/audit`: who did what, the newest first.

use std::sync::OnceLock;

use askama::Template;
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::db::{self, By, EntryRow, Filter};
use crate::error::AppError;
use crate::ids::{EntryId, PracticeId};
use crate::practices;
use crate::web::extract::escape;
use crate::web::page::render;
use crate::web::{Access, Audit, Context, Layout, Query, Route, Section};

/// Entries on a page.
const PAGE: usize = 50;

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/audit", Access::Reader, show)]
}

/// The filter as it stands in the address; empty is no filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wanted {
    practice: String,
    actor: String,
    action: String,
    before: String,
}

#[derive(Template)]
#[template(path = "audit/list.html")]
struct AuditPage {
    layout: Layout,
    entries: Vec<EntryRow>,
    wanted: Wanted,
    is_filtered: bool,
    practices: Vec<(String, String)>,
    actors: Vec<(String, String)>,
    actions: Vec<(String, String)>,
    newest: Option<String>,
    older: Option<String>,
}

async fn show(context: Context, Query(wanted): Query<Wanted>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let filter = wanted.filter()?;
    let mut transaction = context.begin().await?;
    let mut entries = db::list(&mut transaction, firm, &filter, PAGE + 1).await?;
    let more = entries.len() > PAGE;
    entries.truncate(PAGE);
    let last = entries.last().filter(|_| more).map(|entry| entry.entry);
    let practices = practices::names(&mut transaction, firm).await?;
    let practices = practices.into_iter().map(|(id, name)| (id.to_string(), name));
    let people = db::people(&mut transaction, firm).await?;
    let page = AuditPage {
        layout: context.layout(&mut transaction, Section::Audit, "Audit log").await?,
        newest: filter.before.map(|_| wanted.address(None)),
        older: last.map(|last| wanted.address(Some(last))),
        is_filtered: wanted.is_filtered(),
        practices: choice("All practices", practices),
        actors: choice("Everybody", people.into_iter().chain(others())),
        actions: choice(
            "Everything",
            actions().iter().map(|action| ((*action).to_owned(), words(action))),
        ),
        entries,
        wanted,
    };
    transaction.commit().await?;
    Ok(render(&page))
}

impl Wanted {
    fn is_filtered(&self) -> bool {
        [&self.practice, &self.actor, &self.action]
            .iter()
            .any(|filter| !filter.is_empty())
    }

    /// What is wanted of the database. An id that cannot be one is like one that does not exist.
    fn filter(&self) -> Result<Filter, AppError> {
        let action = if self.action.is_empty() {
            None
        } else {
            Some(
                *actions()
                    .iter()
                    .find(|action| **action == self.action)
                    .ok_or(AppError::NotFound)?,
            )
        };
        Ok(Filter {
            practice: id(&self.practice)?.map(PracticeId),
            by: match self.actor.as_str() {
                "agent" => Some(By::Kind("agent")),
                "operator" => Some(By::Kind("operator")),
                "system" => Some(By::Kind("system")),
                person => id(person)?.map(By::Person),
            },
            action,
            before: id(&self.before)?.map(EntryId),
        })
    }

    /// The address of this filter, from after `before` on.
    fn address(&self, before: Option<EntryId>) -> String {
        let before = before.map(|entry| entry.to_string()).unwrap_or_default();
        let fields = [
            ("practice", &self.practice),
            ("actor", &self.actor),
            ("action", &self.action),
            ("before", &before),
        ];
        let fields: Vec<String> = fields
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={}", escape(value)))
            .collect();
        if fields.is_empty() {
            "/audit".to_owned()
        } else {
            format!("/audit?{}", fields.join("&"))
        }
    }
}

fn id(text: &str) -> Result<Option<Uuid>, AppError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| AppError::NotFound)
}

/// The options of a filter, with the one for no filter first.
fn choice(all: &str, options: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    std::iter::once((String::new(), all.to_owned()))
        .chain(options)
        .collect()
}

/// Those who act and are no people.
fn others() -> [(String, String); 3] {
    [
        ("agent", "Agents"),
        ("operator", "The server's operator"),
        ("system", "Lastgood itself"),
    ]
    .map(|(kind, name)| (kind.to_owned(), name.to_owned()))
}

/// Every action that a route or a command records.
fn actions() -> &'static [&'static str] {
    static ACTIONS: OnceLock<Vec<&'static str>> = OnceLock::new();
    ACTIONS.get_or_init(|| {
        let mut actions: Vec<&'static str> = crate::routes::table()
            .iter()
            .filter_map(|route| match route.audit {
                Audit::Nothing => None,
                Audit::Records(action) => Some(action),
            })
            .collect();
        actions.sort_unstable();
        actions.dedup();
        actions
    })
}

/// `person.role_changed` as `person role changed`.
pub(super) fn words(action: &str) -> String {
    action.replace(['.', '_'], " ")
}

/// The details of an entry as `name: value`, in the order of their names.
pub(super) fn details(details: &Value) -> String {
    let Value::Object(fields) = details else {
        return String::new();
    };
    let fields: Vec<String> = fields
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| match value {
            Value::String(text) => format!("{}: {text}", words(name)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                format!("{}: {value}", words(name))
            }
        })
        .collect();
    fields.join(", ")
}
