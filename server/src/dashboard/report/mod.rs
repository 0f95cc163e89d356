//! A practice's own page, in plain words for somebody who is not technical; the same on paper, on one page.

mod model;
#[cfg(test)]
mod tests;

use askama::Template;
use axum::response::Response;

use self::model::{Matter, Month};
use super::practice::{JobRow, Known, job_rows, known};
use super::strip::{self, Strip};
use crate::error::AppError;
use crate::ids::PracticeId;
use crate::web::page::render;
use crate::web::{Context, Layout, Path, Section};

#[derive(Template)]
#[template(path = "report/show.html")]
struct ReportPage {
    layout: Layout,
    firm: String,
    known: Known,
    rows: Vec<JobRow>,
    standing: String,
    month: Month,
    strip: Strip,
    marks: Vec<&'static str>,
    matters: Vec<Matter>,
    is_own: bool,
}

/// A practice viewer's own page.
pub(super) async fn own(context: Context) -> Result<Response, AppError> {
    let practice = context.person()?.practice.ok_or(AppError::NotFound)?;
    page(&context, practice, Section::Practice).await
}

/// The same page, for those who look after the practice.
pub(super) async fn of_practice(context: Context, Path(practice): Path<PracticeId>) -> Result<Response, AppError> {
    page(&context, practice, Section::Practices).await
}

async fn page(context: &Context, practice: PracticeId, section: Section) -> Result<Response, AppError> {
    let person = context.person()?;
    let firm = person.firm;
    let mut transaction = context.begin().await?;
    let known = known(&mut transaction, context.now, firm, practice).await?;
    let title = format!("Backups at {}", known.practice.name);
    let layout = context.layout(&mut transaction, section, title).await?;
    let rows = job_rows(&mut transaction, context, firm, &known).await?;
    let today = known.place.backup_day(context.now);
    let days = super::db::practice_days(&mut transaction, firm, &[practice.0], strip::first_day(today)).await?;
    let strip = Strip::new(today, &days, &format!("/practices/{practice}"));
    let is_stale = layout.stale.is_some();
    Ok(render(&ReportPage {
        standing: model::standing(is_stale, &known, &rows, &person.firm_name),
        month: Month::of(today, &days),
        marks: strip::marks(std::iter::once(&strip)),
        strip,
        matters: known
            .alerts
            .iter()
            .map(|alert| model::matter(alert, &known.place, &person.firm_name))
            .collect(),
        firm: person.firm_name.clone(),
        is_own: section == Section::Practice,
        layout,
        known,
        rows,
    }))
}
