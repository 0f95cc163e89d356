//! What an owner changes about somebody. The last owner stays one; whoever may do less, or nothing, is signed out.

use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PersonRow, add, db, notice, pages};
use crate::audit::Entry;
use crate::db::Transaction;
use crate::error::AppError;
use crate::ids::UserId;
use crate::practices;
use crate::users::{Role, sessions, setup};
use crate::web::Section;
use crate::web::{Context, Form, Path, redirect};

#[derive(Deserialize)]
pub(super) struct RoleFields {
    #[serde(default)]
    role: String,
    #[serde(default)]
    practice: String,
}

pub(super) async fn role(
    context: Context,
    Path(user): Path<UserId>,
    Form(fields): Form<RoleFields>,
) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let before = db::find(&mut transaction, firm, user).await?;
    let role = add::role(&fields.role)?;
    let practice = match role {
        Role::PracticeViewer => Some(add::practice(&mut transaction, firm, &fields.practice).await?),
        Role::Owner | Role::Technician | Role::ReadOnly => None,
    };
    if (role, practice) == (before.role, before.practice) {
        return Ok(back(user));
    }
    if role != Role::Owner {
        keep_an_owner(&context, &mut transaction, &before).await?;
    }
    let recipients = notice::recipients(&context, &mut transaction).await?;
    db::set_role(&mut transaction, firm, user, role, practice).await?;
    sessions::end_all(&mut transaction, context.now, firm, user, None).await?;
    let details = json!({ "from": before.role, "to": role });
    record(&context, &mut transaction, "person.role_changed", &before, details).await?;
    if before.hears() && role == Role::PracticeViewer {
        let by = &context.person()?.name;
        let sentence = format!("{by} made {} a practice viewer, who receives no alerts.", before.name);
        notice::tell(&context, &mut transaction, recipients, sentence).await?;
    }
    transaction.commit().await?;
    Ok(back(user))
}

pub(super) async fn alerts_on(context: Context, Path(user): Path<UserId>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let before = db::find(&mut transaction, firm, user).await?;
    if before.role == Role::PracticeViewer {
        return Err(AppError::Conflict(
            "A practice viewer receives no alerts. Change the role first.".to_owned(),
        ));
    }
    if db::set_receives_alerts(&mut transaction, firm, user, true).await? {
        record(&context, &mut transaction, "person.alerts_on", &before, json!({})).await?;
    }
    transaction.commit().await?;
    Ok(back(user))
}

pub(super) async fn alerts_off(context: Context, Path(user): Path<UserId>) -> Result<Response, AppError> {
    let by = context.person()?;
    let mut transaction = context.begin().await?;
    let before = db::find(&mut transaction, by.firm, user).await?;
    let recipients = notice::recipients(&context, &mut transaction).await?;
    if db::set_receives_alerts(&mut transaction, by.firm, user, false).await? {
        record(&context, &mut transaction, "person.alerts_off", &before, json!({})).await?;
        let sentence = format!("{} decided that alerts are no longer sent to {}.", by.name, before.name);
        notice::tell(&context, &mut transaction, recipients, sentence).await?;
    }
    transaction.commit().await?;
    Ok(back(user))
}

pub(super) async fn disable(context: Context, Path(user): Path<UserId>) -> Result<Response, AppError> {
    let by = context.person()?;
    let mut transaction = context.begin().await?;
    let before = db::find(&mut transaction, by.firm, user).await?;
    keep_an_owner(&context, &mut transaction, &before).await?;
    let recipients = notice::recipients(&context, &mut transaction).await?;
    if db::set_disabled(&mut transaction, by.firm, user, Some(context.now)).await? {
        sessions::end_all(&mut transaction, context.now, by.firm, user, None).await?;
        record(&context, &mut transaction, "person.disabled", &before, json!({})).await?;
        if before.hears() {
            let sentence = format!(
                "{} disabled {}, who receives no alerts from now on.",
                by.name, before.name
            );
            notice::tell(&context, &mut transaction, recipients, sentence).await?;
        }
    }
    transaction.commit().await?;
    Ok(back(user))
}

pub(super) async fn enable(context: Context, Path(user): Path<UserId>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let before = db::find(&mut transaction, firm, user).await?;
    if let Some(practice) = before.practice
        && !practices::keep_in_use(&mut transaction, firm, practice).await?
    {
        return Err(AppError::Conflict(format!(
            "The practice that {} sees is archived. Choose another practice or role first.",
            before.name
        )));
    }
    if db::set_disabled(&mut transaction, firm, user, None).await? {
        record(&context, &mut transaction, "person.enabled", &before, json!({})).await?;
    }
    transaction.commit().await?;
    Ok(back(user))
}

pub(super) async fn password_link(context: Context, Path(user): Path<UserId>) -> Result<Response, AppError> {
    let firm = context.person()?.firm;
    let mut transaction = context.begin().await?;
    let person = db::find(&mut transaction, firm, user).await?;
    if person.disabled {
        return Err(AppError::Conflict(format!(
            "{} is disabled. Enable the account first.",
            person.name
        )));
    }
    let link = setup::password_link(&context.app, &mut transaction, context.now, firm, user).await?;
    record(&context, &mut transaction, "person.invited", &person, json!({})).await?;
    let title = format!("A link for {}", person.name);
    let layout = context.layout(&mut transaction, Section::People, title).await?;
    transaction.commit().await?;
    Ok(pages::link(layout, &person.name, &person.email, link))
}

fn back(user: UserId) -> Response {
    redirect(&format!("/people/{user}"))
}

/// Refuses to take away the only owner who can sign in.
async fn keep_an_owner(context: &Context, transaction: &mut Transaction, person: &PersonRow) -> Result<(), AppError> {
    let owners = db::lock_owners(transaction, context.person()?.firm).await?;
    if owners == [person.user] {
        return Err(AppError::Conflict(format!(
            "{} is the only owner. Make somebody else an owner first.",
            person.name
        )));
    }
    Ok(())
}

async fn record(
    context: &Context,
    transaction: &mut Transaction,
    action: &'static str,
    person: &PersonRow,
    details: Value,
) -> Result<(), AppError> {
    let entry = Entry {
        action,
        practice: person.practice,
        subject_kind: "person",
        subject: Some(person.user.0),
        subject_name: &person.name,
        details,
    };
    context.record(transaction, entry).await
}
