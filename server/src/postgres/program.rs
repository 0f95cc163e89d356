//! PostgreSQL's programs: where they are, which version, and how they are run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::join;
use tokio::process::Command;
use tokio::time::timeout;

use super::account::Account;
use super::error::PostgresError;

/// The oldest PostgreSQL the schema is tested with.
const OLDEST: u32 = 14;
/// How much of a program's output is kept for an error message, in bytes.
const KEPT: u64 = 16 * 1024;

/// An installation of PostgreSQL.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The folder of the programs.
    pub bindir: PathBuf,
    /// As `postgres --version` prints it: `15.18 (Debian 15.18-0+deb12u1)`.
    pub version: String,
    /// 15 for 15.18.
    pub major: u32,
    /// As whom they run; nobody else if `None`.
    pub(super) account: Option<Account>,
}

impl Programs {
    /// The installation to use: the one in `bindir` if given, otherwise the newest. With `wanted`, only one of that
    /// major version, because a cluster belongs to the version that made it. `data` is that cluster, for the message.
    pub(super) async fn find(
        bindir: Option<&Path>,
        search_path: &OsStr,
        cluster: Option<(&Path, u32)>,
    ) -> Result<Programs, PostgresError> {
        let found = Programs::installed(&["postgres", "initdb", "pg_dump", "pg_restore"], bindir, search_path).await;
        let majors: Vec<String> = found.iter().map(|programs| programs.major.to_string()).collect();
        if let Some((data, wanted)) = cluster
            && !found.is_empty()
        {
            let fitting = found.into_iter().find(|programs| programs.major == wanted);
            return fitting.ok_or_else(|| PostgresError::WrongMajor {
                data: data.to_owned(),
                wanted,
                found: majors.join(", "),
            });
        }
        let tried = bindir
            .map(|bindir| format!(" in {}", bindir.display()))
            .unwrap_or_default();
        newest(found).ok_or(PostgresError::NotFound { tried })
    }

    /// The newest programs for working with somebody else's server: `pg_dump`, `pg_restore`, `psql`.
    pub(super) async fn find_clients(bindir: Option<&Path>, search_path: &OsStr) -> Result<Programs, PostgresError> {
        let found = Programs::installed(&["pg_dump", "pg_restore"], bindir, search_path).await;
        newest(found).ok_or_else(|| PostgresError::Program {
            program: "pg_dump".to_owned(),
            problem: "was not found. Type: apt-get install postgresql-client — or give --pg-bindir.".to_owned(),
        })
    }

    /// Every installation with these programs that tells its version and is not too old. The first program is asked.
    async fn installed(needed: &[&str], bindir: Option<&Path>, search_path: &OsStr) -> Vec<Programs> {
        let folders = match bindir {
            Some(bindir) => vec![bindir.to_owned()],
            None => candidates(search_path),
        };
        let mut found = Vec::new();
        for folder in folders {
            // A folder on the search path may hold links to some of the programs, and not to those beside them.
            if !needed.iter().all(|program| folder.join(program).is_file()) {
                continue;
            }
            match Programs::at(folder, needed.first().copied().unwrap_or("postgres")).await {
                Ok(programs) if programs.major >= OLDEST => found.push(programs),
                Ok(_) => {}
                Err(error) => tracing::debug!(%error, "an installation of PostgreSQL that does not tell its version"),
            }
        }
        found
    }

    async fn at(bindir: PathBuf, program: &str) -> Result<Programs, PostgresError> {
        let mut programs = Programs {
            bindir,
            version: String::new(),
            major: 0,
            account: None,
        };
        let mut command = programs.command(program);
        command.arg("--version");
        let printed = run(command, program, Duration::from_secs(10)).await?;
        let version = printed
            .trim()
            .trim_start_matches(program)
            .trim_start_matches(" (PostgreSQL) ")
            .to_owned();
        programs.major = version
            .split(|c: char| !c.is_ascii_digit())
            .next()
            .and_then(|m| m.parse().ok())
            .unwrap_or(0);
        programs.version = version;
        Ok(programs)
    }

    /// A program of this installation, run as the account, with nothing of our environment: a `PGPORT` or `PGOPTIONS`
    /// of whoever started the server must not reach it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that starts PostgreSQL's programs"
    )]
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bindir.join(program));
        command
            .env_clear()
            .env("PATH", "/usr/local/bin:/usr/bin:/bin")
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        // A user without access to our working folder would be warned about it.
        command.current_dir("/");
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        command
    }
}

impl Programs {
    /// A program for a person at a terminal: as ourselves, with our environment, but for what would lead it to another
    /// server.
    #[expect(
        clippy::disallowed_methods,
        reason = "the other place that starts PostgreSQL's programs"
    )]
    pub(super) fn interactive(&self, program: &str) -> Command {
        let mut command = Command::new(self.bindir.join(program));
        for name in [
            "PGHOSTADDR",
            "PGOPTIONS",
            "PGPASSFILE",
            "PGPASSWORD",
            "PGSERVICE",
            "PGSERVICEFILE",
            "PGSSLMODE",
        ] {
            command.env_remove(name);
        }
        command
    }
}

/// The newest; of several equally new the one that was looked for first.
fn newest(found: Vec<Programs>) -> Option<Programs> {
    found.into_iter().rev().max_by_key(|programs| programs.major)
}

/// Folders that may hold PostgreSQL's programs: Debian's, the PGDG's for Red Hat, then the search path.
fn candidates(search_path: &OsStr) -> Vec<PathBuf> {
    let below = |folder: &str, prefix: &str| -> Vec<PathBuf> {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
            .map(|entry| entry.path().join("bin"))
            .collect()
    };
    let mut folders = below("/usr/lib/postgresql", "");
    folders.extend(below("/usr", "pgsql-"));
    folders.extend(std::env::split_paths(search_path));
    folders
}

/// Runs a program to its end and returns what it printed. Ends it after `limit`. A failure carries what it wrote to
/// its error output.
pub(super) async fn run(command: Command, name: &str, limit: Duration) -> Result<String, PostgresError> {
    run_into(command, name, limit, Stdio::piped()).await
}

/// The same, with its output to a file.
pub(super) async fn run_into(
    mut command: Command,
    name: &str,
    limit: Duration,
    output: Stdio,
) -> Result<String, PostgresError> {
    let failed = |problem: String| PostgresError::Program {
        program: name.to_owned(),
        problem,
    };
    command.stdout(output).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| failed(format!("cannot be started: {error}")))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let finished = timeout(limit, async {
        join!(child.wait(), beginning(stdout), beginning(stderr))
    })
    .await;
    let (status, printed, complaint) =
        finished.map_err(|_| failed(format!("did not end within {} s and was stopped", limit.as_secs())))?;
    let status = status.map_err(|error| failed(format!("cannot be waited for: {error}")))?;
    if status.success() {
        return Ok(printed);
    }
    Err(failed(format!("failed ({status}): {}", complaint.trim())))
}

/// The first part of what comes; the rest is read and dropped, so that the writer is not held up.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut kept = Vec::new();
    // What was read before an error is still worth showing.
    if (&mut stream).take(KEPT).read_to_end(&mut kept).await.is_ok() {
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
    }
    String::from_utf8_lossy(&kept).into_owned()
}
