//! `/practices`.

use askama::Template;
use axum::response::Response;
use serde::Deserialize;

use crate::error::AppError;
use crate::practices::db::{self, PracticeRow};
use crate::web::access::Access;
use crate::web::extract::optional_field;
use crate::web::page::render;
use crate::web::{Context, Layout, Query, Section};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Filter {
    /// A part of the name.
    name: String,
    /// `true`: those that are no longer looked after.
    archived: String,
}

#[derive(Template)]
#[template(path = "practices/list.html")]
struct ListPage {
    layout: Layout,
    practices: Vec<PracticeRow>,
    number: i64,
    sought: String,
    archived: bool,
    may_operate: bool,
}

pub(super) async fn show(context: Context, Query(filter): Query<Filter>) -> Result<Response, AppError> {
    let person = context.person()?;
    let sought = optional_field("Name", &filter.name, 200)?.unwrap_or_default();
    let archived = filter.archived == "true";
    let mut transaction = context.begin().await?;
    let practices = db::list(&mut transaction, person.firm, &sought, archived).await?;
    let page = ListPage {
        layout: context
            .layout(&mut transaction, Section::Practices, "Practices")
            .await?,
        number: i64::try_from(practices.len()).unwrap_or_default(),
        practices,
        sought,
        archived,
        may_operate: Access::Operator.admits(Some(person.role)),
    };
    transaction.commit().await?;
    Ok(render(&page))
}
