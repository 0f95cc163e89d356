//! The accept loop. axum's own has no time limit for a request's head (axum 0.8.9), and none of the caps a server on the
//! open internet needs: connections in all and of one address, handshake, head, body, idle and untaken responses all end.

mod limits;
mod phase;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use tower_http::timeout::DeadlineBody;

pub use limits::Limits;

use crate::web::page::PeerAddress;
use limits::Addresses;
use phase::{Answer, Phase, Watched, overdue};

/// How many files the process should be allowed to have open: connections, database, log.
const OPEN_FILES: u64 = 8192;
/// Pause after the kernel had no room for another connection.
const NO_ROOM: Duration = Duration::from_millis(500);

/// Why nobody can be served at an address.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Plain HTTP would carry passwords over a network.
    #[error(
        "plain HTTP is served on this machine's own addresses only, and {0} is not one. Use --listen-plain 127.0.0.1:PORT behind a proxy, or --listen for HTTPS."
    )]
    PlainToOthers(SocketAddr),
    /// Another program has the port.
    #[error("another program listens on {0} already. Stop it, or choose another port with --listen.")]
    InUse(SocketAddr),
    /// Ports below 1024 belong to root.
    #[error(
        "this user may not listen on {0}. Choose a port from 1024 on, or give the program the capability CAP_NET_BIND_SERVICE."
    )]
    NotAllowed(SocketAddr),
    /// The address is not one of this machine, or something rarer.
    #[error("{address} cannot be listened on: {source}")]
    Other {
        address: SocketAddr,
        source: std::io::Error,
    },
}

/// A bound address and what is spoken there.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// HTTPS on any address.
    pub async fn https(address: SocketAddr, config: Arc<ServerConfig>) -> Result<Listener, ListenError> {
        Listener::bind(address, Some(TlsAcceptor::from(config))).await
    }

    /// Plain HTTP, on a loopback address only.
    pub async fn plain(address: SocketAddr) -> Result<Listener, ListenError> {
        if !address.ip().to_canonical().is_loopback() {
            return Err(ListenError::PlainToOthers(address));
        }
        Listener::bind(address, None).await
    }

    async fn bind(address: SocketAddr, tls: Option<TlsAcceptor>) -> Result<Listener, ListenError> {
        raise_file_limit();
        let refused = |source: std::io::Error| {
            if source.kind() == ErrorKind::AddrInUse {
                ListenError::InUse(address)
            } else if source.kind() == ErrorKind::PermissionDenied {
                ListenError::NotAllowed(address)
            } else {
                ListenError::Other { address, source }
            }
        };
        let socket = TcpListener::bind(address).await.map_err(refused)?;
        let address = socket
            .local_addr()
            .map_err(|source| ListenError::Other { address, source })?;
        Ok(Listener { socket, address, tls })
    }

    /// Where it really listens: with the port that the kernel chose if 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Serves until `shutdown`; then takes no more connections, lets requests at work end, ends streams of events, and cuts
/// what is left after `limits.drain`. Puts a [`PeerAddress`] into each request.
pub async fn serve(listener: Listener, app: axum::Router, limits: Limits, shutdown: CancellationToken) {
    let room = Arc::new(Semaphore::new(limits.connections));
    let addresses = Arc::new(Addresses::default());
    let connections = TaskTracker::new();
    let host = Arc::new(Host {
        app,
        limits,
        tls: listener.tls,
        shutdown: shutdown.clone(),
        cut: CancellationToken::new(),
    });
    loop {
        let (permit, (stream, peer)) = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            next = async {
                let permit = Arc::clone(&room).acquire_owned().await;
                (permit, accept(&listener.socket).await)
            } => next,
        };
        let Some(seat) = addresses.admit(peer.ip(), &host.limits) else {
            tracing::debug!(%peer, "closed a connection of an address that has too many");
            continue;
        };
        let host = Arc::clone(&host);
        connections.spawn(async move {
            host.receive(stream, peer).await;
            drop((permit, seat));
        });
    }
    drop(listener.socket);
    connections.close();
    if timeout(host.limits.drain, connections.wait()).await.is_err() {
        tracing::warn!(open = connections.len(), "cutting connections that did not end in time");
        host.cut.cancel();
        connections.wait().await;
    }
}

/// The next connection. Nothing that goes wrong with one, nor a lack of room in the kernel, ends the loop.
async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
                ) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted for the moment");
                // The kernel does not tell when it has room again.
                sleep(NO_ROOM).await;
            }
        }
    }
}

/// What every connection needs.
struct Host {
    app: axum::Router,
    limits: Limits,
    tls: Option<TlsAcceptor>,
    shutdown: CancellationToken,
    /// Shutdown has taken long enough.
    cut: CancellationToken,
}

impl Host {
    async fn receive(&self, stream: TcpStream, peer: SocketAddr) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "the connection ended before it began");
            return;
        }
        let Some(tls) = &self.tls else {
            return self.converse(stream, peer).await;
        };
        tokio::select! {
            biased;
            () = self.shutdown.cancelled() => {}
            handshake = timeout(self.limits.handshake, tls.accept(stream)) => match handshake {
                Ok(Ok(stream)) => self.converse(stream, peer).await,
                Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS handshake failed"),
                Err(_) => tracing::debug!(%peer, "TLS handshake took too long"),
            },
        }
    }

    async fn converse(&self, stream: impl AsyncRead + AsyncWrite + Unpin + Send, peer: SocketAddr) {
        let (phase, seen) = watch::channel(Phase::Fresh);
        let watched = Watched::new(stream, phase.clone(), self.limits.stall);
        let service = service_fn(|request| self.answer(request, peer, phase.clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // hyper counts from the end of the last request, so this can only be the longer limit; ours is `overdue`.
            .header_read_timeout(self.limits.idle.max(self.limits.head))
            .max_header_size(self.limits.head_bytes)
            .max_headers(self.limits.header_fields)
            .serve_connection(TokioIo::new(watched), service);
        let (mut connection, mut overdue) = (pin!(connection), pin!(overdue(seen, &self.limits)));
        let mut draining = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%peer, %error, "the connection broke");
                    }
                    return;
                }
                () = overdue.as_mut() => {
                    tracing::debug!(%peer, "closed a connection that stood still");
                    return;
                }
                () = self.cut.cancelled() => return,
                () = self.shutdown.cancelled(), if !draining => {
                    draining = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        phase: watch::Sender<Phase>,
    ) -> Result<Response<Answer>, Infallible> {
        phase.send_replace(Phase::Request);
        let mut request = request.map(|body| Body::new(DeadlineBody::new(self.limits.body, body)));
        request.extensions_mut().insert(PeerAddress(peer));
        let response = self.app.clone().oneshot(request).await?;
        let is_stream = response
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"));
        let end = is_stream.then(|| Box::pin(self.shutdown.clone().cancelled_owned()));
        Ok(response.map(|inner| Answer { inner, end, phase }))
    }
}

/// Lets the process have as many files open as the connections need, where the administrator allows it.
fn raise_file_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let allowed = limit.maximum.unwrap_or(u64::MAX).min(OPEN_FILES);
    if limit.current.is_some_and(|current| current < allowed) {
        limit.current = Some(allowed);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit of open files stays as it is");
        }
    }
}
