//! The page of one practice: how it stands, its jobs' five weeks, its last good copies, media, drills and agents.

pub(super) mod db;
pub(super) mod model;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::response::Response;
use jiff::tz::TimeZone;
use uuid::Uuid;

use self::model::{Agent, Closure, Drill, Job, Medium, Office, Practice};
use super::place::{Place, Teller, day_words, long_day};
use super::strip::{self, Strip};
use super::today::alert_sentence;
use crate::alerts::{self, OpenAlert};
use crate::db::Transaction;
use crate::discovery;
use crate::error::AppError;
use crate::ids::{FirmId, PracticeId};
use crate::media;
use crate::users::Role;
use crate::web::page::render;
use crate::web::words::{self, Moment};
use crate::web::{Context, Layout, Path, Section};

#[derive(Template)]
#[template(path = "practices/show.html")]
struct PracticePage {
    layout: Layout,
    standing: String,
    known: Known,
    rows: Vec<JobRow>,
    days: Vec<Heading>,
    marks: Vec<&'static str>,
    agents: Vec<Agent>,
    closures: Vec<Closure>,
    may_operate: bool,
    /// `2 proposed jobs`, if there are any.
    proposed: Option<String>,
    reader: Option<TimeZone>,
}

/// A job and its strip.
pub(super) struct JobRow {
    pub(super) job: Job,
    pub(super) strip: Strip,
}

/// The heading of a day's column.
struct Heading {
    /// `Fri 20 Nov`.
    day: String,
    /// The number shown above Mondays and today, else nothing.
    shown: String,
}

/// What a practice's page and its report both show.
pub(super) struct Known {
    /// The practice.
    pub(super) practice: Practice,
    /// Its offices.
    pub(super) offices: Vec<Office>,
    /// Its first office's clocks.
    pub(super) place: Place,
    /// Its media.
    pub(super) media: Vec<Medium>,
    /// The set that is to be used next.
    next_set: Option<String>,
    /// The last practised restore.
    pub(super) drill: Option<Drill>,
    /// By when the next is due.
    drill_due: Option<jiff::Timestamp>,
    /// Open alerts, worst first.
    pub(super) alerts: Vec<OpenAlert>,
}

impl Known {
    /// A time as the practice's clocks show it.
    pub(super) fn moment(&self, at: &jiff::Timestamp) -> Moment {
        self.place.moment(*at)
    }

    /// Whether a medium is of the set that is to be used next.
    fn is_next(&self, medium: &Medium) -> bool {
        medium.is_registered && self.next_set.as_ref() == Some(&medium.set)
    }

    /// By when the next restore is to be practised: `15 Jan 2027`.
    pub(super) fn drill_due(&self) -> Option<String> {
        self.drill_due.map(|due| long_day(&self.place.moment(due)))
    }

    /// What happened, in the practice's time.
    fn sentence(&self, alert: &OpenAlert, reader: Option<&TimeZone>) -> String {
        let place = &self.place;
        alert_sentence(&alert.facts, Teller { place, reader })
    }
}

/// Everything both pages read but the jobs.
pub(super) async fn known(
    transaction: &mut Transaction,
    now: jiff::Timestamp,
    firm: FirmId,
    id: PracticeId,
) -> Result<Known, AppError> {
    let practice = db::practice(transaction, firm, id).await?.ok_or(AppError::NotFound)?;
    let offices = db::offices(transaction, firm, id).await?;
    let place = offices
        .first()
        .map_or_else(|| Place::new(None, None), |office| office.place.clone());
    let (drill, drill_due) = db::drills(transaction, firm, id).await?;
    let mut next_sets = media::sets_next_in_turn(transaction, now, firm, &[id]).await?;
    Ok(Known {
        next_set: next_sets.remove(&id),
        media: db::media(transaction, firm, id).await?,
        alerts: alerts::open_for_practice(transaction, firm, id).await?,
        practice,
        offices,
        place,
        drill,
        drill_due,
    })
}

/// The practice's jobs and their strips, all ending on the same backup day.
pub(super) async fn job_rows(
    transaction: &mut Transaction,
    context: &Context,
    firm: FirmId,
    known: &Known,
) -> Result<Vec<JobRow>, AppError> {
    let jobs = db::jobs(transaction, firm, known.practice.id).await?;
    let today = known.place.backup_day(context.now);
    let ids: Vec<Uuid> = jobs.iter().map(|job| job.id.0).collect();
    let days = super::db::job_days(transaction, firm, &ids, strip::first_day(today)).await?;
    let mut days = strip::by_owner(days);
    Ok(jobs
        .into_iter()
        .map(|job| {
            let days = days.remove(&job.id.0).unwrap_or_default();
            let strip = Strip::new(today, &days, &format!("/jobs/{}", job.id));
            JobRow { job, strip }
        })
        .collect())
}

/// The page.
pub(super) async fn show(context: Context, Path(id): Path<PracticeId>) -> Result<Response, AppError> {
    let person = context.person()?;
    let firm = person.firm;
    let may_operate = matches!(person.role, Role::Owner | Role::Technician);
    let mut transaction = context.begin().await?;
    let known = known(&mut transaction, context.now, firm, id).await?;
    let layout = context
        .layout(&mut transaction, Section::Practices, known.practice.name.clone())
        .await?;
    let rows = job_rows(&mut transaction, &context, firm, &known).await?;
    let agents = db::agents(&mut transaction, firm, id).await?;
    let today = known.place.backup_day(context.now);
    let closures = db::closures(&mut transaction, firm, id, today).await?;
    let proposed = discovery::waiting(&mut transaction, firm, id).await?;
    let jobs: Vec<Job> = rows.iter().map(|row| row.job.clone()).collect();
    Ok(render(&PracticePage {
        standing: model::standing(layout.stale.is_some(), &jobs, &known.alerts),
        layout,
        days: rows.first().map(|row| headings(&row.strip)).unwrap_or_default(),
        marks: strip::marks(rows.iter().map(|row| &row.strip)),
        known,
        rows,
        agents,
        closures,
        may_operate,
        proposed: (proposed > 0).then(|| words::count(proposed, "proposed job", "proposed jobs")),
        reader: context.zone,
    }))
}

fn headings(strip: &Strip) -> Vec<Heading> {
    strip
        .days
        .iter()
        .map(|day| Heading {
            day: day_words(day.date),
            shown: if day.date.weekday() == jiff::civil::Weekday::Monday {
                day.date.day().to_string()
            } else {
                String::new()
            },
        })
        .collect()
}
