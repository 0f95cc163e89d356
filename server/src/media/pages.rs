//! `/media`: the register of disks, tapes and cartridges.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::model::Medium;
use crate::error::AppError;
use crate::ids::PracticeId;
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Context, Layout, Query};

#[derive(Template)]
#[template(path = "media/register.html")]
struct RegisterPage {
    layout: Layout,
    media: Vec<Line>,
    of_one_practice: Option<String>,
}

struct Line {
    medium: Medium,
    last_seen: Moment,
    free: String,
    jobs: String,
}

impl From<Medium> for Line {
    fn from(medium: Medium) -> Self {
        let free = match (medium.free_bytes, medium.size_bytes) {
            (Some(free), Some(size)) => format!("{} of {}", words::size(free), words::size(size)),
            (Some(free), None) => words::size(free),
            (None, Some(size)) => format!("not known, of {}", words::size(size)),
            (None, None) => "not known".to_owned(),
        };
        Self {
            last_seen: Moment {
                at: medium.last_seen_at,
                zone: words::zone(&medium.zone),
            },
            free,
            jobs: medium.jobs.join(", "),
            medium,
        }
    }
}

/// The register of which practice; of all when empty.
#[derive(Debug, Deserialize)]
pub(super) struct Filter {
    practice: Option<PracticeId>,
}

/// The page.
pub(super) async fn register(context: Context, Query(filter): Query<Filter>) -> Result<Response, AppError> {
    let mut transaction = context.begin().await?;
    let media = super::list(&mut transaction, context.person()?.firm, filter.practice).await?;
    let of_one_practice = filter.practice.and_then(|_| Some(media.first()?.practice_name.clone()));
    let layout = context.layout(&mut transaction, Section::Media, "Media").await?;
    Ok(render(&RegisterPage {
        layout,
        media: media.into_iter().map(Line::from).collect(),
        of_one_practice,
    }))
}
