//! `lastgood-agent media register LABEL --path DIR`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use lastgood_protocol::EventBody;

use super::Common;
use super::output::{Failure, Printer};
use crate::media::{self, Registration};
use crate::{clock, ids};

#[derive(Debug, Subcommand)]
pub(super) enum MediaCommand {
    /// Write a marker to a mounted medium, so that it is recognised wherever it is plugged in
    Register(RegisterArguments),
    /// Say which medium is mounted at a folder
    Show(ShowArguments),
}

#[derive(Debug, Args)]
pub(super) struct RegisterArguments {
    /// What stands on its sticker, such as "Monday" or "Disk 3"
    label: String,
    /// A folder on it, such as its mount point
    #[arg(long, value_name = "DIR")]
    path: PathBuf,
    /// The set it belongs to: what is taken out together [default: the label itself]
    #[arg(long, value_name = "NAME")]
    set: Option<String>,
    /// Give a new identity to a medium that is registered already
    #[arg(long)]
    replace: bool,
    /// Register the disk this machine runs from, too
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// A folder on it, such as its mount point
    #[arg(long, value_name = "DIR")]
    path: PathBuf,
}

pub(super) fn run(common: &Common, command: &MediaCommand, printer: Printer) -> Result<ExitCode, Failure> {
    match command {
        MediaCommand::Register(arguments) => register(common, arguments, printer),
        MediaCommand::Show(arguments) => show(arguments, printer),
    }
}

fn register(common: &Common, arguments: &RegisterArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let spool = common.spool()?;
    let now = clock::wall();
    let wanted = Registration {
        label: arguments.label.clone(),
        set: arguments.set.clone(),
        path: arguments.path.clone(),
        replace: arguments.replace,
        force: arguments.force,
    };
    let registered = media::register(&wanted, ids::marker(), now)?;
    spool.append(ids::event(), now, EventBody::MediumRegistered(registered.clone()))?;
    let text = format!(
        "Registered '{}' (set '{}', {} {}).\nPut this label on it. The server hears of it with the next delivery.",
        registered.label,
        registered.set.as_deref().unwrap_or(&registered.label),
        registered.medium.file_system.as_deref().unwrap_or("file system"),
        registered.medium.volume,
    );
    printer.result(text, &registered);
    Ok(ExitCode::SUCCESS)
}

fn show(arguments: &ShowArguments, printer: Printer) -> Result<ExitCode, Failure> {
    let sighting = media::see(&arguments.path)?;
    let name = sighting.label.as_ref().map_or_else(
        || "A medium that is not registered".to_owned(),
        |label| format!("'{label}'"),
    );
    let text = format!("{name}, volume {}.", sighting.volume);
    printer.result(text, &sighting);
    Ok(ExitCode::SUCCESS)
}
