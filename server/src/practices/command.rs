//! `lastgood practice add`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{NewPractice, OfficeDetails, create, zone_name};
use crate::audit::{Entry, record_operator};
use crate::command::{CommandError, Opened, Output};
use crate::config::Settings;
use crate::db::Scope;
use crate::firms;
use crate::web::extract::field;

/// What the operator can do with practices.
#[derive(Debug, Clone, Subcommand)]
pub enum PracticeCommand {
    /// Add a practice with its first office
    Add(AddArgs),
}

/// Which practice to add.
#[derive(Debug, Clone, Args)]
pub struct AddArgs {
    /// Its name
    name: String,
    /// The time zone of its office, as in America/New_York
    #[arg(long, value_name = "ZONE")]
    zone: String,
    /// The name of its office
    #[arg(long, value_name = "NAME", default_value = "Main office")]
    office: String,
    /// The firm, if there are several
    #[arg(long, value_name = "FIRM")]
    firm: Option<String>,
}

/// Does it.
pub async fn run(command: PracticeCommand, settings: &Settings, output: Output) -> Result<(), CommandError> {
    let PracticeCommand::Add(args) = command;
    let opened = Opened::open(settings, output).await?;
    let added = add_practice(&opened, &args, output).await;
    opened.close().await;
    added
}

async fn add_practice(opened: &Opened, args: &AddArgs, output: Output) -> Result<(), CommandError> {
    let now = opened.app.clock.now();
    let practice = NewPractice {
        name: field("Name", &args.name, 200)?,
        office: OfficeDetails::usual(field("Office", &args.office, 200)?, zone_name(&args.zone)?),
    };
    let mut transaction = opened.app.db.begin(Scope::Everything).await?;
    let firm = firms::named(&mut transaction, args.firm.as_deref()).await?;
    let (id, office) = create(&mut transaction, now, firm, &practice).await?;
    let entry = Entry {
        action: "practice.added",
        practice: Some(id),
        subject_kind: "practice",
        subject: Some(id.0),
        subject_name: &practice.name,
        details: json!({ "office": practice.office.name, "zone": practice.office.zone }),
    };
    record_operator(&mut transaction, now, firm, entry).await?;
    transaction.commit().await?;
    let text = format!(
        "{} was added, with {} in {}. Its first agent is enrolled with: lastgood agent token --practice '{}'",
        practice.name, practice.office.name, practice.office.zone, practice.name
    );
    let value = json!({ "practice": id, "office": office, "firm": firm, "name": practice.name });
    output.print(&text, &value);
    Ok(())
}
