//! Whether the process lives, whether it may be relied on, and its figures: for supervisors, balancers and Prometheus.

mod db;
mod metrics;
#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

pub use db::last_tick;
pub use metrics::count_request;

use super::{Access, Context, Route};
use crate::app::App;
use crate::db::{MIGRATOR, Scope};
use crate::error::AppError;

/// How long the database may take to answer before the server counts as not ready.
const PATIENCE: Duration = Duration::from_secs(3);

/// The routes of health and figures.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/healthz", Access::Anyone, alive),
        Route::get("/readyz", Access::Anyone, ready),
        Route::get("/metrics", Access::Anyone, figures),
    ]
}

/// The process answers. Nothing else is asked: a supervisor that restarts it for a database's failure helps nobody.
async fn alive() -> &'static str {
    "alive\n"
}

/// Whether what this server shows and sends may be relied on, and if not, why.
async fn ready(context: Context) -> Response {
    let mut reasons = Vec::new();
    let asked = tokio::time::timeout(PATIENCE, schema_version(&context.app)).await;
    let schema = asked.ok().and_then(Result::ok);
    if schema.is_none() {
        reasons.push("the database does not answer".to_owned());
    }
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    if let Some(version) = schema.filter(|version| *version != known) {
        reasons.push(format!("the schema is {version}, and this server works with {known}"));
    }
    let age = context
        .app
        .pulse
        .last()
        .map(|last| context.now.duration_since(last).as_secs());
    if !context.app.pulse.is_alive(context.now) {
        reasons.push(match age {
            Some(seconds) => format!("the evaluator last ran {seconds} s ago"),
            None => "the evaluator has not run yet".to_owned(),
        });
    }
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let answer = json!({
        "ready": reasons.is_empty(),
        "reasons": reasons,
        "schema": schema,
        "evaluator_age_seconds": age,
    });
    (status, axum::Json(answer)).into_response()
}

async fn schema_version(app: &App) -> Result<i64, AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let version = crate::db::applied_version(&mut transaction).await?;
    transaction.commit().await?;
    Ok(version)
}

/// Figures in Prometheus' text format (version 0.0.4).
async fn figures(context: Context) -> Result<Response, AppError> {
    if !context.app.options.metrics {
        return Err(AppError::NotFound);
    }
    let mut response = metrics::render(&context.app).await?.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
