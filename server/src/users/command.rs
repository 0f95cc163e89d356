//! `lastgood user add`.

use std::io::Read as _;

use clap::{Args, Subcommand};
use secrecy::SecretString;
use serde_json::json;

use super::setup::password_link;
use super::{NewPerson, Role, add, email, password};
use crate::audit::{Entry, record_operator};
use crate::command::{CommandError, Opened, Output};
use crate::config::Settings;
use crate::db::{Scope, Transaction};
use crate::ids::{FirmId, PracticeId};
use crate::web::extract::field;
use crate::{firms, practices};

/// What the operator can do with people.
#[derive(Debug, Clone, Subcommand)]
pub enum UserCommand {
    /// Add somebody who may sign in; on an empty database also their firm
    Add(AddArgs),
}

/// Who to add.
#[derive(Debug, Clone, Args)]
pub struct AddArgs {
    /// What they sign in with
    #[arg(long, value_name = "E-MAIL")]
    email: String,
    /// What they may do: owner, technician, read_only or practice_viewer
    #[arg(long, value_name = "ROLE")]
    role: Role,
    /// The practice of a practice_viewer, by its name or id
    #[arg(long, value_name = "PRACTICE")]
    practice: Option<String>,
    /// Their name; the part of the e-mail address before the @ unless given
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The firm, if there are several; the first one's name on an empty database [default: My firm]
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
    /// Read their password from the standard input; otherwise a link is printed by which they choose one
    #[arg(long)]
    password_stdin: bool,
    /// Do not send them alerts; owners and technicians get them otherwise
    #[arg(long)]
    no_alerts: bool,
}

/// Does it.
pub async fn run(command: UserCommand, settings: &Settings, output: Output) -> Result<(), CommandError> {
    let UserCommand::Add(args) = command;
    let password = if args.password_stdin {
        Some(read_password()?)
    } else {
        None
    };
    let opened = Opened::open(settings, output).await?;
    let added = add_person(&opened, args, password, output).await;
    opened.close().await;
    added
}

fn read_password() -> Result<SecretString, CommandError> {
    let mut text = String::new();
    std::io::stdin()
        .read_to_string(&mut text)
        .map_err(|error| CommandError::Refused(format!("the password cannot be read: {error}")))?;
    Ok(text.trim_end_matches(['\r', '\n']).into())
}

async fn add_person(
    opened: &Opened,
    args: AddArgs,
    password: Option<SecretString>,
    output: Output,
) -> Result<(), CommandError> {
    let app = &opened.app;
    let now = app.clock.now();
    let email = email(&args.email)?;
    let usual = email.split('@').next().unwrap_or_default();
    let name = field("Name", args.name.as_deref().unwrap_or(usual), 200)?;
    let hash = match &password {
        None => None,
        Some(password) => {
            password::check(password, &email)?;
            Some(app.hashing.hash(password).await?)
        }
    };
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let firm = if firms::any_firm(&mut transaction).await?.is_some() {
        firms::named(&mut transaction, args.firm.as_deref()).await?
    } else {
        let name = field("Firm", args.firm.as_deref().unwrap_or("My firm"), 200)?;
        firms::add(&mut transaction, now, &name).await?
    };
    let person = NewPerson {
        practice: practice_of(&mut transaction, firm, args.role, args.practice.as_deref()).await?,
        receives_alerts: !args.no_alerts && matches!(args.role, Role::Owner | Role::Technician),
        role: args.role,
        email,
        name,
    };
    let user = add(&mut transaction, now, firm, &person, hash.as_deref()).await?;
    let link = match hash {
        Some(_) => None,
        None => Some(password_link(app, &mut transaction, now, firm, user).await?),
    };
    let entry = Entry {
        action: "person.added",
        practice: person.practice,
        subject_kind: "person",
        subject: Some(user.0),
        subject_name: &person.name,
        details: json!({ "email": person.email, "role": person.role }),
    };
    record_operator(&mut transaction, now, firm, entry).await?;
    transaction.commit().await?;
    let mut text = format!("{} may sign in as {} ({})", person.name, person.email, person.role);
    if let Some(link) = &link {
        text.push_str("\nTheir password is chosen, once and within 24 hours, at\n  ");
        text.push_str(link);
    }
    let value = json!({
        "user": user, "firm": firm, "email": person.email, "role": person.role, "practice": person.practice,
        "set_password": link,
    });
    output.print(&text, &value);
    Ok(())
}

async fn practice_of(
    transaction: &mut Transaction,
    firm: FirmId,
    role: Role,
    practice: Option<&str>,
) -> Result<Option<PracticeId>, CommandError> {
    match (role == Role::PracticeViewer, practice) {
        (true, Some(practice)) => Ok(Some(practices::named(transaction, firm, practice).await?)),
        (false, None) => Ok(None),
        (true, None) => Err(CommandError::Refused(
            "a practice_viewer sees one practice. Name it with --practice.".to_owned(),
        )),
        (false, Some(_)) => Err(CommandError::Refused(format!(
            "--practice is for a practice_viewer; a {role} sees all practices of the firm. Leave it out."
        ))),
    }
}
