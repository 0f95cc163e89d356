//! THE list of the slices' routes: method, path, who may call, what is audited.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::agents;
use crate::alerts;
use crate::app::App;
use crate::audit;
use crate::dashboard;
use crate::discovery;
use crate::drills;
use crate::expectations;
use crate::firms;
use crate::ingest;
use crate::jobs;
use crate::media;
use crate::notifications;
use crate::practices;
use crate::users;
use crate::web::access::{nowhere, router, wrong_method};
use crate::web::{Route, assets, cross_site, health, page, reader, security_headers};

/// Every route there is.
pub fn table() -> Vec<Route> {
    // One line a slice, so that two that are added at once do not meet.
    #[rustfmt::skip]
    let slices = [
        agents::routes(),
        alerts::routes(),
        assets::routes(),
        dashboard::routes(),
        discovery::routes(),
        drills::routes(),
        audit::routes(),
        expectations::routes(),
        firms::routes(),
        health::routes(),
        ingest::routes(),
        jobs::routes(),
        media::routes(),
        notifications::routes(),
        reader::routes(),
        practices::routes(),
        users::routes(),
    ];
    slices.into_iter().flatten().collect()
}

/// The table as a service, with what surrounds every route.
pub fn service(app: &App) -> Router {
    router(app, table())
        .fallback(nowhere)
        .method_not_allowed_fallback(wrong_method)
        .layer(from_fn(cross_site::refuse_cross_site))
        .layer(from_fn_with_state(app.clone(), agents::answer::answer_in_json))
        .layer(from_fn_with_state(app.clone(), page::render_errors))
        .layer(from_fn(security_headers::add))
        .layer(from_fn(health::count_request))
        .layer(from_fn_with_state(app.clone(), page::identify))
        .with_state(app.clone())
}
