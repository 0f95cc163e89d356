//! `lastgood demo`: a firm with 24 practices and 90 days of history, practices that go on reporting, and one real agent that
//! backs up a real folder. Everything is in a state folder of its own; nothing of an installation is touched.

mod cast;
mod company;
mod db;
mod files;
mod harbor;
mod history;
mod night;
mod proposed;
mod random;
mod seed;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;

use clap::Args;
use jiff::SignedDuration;
use lastgood_protocol::{AgentKey, EnrolmentToken};
use serde_json::{Value, json};

use crate::agents::{self, Place};
use crate::app::App;
use crate::command::serve::Running;
use crate::command::{CommandError, Opened, Output};
use crate::config::{ConfigError, Settings, SettingsArgs};
use crate::db::Scope;
use crate::error::AppError;
use crate::expectations::schedule::Schedule;
use crate::expectations::{self, DstPolicy, ExpectedJob, RunRule};
use cast::{FIRM, HARBOR, PRACTICES};
use company::{Company, Reporting};
use harbor::Machine;
use seed::Login;

/// What the consultant signs in with.
const CONSULTANT: (&str, &str, &str) = ("nora@northwind.example", "Nora Whitfield", "northwind demo login");

/// What the manager of Harbor Counseling signs in with.
const VIEWER: (&str, &str, &str) = ("front.desk@harbor.example", "Dana Reyes", "harbor demo login");

/// What `lastgood demo` may be told.
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Throw the demo's content away and stop; the next start makes it anew
    #[arg(long)]
    reset: bool,
}

/// The settings of the demo: loopback alone, a state folder beside the installation's, and neither its database nor its mail
/// server, whatever the machine's settings file says.
///
/// # Errors
/// Like [`Settings::load`].
pub fn settings(given: SettingsArgs) -> Result<Settings, ConfigError> {
    let usual = Settings::load(given.clone())?;
    let state = usual.state.with_file_name("lastgood-demo");
    let given = given
        .or("state", state.display().to_string())
        .or("listen", "127.0.0.1:8443")
        .or("listen_plain", "127.0.0.1:8080")
        .or("alert_hold", "5 s")
        .or("evaluator_period", "2 s")
        .or("session_idle", "12 h")
        .or("log", "warn");
    let mut settings = Settings::load(given)?;
    settings.database_url = None;
    settings.mail.smtp_host = None;
    settings.tls.given = None;
    if settings.public_url_given.is_none() {
        let port = settings.listen_plain.map_or(8080, |address| address.port());
        settings.public_url_given = Some(format!("http://localhost:{port}"));
    }
    Ok(settings)
}

/// Runs the demo until SIGTERM or SIGINT.
pub async fn run(args: DemoArgs, settings: &Settings, output: Output) -> Result<(), CommandError> {
    let folder = settings.state.join("demo");
    if args.reset {
        return reset(&settings.state, &folder, output);
    }
    files::make_folder(&settings.state)
        .and_then(|()| files::make_folder(&folder))
        .map_err(refused)?;
    let keys = keys(&folder.join("keys.json"))?;
    if !folder.join("company.json").exists() {
        output.progress("Writing 90 days of history");
        let opened = Opened::open(settings, output).await?;
        let made = make_history(&opened.app, &folder, &keys).await;
        opened.close().await;
        made?;
    }
    let running = Running::start(settings, output, true).await?;
    let started = play(&running.app, settings, &folder, keys).await;
    if let Err(error) = started {
        running.stop().await;
        return Err(error);
    }
    let (text, value) = welcome(&running.app);
    output.print(&text, &value);
    let app = running.app.clone();
    let stopped = running.until_told_to_stop(output).await;
    drop(app);
    stopped
}

fn refused(error: impl std::fmt::Display) -> CommandError {
    CommandError::Refused(error.to_string())
}

/// Removes the demo's state folder, and nothing that is none.
fn reset(state: &Path, folder: &Path, output: Output) -> Result<(), CommandError> {
    let is_there = state.exists();
    if is_there && !folder.exists() {
        let state = state.display();
        return Err(refused(format!(
            "{state} is not the state folder of a demo. It is left alone."
        )));
    }
    if is_there {
        let pid = fs::read_to_string(state.join("pg/data/postmaster.pid")).ok();
        if pid
            .and_then(|text| text.lines().next()?.trim().parse().ok())
            .is_some_and(runs)
        {
            return Err(refused("The demo is running. Stop it with Ctrl-C, then try again."));
        }
        fs::remove_dir_all(state).map_err(refused)?;
    }
    output.print(
        "The demo's content is gone. The next start makes it anew.",
        &json!({ "removed": is_there }),
    );
    Ok(())
}

fn runs(pid: i32) -> bool {
    rustix::process::Pid::from_raw(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// The keys of the agents that the demo plays, one per practice.
fn keys(file: &Path) -> Result<Vec<AgentKey>, CommandError> {
    let kept: Option<Vec<Vec<u8>>> = files::read_json(file).map_err(refused)?;
    if let Some(kept) = kept {
        return kept
            .iter()
            .map(|key| AgentKey::from_pkcs8(key).map_err(refused))
            .collect();
    }
    let keys: Vec<AgentKey> = PRACTICES
        .iter()
        .map(|_| AgentKey::generate())
        .collect::<Result<_, _>>()
        .map_err(refused)?;
    let content: Vec<&[u8]> = keys.iter().map(AgentKey::as_pkcs8).collect();
    files::write_json(file, &content).map_err(refused)?;
    Ok(keys)
}

async fn make_history(app: &App, folder: &Path, keys: &[AgentKey]) -> Result<(), CommandError> {
    let opened = app.clock.now();
    let mut transaction = app.db.begin(Scope::Everything).await.map_err(AppError::from)?;
    let is_there = db::is_there(&mut transaction, FIRM).await?;
    drop(transaction);
    if is_there {
        let state = app.options.state.display();
        return Err(refused(format!(
            "the history in {state} was not finished. Type: lastgood demo --reset"
        )));
    }
    let login = async |(email, name, password): (&'static str, &'static str, &'static str)| {
        let password_hash = app.hashing.hash(&password.to_owned().into()).await?;
        Ok::<_, AppError>(Login {
            email,
            name,
            password_hash,
        })
    };
    seed::seed(app, opened, keys, &login(CONSULTANT).await?, &login(VIEWER).await?).await?;
    files::write_json(&folder.join("company.json"), &Company::opened(opened)).map_err(refused)
}

/// Starts what goes on beside the server: the practices that report, and the real agent.
async fn play(app: &App, settings: &Settings, folder: &Path, keys: Vec<AgentKey>) -> Result<(), CommandError> {
    let file = folder.join("company.json");
    let company: Option<Company> = files::read_json(&file).map_err(refused)?;
    let company = company.ok_or_else(|| refused("the demo's files are gone. Type: lastgood demo --reset"))?;
    app.spawn(Reporting::new(app, company, file, keys)?.run());
    let machine = Machine::at(folder.join("harbor")).map_err(refused)?;
    let documents = documents(app).await?;
    if !machine.is_enrolled() {
        let token = token(app, settings, &documents).await?;
        machine.set_up(&token, app.clock.now()).await.map_err(refused)?;
    }
    let app = app.clone();
    app.clone().spawn(async move {
        machine.run(app.clone()).await;
        // While the demo is not running nothing is expected of its machine.
        if let Err(error) = expect_nothing(&app, &documents).await {
            tracing::warn!(%error, "the demo's machine will be missed");
        }
    });
    Ok(())
}

/// The job of the real agent, with what is expected of it from now on.
async fn documents(app: &App) -> Result<ExpectedJob, AppError> {
    let now = app.clock.now();
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let office = db::office(&mut transaction, FIRM, HARBOR).await?;
    let job = db::ensure_documents(&mut transaction, now, &office, harbor::JOB).await?;
    let expected = ExpectedJob {
        firm: office.firm,
        practice: office.practice,
        office: office.office,
        job,
    };
    let schedule = Schedule::parse("* * * * *", DstPolicy::Cron).map_err(AppError::internal)?;
    let minutes = SignedDuration::from_mins;
    let rule = RunRule {
        schedule,
        opens_before: SignedDuration::from_secs(20),
        late_after: minutes(2),
        missed_after: minutes(5),
        maximum_run: minutes(10),
        no_success_after: Some(minutes(30)),
    };
    expectations::expect_runs(&mut transaction, now, expected, &rule).await?;
    transaction.commit().await?;
    app.wake.evaluator.notify_one();
    Ok(expected)
}

async fn expect_nothing(app: &App, documents: &ExpectedJob) -> Result<(), AppError> {
    let mut transaction = app.db.begin(Scope::Everything).await?;
    expectations::expect_nothing(&mut transaction, app.clock.now(), documents.firm, documents.job).await?;
    transaction.commit().await?;
    Ok(())
}

/// A word with which the real agent enrols. It talks HTTPS, though the demo's own links lead to plain HTTP.
async fn token(app: &App, settings: &Settings, documents: &ExpectedJob) -> Result<String, AppError> {
    let place = Place {
        firm: documents.firm,
        practice: documents.practice,
        office: documents.office,
    };
    let mut transaction = app.db.begin(Scope::Everything).await?;
    let (_, word) = agents::make_token(&app.options, &mut transaction, app.clock.now(), &place, None).await?;
    transaction.commit().await?;
    let port = settings.listen.map_or(8443, |address| address.port());
    let word = EnrolmentToken {
        server: format!("https://localhost:{port}"),
        ..word
    };
    Ok(word.to_string())
}

fn welcome(app: &App) -> (String, Value) {
    let url = &app.options.public_url;
    let login = |(email, _, password): (&str, &str, &str)| json!({ "email": email, "password": password });
    let text = format!(
        "\n  The demo is ready: {FIRM} and its {} practices, at {url}\n\n  \
         Consultant       {}   password: {}\n  \
         Practice viewer  {}   password: {}   (sees {HARBOR} alone)\n\n  \
         A real agent backs up {}\n  every minute with restic. Mails are at {url}/messages and in {}\n  \
         Ctrl-C stops everything; the content is kept.\n",
        PRACTICES.len(),
        CONSULTANT.0,
        CONSULTANT.2,
        VIEWER.0,
        VIEWER.2,
        app.options.state.join("demo/harbor/documents").display(),
        app.options.state.join("mail").display(),
    );
    let value = json!({
        "url": url, "state": app.options.state, "messages": format!("{url}/messages"),
        "consultant": login(CONSULTANT), "viewer": login(VIEWER),
    });
    (text, value)
}
