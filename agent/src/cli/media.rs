//! `lastgood-agent media register LABEL --path DIR`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use lastgood_protocol::{Encryption, EventBody};

use super::Common;
use super::output::{Failure, Printer};
use crate::config::Overrides;
use crate::engine::rotation::Name;
use crate::media::{self, Ledger, Registration};
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
    let marker = ids::marker();
    let registered = media::register(&wanted, marker, now)?;
    spool.append(ids::event(), now, EventBody::MediumRegistered(registered.clone()))?;
    // The daemon looks again when something is mounted, and this medium is already.
    let folders = common
        .config(&Overrides::default())
        .map(|config| media::folders(&config));
    let ledger = Ledger::in_folder(&common.state());
    let name = Name {
        label: registered.label.clone(),
        set: registered.set.clone().unwrap_or_else(|| registered.label.clone()),
    };
    ledger.change(|kept| kept.rotation.see(marker, &name))?;
    media::report(&folders.unwrap_or_default(), &ledger, &spool)?;
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
    let mut text = format!("{name}, volume {}", sighting.volume);
    text.push_str(match sighting.removable {
        Some(true) => ", on a disk that is taken out",
        Some(false) => ", on a disk that stays",
        None => "",
    });
    text.push_str(match sighting.encryption {
        Some(Encryption::Luks) => ", encrypted by LUKS",
        Some(Encryption::BitLocker) => ", encrypted by BitLocker",
        Some(Encryption::Other) => ", encrypted",
        Some(Encryption::Unencrypted) => ", not encrypted",
        None => "",
    });
    text.push('.');
    if let Some(original) = &sighting.copied_from {
        let (what, next_step) = copied(original);
        text = format!("{text}\n{what} {next_step}");
    }
    printer.result(text, &sighting);
    Ok(ExitCode::SUCCESS)
}

/// What is said of a medium whose marker was written on another volume, and what to do.
pub(super) fn copied(original: &str) -> (String, &'static str) {
    (
        format!(
            "Its marker was written on volume {original}: it was copied from there, or this is that disk, formatted anew."
        ),
        "Register it under a label of its own: lastgood-agent media register LABEL --path DIR --replace",
    )
}
