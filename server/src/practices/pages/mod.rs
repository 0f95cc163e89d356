//! The pages on which practices and offices are listed, added and changed.

mod add;
mod closures;
mod edit;
mod fields;
mod list;
mod office;

use serde_json::Value;

use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::{OfficeId, PracticeId};
use crate::web::{Access, Audit, Context, Route};

/// The routes of this slice. What makes fewer days count asks for the password again.
pub fn routes() -> Vec<Route> {
    let operator = Access::Operator;
    vec![
        Route::get("/practices", Access::Reader, list::show),
        Route::get("/practices/add", operator, add::show),
        Route::post(
            "/practices/add",
            operator,
            Audit::Records("practice.added"),
            add::submit,
        ),
        Route::get("/practices/{practice}/edit", operator, edit::show),
        Route::post(
            "/practices/{practice}/edit",
            operator,
            Audit::Records("practice.renamed"),
            edit::rename,
        ),
        Route::post(
            "/practices/{practice}/archive",
            operator,
            Audit::Records("practice.archived"),
            edit::archive,
        )
        .fresh(),
        Route::get("/practices/{practice}/offices/add", operator, office::show_add),
        Route::post(
            "/practices/{practice}/offices/add",
            operator,
            Audit::Records("office.added"),
            office::add,
        ),
        Route::get("/practices/{practice}/offices/{office}/edit", operator, office::show),
        Route::post(
            "/practices/{practice}/offices/{office}/edit",
            operator,
            Audit::Records("office.changed"),
            office::change,
        )
        .fresh(),
        Route::post(
            "/practices/{practice}/offices/{office}/closures",
            operator,
            Audit::Records("closure.added"),
            closures::add,
        )
        .fresh(),
        Route::post(
            "/practices/{practice}/offices/{office}/closures/{closure}/remove",
            operator,
            Audit::Records("closure.removed"),
            closures::remove,
        ),
    ]
}

/// What of a practice an entry of the audit log is about.
enum About {
    Practice,
    Office(OfficeId),
}

/// Records what somebody did to a practice or an office.
async fn record(
    context: &Context,
    transaction: &mut Transaction,
    action: &'static str,
    practice: PracticeId,
    about: About,
    (name, details): (&str, Value),
) -> Result<(), AppError> {
    let (subject_kind, subject) = match about {
        About::Practice => ("practice", practice.0),
        About::Office(office) => ("office", office.0),
    };
    let entry = Entry {
        action,
        practice: Some(practice),
        subject_kind,
        subject: Some(subject),
        subject_name: name,
        details,
    };
    context.record(transaction, entry).await
}
