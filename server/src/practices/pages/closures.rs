//! The days an office is closed besides its closed weekdays.

use axum::response::Response;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::json;

use super::office::edit_page;
use super::{About, record};
use crate::error::AppError;
use crate::expectations;
use crate::ids::{ClosureId, OfficeId, PracticeId};
use crate::practices::{Closure, offices};
use crate::web::extract::{field, keep};
use crate::web::page::refuse;
use crate::web::{Context, Form, Path, redirect, words};

/// The longest closure: longer than that, a practice has ended rather than paused.
const LONGEST_DAYS: i32 = 92;

/// As typed, and what is wrong with it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct ClosureForm {
    pub(super) first_day: String,
    pub(super) last_day: String,
    pub(super) reason: String,
    #[serde(skip)]
    pub(super) first_day_problem: String,
    #[serde(skip)]
    pub(super) last_day_problem: String,
    #[serde(skip)]
    pub(super) reason_problem: String,
}

impl ClosureForm {
    fn is_wrong(&self) -> bool {
        [&self.first_day_problem, &self.last_day_problem, &self.reason_problem]
            .iter()
            .any(|problem| !problem.is_empty())
    }

    /// The closure, and beside each field what is wrong with it. `today` is the office's.
    fn closure(&mut self, today: Date) -> Result<Closure, AppError> {
        let first_day = keep(day("First day", &self.first_day), &mut self.first_day_problem)?;
        let last_day = if self.last_day.trim().is_empty() {
            first_day
        } else {
            keep(day("Last day", &self.last_day), &mut self.last_day_problem)?
        };
        let reason = keep(field("Reason", &self.reason, 200), &mut self.reason_problem)?;
        if !self.is_wrong() && first_day < today {
            self.first_day_problem =
                String::from("First day has passed. A night that was missed is excused on the page of its job.");
        } else if !self.is_wrong() && last_day < first_day {
            self.last_day_problem = String::from("Last day is before the first. Exchange them.");
        } else if !self.is_wrong() && (last_day - first_day).get_days() >= LONGEST_DAYS {
            self.last_day_problem = format!(
                "Last day is more than {LONGEST_DAYS} days after the first. Archive the practice's jobs instead."
            );
        }
        Ok(Closure {
            first_day,
            last_day,
            reason,
        })
    }
}

fn day(name: &str, typed: &str) -> Result<Date, AppError> {
    let date: Option<Date> = typed.trim().parse().ok();
    date.filter(|date| (2000..2200).contains(&date.year()))
        .ok_or_else(|| AppError::Invalid(format!("{name} is not a date. Write it as 2026-12-24.")))
}

pub(super) async fn add(
    context: Context,
    Path((id, office_id)): Path<(PracticeId, OfficeId)>,
    Form(mut typed): Form<ClosureForm>,
) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let office = offices::office(&mut transaction, person.firm, id, office_id)
        .await?
        .details;
    let today = context.now.to_zoned(words::zone(&office.zone)).date();
    let closure = typed.closure(today)?;
    if typed.is_wrong() {
        let page = edit_page(&context, &mut transaction, (id, office_id), None, typed).await?;
        return Ok(refuse(&page));
    }
    let place = (person.firm, id, office_id);
    offices::add_closure(&mut transaction, context.now, place, &closure).await?;
    expectations::closures_changed(&mut transaction, context.now, person.firm, office_id).await?;
    let details = json!({
        "first_day": closure.first_day, "last_day": closure.last_day, "reason": closure.reason,
    });
    let about = About::Office(office_id);
    record(
        &context,
        &mut transaction,
        "closure.added",
        id,
        about,
        (&office.name, details),
    )
    .await?;
    let sentence = format!(
        "{} closed {} on {} ({}). Nothing is expected there on these days.",
        person.name,
        office.name,
        closure.days(),
        closure.reason
    );
    crate::alerts::tell_recipients(&context.app, &mut transaction, context.now, person.firm, id, &sentence).await?;
    transaction.commit().await?;
    context.app.changes.tell(person.firm);
    Ok(redirect(&format!("/practices/{id}/offices/{office_id}/edit")))
}

pub(super) async fn remove(
    context: Context,
    Path((id, office_id, closure)): Path<(PracticeId, OfficeId, ClosureId)>,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let office = offices::office(&mut transaction, firm, id, office_id).await?.details;
    let removed = offices::remove_closure(&mut transaction, firm, office_id, closure).await?;
    let removed = removed.ok_or(AppError::NotFound)?;
    expectations::closures_changed(&mut transaction, context.now, firm, office_id).await?;
    let details = json!({ "first_day": removed.first_day, "last_day": removed.last_day, "reason": removed.reason });
    let about = About::Office(office_id);
    record(
        &context,
        &mut transaction,
        "closure.removed",
        id,
        about,
        (&office.name, details),
    )
    .await?;
    transaction.commit().await?;
    context.app.changes.tell(firm);
    Ok(redirect(&format!("/practices/{id}/offices/{office_id}/edit")))
}
