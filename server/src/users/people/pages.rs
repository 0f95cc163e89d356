//! `/people` and one person's page.

use askama::Template;
use axum::response::Response;

use super::{PersonRow, db, role_options};
use crate::error::AppError;
use crate::ids::{PracticeId, UserId};
use crate::practices;
use crate::users::Role;
use crate::web::Section;
use crate::web::page::render;
use crate::web::{Context, Layout, Path};

#[derive(Template)]
#[template(path = "users/people.html")]
struct ListPage {
    layout: Layout,
    firm: String,
    people: Vec<PersonRow>,
    is_owner: bool,
    hearing: usize,
}

pub(super) async fn list(context: Context) -> Result<Response, AppError> {
    let person = context.person()?;
    let mut transaction = context.begin().await?;
    let people = db::list(&mut transaction, person.firm, None).await?;
    let page = ListPage {
        layout: context.layout(&mut transaction, Section::People, "People").await?,
        firm: person.firm_name.clone(),
        hearing: people.iter().filter(|person| person.hears()).count(),
        people,
        is_owner: person.role == Role::Owner,
    };
    transaction.commit().await?;
    Ok(render(&page))
}

#[derive(Template)]
#[template(path = "users/person.html")]
struct PersonPage {
    layout: Layout,
    person: PersonRow,
    roles: Vec<(String, &'static str)>,
    practices: Vec<(PracticeId, String)>,
    practice: String,
    is_self: bool,
}

pub(super) async fn show(context: Context, Path(user): Path<UserId>) -> Result<Response, AppError> {
    let owner = context.person()?;
    let mut transaction = context.begin().await?;
    let person = db::find(&mut transaction, owner.firm, user).await?;
    let page = PersonPage {
        layout: context
            .layout(&mut transaction, Section::People, person.name.clone())
            .await?,
        roles: role_options(),
        practices: practices::names(&mut transaction, owner.firm).await?,
        practice: person.practice.map(|practice| practice.to_string()).unwrap_or_default(),
        is_self: owner.user == user,
        person,
    };
    transaction.commit().await?;
    Ok(render(&page))
}

#[derive(Template)]
#[template(path = "users/password_link.html")]
struct LinkPage {
    layout: Layout,
    name: String,
    email: String,
    link: String,
}

/// The page that shows a one-time link, this once.
pub(super) fn link(layout: Layout, name: &str, email: &str, link: String) -> Response {
    render(&LinkPage {
        layout,
        name: name.to_owned(),
        email: email.to_owned(),
        link,
    })
}
