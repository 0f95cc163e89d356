//! The page of one run: everything measured, and how it is known.

mod db;
mod model;

use askama::Template;
use axum::response::Response;
use jiff::Timestamp;

use self::model::Run;
use crate::error::AppError;
use crate::ids::RunId;
use crate::web::page::render;
use crate::web::words::Moment;
use crate::web::{Context, Layout, Path, Section};

#[derive(Template)]
#[template(path = "runs/show.html")]
struct RunPage {
    layout: Layout,
    run: Run,
    id: RunId,
}

impl RunPage {
    /// A time with seconds and zone: this page is evidence.
    fn exact(&self, at: &Timestamp) -> Moment {
        self.run.place.moment(*at)
    }
}

/// The page.
pub(super) async fn show(context: Context, Path(id): Path<RunId>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let run = db::run(&mut transaction, firm, id).await?.ok_or(AppError::NotFound)?;
    let title = format!(
        "{} at {}, {}",
        run.job_name,
        run.practice_name,
        run.place.moment(run.started).words()
    );
    let layout = context.layout(&mut transaction, Section::Practices, title).await?;
    Ok(render(&RunPage { layout, run, id }))
}
