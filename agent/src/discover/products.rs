//! Backup products and database servers by the names of their services and processes.

use std::collections::BTreeSet;

use lastgood_protocol::{FoundBy, ReportingWay, Unclear};

use super::material::{Database, Material};
use super::{Fate, Find};

/// What is known of a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Product {
    /// A product whose runs the agent can see.
    Seen(&'static str, ReportingWay),
    /// A product whose runs it cannot see by itself.
    Unseen(&'static str),
    /// A database server.
    Server(Database),
}

/// Products that are recognised by a word in a service's name: what is understood of them is only that they are there.
const UNSEEN: [(&str, &str); 18] = [
    ("acronis", "acronis"),
    ("ahsay", "ahsay"),
    ("altaro", "altaro"),
    ("backupexec", "backup-exec"),
    ("bacula", "bacula"),
    ("bareos", "bareos"),
    ("carbonite", "carbonite"),
    ("cloudberry", "msp360"),
    ("crashplan", "crashplan"),
    ("datto", "datto"),
    ("idrive", "idrive"),
    ("macrium", "macrium"),
    ("msp360", "msp360"),
    ("nakivo", "nakivo"),
    ("shadowprotect", "shadowprotect"),
    ("storagecraft", "storagecraft"),
    ("urbackup", "urbackup"),
    ("veeamservice", "veeam-agent"),
];

/// The product behind a service of this name.
pub(super) fn of_service(name: &str) -> Option<Product> {
    let lower = name.to_ascii_lowercase();
    let lower = lower.strip_suffix(".service").unwrap_or(&lower);
    let begins = |start: &str| lower.starts_with(start);
    let watched = |product| Some(Product::Seen(product, ReportingWay::EventLog));
    match lower {
        "veeambackupsvc" => watched("veeam"),
        // The agent for Windows has a channel of its own.
        "veeamendpointbackupsvc" => watched("veeam-agent"),
        "backup service controller" => watched("cove"),
        _ if lower.contains("redstor") => watched("redstor"),
        _ if begins("duplicati") => Some(Product::Seen("duplicati", ReportingWay::Duplicati)),
        "mssqlserver" => Some(Product::Server(Database::SqlServer)),
        _ if begins("mssql$") => Some(Product::Server(Database::SqlServer)),
        _ if begins("sqlany") => Some(Product::Server(Database::SqlAnywhere)),
        _ if begins("postgresql") => Some(Product::Server(Database::Postgres)),
        _ if begins("mariadb") || begins("mysql") => Some(Product::Server(Database::Mariadb)),
        _ => UNSEEN
            .iter()
            .find(|(word, _)| lower.contains(word))
            .map(|(_, product)| Product::Unseen(product)),
    }
}

/// The database server behind a process of this name, and the version that the name tells.
pub(super) fn of_process(name: &str) -> Option<(Database, Option<String>)> {
    let lower = name.to_ascii_lowercase();
    let lower = lower.strip_suffix(".exe").unwrap_or(&lower);
    for start in ["dbsrv", "dbeng"] {
        if let Some(version) = lower.strip_prefix(start)
            && !version.is_empty()
            && version.len() <= 3
            && version.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Some((Database::SqlAnywhere, Some(version.to_owned())));
        }
    }
    let database = match lower {
        "postgres" => Database::Postgres,
        "mariadbd" | "mysqld" => Database::Mariadb,
        "sqlservr" => Database::SqlServer,
        _ => return None,
    };
    Some((database, None))
}

/// Programs that would make backups if something started them.
const PROGRAMS: [&str; 9] = [
    "restic",
    "borg",
    "borgmatic",
    "resticprofile",
    "rclone",
    "kopia",
    "duplicity",
    "duplicati-cli",
    "veeamconfig",
];

/// What services, processes and folders say; `found` is what schedulers start.
pub(super) fn find(material: &Material, found: &[Find]) -> Vec<Find> {
    let mut finds = Vec::new();
    let products = material
        .services
        .iter()
        .filter_map(|name| Some((name, of_service(name)?)));
    for (name, product) in products {
        match product {
            Product::Seen(product, way) => finds.push(Find {
                name: Some(name.clone()),
                source: event_source(product, &material.event_sources),
                cron: Err(Unclear::OwnScheduler),
                ..Find::new(FoundBy::Service, product, Fate::Proposed(way))
            }),
            Product::Unseen(product) => finds.push(Find {
                name: Some(name.clone()),
                cron: Err(Unclear::OwnScheduler),
                ..Find::new(FoundBy::Service, product, Fate::Unseen)
            }),
            Product::Server(_) => {}
        }
    }
    // Several services of one product are one product.
    let mut named = BTreeSet::new();
    finds.retain(|find| named.insert(find.tool));
    let known: Vec<Find> = Database::ALL
        .into_iter()
        .filter_map(|database| server(database, material))
        .collect();
    finds.extend(known);
    let all = || found.iter().chain(&finds);
    let idle: Vec<Find> = PROGRAMS
        .into_iter()
        .filter(|program| material.programs.contains(*program))
        .map(|program| {
            if program == "duplicati-cli" {
                "duplicati"
            } else {
                program
            }
        })
        .map(|program| {
            if program == "veeamconfig" {
                "veeam-agent"
            } else {
                program
            }
        })
        .filter(|tool| all().all(|find| find.tools.iter().all(|other| other != tool)))
        .map(|tool| Find::new(FoundBy::Service, tool, Fate::Idle))
        .collect();
    finds.extend(idle);
    finds
}

/// A database server, by what shows best that it is there.
fn server(database: Database, material: &Material) -> Option<Find> {
    let folder = material.database_folders.iter().find(|(kind, _)| *kind == database);
    let folder_version = folder.and_then(|(_, version)| version.clone());
    let service = material
        .services
        .iter()
        .filter(|_| material.are_windows_services)
        .find(|name| of_service(name) == Some(Product::Server(database)));
    let process = material.processes.iter().find_map(|(name, version)| {
        let (kind, by_name) = of_process(name)?;
        (kind == database).then(|| version.clone().or(by_name))
    });
    let new = |found| Find::new(found, database.tool(), Fate::Proposed(ReportingWay::Own));
    let find = match (service, process) {
        (Some(name), version) => Find {
            name: Some(name.clone()),
            version: version.flatten().or(folder_version),
            ..new(FoundBy::Service)
        },
        (None, Some(version)) => Find {
            version: version.or(folder_version),
            ..new(FoundBy::DatabaseServer)
        },
        (None, None) => Find {
            version: folder_version,
            ..folder.map(|_| new(FoundBy::DatabaseFolder))?
        },
    };
    Some(Find {
        database: Some(database),
        cron: Err(Unclear::NothingStartsIt),
        ..find
    })
}

/// The source under which a product logs on this machine, by a word in it.
fn event_source(product: &str, sources: &[String]) -> Option<String> {
    let words: &[&str] = match product {
        "cove" => &["backup manager", "backup service controller", "cove"],
        "redstor" => &["redstor"],
        _ => return None,
    };
    sources
        .iter()
        .find(|source| {
            let lower = source.to_ascii_lowercase();
            words.iter().any(|word| lower.contains(word))
        })
        .cloned()
}
