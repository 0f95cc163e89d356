//! The page of one job: how it stands, what is expected next, what happened, and its sizes and durations.

mod db;
mod model;

use askama::Template;
use axum::response::Response;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan as _};
use serde::Deserialize;

use self::model::{Entry, Job};
use super::chart::Chart;
use super::place::Place;
use crate::error::AppError;
use crate::expectations::schedule::Schedule;
use crate::ids::JobId;
use crate::users::Role;
use crate::web::page::render;
use crate::web::words::Moment;
use crate::web::{Context, Layout, Path, Query, Section};

/// Entries of the history on a page.
const ENTRIES: usize = 30;
/// Runs in a chart.
const RUNS: i64 = 60;

#[derive(Template)]
#[template(path = "jobs/show.html")]
struct JobPage {
    layout: Layout,
    job: Job,
    standing: String,
    schedule: Option<String>,
    next: Vec<Moment>,
    entries: Vec<Entry>,
    is_latest: bool,
    older: Option<String>,
    newer: Option<String>,
    sizes: Option<Chart>,
    durations: Option<Chart>,
    may_operate: bool,
    reader: Option<TimeZone>,
}

impl JobPage {
    fn moment(&self, at: &Timestamp) -> Moment {
        self.job.place.moment(*at)
    }
}

/// From where on the history is shown: before a moment, or from a backup day on.
#[derive(Debug, Deserialize)]
pub(super) struct From {
    before: Option<Timestamp>,
    day: Option<Date>,
}

impl From {
    /// The instant before which everything shown happened. Slots that have opened may be due a little later than now.
    fn before(&self, place: &Place, now: Timestamp) -> Timestamp {
        let end_of_day = self.day.and_then(|day| {
            let minutes = i64::from(place.day_starts);
            let end = day
                .checked_add(1.day())
                .ok()?
                .at(0, 0, 0, 0)
                .checked_add(minutes.minutes());
            Some(end.ok()?.to_zoned(place.zone.clone()).ok()?.timestamp())
        });
        let latest = now
            .saturating_add(SignedDuration::from_hours(48))
            .unwrap_or(Timestamp::MAX);
        // Nothing is older than the product, and the database's years begin later than an address can say.
        let before = self.before.or(end_of_day).unwrap_or(latest);
        before.clamp(Timestamp::UNIX_EPOCH, latest)
    }
}

/// The page.
pub(super) async fn show(
    context: Context,
    Path(id): Path<JobId>,
    Query(from): Query<From>,
) -> Result<Response, AppError> {
    let person = context.person()?;
    let (firm, now) = (person.firm, context.now);
    let may_operate = matches!(person.role, Role::Owner | Role::Technician);
    let mut transaction = context.begin().await?;
    let job = db::job(&mut transaction, firm, id).await?.ok_or(AppError::NotFound)?;
    let title = format!("{} at {}", job.name, job.practice_name);
    let layout = context.layout(&mut transaction, Section::Practices, title).await?;
    let before = from.before(&job.place, now);
    let limit = i64::try_from(ENTRIES + 1).map_err(AppError::internal)?;
    let mut entries = db::timeline(&mut transaction, now, firm, id, before, limit).await?;
    let runs = db::measured(&mut transaction, firm, id, RUNS).await?;
    let older = (entries.len() > ENTRIES)
        .then(|| {
            entries
                .get(ENTRIES - 1)
                .map(|entry| format!("/jobs/{id}?before={}#history", entry.at))
        })
        .flatten();
    entries.truncate(ENTRIES);
    let is_latest = from.before.is_none() && from.day.is_none();
    let (sizes, durations) = model::charts(&runs, &job.place);
    let (schedule, next) = expected(&job, now);
    let newest = entries.first().filter(|_| is_latest);
    Ok(render(&JobPage {
        standing: model::standing(&job, newest, layout.stale.is_some()),
        layout,
        schedule,
        next,
        entries,
        newer: (!is_latest).then(|| format!("/jobs/{id}#history")),
        is_latest,
        older,
        sizes,
        durations,
        may_operate,
        reader: context.zone,
        job,
    }))
}

/// The schedule as a sentence, and the next five times by the office's clocks.
fn expected(job: &Job, now: Timestamp) -> (Option<String>, Vec<Moment>) {
    let Some(rule) = &job.rule else {
        return (None, Vec::new());
    };
    match Schedule::parse(&rule.cron, rule.policy) {
        Ok(schedule) => {
            let next = schedule.next_five(now, &job.place.zone);
            let next = next.into_iter().map(|at| job.place.moment(at)).collect();
            (Some(schedule.sentence()), next)
        }
        // Stored by a version that understood more: shown as it stands.
        Err(_) => (Some(rule.cron.clone()), Vec::new()),
    }
}
