//! `/jobs/schedule-preview`: what a schedule means, while it is typed.

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;
use serde::Deserialize;

use crate::error::AppError;
use crate::expectations::DstPolicy;
use crate::expectations::schedule::Schedule;
use crate::ids::OfficeId;
use crate::jobs::db;
use crate::web::page::render;
use crate::web::words::{self, Moment};
use crate::web::{Context, Query};

/// What a schedule means: its sentence and its next dates, or what is wrong with it.
#[derive(Template)]
#[template(path = "jobs/preview.html")]
pub(super) struct Preview {
    pub(super) sentence: String,
    pub(super) next: Vec<Moment>,
    pub(super) zone: String,
    pub(super) problem: String,
}

impl Preview {
    pub(super) fn of(cron: &str, policy: &str, zone: &str, now: Timestamp) -> Self {
        let policy = policy.parse().unwrap_or(DstPolicy::Cron);
        let (sentence, next, problem) = match Schedule::parse(cron, policy) {
            Ok(schedule) => (
                schedule.sentence(),
                schedule.next_five(now, &words::zone(zone)),
                String::new(),
            ),
            Err(error) => (String::new(), Vec::new(), error.to_string()),
        };
        Self {
            sentence,
            next: next
                .into_iter()
                .map(|at| Moment {
                    at,
                    zone: words::zone(zone),
                })
                .collect(),
            zone: zone.to_owned(),
            problem,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    cron: String,
    #[serde(default)]
    office: String,
    #[serde(default)]
    dst_policy: String,
}

pub(super) async fn show(context: Context, Query(asked): Query<Asked>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let office = asked.office.parse::<OfficeId>().map_err(|_| AppError::NotFound)?;
    let zone = db::zone_of(&mut transaction, context.person()?.firm, office).await?;
    let zone = zone.ok_or(AppError::NotFound)?;
    Ok(render(&Preview::of(&asked.cron, &asked.dst_policy, &zone, context.now)))
}
