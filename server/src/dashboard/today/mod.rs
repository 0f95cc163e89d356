//! Today: what needs somebody, the worst first. The page that matters most is empty.

mod blind;
mod db;
mod model;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;

use askama::Template;
use axum::response::Response;
use jiff::tz::TimeZone;
use uuid::Uuid;

use self::blind::BlindSpot;
use self::model::{Counts, Group, Row};
use super::strip::{self, DayGroup, Strip};
use crate::alerts::SubjectKind;
use crate::error::AppError;
use crate::users::Role;
use crate::web::page::render;
use crate::web::words::{Moment, duration};
use crate::web::{Context, Layout, Section, redirect};

pub(in crate::dashboard) use words::alert_sentence;

/// Rows shown; the rest is a link away. On a day with more nobody reads on.
const MOST: i64 = 100;

#[derive(Template)]
#[template(path = "dashboard/today.html")]
struct TodayPage {
    layout: Layout,
    headline: String,
    counts: Counts,
    evaluated: String,
    blind_spots: Vec<BlindSpot>,
    groups: Vec<Shown>,
    acknowledged: Vec<Line>,
    left_out: i64,
    may_operate: bool,
    reader: Option<TimeZone>,
}

/// A group with its rows.
struct Shown {
    group: Group,
    lines: Vec<Line>,
}

/// A row with everything that is shown of it.
struct Line {
    row: Row,
    since: Moment,
    run_length: String,
    strip: Strip,
}

/// Today; a practice viewer is sent to their own page.
pub(super) async fn show(context: Context) -> Result<Response, AppError> {
    let person = context.person()?;
    if person.role == Role::PracticeViewer {
        return Ok(redirect("/practice"));
    }
    let (firm, now) = (person.firm, context.now);
    let may_operate = matches!(person.role, Role::Owner | Role::Technician);
    let mut transaction = context.begin().await?;
    let layout = context.layout(&mut transaction, Section::Today, "Today").await?;
    let (counts, blind) = db::figures(&mut transaction, now, firm).await?;
    let mut rows = db::open_alerts(&mut transaction, now, firm, MOST).await?;
    rows.extend(db::late_and_warning(&mut transaction, firm, MOST).await?);
    // Alerts alone may be acknowledged, and come in their order; what has no alert is sorted in among them.
    rows.sort_by_key(Row::group);
    let left_out = counts.alerts + counts.late + counts.warning - i64::try_from(rows.len()).unwrap_or(0);
    let lines = with_strips(&mut transaction, &context, rows).await?;
    let (acknowledged, open): (Vec<Line>, Vec<Line>) = lines
        .into_iter()
        .partition(|line| line.row.group() == Group::Acknowledged);
    Ok(render(&TodayPage {
        headline: counts.headline(layout.stale.is_some()),
        layout,
        counts,
        evaluated: evaluated(&context),
        blind_spots: blind.spots(),
        groups: grouped(open),
        acknowledged,
        left_out,
        may_operate,
        reader: context.zone,
    }))
}

/// `Last judged 12 s ago.`
fn evaluated(context: &Context) -> String {
    match context.app.pulse.last() {
        Some(last) => format!("Last judged {} ago.", duration(context.now.duration_since(last))),
        None => "Nothing has been judged since the server was started.".to_owned(),
    }
}

fn grouped(lines: Vec<Line>) -> Vec<Shown> {
    let mut groups: Vec<Shown> = Vec::new();
    for line in lines {
        let group = line.row.group();
        match groups.last_mut() {
            Some(last) if last.group == group => last.lines.push(line),
            _ => groups.push(Shown {
                group,
                lines: vec![line],
            }),
        }
    }
    groups
}

/// The strips of the rows shown and of no others: of the job, or of the whole practice where no job is meant.
async fn with_strips(
    transaction: &mut crate::db::Transaction,
    context: &Context,
    rows: Vec<Row>,
) -> Result<Vec<Line>, AppError> {
    let firm = context.person()?.firm;
    let todays: Vec<_> = rows.iter().map(|row| row.place.backup_day(context.now)).collect();
    let first = todays
        .iter()
        .min()
        .map_or(jiff::civil::Date::MAX, |today| strip::first_day(*today));
    let of = |kind: SubjectKind| move |row: &Row| row.subject_kind == kind;
    let jobs: Vec<Uuid> = rows
        .iter()
        .filter(|row| of(SubjectKind::Job)(row))
        .map(|row| row.subject)
        .collect();
    let practices: Vec<Uuid> = rows
        .iter()
        .filter(|row| !of(SubjectKind::Job)(row))
        .map(|row| row.practice.0)
        .collect();
    let mut groups: BTreeMap<Uuid, Vec<DayGroup>> =
        strip::by_owner(super::db::job_days(transaction, firm, &jobs, first).await?);
    groups.extend(strip::by_owner(
        super::db::practice_days(transaction, firm, &practices, first).await?,
    ));
    let lines = rows.into_iter().zip(todays).map(|(row, today)| {
        let (owner, base) = match row.subject_kind {
            SubjectKind::Job => (row.subject, format!("/jobs/{}", row.subject)),
            SubjectKind::Agent | SubjectKind::Practice | SubjectKind::Recipient => {
                (row.practice.0, format!("/practices/{}", row.practice))
            }
        };
        let groups = groups.get(&owner).map(Vec::as_slice).unwrap_or_default();
        Line {
            since: row.place.moment(row.since),
            run_length: row.run_length(context.now),
            strip: Strip::new(today, groups, &base),
            row,
        }
    });
    Ok(lines.collect())
}
