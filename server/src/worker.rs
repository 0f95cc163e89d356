//! THE list of background work and its periods.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use crate::alerts::{self, UndeliveredAlerts};
use crate::app::App;
use crate::expectations;
use crate::ingest;
use crate::notifications;
use crate::users;

/// Starts everything that runs beside requests. Each task ends when the application is told to stop.
pub fn start(app: &App) {
    for _ in 0..2 {
        let committer = app.clone();
        app.spawn(async move { ingest::run_committer(&committer).await });
    }
    let projector = app.clone();
    app.spawn(async move {
        let (period, wake) = (Duration::from_secs(2), &projector.wake.projector);
        repeat(&projector, "projector", period, wake, || ingest::project(&projector)).await;
    });
    let evaluator = app.clone();
    app.spawn(async move {
        let period = evaluator.options.evaluator_period;
        repeat(&evaluator, "evaluator", period, &evaluator.wake.evaluator, || {
            expectations::evaluate(&evaluator)
        })
        .await;
    });
    start_mail(app);
    start_tidying(app);
}

fn start_mail(app: &App) {
    let dispatcher = app.clone();
    app.spawn(async move {
        let wake = &dispatcher.wake.dispatcher;
        repeat(&dispatcher, "dispatcher", notifications::PERIOD, wake, || {
            notifications::dispatch(&dispatcher, &UndeliveredAlerts)
        })
        .await;
    });
    let acknowledgements = app.clone();
    app.spawn(async move {
        let never = tokio::sync::Notify::new();
        repeat(&acknowledgements, "acknowledgements", alerts::PERIOD, &never, || {
            alerts::end_due_acknowledgements(&acknowledgements)
        })
        .await;
    });
}

fn start_tidying(app: &App) {
    let app = app.clone();
    app.clone().spawn(async move {
        let never = tokio::sync::Notify::new();
        repeat(&app, "tidying", Duration::from_hours(1), &never, || users::tidy(&app)).await;
    });
}

/// Does `work` again and again: when woken, and at the latest every `period`. What fails or panics is logged and tried
/// again; one failure never ends it.
pub async fn repeat<Work, Done>(app: &App, name: &'static str, period: Duration, wake: &tokio::sync::Notify, work: Work)
where
    Work: Fn() -> Done,
    Done: Future<Output = Result<(), crate::error::AppError>>,
{
    while !app.shutdown().is_cancelled() {
        match AssertUnwindSafe(work()).catch_unwind().await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(worker = name, %error, "will be tried again"),
            Err(_) => tracing::error!(worker = name, "panicked; will be tried again"),
        }
        tokio::select! {
            () = app.shutdown().cancelled() => {}
            () = wake.notified() => {}
            () = tokio::time::sleep(period) => {}
        }
    }
}
