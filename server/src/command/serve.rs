//! `lastgood serve`: everything in the order in which it depends on one another, and back.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

use super::database::{migrate, options, owner};
use super::{CommandError, Output};
use crate::app::App;
use crate::clock::Clock;
use crate::config::Settings;
use crate::db::Database;
use crate::listen::{self, Limits, Listener};
use crate::notifications::Mailer;
use crate::postgres::{Place, PrivatePostgres};
use crate::tls::Tls;
use crate::users::setup::first_owner_link;
use crate::{routes, worker};

/// Connections of pages, and of everything that runs beside them.
const POOLS: (u32, u32) = (10, 10);

/// A server at work.
pub struct Running {
    /// The application.
    pub app: App,
    /// Where it is served, HTTPS before plain HTTP.
    pub addresses: Vec<SocketAddr>,
    private: Option<Arc<PrivatePostgres>>,
}

/// Runs the server until SIGTERM or SIGINT.
pub(super) async fn run(settings: &Settings, output: Output) -> Result<(), CommandError> {
    let running = Running::start(settings, output, false).await?;
    let link = first_owner_link(&running.app).await?;
    let url = running.app.options.public_url.clone();
    let mut text = format!("Lastgood {} is ready at {url}", env!("CARGO_PKG_VERSION"));
    if let Some(link) = &link {
        text.push_str("\nNobody can sign in yet. Set it up within 24 hours at\n  ");
        text.push_str(link);
    }
    let addresses: Vec<String> = running.addresses.iter().map(ToString::to_string).collect();
    output.print(&text, &json!({ "url": url, "addresses": addresses, "set_up": link }));
    running.until_told_to_stop(output).await
}

impl Running {
    /// Starts the server. What was started is stopped again when a later part cannot be.
    pub async fn start(settings: &Settings, output: Output, demo: bool) -> Result<Self, CommandError> {
        let mut private = None;
        if settings.database_url.is_none() {
            let place = Place::from(settings);
            let started = PrivatePostgres::start(&place, &mut |line| output.progress(line)).await?;
            private = Some(Arc::new(started));
        }
        match Self::start_over(settings, output, demo, private.clone()).await {
            Ok(running) => Ok(running),
            Err(error) => {
                if let Some(private) = private {
                    private.stop().await;
                }
                Err(error)
            }
        }
    }

    async fn start_over(
        settings: &Settings,
        output: Output,
        demo: bool,
        private: Option<Arc<PrivatePostgres>>,
    ) -> Result<Self, CommandError> {
        let clock = Clock::system();
        let mailer = Mailer::from_settings(&settings.mail, &settings.state)?;
        let migrated = migrate(settings, private.as_deref(), clock.now()).await?;
        if migrated.applied > 0 {
            output.progress(&format!("The database is now at schema {}", migrated.version));
        }
        let (listeners, tls) = bind(settings, &clock).await?;
        let addresses: Vec<SocketAddr> = listeners.iter().map(Listener::address).collect();
        let owner = owner(settings, private.as_deref())?;
        let database = Database::connect(owner, POOLS.0, POOLS.1)
            .await
            .map_err(CommandError::Unreachable)?;
        let port = addresses.first().map_or(0, SocketAddr::port);
        let mut options = options(settings, port, tls.as_ref().map(Tls::authority_pin));
        options.demo = demo;
        let app = App::new(database, clock, options, mailer);
        worker::start(&app);
        let service = routes::service(&app);
        for listener in listeners {
            let limits = Limits::behind(&settings.trusted_proxies);
            app.spawn(listen::serve(listener, service.clone(), limits, app.shutdown().clone()));
        }
        if let Some(tls) = tls {
            let (clock, shutdown) = (app.clock.clone(), app.shutdown().clone());
            app.spawn(async move { tls.watch(|| clock.now(), shutdown).await });
        }
        if let Some(private) = private.clone() {
            let shutdown = app.shutdown().clone();
            app.spawn(async move { private.supervise(shutdown).await });
        }
        Ok(Self {
            app,
            addresses,
            private,
        })
    }

    /// Serves until SIGTERM or SIGINT, then lets requests at work end, stops everything and returns. A second signal ends
    /// the process at once; nothing that was acknowledged is lost by that.
    pub async fn until_told_to_stop(self, output: Output) -> Result<(), CommandError> {
        told_to_stop().await?;
        output.progress("Stopping");
        tokio::select! {
            () = self.stop() => Ok(()),
            again = told_to_stop() => {
                again?;
                Err(CommandError::Refused("stopped at once, because it was told to stop twice".to_owned()))
            }
        }
    }

    /// Stops the listeners and all background work, then PostgreSQL.
    pub async fn stop(self) {
        self.app.stop().await;
        if let Some(private) = self.private {
            private.stop().await;
        }
    }
}

async fn bind(settings: &Settings, clock: &Clock) -> Result<(Vec<Listener>, Option<Tls>), CommandError> {
    let mut listeners = Vec::new();
    let mut tls = None;
    if let Some(address) = settings.listen {
        let opened = Tls::open(settings, clock.now())?;
        listeners.push(Listener::https(address, Arc::clone(&opened.server_config)).await?);
        tls = Some(opened);
    }
    if let Some(address) = settings.listen_plain {
        listeners.push(Listener::plain(address).await?);
    }
    Ok((listeners, tls))
}

async fn told_to_stop() -> Result<(), CommandError> {
    let hear = |kind| signal(kind).map_err(|error| CommandError::Refused(format!("signals cannot be heard: {error}")));
    let (mut terminate, mut interrupt) = (hear(SignalKind::terminate())?, hear(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
