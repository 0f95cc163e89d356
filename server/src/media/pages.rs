//! `/media`: the register of disks, tapes and cartridges.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use super::model::{Medium, nature};
use super::{db, sets_next_in_turn};
use crate::error::AppError;
use crate::ids::PracticeId;
use crate::practices;
use crate::web::extract::escape;
use crate::web::page::{Section, render};
use crate::web::words::{self, Moment};
use crate::web::{Context, Layout, Query};

#[derive(Template)]
#[template(path = "media/register.html")]
struct RegisterPage {
    layout: Layout,
    media: Vec<Line>,
    practices: Vec<(String, String)>,
    wanted: Wanted,
    previous: Option<String>,
    next: Option<String>,
}

struct Line {
    medium: Medium,
    last_seen: Moment,
    free: String,
    jobs: String,
    nature: String,
    place: Option<Place>,
    is_next: bool,
}

/// Where a medium is, and since when.
struct Place {
    words: String,
    present: bool,
    since: Moment,
}

impl Line {
    fn new(medium: Medium, next: &BTreeMap<PracticeId, String>) -> Self {
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
            nature: nature(medium.removable, medium.encryption),
            place: medium.place.as_ref().map(|place| Place {
                words: place.words(),
                present: place.present,
                since: Moment {
                    at: place.since,
                    zone: words::zone(&medium.zone),
                },
            }),
            is_next: medium.registered_at.is_some() && next.get(&medium.practice) == Some(&medium.set),
            medium,
        }
    }
}

/// Media on a page.
const PAGE: u16 = 50;

/// The filter as it stands in the address; empty is no filter.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    practice: String,
    /// 0 is the first.
    page: u32,
}

impl Wanted {
    fn practice(&self) -> Result<Option<PracticeId>, AppError> {
        if self.practice.is_empty() {
            return Ok(None);
        }
        let id = self.practice.parse().map_err(|_| AppError::NotFound)?;
        Ok(Some(PracticeId(id)))
    }

    fn address(&self, page: u32) -> String {
        format!("/media?practice={}&page={page}", escape(&self.practice))
    }
}

/// The page.
pub(super) async fn register(context: Context, Query(wanted): Query<Wanted>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let practice = wanted.practice()?;
    let mut transaction = context.begin().await?;
    let skipped = i64::from(wanted.page).saturating_mul(i64::from(PAGE));
    let mut media = db::list(&mut transaction, firm, practice, skipped, i64::from(PAGE) + 1).await?;
    let more = media.len() > usize::from(PAGE);
    media.truncate(usize::from(PAGE));
    let of: BTreeSet<PracticeId> = media.iter().map(|medium| medium.practice).collect();
    let of: Vec<PracticeId> = of.into_iter().collect();
    let next_sets = sets_next_in_turn(&mut transaction, context.now, firm, &of).await?;
    let practices = practices::names(&mut transaction, firm).await?;
    let practices = practices.into_iter().map(|(id, name)| (id.to_string(), name));
    Ok(render(&RegisterPage {
        layout: context.layout(&mut transaction, Section::Media, "Media").await?,
        media: media.into_iter().map(|medium| Line::new(medium, &next_sets)).collect(),
        practices: std::iter::once((String::new(), "All practices".to_owned()))
            .chain(practices)
            .collect(),
        previous: wanted.page.checked_sub(1).map(|page| wanted.address(page)),
        next: more.then(|| wanted.address(wanted.page + 1)),
        wanted,
    }))
}
