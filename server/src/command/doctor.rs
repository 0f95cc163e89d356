//! `lastgood doctor`: what is wrong with this installation, and what to do about it. It looks and changes nothing: it makes no
//! folder, certificate or cluster, and leaves the schema as it is.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt as _;
use std::process::ExitCode;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use rustix::fs::{Access, access};
use serde_json::{Value, json};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::database::owner;
use super::{CommandError, Output};
use crate::app::EVALUATOR_STALE_AFTER;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::{self, Database, MIGRATOR, Scope};
use crate::notifications::Mailer;
use crate::postgres::survey::{Survey, server_at_work};
use crate::postgres::{Place, PrivatePostgres};
use crate::tls;
use crate::web::{health, words};

/// Less free space than this, in bytes, is too little for a database that must not stop.
const LEAST_FREE: u64 = 1_000_000_000;

/// A given certificate that ends sooner than this needs somebody's attention.
const CERTIFICATE_NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// How long a connection to this machine may take.
const CONNECTING: Duration = Duration::from_secs(3);

/// One thing that was looked at: what was found, or what is wrong and what to do.
struct Finding {
    subject: &'static str,
    found: Result<String, String>,
}

impl Finding {
    fn new(subject: &'static str, found: Result<String, String>) -> Self {
        Self { subject, found }
    }
}

/// Looks at everything. 0 when nothing is wrong, 1 otherwise.
pub(super) async fn run(settings: &Settings, output: Output) -> Result<ExitCode, CommandError> {
    let now = Clock::system().now();
    let findings = look(settings, output, now).await;
    let well = findings.iter().all(|finding| finding.found.is_ok());
    output.print(&in_words(&findings), &in_json(&findings, well));
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_words(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|Finding { subject, found }| match found {
        Ok(fact) => format!("ok       {subject}: {fact}"),
        Err(problem) => format!("problem  {subject}: {problem}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn in_json(findings: &[Finding], well: bool) -> Value {
    let checks = findings.iter().map(|Finding { subject, found }| match found {
        Ok(fact) => json!({ "subject": subject, "ok": true, "message": fact }),
        Err(problem) => json!({ "subject": subject, "ok": false, "message": problem }),
    });
    json!({ "ok": well, "checks": checks.collect::<Vec<_>>() })
}

async fn look(settings: &Settings, output: Output, now: Timestamp) -> Vec<Finding> {
    let state = look_at_state(settings);
    let usable = state.is_ok();
    // What is in a folder that is closed to us is not known, which is not the same as missing.
    let is_closed = !usable && settings.state.exists();
    let mut findings = vec![Finding::new("state folder", state)];
    findings.push(Finding::new("server", look_at_server(settings, usable).await));
    if settings.listen.is_some() && (settings.tls.given.is_some() || !is_closed) {
        findings.push(Finding::new("certificate", look_at_certificate(settings, now)));
    }
    findings.push(Finding::new("mail", look_at_mail(settings).await));
    let mut has_database = true;
    if settings.database_url.is_none() {
        let survey = Survey::of(&Place::from(settings)).await;
        has_database = usable && survey.as_ref().is_ok_and(|survey| survey.has_data);
        let found = survey.map_err(|error| error.to_string()).map(|survey| {
            let is_new = !survey.has_data && !is_closed;
            let data = if is_new {
                ", no data yet: the first start makes it"
            } else {
                ""
            };
            format!("{}{data}", survey.version)
        });
        findings.push(Finding::new("PostgreSQL", found));
    }
    if has_database {
        findings.extend(look_at_database(settings, output, now).await);
    }
    findings
}

fn look_at_state(settings: &Settings) -> Result<String, String> {
    let folder = settings.state.display();
    let metadata = fs::metadata(&settings.state).map_err(|error| {
        format!("{folder} cannot be read: {error}. Start the server once, or name the right folder with --state.")
    })?;
    if !metadata.is_dir() {
        return Err(format!("{folder} is no folder. Name the right one with --state."));
    }
    if access(&settings.state, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Err(format!(
            "{folder} belongs to user {} and is closed to this one, {}. Run the server and its commands as the same user, or \
             as root.",
            metadata.uid(),
            rustix::process::geteuid().as_raw()
        ));
    }
    let space = rustix::fs::statvfs(&settings.state).map_err(|error| format!("{folder}: {error}"))?;
    let free = space.f_bavail.saturating_mul(space.f_frsize);
    let readable = words::size(i64::try_from(free).unwrap_or(i64::MAX));
    if free < LEAST_FREE {
        return Err(format!(
            "{folder} has {readable} left. Make room, or PostgreSQL will stop."
        ));
    }
    Ok(format!("{folder}, {readable} free"))
}

/// Whether the server runs and lets itself be spoken to. A server with a database of its own also holds the state folder.
async fn look_at_server(settings: &Settings, state_is_usable: bool) -> Result<String, String> {
    let mut process = String::new();
    if settings.database_url.is_none() && state_is_usable {
        let at_work = server_at_work(&Place::from(settings)).await;
        let Some(server) = at_work.map_err(|error| error.to_string())? else {
            return Err("it does not run, so nothing is watched. Start it: lastgood serve".to_owned());
        };
        process = server.pid.map(|pid| format!("process {pid}, ")).unwrap_or_default();
    }
    let mut listening = Vec::new();
    for address in [settings.listen, settings.listen_plain].into_iter().flatten() {
        let connected = timeout(CONNECTING, TcpStream::connect(reachable(address))).await;
        if !matches!(connected, Ok(Ok(_))) {
            return Err(format!(
                "{process}nobody takes connections at {address}. Start the server, or restart it and read its log."
            ));
        }
        listening.push(address.to_string());
    }
    Ok(format!("{process}takes connections at {}", listening.join(" and ")))
}

/// Where this machine reaches what listens on every address.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() {
            std::net::Ipv4Addr::LOCALHOST.into()
        } else {
            std::net::Ipv6Addr::LOCALHOST.into()
        });
    }
    address
}

fn look_at_certificate(settings: &Settings, now: Timestamp) -> Result<String, String> {
    let found = tls::inspect(settings).map_err(|error| error.to_string())?;
    let Some(certificate) = found else {
        return Ok("not made yet; the first start of the server makes it".to_owned());
    };
    let left = certificate.valid_until.duration_since(now);
    let replace = "Give the server a new one in the same files; it reads them again by itself.";
    if !certificate.is_given && left.is_negative() {
        return Ok("its time is over; the server makes a new one when it starts".to_owned());
    }
    if left.is_negative() {
        let ago = words::duration(left.abs());
        return Err(format!("it ended {ago} ago: browsers and agents refuse it. {replace}"));
    }
    if certificate.valid_from > now {
        return Err(format!(
            "it begins on {} and is not valid yet. Check the clock of this machine.",
            certificate.valid_from
        ));
    }
    if certificate.is_given && left < CERTIFICATE_NOTICE {
        return Err(format!("it ends in {}. {replace}", words::duration(left)));
    }
    Ok(format!(
        "for {}, {} left",
        certificate.names.join(", "),
        words::duration(left)
    ))
}

async fn look_at_mail(settings: &Settings) -> Result<String, String> {
    let mailer = Mailer::from_settings(&settings.mail, &settings.state).map_err(|error| error.to_string())?;
    match mailer.folder() {
        Some(folder) => Ok(format!(
            "no mail server is set; mails become files in {}",
            folder.display()
        )),
        None => mailer.try_out().await.map_err(|problem| {
            format!("the mail server does not take mail: {problem}. Check smtp_host, smtp_security and the account.")
        }),
    }
}

/// The database and what the evaluator left in it. A private one that no server uses is started for as long as this takes.
async fn look_at_database(settings: &Settings, output: Output, now: Timestamp) -> Vec<Finding> {
    let mut private = None;
    if settings.database_url.is_none() {
        let place = Place::from(settings);
        match PrivatePostgres::open(&place, &mut |line| output.progress(line)).await {
            Ok(opened) => private = Some(opened),
            Err(error) => return vec![Finding::new("database", Err(error.to_string()))],
        }
    }
    let findings = match owner(settings, private.as_ref()) {
        Ok(owner) => look_into(owner, now).await,
        Err(error) => vec![Finding::new("database", Err(error.to_string()))],
    };
    if let Some(private) = private {
        private.stop().await;
    }
    findings
}

async fn look_into(owner: PgConnectOptions, now: Timestamp) -> Vec<Finding> {
    match schema_of(&owner).await {
        Err(error) => vec![Finding::new("database", Err(error.to_string()))],
        Ok((found, known)) if found > known => vec![Finding::new(
            "database",
            Err(format!(
                "its schema is {found}, and this program knows none newer than {known}. Install the newer Lastgood again."
            )),
        )],
        Ok((found, known)) if found < known => vec![Finding::new(
            "database",
            Err(format!(
                "its schema is {found}, and this program works with {known}. Start, or restart, the server: it brings it up \
                 to date after a dump."
            )),
        )],
        Ok((found, _)) => {
            let ticked = last_tick(owner).await.map_err(|error| error.to_string());
            vec![
                Finding::new("database", Ok(format!("answers, schema {found}"))),
                Finding::new("evaluator", ticked.and_then(|last| judge_tick(last, now))),
            ]
        }
    }
}

/// The schema's version, and the newest one that this program knows.
async fn schema_of(owner: &PgConnectOptions) -> Result<(i64, i64), CommandError> {
    let mut connection = owner.connect().await.map_err(CommandError::Unreachable)?;
    let found = db::schema_version(&mut connection).await?;
    connection.close().await.map_err(CommandError::Unreachable)?;
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    Ok((found, known))
}

async fn last_tick(owner: PgConnectOptions) -> Result<Option<Timestamp>, CommandError> {
    let database = Database::connect(owner, 1, 1)
        .await
        .map_err(CommandError::Unreachable)?;
    let mut transaction = database.begin(Scope::Everything).await?;
    let last = health::last_tick(&mut transaction).await?;
    transaction.commit().await?;
    database.close().await;
    Ok(last)
}

fn judge_tick(last: Option<Timestamp>, now: Timestamp) -> Result<String, String> {
    let Some(last) = last else {
        return Err("it never ran: nothing is watched. Start the server: lastgood serve".to_owned());
    };
    let ago = words::duration(now.duration_since(last));
    if now.duration_since(last) > EVALUATOR_STALE_AFTER {
        return Err(format!(
            "it last ran {ago} ago: nothing is watched since. Start the server; if it runs, restart it and read its log."
        ));
    }
    Ok(format!("ran {ago} ago"))
}
