//! The database as commands and the server open it: the one the settings name, or the server's own PostgreSQL, which is
//! used beside a running server and started for as long as a command takes otherwise.

use std::net::SocketAddr;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::{CommandError, Output};
use crate::app::{App, Options};
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::{self, Database, MIGRATOR, MigrationError};
use crate::notifications::Mailer;
use crate::postgres::dump::dump_before_migration;
use crate::postgres::{OWNER, Place, PrivatePostgres, Target};
use crate::tls::Tls;

/// Connections of each role that a command may open.
const FEW: u32 = 2;

/// How long kept-back reports have to arrive, unless agents count as silent even sooner: an agent tries every five minutes
/// at the latest.
const LONGEST_LANDING: SignedDuration = SignedDuration::from_mins(10);

/// An application over a database with this binary's schema, for as long as a command takes.
pub struct Opened {
    /// The application. Nothing runs in its background.
    pub app: App,
    private: Option<PrivatePostgres>,
}

impl Opened {
    /// Opens the database, and brings its schema up to date if no server uses it.
    pub async fn open(settings: &Settings, output: Output) -> Result<Self, CommandError> {
        Self::open_with(settings, output, None).await
    }

    /// The same for commands that tell agents whom to trust: makes the server's certificate authority if it is missing.
    pub async fn open_for_agents(settings: &Settings, output: Output) -> Result<Self, CommandError> {
        let pin = match settings.listen {
            Some(_) => Some(Tls::open(settings, Clock::system().now())?.authority_pin()),
            None => None,
        };
        Self::open_with(settings, output, pin).await
    }

    async fn open_with(settings: &Settings, output: Output, pin: Option<[u8; 32]>) -> Result<Self, CommandError> {
        let private = match settings.database_url {
            Some(_) => None,
            None => Some(PrivatePostgres::open(&Place::from(settings), &mut |line| output.progress(line)).await?),
        };
        match application(settings, private.as_ref(), pin).await {
            Ok(app) => Ok(Self { app, private }),
            Err(error) => {
                stop(private).await;
                Err(error)
            }
        }
    }

    /// Closes everything, and stops the PostgreSQL that was started for this command.
    pub async fn close(self) {
        self.app.stop().await;
        stop(self.private).await;
    }
}

async fn stop(private: Option<PrivatePostgres>) {
    if let Some(private) = private {
        private.stop().await;
    }
}

async fn application(
    settings: &Settings,
    private: Option<&PrivatePostgres>,
    pin: Option<[u8; 32]>,
) -> Result<App, CommandError> {
    let owner = owner(settings, private)?;
    let clock = Clock::system();
    if private.is_some_and(PrivatePostgres::is_joined) {
        same_schema(&owner).await?;
    } else {
        migrate(settings, private, clock.now()).await?;
    }
    let database = Database::connect(owner, FEW, FEW)
        .await
        .map_err(CommandError::Unreachable)?;
    let address = settings.listen.or(settings.listen_plain);
    let options = options(settings, address.map_or(0, |address: SocketAddr| address.port()), pin);
    let mailer = Mailer::from_settings(&settings.mail, &settings.state)?;
    Ok(App::new(database, clock, options, mailer))
}

/// How the owner of the tables connects.
pub(super) fn owner(settings: &Settings, private: Option<&PrivatePostgres>) -> Result<PgConnectOptions, CommandError> {
    match (private, &settings.database_url) {
        (Some(private), _) => Ok(private.connect_options(OWNER)),
        (None, Some(url)) => url.expose_secret().parse().map_err(CommandError::Unreachable),
        (None, None) => Err(CommandError::Refused("there is no database to connect to".to_owned())),
    }
}

/// Brings the schema up to date, after a dump of what is there.
pub(super) async fn migrate(
    settings: &Settings,
    private: Option<&PrivatePostgres>,
    now: Timestamp,
) -> Result<db::Migrated, CommandError> {
    let owner = owner(settings, private)?;
    let dump = async |version| {
        let target = match (private, &settings.database_url) {
            (Some(private), _) => Target::private(private),
            (None, Some(url)) => Target::external(url, settings.pg_bindir.as_deref(), &settings.search_path)
                .await
                .map_err(|error| error.to_string())?,
            (None, None) => return Err("there is no database".to_owned()),
        };
        let kept = settings.dumps_kept;
        let path = dump_before_migration(&target, &settings.state, version, kept, now)
            .await
            .map_err(|error| error.to_string())?;
        tracing::info!(dump = %path.display(), "dumped the database before its schema changes");
        Ok(())
    };
    Ok(db::migrate(&owner, dump).await?)
}

/// A command beside a running server must be of the same make: it is not to change the schema under it.
async fn same_schema(owner: &PgConnectOptions) -> Result<(), CommandError> {
    let mut connection = owner.connect().await.map_err(CommandError::Unreachable)?;
    let found = db::schema_version(&mut connection).await?;
    connection.close().await.map_err(CommandError::Unreachable)?;
    let known = MIGRATOR.iter().map(|migration| migration.version).max().unwrap_or(0);
    if found > known {
        return Err(MigrationError::Newer { found, known }.into());
    }
    if found < known {
        return Err(CommandError::Refused(format!(
            "the running server is older than this command (schema {found}, not {known}). Restart the server first."
        )));
    }
    Ok(())
}

/// What pages and workers need of the settings. `port` is where the server is really reached.
pub(super) fn options(settings: &Settings, port: u16, authority_pin: Option<[u8; 32]>) -> Options {
    let duration = |of: std::time::Duration| SignedDuration::try_from(of).unwrap_or(SignedDuration::MAX);
    Options {
        state: settings.state.clone(),
        public_url: settings.public_url(port),
        authority_pin,
        alert_hold: duration(settings.alert_hold),
        silent_after: duration(settings.silent_after),
        landing: LONGEST_LANDING.min(duration(settings.silent_after)),
        evaluator_period: settings.evaluator_period,
        session_idle: duration(settings.session_idle),
        session_absolute: duration(settings.session_absolute),
        trusted_proxies: settings.trusted_proxies.clone(),
        metrics: settings.metrics,
        demo: false,
    }
}
