//! Dumps of the database: before every migration of existing data, and when somebody asks.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use jiff::Timestamp;

use super::cluster::{make_folder, sync_folder};
use super::error::PostgresError;
use super::program::run_into;
use super::target::Target;

/// Longer than any dump of this product's data should take.
pub(super) const LIMIT: Duration = Duration::from_hours(6);
const BEFORE_MIGRATION: &str = "before-migration";

/// `$STATE/dumps`.
pub fn folder(state: &Path) -> PathBuf {
    state.join("dumps")
}

/// A dump named for the moment and the reason, `20261123T091500Z-by-hand.dump`, in the state folder. `why` becomes part
/// of a file name.
pub async fn dump(target: &Target, state: &Path, why: &str, now: Timestamp) -> Result<PathBuf, PostgresError> {
    let folder = folder(state);
    make_folder(&folder, 0o700)?;
    let path = folder.join(format!("{}-{why}.dump", stamp(now)));
    dump_to(target, &path).await?;
    Ok(path)
}

/// A dump before migrations are applied to a database whose schema is `version`. Older ones than the last `kept` go.
pub async fn dump_before_migration(
    target: &Target,
    state: &Path,
    version: i64,
    kept: usize,
    now: Timestamp,
) -> Result<PathBuf, PostgresError> {
    let path = dump(target, state, &format!("{BEFORE_MIGRATION}-of-{version}"), now).await?;
    let mut dumps = list(state)?;
    dumps.retain(|dump| dump.to_string_lossy().contains(BEFORE_MIGRATION));
    for old in dumps.iter().rev().skip(kept) {
        std::fs::remove_file(old).map_err(PostgresError::file("removing", old))?;
    }
    Ok(path)
}

/// The dumps in the state folder, oldest first.
pub fn list(state: &Path) -> Result<Vec<PathBuf>, PostgresError> {
    let folder = folder(state);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let read =
        || -> std::io::Result<Vec<PathBuf>> { std::fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect() };
    let mut dumps = read().map_err(PostgresError::file("reading", &folder))?;
    dumps.retain(|path| path.extension().is_some_and(|extension| extension == "dump"));
    dumps.sort();
    Ok(dumps)
}

/// A dump under this name, which must be free. It gets the name when it is whole and on the disk.
pub async fn dump_to(target: &Target, path: &Path) -> Result<(), PostgresError> {
    if path.exists() {
        return Err(PostgresError::Refused(format!(
            "{} exists already. Choose another name.",
            path.display()
        )));
    }
    let unfinished = path.with_extension("unfinished");
    let result = write(target, &unfinished).await;
    if let Err(error) = result {
        // What is left over is of no use, and its removal failing changes nothing about that.
        std::fs::remove_file(&unfinished).ok();
        return Err(error);
    }
    std::fs::rename(&unfinished, path).map_err(PostgresError::file("naming", &unfinished))?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))
}

async fn write(target: &Target, unfinished: &Path) -> Result<(), PostgresError> {
    let failed = |doing| PostgresError::file(doing, unfinished);
    if unfinished.exists() {
        std::fs::remove_file(unfinished).map_err(failed("removing"))?;
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(unfinished)
        .map_err(failed("making"))?;
    let output = file.try_clone().map_err(failed("opening"))?;
    let mut command = target.command("pg_dump", &target.name);
    command.args(["--format=custom", "--no-password", "--lock-wait-timeout=60s"]);
    run_into(command, "pg_dump", LIMIT, Stdio::from(output))
        .await
        .map_err(explained)?;
    file.sync_all().map_err(failed("writing"))
}

/// PostgreSQL's message about row-level security does not say what to do.
fn explained(error: PostgresError) -> PostgresError {
    if let PostgresError::Program { program, problem } = &error
        && problem.contains("row-level security")
    {
        let remedy =
            "the role in `database_url` may not see every row. As a superuser of that server: alter role … bypassrls";
        return PostgresError::Program {
            program: program.clone(),
            problem: format!("{problem}\n{remedy}"),
        };
    }
    error
}

/// A moment as part of a name, in an order that is the order of time.
pub(super) fn stamp(now: Timestamp) -> String {
    now.strftime("%Y%m%dT%H%M%SZ").to_string()
}
