//! A mail server: speaks SMTP with STARTTLS, keeps every byte, and can be told to misbehave.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::folder::Folder;
use crate::wait;

/// A mail server on loopback. It accepts everything, unless told otherwise.
#[derive(Debug)]
pub struct MailServer {
    shared: Arc<Shared>,
    socket: SocketAddr,
    authority: PathBuf,
    _folder: Folder,
}

#[derive(Debug)]
struct Shared {
    mails: Mutex<Vec<Mail>>,
    refusals: AtomicUsize,
    in_clear: AtomicUsize,
    tls: Arc<ServerConfig>,
}

/// One mail as it was received.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Header and body as they came, lines ending in CR LF, leading dots removed.
    pub content: String,
}

impl Mail {
    /// A header's value with its continuation lines, encoded words decoded.
    pub fn header(&self, name: &str) -> Option<String> {
        let head = self
            .content
            .split("\r\n\r\n")
            .next()
            .unwrap_or_default()
            .replace("\r\n ", " ")
            .replace("\r\n\t", " ");
        let prefix = format!("{}:", name.to_ascii_lowercase());
        let line = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with(&prefix))?;
        Some(decode_words(line.get(prefix.len()..)?.trim()))
    }

    /// The names of its headers.
    pub fn header_names(&self) -> Vec<String> {
        let head = self.content.split("\r\n\r\n").next().unwrap_or_default();
        let lines = head.split("\r\n").filter(|line| !line.starts_with([' ', '\t']));
        lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.to_owned())
            .collect()
    }

    /// The subject.
    pub fn subject(&self) -> String {
        self.header("Subject").unwrap_or_default()
    }

    /// All parts as text, decoded.
    pub fn text(&self) -> String {
        let mut parts = Vec::new();
        for part in self.content.split("\r\n--") {
            let Some((head, body)) = part.split_once("\r\n\r\n") else {
                continue;
            };
            let head = head.to_ascii_lowercase();
            parts.push(if head.contains("content-transfer-encoding: quoted-printable") {
                decode_quoted_printable(body)
            } else if head.contains("content-transfer-encoding: base64") {
                decode_base64(&body.split_whitespace().collect::<String>())
            } else {
                body.to_owned()
            });
        }
        parts.join("\n")
    }
}

impl MailServer {
    /// Starts one on a free port.
    ///
    /// # Panics
    /// When the machine has no loopback.
    pub fn start() -> Self {
        let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])
            .expect("a certificate can be made");
        let folder = Folder::new();
        let authority = folder.write("mail-authority.pem", key.cert.pem());
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![key.cert.der().clone()], private)
            .expect("key and certificate belong together");
        let shared = Arc::new(Shared {
            mails: Mutex::default(),
            refusals: AtomicUsize::new(0),
            in_clear: AtomicUsize::new(0),
            tls: Arc::new(tls),
        });
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let socket = listener.local_addr().expect("a listener has an address");
        let answering = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&answering);
                // A client that goes away in the middle is its own business.
                std::thread::spawn(move || drop(converse(client, &shared)));
            }
        });
        Self {
            shared,
            socket,
            authority,
            _folder: folder,
        }
    }

    /// The settings by which a server sends its mail here.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        vec![
            ("LASTGOOD_SMTP_HOST", "localhost".to_owned()),
            ("LASTGOOD_SMTP_PORT", self.socket.port().to_string()),
            ("LASTGOOD_SMTP_SECURITY", "starttls".to_owned()),
            ("LASTGOOD_SMTP_AUTHORITY_FILE", self.authority.display().to_string()),
        ]
    }

    /// Refuses the next `count` mails for now, as a busy server does.
    pub fn refuse(&self, count: usize) {
        self.shared.refusals.store(count, Ordering::SeqCst);
    }

    /// Refusals still to be given.
    pub fn refusals_left(&self) -> usize {
        self.shared.refusals.load(Ordering::SeqCst)
    }

    /// Mails that somebody tried to send without TLS.
    pub fn sent_in_clear(&self) -> usize {
        self.shared.in_clear.load(Ordering::SeqCst)
    }

    /// Every mail received so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.mails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits for a mail whose subject contains these words.
    ///
    /// # Panics
    /// When none comes.
    pub fn wait_for(&self, words: &str) -> Mail {
        wait::until(format!("a mail about '{words}'"), || {
            self.mails().into_iter().find(|mail| mail.subject().contains(words))
        })
    }
}

fn converse(client: TcpStream, shared: &Shared) -> io::Result<()> {
    client.set_read_timeout(Some(Duration::from_mins(1)))?;
    let mut plain = BufReader::new(client);
    write!(plain.get_mut(), "220 localhost ESMTP\r\n")?;
    if session(&mut plain, shared, false)? {
        let session_tls = ServerConnection::new(Arc::clone(&shared.tls)).map_err(io::Error::other)?;
        let mut secure = BufReader::new(StreamOwned::new(session_tls, plain.into_inner()));
        session(&mut secure, shared, true)?;
    }
    Ok(())
}

/// Answers commands until the client leaves; whether it asked for TLS.
fn session<S: io::Read + Write>(stream: &mut BufReader<S>, shared: &Shared, secure: bool) -> io::Result<bool> {
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(false);
        }
        let command = line.trim_end().to_ascii_uppercase();
        let answer = if command.starts_with("EHLO") {
            if secure {
                "250-localhost\r\n250 8BITMIME"
            } else {
                "250-localhost\r\n250-8BITMIME\r\n250 STARTTLS"
            }
        } else if command == "STARTTLS" && !secure {
            write!(stream.get_mut(), "220 go ahead\r\n")?;
            return Ok(true);
        } else if command.starts_with("MAIL FROM:") {
            if !secure {
                shared.in_clear.fetch_add(1, Ordering::SeqCst);
            }
            let refused = shared
                .refusals
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
            from = between_brackets(&line);
            to = Vec::new();
            if refused.is_ok() {
                "451 busy, try again later"
            } else {
                "250 ok"
            }
        } else if command.starts_with("RCPT TO:") {
            to.push(between_brackets(&line));
            "250 ok"
        } else if command == "DATA" {
            write!(stream.get_mut(), "354 go ahead\r\n")?;
            stream.get_mut().flush()?;
            let content = read_content(stream)?;
            let mail = Mail {
                from: from.clone(),
                to: std::mem::take(&mut to),
                content,
            };
            shared.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail);
            "250 kept"
        } else if command == "QUIT" {
            write!(stream.get_mut(), "221 bye\r\n")?;
            stream.get_mut().flush()?;
            return Ok(false);
        } else if command == "RSET" || command == "NOOP" {
            "250 ok"
        } else {
            "500 what?"
        };
        write!(stream.get_mut(), "{answer}\r\n")?;
        stream.get_mut().flush()?;
    }
}

fn read_content(stream: &mut impl BufRead) -> io::Result<String> {
    let mut content = Vec::new();
    loop {
        let mut line = Vec::new();
        if stream.read_until(b'\n', &mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if line == b".\r\n" {
            return Ok(String::from_utf8_lossy(&content).into_owned());
        }
        content.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}

fn between_brackets(line: &str) -> String {
    line.split(['<', '>']).nth(1).unwrap_or_default().to_owned()
}

fn decode_quoted_printable(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after
            .get(..2)
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        if let (b'=', Some(byte)) = (first, code) {
            bytes.push(byte);
            rest = after.get(2..).unwrap_or_default();
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn decode_base64(text: &str) -> String {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap_or_default();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Decodes encoded words (RFC 2047), as lettre writes them: UTF-8, `B` or `Q`.
fn decode_words(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, word)) = rest.split_once("=?") {
        // White space between two encoded words belongs to neither.
        if !before.trim().is_empty() || decoded.is_empty() {
            decoded.push_str(before);
        }
        let mut fields = word.splitn(3, '?').skip(1);
        let (Some(coding), Some((content, after))) =
            (fields.next(), fields.next().and_then(|tail| tail.split_once("?=")))
        else {
            decoded.push_str("=?");
            rest = word;
            continue;
        };
        decoded.push_str(&match coding {
            "B" | "b" => decode_base64(content),
            _ => decode_quoted_printable(&content.replace('_', " ")),
        });
        rest = after;
    }
    decoded.push_str(rest);
    decoded
}
