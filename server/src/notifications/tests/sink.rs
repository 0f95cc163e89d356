//! A mail server that speaks SMTP with STARTTLS, does what a test tells it to, and keeps every byte.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// What the server does. Changes hold for sessions that begin later.
#[derive(Debug, Clone)]
pub(super) struct Script {
    /// Offers STARTTLS.
    pub(super) starttls: bool,
    /// Speaks TLS from the first byte.
    pub(super) implicit_tls: bool,
    /// Answers to `RCPT TO`, by address; 250 for others.
    pub(super) recipients: BTreeMap<String, String>,
    /// Recipients whose messages it takes and then says nothing about.
    pub(super) silent_about: Option<String>,
    /// The answer to the message itself.
    pub(super) answer: String,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            starttls: true,
            implicit_tls: false,
            recipients: BTreeMap::new(),
            silent_about: None,
            answer: "250 queued".to_owned(),
        }
    }
}

/// One connection, as the server saw it.
#[derive(Debug, Clone, Default)]
pub(super) struct Session {
    /// Everything the client said after the greeting, message included, TLS taken off.
    pub(super) bytes: Vec<u8>,
    /// The lines that were taken as commands.
    pub(super) commands: Vec<String>,
    /// Messages that were taken, with dots unstuffed, and whether TLS protected them.
    pub(super) messages: Vec<String>,
    /// Whether TLS protected the connection in the end.
    pub(super) protected: bool,
}

/// The running server.
pub(super) struct Sink {
    pub(super) address: SocketAddr,
    /// The authority behind its certificate.
    pub(super) authority: String,
    script: Arc<Mutex<Script>>,
    sessions: Arc<Mutex<Vec<Session>>>,
    _running: JoinSet<()>,
}

impl Sink {
    pub(super) async fn start(script: Script) -> Self {
        Self::start_at("127.0.0.1:0".parse().unwrap(), script).await
    }

    /// On this address, which may have refused connections until now.
    pub(super) async fn start_at(address: SocketAddr, script: Script) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (authority, acceptor) = certificate();
        let script = Arc::new(Mutex::new(script));
        let sessions = Arc::new(Mutex::new(Vec::new()));
        let mut running = JoinSet::new();
        let (of_listener, kept) = (Arc::clone(&script), Arc::clone(&sessions));
        running.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let script = of_listener.lock().unwrap().clone();
                connections.spawn(converse(stream, acceptor.clone(), script, Arc::clone(&kept)));
            }
        });
        Self {
            address,
            authority,
            script,
            sessions,
            _running: running,
        }
    }

    /// Changes what it does from now on.
    pub(super) fn change(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().unwrap());
    }

    /// Every connection so far.
    pub(super) fn sessions(&self) -> Vec<Session> {
        self.sessions.lock().unwrap().clone()
    }

    /// Every message taken so far.
    pub(super) fn messages(&self) -> Vec<String> {
        self.sessions()
            .into_iter()
            .flat_map(|session| session.messages)
            .collect()
    }
}

fn certificate() -> (String, TlsAcceptor) {
    let mut wanted = CertificateParams::default();
    wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(wanted, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let certificate = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &authority)
        .unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (authority.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// One connection from greeting to goodbye. What was said is kept however it ends.
async fn converse(stream: TcpStream, acceptor: TlsAcceptor, script: Script, kept: Arc<Mutex<Vec<Session>>>) {
    let place = {
        let mut sessions = kept.lock().unwrap();
        sessions.push(Session::default());
        sessions.len() - 1
    };
    let keep = |session: &Session| kept.lock().unwrap()[place] = session.clone();
    let mut session = Session::default();
    if script.implicit_tls {
        let Ok(stream) = acceptor.accept(stream).await else {
            return;
        };
        session.protected = true;
        speak(&mut BufReader::new(stream), &script, &mut session, &keep, true).await;
        return;
    }
    let mut stream = BufReader::new(stream);
    if speak(&mut stream, &script, &mut session, &keep, true).await != Next::Protect {
        return;
    }
    let Ok(stream) = acceptor.accept(stream.into_inner()).await else {
        return;
    };
    session.protected = true;
    speak(&mut BufReader::new(stream), &script, &mut session, &keep, false).await;
}

#[derive(PartialEq, Eq)]
enum Next {
    Protect,
    End,
}

async fn speak<Stream: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<Stream>,
    script: &Script,
    session: &mut Session,
    keep: &impl Fn(&Session),
    greets: bool,
) -> Next {
    if greets && say(stream, "220 sink ready").await.is_err() {
        return Next::End;
    }
    let mut recipient = String::new();
    loop {
        let Some(line) = hear(stream, session).await else {
            return Next::End;
        };
        session.commands.push(line.clone());
        keep(session);
        let answer = match line.split([' ', ':']).next().unwrap().to_ascii_uppercase().as_str() {
            "EHLO" if script.starttls && !session.protected => "250-sink\r\n250-8BITMIME\r\n250 STARTTLS".to_owned(),
            "EHLO" => "250-sink\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN".to_owned(),
            "STARTTLS" if script.starttls => {
                say(stream, "220 go ahead").await.unwrap();
                return Next::Protect;
            }
            "AUTH" => "235 welcome".to_owned(),
            "RCPT" => {
                recipient = line
                    .trim_start_matches("RCPT TO:<")
                    .split('>')
                    .next()
                    .unwrap()
                    .to_owned();
                script
                    .recipients
                    .get(&recipient)
                    .cloned()
                    .unwrap_or_else(|| "250 ok".to_owned())
            }
            "DATA" => {
                say(stream, "354 go on").await.unwrap();
                let Some(message) = take_message(stream, session).await else {
                    return Next::End;
                };
                keep(session);
                if script.silent_about.as_deref() == Some(recipient.as_str()) {
                    // Until the client gives up and closes.
                    hear(stream, session).await;
                    return Next::End;
                }
                if script.answer.starts_with('2') {
                    session.messages.push(message);
                    keep(session);
                }
                script.answer.clone()
            }
            "QUIT" => {
                drop(say(stream, "221 goodbye").await);
                return Next::End;
            }
            "MAIL" | "RSET" | "NOOP" => "250 ok".to_owned(),
            _ => "500 what".to_owned(),
        };
        if say(stream, &answer).await.is_err() {
            return Next::End;
        }
    }
}

async fn say<Stream: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<Stream>,
    line: &str,
) -> std::io::Result<()> {
    stream.write_all(format!("{line}\r\n").as_bytes()).await?;
    stream.flush().await
}

async fn hear<Stream: AsyncRead + Unpin>(stream: &mut BufReader<Stream>, session: &mut Session) -> Option<String> {
    let mut line = Vec::new();
    let read = stream.read_until(b'\n', &mut line).await.unwrap_or_default();
    session.bytes.extend(&line);
    (read > 0).then(|| String::from_utf8_lossy(&line).trim_end().to_owned())
}

/// The message up to the line that is a dot alone.
async fn take_message<Stream: AsyncRead + Unpin>(
    stream: &mut BufReader<Stream>,
    session: &mut Session,
) -> Option<String> {
    let mut message = b"\r\n".to_vec();
    while !message.ends_with(b"\r\n.\r\n") {
        let byte = stream.read_u8().await.ok()?;
        message.push(byte);
        session.bytes.push(byte);
    }
    message.truncate(message.len() - 3);
    let text = String::from_utf8(message).unwrap().replace("\r\n..", "\r\n.");
    Some(text.trim_start_matches("\r\n").to_owned())
}
