//! `/drills` and `/drills/{id}`: the practised restores.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::model::{Drill, Outcome, Standing, step_mark, step_words};
use crate::error::AppError;
use crate::ids::{DrillId, PracticeId};
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Context, Layout, Path, Query};

/// How many drills the list shows.
const MOST: i64 = 100;

#[derive(Template)]
#[template(path = "drills/list.html")]
struct DrillsPage {
    layout: Layout,
    standings: Vec<StandingLine>,
    drills: Vec<DrillLine>,
}

struct StandingLine {
    standing: Standing,
    last_passed: Option<(DrillId, Moment)>,
    due: Option<Moment>,
    mark: &'static str,
    words: &'static str,
}

impl StandingLine {
    fn new(standing: Standing, now: jiff::Timestamp) -> Self {
        let zone = words::zone(&standing.zone);
        let moment = |at| Moment { at, zone: zone.clone() };
        let newest_failed = standing.newest.is_some_and(|(_, outcome)| !outcome.is_pass());
        let (mark, words) = if newest_failed {
            ("drill_failed", "the last one did not pass")
        } else if standing.is_overdue(now) {
            ("drill_overdue", "overdue")
        } else if standing.last_passed.is_none() {
            ("waiting", "none yet")
        } else {
            ("ok", "passed")
        };
        Self {
            last_passed: standing.last_passed.map(|(drill, at)| (drill, moment(at))),
            due: standing.due_at.map(moment),
            mark,
            words,
            standing,
        }
    }
}

struct DrillLine {
    drill: Drill,
    finished: Moment,
    took: String,
    failed: String,
}

impl From<Drill> for DrillLine {
    fn from(drill: Drill) -> Self {
        Self {
            finished: Moment {
                at: drill.finished_at,
                zone: words::zone(&drill.zone),
            },
            took: words::duration(drill.took()),
            failed: drill.what_failed().join("; "),
            drill,
        }
    }
}

/// The drills of which practice; of all when empty.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    practice: Option<PracticeId>,
}

/// The list.
pub(super) async fn list(context: Context, Query(filter): Query<Filter>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let standings = super::standings(&mut transaction, firm, filter.practice).await?;
    let drills = super::newest(&mut transaction, firm, filter.practice, MOST).await?;
    let layout = context
        .layout(&mut transaction, Section::Drills, "Restore drills")
        .await?;
    let line = |standing| StandingLine::new(standing, context.now);
    Ok(render(&DrillsPage {
        layout,
        standings: standings.into_iter().map(line).collect(),
        drills: drills.into_iter().map(DrillLine::from).collect(),
    }))
}

#[derive(Template)]
#[template(path = "drills/show.html")]
struct DrillPage {
    layout: Layout,
    drill: Drill,
    outcome: Outcome,
    started: Moment,
    finished: Moment,
    backup_made: Option<Moment>,
    took: String,
    steps: Vec<StepLine>,
}

struct StepLine {
    name: String,
    began: Moment,
    took: String,
    mark: &'static str,
    words: &'static str,
}

/// One drill.
pub(super) async fn drill(context: Context, Path(drill): Path<DrillId>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let found = super::find(&mut transaction, context.person()?.firm, drill).await?;
    let drill = found.ok_or(AppError::NotFound)?;
    let zone = words::zone(&drill.zone);
    let moment = |at| Moment { at, zone: zone.clone() };
    let title = format!("Drill at {}", drill.practice_name);
    let layout = context.layout(&mut transaction, Section::Drills, title).await?;
    let steps = drill.steps.iter().map(|step| StepLine {
        name: step.name.clone(),
        began: moment(step.started_at),
        took: words::duration(step.finished_at.duration_since(step.started_at)),
        mark: step_mark(step.outcome),
        words: step_words(step.outcome),
    });
    Ok(render(&DrillPage {
        layout,
        outcome: drill.outcome,
        started: moment(drill.started_at),
        finished: moment(drill.finished_at),
        backup_made: drill.backup_made_at.map(moment),
        took: words::duration(drill.took()),
        steps: steps.collect(),
        drill,
    }))
}
