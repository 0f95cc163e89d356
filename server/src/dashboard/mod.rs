//! The pages one looks at: Today, a practice, a job, a run, and the practice viewer's own page; kept true by a live stream.
//!
//! Stands on top of every other slice and may read every table; nobody calls it. All its pages change nothing.

mod chart;
mod db;
mod job;
mod live;
mod place;
mod practice;
mod report;
mod run;
mod strip;
#[cfg(test)]
mod tests;
mod today;

use crate::web::{Access, Route};

/// The routes of this slice.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/", Access::SignedIn, today::show),
        Route::get("/practice", Access::Viewer, report::own),
        Route::get("/practices/{practice}", Access::Reader, practice::show),
        Route::get("/practices/{practice}/report", Access::Reader, report::of_practice),
        Route::get("/jobs/{job}", Access::Reader, job::show),
        Route::get("/runs/{run}", Access::Reader, run::show),
        Route::get("/live", Access::SignedIn, live::stream),
    ]
}
