//! The figures. Labels are few and known beforehand: no path, no name, no id.

use std::sync::OnceLock;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use metrics::{counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::db;
use crate::app::App;
use crate::db::Scope;
use crate::error::AppError;

/// The process's one recorder.
fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        if metrics::set_global_recorder(recorder).is_err() {
            tracing::warn!("another recorder of figures was there before; /metrics will be empty");
        }
        describe_counter!("lastgood_requests_total", "Requests answered, by class of status");
        describe_counter!(
            "lastgood_events_stored_total",
            "Events of agents committed since the server was started"
        );
        describe_gauge!("lastgood_alerts_open", "Open alerts");
        describe_gauge!(
            "lastgood_notifications_waiting",
            "Messages that are due and not delivered"
        );
        describe_gauge!(
            "lastgood_notifications_oldest_seconds",
            "How long the oldest of them has been due"
        );
        describe_gauge!(
            "lastgood_evaluator_last_tick_seconds",
            "When the evaluator last ran, as Unix time; 0: not yet"
        );
        describe_gauge!(
            "lastgood_pool_connections",
            "Connections to the database, by pool and state"
        );
        handle
    })
}

/// Counts the answer by the class of its status.
pub async fn count_request(request: Request, next: Next) -> Response {
    recorder();
    let response = next.run(request).await;
    let class = match response.status().as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    counter!("lastgood_requests_total", "class" => class).increment(1);
    response
}

/// All figures as they are now.
pub(super) async fn render(app: &App) -> Result<String, AppError> {
    let recorder = recorder();
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let counted = db::count(&mut transaction, app.clock.now()).await?;
    transaction.commit().await?;
    set("lastgood_alerts_open", counted.alerts_open);
    set("lastgood_notifications_waiting", counted.waiting);
    set("lastgood_notifications_oldest_seconds", counted.oldest_seconds);
    set(
        "lastgood_evaluator_last_tick_seconds",
        app.pulse.last().map_or(0, jiff::Timestamp::as_second),
    );
    for (pool, open, idle) in app.db.pool_sizes() {
        let open = i64::from(open);
        let idle = i64::try_from(idle).unwrap_or_default();
        gauge!("lastgood_pool_connections", "pool" => pool, "state" => "idle").set(approximate(idle));
        gauge!("lastgood_pool_connections", "pool" => pool, "state" => "used").set(approximate((open - idle).max(0)));
    }
    recorder.run_upkeep();
    Ok(recorder.render())
}

fn set(name: &'static str, value: i64) {
    gauge!(name).set(approximate(value));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a figure of more than 2^53 may lose its last digits"
)]
fn approximate(value: i64) -> f64 {
    value as f64
}
