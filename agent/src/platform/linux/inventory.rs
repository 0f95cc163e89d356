//! What there is on this machine that may make backups: cron's files, systemd's units, programs, processes, databases at their
//! usual places. Read, never run.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::discover::material::{CronScript, CrontabFile, Database, Material};

/// Where systemd's units are, the first that has one wins (systemd.unit(5), "Unit File Load Path").
const UNIT_FOLDERS: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

const PROGRAM_FOLDERS: [&str; 7] = [
    "usr/local/sbin",
    "usr/local/bin",
    "usr/sbin",
    "usr/bin",
    "sbin",
    "bin",
    "opt/bin",
];

/// Larger is no configuration of a scheduler.
const LARGEST: u64 = 256 * 1024;

/// More are not looked at in one folder.
const MOST_FILES: usize = 5_000;

/// Everything that is looked at, below `root`.
pub(crate) fn inventory(root: Option<&Path>) -> Material {
    let root = root.unwrap_or(Path::new("/"));
    let mut material = Material::default();
    cron(root, &mut material);
    units(root, &mut material);
    for folder in PROGRAM_FOLDERS {
        material.programs.extend(names(&root.join(folder)));
    }
    material.processes = processes(&root.join("proc"));
    database_folders(root, &mut material);
    material
}

/// The text of a script below `root`, if it is one of a size that somebody wrote.
pub(crate) fn script(root: Option<&Path>, path: &str) -> Option<String> {
    let below = path.trim_start_matches('/');
    let text = read(&root.unwrap_or(Path::new("/")).join(below))?;
    text.starts_with("#!").then_some(text)
}

/// A regular file of no great size, whatever its encoding.
fn read(path: &Path) -> Option<String> {
    let status = fs::metadata(path).ok()?;
    if !status.is_file() || status.len() > LARGEST {
        return None;
    }
    let bytes = fs::read(path).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<String> = entries
        .take(MOST_FILES)
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}

/// The names and texts of a folder's files. Notes what could not be read.
fn files(folder: &Path, wanted: impl Fn(&str) -> bool, what: &'static str, material: &mut Material) -> Vec<(String, String)> {
    if let Err(error) = fs::read_dir(folder)
        && error.kind() == std::io::ErrorKind::PermissionDenied
    {
        material.unreadable.insert(what);
    }
    let mut found = Vec::new();
    for name in names(folder).into_iter().filter(|name| wanted(name)) {
        let path = folder.join(&name);
        match read(&path) {
            Some(text) => found.push((name, text)),
            None if fs::File::open(&path).is_err_and(|error| error.kind() == std::io::ErrorKind::PermissionDenied) => {
                material.unreadable.insert(what);
            }
            None => {}
        }
    }
    found
}

/// What follows a name's last dot; systemd minds capitals.
fn ending(name: &str) -> &str {
    name.rsplit_once('.').map_or("", |(_, ending)| ending)
}

/// cron reads files of letters, digits, hyphens and underscores alone, which leaves out what editors and packages keep.
fn is_crontab_name(name: &str) -> bool {
    name.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn cron(root: &Path, material: &mut Material) {
    if let Some(text) = read(&root.join("etc/crontab")) {
        material.crontabs.push(CrontabFile {
            name: None,
            is_users: false,
            text,
        });
    }
    for (name, text) in files(&root.join("etc/cron.d"), is_crontab_name, "/etc/cron.d", material) {
        material.crontabs.push(CrontabFile {
            name: Some(name),
            is_users: false,
            text,
        });
    }
    // Debian keeps users' crontabs in the folder below, others in this one.
    for folder in ["var/spool/cron/crontabs", "var/spool/cron"] {
        for (_, text) in files(&root.join(folder), is_crontab_name, "users' crontabs", material) {
            material.crontabs.push(CrontabFile {
                name: None,
                is_users: true,
                text,
            });
        }
    }
    for folder in ["cron.hourly", "cron.daily", "cron.weekly", "cron.monthly"] {
        let path = root.join("etc").join(folder);
        for (name, text) in files(&path, is_crontab_name, "cron's script folders", material) {
            material.cron_scripts.push(CronScript { folder, name, text });
        }
    }
    material.has_anacron = ["usr/sbin/anacron", "etc/anacrontab"]
        .iter()
        .any(|path| root.join(path).exists());
}

fn units(root: &Path, material: &mut Material) {
    let is_unit = |name: &str| matches!(ending(name), "timer" | "service");
    for folder in UNIT_FOLDERS.map(|folder| root.join(folder)) {
        for (name, text) in files(&folder, is_unit, "systemd's units", material) {
            material.units.entry(name).or_insert(text);
        }
        // A link to /dev/null switches a unit off, whatever stands in the folders after this one.
        for name in names(&folder).into_iter().filter(|name| is_unit(name)) {
            let is_off = fs::read_link(folder.join(&name)).is_ok_and(|to| to == Path::new("/dev/null"));
            if is_off {
                material.units.entry(name).or_default();
            }
        }
        for wants in names(&folder) {
            if matches!(ending(&wants), "wants" | "requires") {
                let timers = names(&folder.join(wants)).into_iter();
                material
                    .enabled_timers
                    .extend(timers.filter(|name| ending(name) == "timer"));
            }
        }
    }
    drop_ins(root, material);
    let services = material.units.keys().filter(|name| ending(name) == "service");
    material.services = services.cloned().collect();
}

/// What stands in `NAME.d` belongs behind the unit, the files in the order of their names.
fn drop_ins(root: &Path, material: &mut Material) {
    let mut seen = BTreeSet::new();
    let mut found: Vec<(String, String, String)> = Vec::new();
    for folder in UNIT_FOLDERS.map(|folder| root.join(folder)) {
        for inner in names(&folder) {
            let Some(unit) = inner.strip_suffix(".d").filter(|unit| material.units.contains_key(*unit)) else {
                continue;
            };
            for file in names(&folder.join(&inner)) {
                if ending(&file) == "conf"
                    && seen.insert((unit.to_owned(), file.clone()))
                    && let Some(text) = read(&folder.join(&inner).join(&file))
                {
                    found.push((unit.to_owned(), file, text));
                }
            }
        }
    }
    found.sort_unstable();
    for (unit, _, text) in found {
        if let Some(whole) = material.units.get_mut(&unit) {
            whole.push('\n');
            whole.push_str(&text);
        }
    }
}

/// The names of running processes, and a version where their program lies in a folder named after one:
/// `/usr/lib/postgresql/15/bin/postgres`.
fn processes(proc: &Path) -> Vec<(String, Option<String>)> {
    let ids = names(proc).into_iter().filter(|name| name.bytes().all(|byte| byte.is_ascii_digit()));
    let mut found: BTreeSet<(String, Option<String>)> = BTreeSet::new();
    for id in ids {
        let folder = proc.join(id);
        // One that has ended meanwhile is skipped.
        let Some(name) = read_small(&folder.join("comm")) else { continue };
        let program = fs::read_link(folder.join("exe")).unwrap_or_default();
        found.insert((name, version_in(&program)));
    }
    found.into_iter().collect()
}

/// A file of `/proc`, which says that it is empty.
fn read_small(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().chars().take(64).collect())
}

fn version_in(program: &Path) -> Option<String> {
    let parts = program.components().filter_map(|part| part.as_os_str().to_str());
    parts
        .filter(|part| part.len() <= 6 && part.starts_with(|c: char| c.is_ascii_digit()))
        .find(|part| part.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
        .map(str::to_owned)
}

/// PostgreSQL's data as Debian (`VERSION/CLUSTER`) and Red Hat keep it, and MariaDB's.
fn database_folders(root: &Path, material: &mut Material) {
    let mut postgres: Vec<PathBuf> = vec![root.join("var/lib/pgsql/data")];
    for version in names(&root.join("var/lib/postgresql")) {
        let folder = root.join("var/lib/postgresql").join(version);
        postgres.extend(names(&folder).into_iter().map(|cluster| folder.join(cluster)));
    }
    for version in names(&root.join("var/lib/pgsql")) {
        postgres.push(root.join("var/lib/pgsql").join(version).join("data"));
    }
    for folder in postgres.iter().filter(|folder| folder.is_dir()) {
        let version = read_small(&folder.join("PG_VERSION")).or_else(|| version_in(folder));
        if version.is_some() {
            material.database_folders.push((Database::Postgres, version));
        }
    }
    let mariadb = root.join("var/lib/mysql");
    if mariadb.join("ibdata1").exists() {
        let told = read_small(&mariadb.join("mariadb_upgrade_info"))
            .or_else(|| read_small(&mariadb.join("mysql_upgrade_info")));
        let version = told.and_then(|text| text.split(['-', ' ']).next().map(str::to_owned));
        material.database_folders.push((Database::Mariadb, version));
    }
}
