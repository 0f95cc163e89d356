//! Real database servers for the tests, each in a folder of its own and reached through a socket there.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::machine::wait_for;

const SOON: Duration = Duration::from_mins(1);

/// A PostgreSQL with a database `practice`.
pub struct Postgres {
    folder: TempDir,
    server: Child,
}

impl Postgres {
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        // It refuses to run as root, as whom the tests run here and in CI.
        let mut list: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .expect("PostgreSQL is installed")
            .map(|entry| entry.expect("an entry").path().join("bin"))
            .collect();
        list.sort();
        let programs = list.pop().expect("a version");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("ours");
        let place = folder.path().join("data");
        let made = as_postgres(&programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=owner", "-D"])
            .arg(&place)
            .output()
            .expect("initdb can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let server = as_postgres(&programs.join("postgres"))
            .arg("-D")
            .arg(&place)
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-c"])
            .arg(format!("unix_socket_directories={}", folder.path().display()))
            .stderr(Stdio::null())
            .spawn()
            .expect("postgres can be started");
        let postgres = Self { folder, server };
        wait_for("PostgreSQL", SOON, || {
            postgres.run("postgres", "select 1").then_some(())
        });
        assert!(postgres.run("postgres", "create database practice"));
        let fill = "create table patients (id int, note text); insert into patients select n, md5(n::text) from generate_series(1, 5000) n";
        assert!(postgres.run("practice", fill));
        postgres
    }

    pub fn connection(&self) -> String {
        format!("host={} user=owner dbname=practice", self.folder.path().display())
    }

    /// The folder with the live files.
    pub fn live(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn run(&self, database: &str, sql: &str) -> bool {
        let done = Command::new("psql")
            .args(["-q", "-U", "owner", "-d", database, "-c", sql, "-h"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        done.expect("psql can be started").success()
    }
}

/// As the user `postgres` when the tests run as root.
fn as_postgres(program: &std::path::Path) -> Command {
    let own = fs::metadata("/proc/self").expect("there is /proc");
    if std::os::unix::fs::MetadataExt::uid(&own) != 0 {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"])
        .arg(program)
        .current_dir("/");
    command
}

impl Drop for Postgres {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

/// A MariaDB with a database `practice`.
pub struct MariaDb {
    folder: TempDir,
    server: Child,
}

impl MariaDb {
    pub fn start() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let place = folder.path().join("data");
        let own = fs::metadata("/proc/self").expect("there is /proc");
        let user = if std::os::unix::fs::MetadataExt::uid(&own) == 0 {
            vec!["--user=root"]
        } else {
            Vec::new()
        };
        let made = Command::new("mariadb-install-db")
            .args([
                "--no-defaults",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ])
            .args(&user)
            .arg(format!("--datadir={}", place.display()))
            .output()
            .expect("mariadb-install-db can be started");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let program = if std::path::Path::new("/usr/sbin/mariadbd").exists() {
            "/usr/sbin/mariadbd"
        } else {
            "mariadbd"
        };
        let server = Command::new(program)
            .args([
                "--no-defaults",
                "--skip-networking",
                "--innodb-flush-log-at-trx-commit=0",
            ])
            .args(&user)
            .arg(format!("--datadir={}", place.display()))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .arg(format!("--pid-file={}", folder.path().join("pid").display()))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("mariadbd can be started");
        let mariadb = Self { folder, server };
        wait_for("MariaDB", SOON, || mariadb.run("select 1").then_some(()));
        assert!(mariadb.run("create database practice; create table practice.patients (id int); insert into practice.patients values (1), (2)"));
        mariadb
    }

    pub fn socket(&self) -> String {
        self.folder
            .path()
            .join("socket")
            .to_str()
            .expect("a plain path")
            .to_owned()
    }

    fn run(&self, sql: &str) -> bool {
        let done = Command::new("mariadb")
            .args(["--no-defaults", "-u", "root", "-S", &self.socket(), "-e", sql])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        done.expect("mariadb can be started").success()
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

/// Asks a server to end; it must not outlive its folder.
fn end(server: &mut Child) {
    let _asked = Command::new("kill").args(["-INT", &server.id().to_string()]).status();
    let _asked = Command::new("kill").args(["-TERM", &server.id().to_string()]).status();
    let _ended = server.wait();
}
