//! `lastgood doctor`: what is wrong with this installation, and what to do about it.

use std::fs;
use std::process::ExitCode;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{CommandError, Opened, Output};
use crate::app::EVALUATOR_STALE_AFTER;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Scope;
use crate::notifications::Mailer;
use crate::tls::Tls;
use crate::web::health;
use crate::web::words;

/// Less free space than this, in bytes, is too little for a database that must not stop.
const LEAST_FREE: u64 = 1_000_000_000;

/// A certificate that ends sooner than this needs somebody's attention.
const CERTIFICATE_NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// One thing that was looked at: what was found, or what is wrong and what to do.
struct Finding {
    subject: &'static str,
    found: Result<String, String>,
}

/// Looks at everything. 0 when nothing is wrong, 1 otherwise.
pub(super) async fn run(settings: &Settings, output: Output) -> Result<ExitCode, CommandError> {
    let now = Clock::system().now();
    let mut findings = vec![
        Finding {
            subject: "state folder",
            found: look_at_state(settings),
        },
        Finding {
            subject: "certificate",
            found: look_at_certificate(settings, now),
        },
        Finding {
            subject: "mail",
            found: look_at_mail(settings).await,
        },
    ];
    findings.extend(look_at_database(settings, output, now).await);
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

fn look_at_state(settings: &Settings) -> Result<String, String> {
    let folder = settings.state.display();
    fs::metadata(&settings.state).map_err(|error| {
        format!("{folder} cannot be read: {error}. Start the server once, or name the right folder with --state.")
    })?;
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

fn look_at_certificate(settings: &Settings, now: Timestamp) -> Result<String, String> {
    if settings.listen.is_none() {
        return Ok("none, because a proxy in front speaks TLS".to_owned());
    }
    let made_by_us = settings.tls.given.is_none();
    if made_by_us && !settings.state.join("tls").exists() {
        return Ok("not made yet; the first start of the server makes it".to_owned());
    }
    let tls = Tls::open(settings, now).map_err(|error| error.to_string())?;
    let left = tls.valid_until().duration_since(now);
    if left < CERTIFICATE_NOTICE {
        return Err(format!("it ends in {}. Renew it.", words::duration(left)));
    }
    Ok(format!(
        "for {}, {} left",
        tls.names().join(", "),
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

async fn look_at_database(settings: &Settings, output: Output, now: Timestamp) -> Vec<Finding> {
    let opened = match Opened::open(settings, output).await {
        Ok(opened) => opened,
        Err(error) => {
            return vec![Finding {
                subject: "database",
                found: Err(error.to_string()),
            }];
        }
    };
    let ticked = last_tick(&opened).await;
    opened.close().await;
    let evaluator = match ticked {
        Err(error) => Err(error.to_string()),
        Ok(None) => Err("it never ran. Start the server: lastgood serve".to_owned()),
        Ok(Some(last)) if now.duration_since(last) > EVALUATOR_STALE_AFTER => Err(format!(
            "it last ran {} ago: nothing is being watched. Start the server: lastgood serve",
            words::duration(now.duration_since(last))
        )),
        Ok(Some(last)) => Ok(format!("ran {} ago", words::duration(now.duration_since(last)))),
    };
    vec![
        Finding {
            subject: "database",
            found: Ok("answers, and its schema is this binary's".to_owned()),
        },
        Finding {
            subject: "evaluator",
            found: evaluator,
        },
    ]
}

async fn last_tick(opened: &Opened) -> Result<Option<Timestamp>, CommandError> {
    let mut transaction = opened.app.db.begin(Scope::Everything).await?;
    let last = health::last_tick(&mut transaction).await?;
    transaction.commit().await?;
    Ok(last)
}
