//! Through real sockets.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use futures_util::StreamExt as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{Limits, ListenError, Listener, serve};
use crate::config::TrustedProxies;
use crate::web::page::PeerAddress;

/// Long enough for anything that should happen at once on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(200);

struct Server {
    address: SocketAddr,
    shutdown: CancellationToken,
    tasks: TaskTracker,
    /// Lets the waiting handler of `/wait` go on.
    release: Arc<Notify>,
    /// Told when a handler of `/wait` began.
    began: Arc<Notify>,
}

async fn server(limits: Limits) -> Server {
    let listener = Listener::plain("127.0.0.1:0".parse().unwrap()).await.unwrap();
    server_on(listener, limits)
}

fn server_on(listener: Listener, limits: Limits) -> Server {
    let (release, began) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (released, beginning) = (Arc::clone(&release), Arc::clone(&began));
    let wait = move || {
        let (release, began) = (Arc::clone(&released), Arc::clone(&beginning));
        async move {
            began.notify_one();
            release.notified().await;
            "waited"
        }
    };
    let events = || async {
        let first = futures_util::stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"data: 1\n\n"))]);
        let body = Body::from_stream(first.chain(futures_util::stream::pending()));
        ([(header::CONTENT_TYPE, "text/event-stream")], body)
    };
    let app = Router::new()
        .route("/", get(|| async { "hello" }))
        .route(
            "/peer",
            get(|request: axum::extract::Request| async move {
                request
                    .extensions()
                    .get::<PeerAddress>()
                    .map(|peer| peer.0.to_string())
                    .unwrap_or_default()
            }),
        )
        .route("/wait", get(wait))
        .route("/events", get(events))
        .route("/large", get(|| async { Body::from(vec![b'x'; 64 * 1024 * 1024]) }))
        .route(
            "/echo",
            post(
                |body: Result<Bytes, axum::extract::rejection::BytesRejection>| async move {
                    body.map_or_else(
                        |_| StatusCode::REQUEST_TIMEOUT.into_response(),
                        IntoResponse::into_response,
                    )
                },
            ),
        );
    let (address, shutdown, tasks) = (listener.address(), CancellationToken::new(), TaskTracker::new());
    tasks.spawn(serve(listener, app, limits, shutdown.clone()));
    tasks.close();
    Server {
        address,
        shutdown,
        tasks,
        release,
        began,
    }
}

impl Server {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn ends_within(&self, limit: Duration) -> bool {
        timeout(limit, self.tasks.wait()).await.is_ok()
    }
}

fn request(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").into_bytes()
}

/// Reads until the text has come; what came.
async fn read_until(stream: &mut (impl AsyncRead + Unpin), text: &str) -> String {
    let mut read = Vec::new();
    let reading = async {
        while !String::from_utf8_lossy(&read).contains(text) {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).await.unwrap_or(0);
            assert!(count > 0, "ended after {:?}", String::from_utf8_lossy(&read));
            read.extend_from_slice(&buffer[..count]);
        }
    };
    timeout(PATIENCE, reading)
        .await
        .unwrap_or_else(|_| panic!("waited in vain for {text:?}"));
    String::from_utf8_lossy(&read).into_owned()
}

/// How long it takes until the other side has closed the stream.
async fn closed_after(stream: &mut (impl AsyncRead + Unpin)) -> Duration {
    let began = Instant::now();
    let mut rest = Vec::new();
    // A reset is a way of closing too.
    timeout(PATIENCE, stream.read_to_end(&mut rest))
        .await
        .expect("the connection is closed")
        .ok();
    began.elapsed()
}

#[tokio::test]
async fn a_request_is_answered_and_knows_its_peer() {
    let server = server(Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/peer")).await.unwrap();
    let own = stream.local_addr().unwrap().to_string();
    read_until(&mut stream, &own).await;
    stream.write_all(&request("/")).await.unwrap();
    read_until(&mut stream, "hello").await;
}

#[tokio::test]
async fn a_head_that_does_not_end_is_cut_off() {
    let server = server(Limits {
        head: SHORT,
        idle: PATIENCE,
        ..Limits::default()
    })
    .await;
    let mut silent = server.connect().await;
    assert!(closed_after(&mut silent).await >= SHORT / 2);

    // A byte now and then is no way to stay.
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nX: ").await.unwrap();
    let began = Instant::now();
    let mut ticks = tokio::time::interval(SHORT / 10);
    while began.elapsed() < PATIENCE && slow.write_all(b"x").await.is_ok() {
        ticks.tick().await;
    }
    assert!(began.elapsed() < PATIENCE / 2, "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_idle_connection_lives_longer_than_a_head_and_not_for_ever() {
    let server = server(Limits {
        head: SHORT,
        idle: SHORT * 5,
        ..Limits::default()
    })
    .await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/")).await.unwrap();
    read_until(&mut stream, "hello").await;
    let idle = closed_after(&mut stream).await;
    assert!(idle >= SHORT * 4, "{idle:?}");
}

#[tokio::test]
async fn a_request_at_work_is_under_no_limit_for_heads() {
    let server = server(Limits {
        head: SHORT,
        idle: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = server.connect().await;
    stream.write_all(&request("/wait")).await.unwrap();
    server.began.notified().await;
    assert!(
        timeout(SHORT * 3, stream.readable()).await.is_err(),
        "neither answered nor closed"
    );
    server.release.notify_one();
    read_until(&mut stream, "waited").await;
}

#[tokio::test]
async fn connections_over_the_cap_wait_their_turn() {
    let server = server(Limits {
        connections: 2,
        ..Limits::default()
    })
    .await;
    let (mut first, mut second, mut third) = (server.connect().await, server.connect().await, server.connect().await);
    for stream in [&mut first, &mut second] {
        stream.write_all(&request("/")).await.unwrap();
        read_until(stream, "hello").await;
    }
    third.write_all(&request("/")).await.unwrap();
    assert!(timeout(SHORT, third.readable()).await.is_err(), "the third waits");
    drop(first);
    read_until(&mut third, "hello").await;
}

#[tokio::test]
async fn one_address_gets_its_share_unless_it_is_exempt() {
    let nobody = TrustedProxies::default();
    let server = server(Limits {
        connections_of_one: 1,
        exempt: nobody,
        ..Limits::default()
    })
    .await;
    let mut first = server.connect().await;
    first.write_all(&request("/")).await.unwrap();
    read_until(&mut first, "hello").await;
    closed_after(&mut server.connect().await).await;
    first.write_all(&request("/")).await.unwrap();
    read_until(&mut first, "hello").await;

    let server = self::server(Limits {
        connections_of_one: 1,
        ..Limits::default()
    })
    .await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    for stream in [&mut first, &mut second] {
        stream.write_all(&request("/")).await.unwrap();
        read_until(stream, "hello").await;
    }
}

#[tokio::test]
async fn too_large_a_head_is_refused() {
    let server = server(Limits::default()).await;
    let mut stream = server.connect().await;
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Large: {}\r\n\r\n", "x".repeat(40_000));
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 431"));
    let mut stream = server.connect().await;
    let head = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: x\r\n".repeat(101));
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn a_body_that_does_not_end_is_refused() {
    let server = server(Limits {
        body: SHORT,
        ..Limits::default()
    })
    .await;
    let mut stream = server.connect().await;
    stream
        .write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx")
        .await
        .unwrap();
    assert!(read_until(&mut stream, "\r\n\r\n").await.starts_with("HTTP/1.1 408"));
}

#[tokio::test]
async fn a_response_nobody_takes_is_given_up() {
    let server = server(Limits {
        connections: 1,
        stall: SHORT,
        ..Limits::default()
    })
    .await;
    let mut greedy = server.connect().await;
    greedy.write_all(&request("/large")).await.unwrap();
    read_until(&mut greedy, "xxxx").await;
    // The only place is free again although `greedy` still stands.
    let mut next = server.connect().await;
    next.write_all(&request("/")).await.unwrap();
    read_until(&mut next, "hello").await;
    drop(greedy);
}

#[tokio::test]
async fn callers_that_vanish_leave_nothing_behind() {
    let server = server(Limits {
        connections: 4,
        ..Limits::default()
    })
    .await;
    for path in ["/wait", "/large", "/events", "/", "/wait", "/large", "/events", "/"] {
        let mut stream = server.connect().await;
        stream.write_all(&request(path)).await.unwrap();
        // Closed with data unread, which is a reset.
        drop(stream);
    }
    let mut stream = server.connect().await;
    stream.write_all(&request("/")).await.unwrap();
    read_until(&mut stream, "hello").await;
}

#[tokio::test]
async fn shutdown_lets_requests_end_and_ends_streams() {
    let server = server(Limits::default()).await;
    let (mut fresh, mut idle, mut stream) = (server.connect().await, server.connect().await, server.connect().await);
    let mut working = server.connect().await;
    idle.write_all(&request("/")).await.unwrap();
    read_until(&mut idle, "hello").await;
    stream.write_all(&request("/events")).await.unwrap();
    read_until(&mut stream, "data: 1").await;
    working.write_all(&request("/wait")).await.unwrap();
    server.began.notified().await;

    server.shutdown.cancel();
    closed_after(&mut fresh).await;
    closed_after(&mut idle).await;
    // The stream ends as HTTP wants it, with an empty chunk, not in the middle.
    read_until(&mut stream, "0\r\n\r\n").await;
    closed_after(&mut stream).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "no new connections");
    assert!(!server.ends_within(SHORT).await, "a request is still at work");
    server.release.notify_one();
    read_until(&mut working, "waited").await;
    assert!(server.ends_within(PATIENCE).await);
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever() {
    let server = server(Limits {
        drain: SHORT,
        ..Limits::default()
    })
    .await;
    let mut working = server.connect().await;
    working.write_all(&request("/wait")).await.unwrap();
    server.began.notified().await;
    server.shutdown.cancel();
    assert!(server.ends_within(PATIENCE).await);
    closed_after(&mut working).await;
}

#[tokio::test]
async fn plain_http_stays_on_this_machine() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let refused = Listener::plain(address.parse().unwrap()).await;
        assert!(matches!(refused, Err(ListenError::PlainToOthers(_))), "{address}");
    }
    let taken = Listener::plain("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let again = Listener::plain(taken.address()).await;
    assert!(matches!(again, Err(ListenError::InUse(_))));
}

fn certificate() -> (CertificateDer<'static>, Arc<rustls::ServerConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    (made.cert.der().clone(), Arc::new(config))
}

#[tokio::test]
async fn https_is_spoken_and_a_handshake_has_to_end() {
    let (certificate, config) = certificate();
    let listener = Listener::https("127.0.0.1:0".parse().unwrap(), config).await.unwrap();
    let server = server_on(
        listener,
        Limits {
            handshake: SHORT,
            ..Limits::default()
        },
    );

    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let client = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = TlsConnector::from(Arc::new(client))
        .connect(name, server.connect().await)
        .await
        .unwrap();
    stream.write_all(&request("/")).await.unwrap();
    read_until(&mut stream, "hello").await;

    closed_after(&mut server.connect().await).await;
    let mut plain = server.connect().await;
    plain.write_all(&request("/")).await.unwrap();
    closed_after(&mut plain).await;
    server.shutdown.cancel();
    assert!(server.ends_within(PATIENCE).await);
}

/// In a process of its own, because the limit of open files is the process's.
#[test]
fn a_lack_of_files_passes_by() {
    const ALONE: &str = "TEST_ALONE_WITH_FEW_FILES";
    if std::env::vars_os().any(|(name, _)| name == ALONE) {
        return tokio::runtime::Runtime::new().unwrap().block_on(starve());
    }
    #[expect(clippy::disallowed_methods, reason = "this test in a process of its own")]
    let alone = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "listen::tests::a_lack_of_files_passes_by", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&alone.stdout);
    assert!(
        alone.status.success() && said.contains("starved and fed"),
        "{said}{}",
        String::from_utf8_lossy(&alone.stderr)
    );
}

async fn starve() {
    let server = server(Limits::default()).await;
    let sockets = [TcpSocket::new_v4().unwrap(), TcpSocket::new_v4().unwrap()];
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = Some(std::fs::read_dir("/proc/self/fd").unwrap().count() as u64 + 8);
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).unwrap();
    let held: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/proc/self/exe").ok()).collect();
    // `accept` holds a file while it finds nobody waiting, so that there may be one for the first. There is none for the
    // second, which is connected as far as the kernel is concerned.
    let mut streams = Vec::new();
    for socket in sockets {
        streams.push(socket.connect(server.address).await.unwrap());
    }
    let last = &mut streams[1];
    last.write_all(&request("/")).await.unwrap();
    assert!(timeout(SHORT, last.readable()).await.is_err(), "no file, no answer");
    drop(held);
    read_until(last, "hello").await;
    println!("starved and fed");
}
