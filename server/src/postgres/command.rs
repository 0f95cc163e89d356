//! `lastgood db info | psql | dump | restore`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use jiff::Timestamp;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::dump;
use super::error::PostgresError;
use super::restore::restore;
use super::target::Target;
use super::{Place, PrivatePostgres, db};
use crate::config::Settings;

/// What can be done with the database from outside.
#[derive(Debug, Clone, Subcommand)]
pub enum DbCommand {
    /// Show which database is used, its version, size and dumps
    Info,
    /// Open PostgreSQL's own command line on the database
    Psql {
        /// Arguments for psql, as in `lastgood db psql -- -c 'select now()'`
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Write a dump of the database
    Dump {
        /// Where to; otherwise a file named for the present moment in the state folder
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Replace the database by a dump; the present one stays under another name
    Restore {
        /// A file written by `lastgood db dump`, or by the server before a migration
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Do not ask for the database's name to be typed
        #[arg(long)]
        yes: bool,
    },
}

/// Does it, with the private Postgres running for as long as that takes, beside a running server where that is possible.
pub async fn run(
    command: DbCommand,
    settings: &Settings,
    now: Timestamp,
    json: bool,
) -> Result<ExitCode, PostgresError> {
    if let Some(url) = &settings.database_url {
        let target = Target::external(url, settings.pg_bindir.as_deref(), &settings.search_path).await?;
        return perform(command, &target, None, settings, now, json).await;
    }
    let place = Place::from(settings);
    let mut progress = |line: &str| eprint(line);
    let postgres = match &command {
        // The databases' names are exchanged, and nobody may be connected.
        DbCommand::Restore { .. } => PrivatePostgres::open_alone(&place, &mut progress).await?,
        DbCommand::Info | DbCommand::Psql { .. } | DbCommand::Dump { .. } => {
            PrivatePostgres::open(&place, &mut progress).await?
        }
    };
    let result = perform(
        command,
        &Target::private(&postgres),
        Some(&postgres),
        settings,
        now,
        json,
    )
    .await;
    postgres.stop().await;
    result
}

async fn perform(
    command: DbCommand,
    target: &Target,
    private: Option<&PrivatePostgres>,
    settings: &Settings,
    now: Timestamp,
    json: bool,
) -> Result<ExitCode, PostgresError> {
    match command {
        DbCommand::Info => info(target, private, &settings.state, json).await,
        DbCommand::Psql { arguments } => psql(target, &arguments).await,
        DbCommand::Dump { file } => {
            let path = match file {
                Some(path) => dump::dump_to(target, &path).await.map(|()| path)?,
                None => dump::dump(target, &settings.state, "by-hand", now).await?,
            };
            let bytes = std::fs::metadata(&path)
                .map_err(PostgresError::file("looking at", &path))?
                .len();
            let text = format!("Written: {} ({})", path.display(), size(bytes));
            Ok(print(json, &json!({ "file": path, "bytes": bytes }), &text))
        }
        DbCommand::Restore { file, yes } => {
            if !yes {
                confirm(&target.name, &file)?;
            }
            let restored = restore(target, &file, now).await?;
            let text = format!(
                "Restored (schema {}). The database that was there before is now called {}; remove it when you are sure:\n\
                 lastgood db psql -- -c 'drop database \"{}\"'",
                restored.schema, restored.former, restored.former,
            );
            Ok(print(
                json,
                &json!({ "schema": restored.schema, "former": restored.former }),
                &text,
            ))
        }
    }
}

async fn info(
    target: &Target,
    private: Option<&PrivatePostgres>,
    state: &Path,
    json: bool,
) -> Result<ExitCode, PostgresError> {
    let failed = || PostgresError::database("asking the database");
    let (bytes, version) = db::size_and_version(&target.options).await.map_err(failed())?;
    let schema = db::schema_version(&target.options).await.map_err(failed())?;
    let dumps = dump::list(state)?;
    let value = json!({
        "kind": if private.is_some() { "private" } else { "external" },
        "database": target.name,
        "version": version,
        "schema": schema,
        "bytes": bytes,
        "programs": target.programs.bindir,
        "data": private.map(PrivatePostgres::data_dir),
        "socket": private.map(PrivatePostgres::socket_dir),
        "server_running": private.map(PrivatePostgres::is_joined),
        "dumps": dumps,
    });
    let mut lines = vec![
        format!(
            "database   {} ({})",
            target.name,
            if private.is_some() {
                "the server's own"
            } else {
                "external"
            }
        ),
        format!("version    PostgreSQL {version}"),
        format!(
            "schema     {}",
            schema.map_or_else(|| "none yet".to_owned(), |schema| schema.to_string())
        ),
        format!("size       {}", size(u64::try_from(bytes).unwrap_or(0))),
        format!("programs   {}", target.programs.bindir.display()),
    ];
    if let Some(private) = private {
        lines.push(format!("data       {}", private.data_dir().display()));
        lines.push(format!("socket     {}", private.socket_dir().display()));
        lines.push(format!(
            "server     {}",
            if private.is_joined() { "running" } else { "not running" }
        ));
    }
    lines.extend(dumps.iter().map(|path| format!("dump       {}", path.display())));
    Ok(print(json, &value, &lines.join("\n")))
}

async fn psql(target: &Target, arguments: &[String]) -> Result<ExitCode, PostgresError> {
    let failed = |error: std::io::Error| PostgresError::Program {
        program: "psql".to_owned(),
        problem: format!("cannot be started: {error}"),
    };
    // Ctrl-C ends psql's query, and must not end us before psql.
    let _interrupts = signal(SignalKind::interrupt()).map_err(failed)?;
    let status = target
        .interactive("psql")
        .args(arguments)
        .status()
        .await
        .map_err(failed)?;
    Ok(ExitCode::from(
        status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
    ))
}

/// Asks for the database's name. An end of input is a no.
fn confirm(name: &str, file: &Path) -> Result<(), PostgresError> {
    eprint(&format!(
        "{} will take the place of the database {name}, which stays under another name.\nType {name} to go on:",
        file.display()
    ));
    let mut typed = String::new();
    let read = std::io::stdin().read_line(&mut typed);
    if read.is_ok() && typed.trim() == name {
        return Ok(());
    }
    Err(PostgresError::Refused(format!(
        "Nothing was restored: `{name}` was not typed. In a script, give --yes."
    )))
}

/// To the standard output. A reader that went away is no failure of what was done.
fn print(json: bool, value: &serde_json::Value, text: &str) -> ExitCode {
    let mut output = std::io::stdout().lock();
    if json {
        writeln!(output, "{value}")
    } else {
        writeln!(output, "{text}")
    }
    .ok();
    ExitCode::SUCCESS
}

fn eprint(line: &str) {
    writeln!(std::io::stderr().lock(), "{line}").ok();
}

/// `3.4 MB`, in powers of ten.
fn size(bytes: u64) -> String {
    let units = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match units.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} B"),
    }
}
