//! The folders of the private cluster, its creation, and the settings it runs with.

use std::fs::{DirBuilder, File};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::account::Account;
use super::error::PostgresError;
use super::log::Log;
use super::program::{Programs, run};

/// The role that owns the cluster and the tables.
pub const OWNER: &str = "lastgood_owner";
/// The port is only the ending of the socket's name; nothing listens on the network.
pub(super) const PORT: u16 = 5432;
/// The longest path a Unix socket may have on Linux, in bytes (`sun_path` holds 108 with its final zero).
const LONGEST_SOCKET: usize = 107;

/// What the private Postgres runs with. Durability is stated, though it is the default: nobody should have to know
/// the defaults to see that an acknowledged report is on the disk.
const DURABLE_AND_MODEST: &[(&str, &str)] = &[
    ("fsync", "on"),
    ("full_page_writes", "on"),
    ("synchronous_commit", "on"),
    ("autovacuum", "on"),
    ("listen_addresses", ""),
    ("unix_socket_permissions", "0700"),
    ("max_connections", "100"),
    ("shared_buffers", "64MB"),
    ("work_mem", "8MB"),
    ("maintenance_work_mem", "64MB"),
    ("effective_cache_size", "512MB"),
    ("max_wal_size", "512MB"),
    ("checkpoint_timeout", "15min"),
    // Short queries by index: compiling them costs more than running them.
    ("jit", "off"),
    ("timezone", "UTC"),
    ("log_timezone", "UTC"),
    ("logging_collector", "off"),
    ("log_destination", "stderr"),
    ("log_line_prefix", "%m [%p] "),
    // Neither statements nor row contents: the log is not where a practice's facts belong.
    ("log_statement", "none"),
    ("log_min_error_statement", "panic"),
    ("log_error_verbosity", "terse"),
    ("cluster_name", "lastgood"),
];

/// Where the parts of the private cluster are.
#[derive(Debug, Clone)]
pub(super) struct Cluster {
    /// The state folder.
    pub(super) state: PathBuf,
    /// `$STATE/pg`.
    pub(super) folder: PathBuf,
    /// `$STATE/pg/data`.
    pub(super) data: PathBuf,
    /// `$STATE/pg/run`, or a shorter path where that one is too long for a socket.
    pub(super) sockets: PathBuf,
    pub(super) log: Log,
}

impl Cluster {
    pub(super) fn in_state(state: &Path) -> Cluster {
        let folder = state.join("pg");
        Cluster {
            state: state.to_owned(),
            data: folder.join("data"),
            sockets: socket_folder(&folder.join("run")),
            log: Log {
                path: folder.join("log/postgres.log"),
            },
            folder,
        }
    }

    /// The major version that made the data; `None` if there is no cluster yet.
    pub(super) fn major(&self) -> Result<Option<u32>, PostgresError> {
        if !self.data.exists() {
            return Ok(None);
        }
        let path = self.data.join("PG_VERSION");
        let unexpected = || {
            PostgresError::Unexpected {
            path: self.data.clone(),
            problem: "is not a folder of PostgreSQL's data (it has no readable PG_VERSION). Move it away, or choose another folder with --state.".into(),
        }
        };
        let text = std::fs::read_to_string(&path).map_err(|_| unexpected())?;
        text.trim().parse().map(Some).map_err(|_| unexpected())
    }

    /// Makes the folders that are missing and gives them to `account`.
    pub(super) fn make_folders(&self, account: Option<&Account>) -> Result<(), PostgresError> {
        make_folder(&self.folder, 0o700)?;
        make_folder(&self.folder.join("log"), 0o700)?;
        make_folder(&self.sockets, 0o700)?;
        if let Some(account) = account {
            account.admit(&self.state)?;
            account.admit(&self.folder)?;
            give(&self.sockets, account)?;
            account.check_way_to(&self.sockets)?;
            account.check_way_to(&self.folder)?;
        }
        let sockets =
            std::fs::symlink_metadata(&self.sockets).map_err(PostgresError::file("looking at", &self.sockets))?;
        let owner = account.map_or_else(|| rustix::process::geteuid().as_raw(), |account| account.uid);
        if !sockets.is_dir() || sockets.uid() != owner || sockets.mode() & 0o077 != 0 {
            return Err(PostgresError::Unexpected {
                path: self.sockets.clone(),
                problem:
                    "should be a folder that only PostgreSQL's user can open, and is not. Remove it and start again."
                        .into(),
            });
        }
        Ok(())
    }

    /// Makes the cluster. It gets its name only when it is whole, so that a start after a kill half-way begins anew.
    pub(super) async fn create(&self, programs: &Programs) -> Result<(), PostgresError> {
        let unfinished = self.folder.join("data.unfinished");
        if unfinished.exists() {
            std::fs::remove_dir_all(&unfinished).map_err(PostgresError::file("removing", &unfinished))?;
        }
        make_folder(&unfinished, 0o700)?;
        if let Some(account) = &programs.account {
            give(&unfinished, account)?;
        }
        let mut command = programs.command("initdb");
        command
            .arg("-D")
            .arg(&unfinished)
            .args(["-U", OWNER, "-E", "UTF8", "--locale=C", "--data-checksums"]);
        command.args(["--auth-local=trust", "--auth-host=reject", "--no-instructions"]);
        run(command, "initdb", Duration::from_mins(10)).await?;
        std::fs::rename(&unfinished, &self.data).map_err(PostgresError::file("naming", &unfinished))?;
        sync_folder(&self.folder)
    }

    /// The arguments of `postgres`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["-D".to_owned(), self.data.display().to_string()];
        let sockets = self.sockets.display().to_string().replace('"', "\"\"");
        let own = [
            ("port", PORT.to_string()),
            ("unix_socket_directories", format!("\"{sockets}\"")),
        ];
        let fixed = DURABLE_AND_MODEST
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()));
        for (name, value) in fixed.chain(own) {
            arguments.extend(["-c".to_owned(), format!("{name}={value}")]);
        }
        arguments
    }
}

/// `run`, unless a socket in it would have too long a name: then a folder of the same secrecy whose name is made from
/// that path, so that the next start finds it again.
fn socket_folder(run: &Path) -> PathBuf {
    let socket = run.join(format!(".s.PGSQL.{PORT}"));
    if socket.as_os_str().len() <= LONGEST_SOCKET {
        return run.to_owned();
    }
    let digest = Sha256::digest(run.as_os_str().as_encoded_bytes());
    let name = u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
    let base = if rustix::process::geteuid().is_root() {
        "/run"
    } else {
        "/tmp"
    };
    Path::new(base).join(format!("lastgood-{name:016x}"))
}

/// Makes the folder with this mode if it is missing, and those above it open for passing through: they hold nothing of
/// ours, and PostgreSQL's user has to reach what is below.
pub(super) fn make_folder(folder: &Path, mode: u32) -> Result<(), PostgresError> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
        make_folder(above, 0o755)?;
    }
    match DirBuilder::new().mode(mode).create(folder) {
        // Another process was quicker, and chooses the mode.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => return Ok(()),
        result => result.map_err(PostgresError::file("making the folder", folder))?,
    }
    // The process's umask may have taken bits away.
    std::fs::set_permissions(folder, PermissionsExt::from_mode(mode)).map_err(PostgresError::file("opening", folder))
}

fn give(folder: &Path, account: &Account) -> Result<(), PostgresError> {
    let changed = std::os::unix::fs::lchown(folder, Some(account.uid), Some(account.gid));
    changed.map_err(PostgresError::file("changing the owner of", folder))
}

/// Makes a rename or a new name in this folder last through a power cut.
pub(super) fn sync_folder(folder: &Path) -> Result<(), PostgresError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(PostgresError::file("writing to disk", folder))
}
