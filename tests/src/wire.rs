//! HTTP/1.1 over TLS as it goes over the wire, so that a test can also send what no client library would.

use std::io::{self, BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

/// Where a server listens and whose certificate it must show.
#[derive(Debug, Clone)]
pub struct Address {
    /// Where.
    pub socket: SocketAddr,
    /// The name that the certificate must carry.
    pub host: String,
    tls: Arc<ClientConfig>,
}

impl Address {
    /// A server at `socket` with a certificate for `localhost` from the authority in this PEM file.
    ///
    /// # Panics
    /// When the file holds no certificate.
    pub fn new(socket: SocketAddr, authority: &Path) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(authority).expect("the authority's file is there") {
            roots.add(certificate.expect("it is PEM")).expect("it is a certificate");
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring knows TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self {
            socket,
            host: "localhost".to_owned(),
            tls: Arc::new(tls),
        }
    }

    /// What stands in `Host`.
    pub fn authority(&self) -> String {
        format!("{}:{}", self.host, self.socket.port())
    }

    /// A new connection.
    pub fn connect(&self) -> io::Result<Connection> {
        let socket = TcpStream::connect_timeout(&self.socket, Duration::from_secs(10))?;
        socket.set_read_timeout(Some(Duration::from_mins(1)))?;
        socket.set_write_timeout(Some(Duration::from_mins(1)))?;
        socket.set_nodelay(true)?;
        let name = ServerName::try_from(self.host.clone()).map_err(io::Error::other)?;
        let session = ClientConnection::new(Arc::clone(&self.tls), name).map_err(io::Error::other)?;
        Ok(Connection {
            stream: BufReader::with_capacity(16 * 1024, StreamOwned::new(session, socket)),
        })
    }
}

/// One connection, kept alive.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

/// An answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers, names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Connection {
    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Sends a request with a body and reads the answer.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> io::Result<Answer> {
        let mut bytes = Vec::new();
        write!(bytes, "{method} {path} HTTP/1.1\r\n")?;
        for (name, value) in headers {
            write!(bytes, "{name}: {value}\r\n")?;
        }
        if !body.is_empty() || method != "GET" {
            write!(bytes, "Content-Length: {}\r\n", body.len())?;
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend_from_slice(body);
        match self.send(&bytes) {
            // A server may refuse a body before it has read it, and close; its answer is there all the same.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.answer().map_err(|_| error)
            }
            sent => sent.and_then(|()| self.answer()),
        }
    }

    /// Reads an answer; of a stream of events only the head. A connection that was closed first is an error of kind `UnexpectedEof`.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let mut answer = self.head()?;
        if answer.status == 100 {
            answer = self.head()?;
        }
        let never_ends = answer
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"));
        if matches!(answer.status, 204 | 304) || never_ends {
            return Ok(answer);
        }
        if answer
            .header("transfer-encoding")
            .is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
        {
            loop {
                let length = usize::from_str_radix(self.line()?.split(';').next().unwrap_or_default().trim(), 16)
                    .map_err(|_| io::Error::other("not a chunk"))?;
                let start = answer.body.len();
                answer.body.resize(start + length, 0);
                self.stream
                    .read_exact(answer.body.get_mut(start..).unwrap_or_default())?;
                self.line()?;
                if length == 0 {
                    return Ok(answer);
                }
            }
        }
        match answer.header("content-length").map(str::parse::<usize>) {
            Some(Ok(length)) => {
                answer.body.resize(length, 0);
                self.stream.read_exact(&mut answer.body)?;
            }
            Some(Err(_)) => return Err(io::Error::other("not a length")),
            None => {
                self.stream.read_to_end(&mut answer.body)?;
            }
        }
        Ok(answer)
    }

    /// Reads the head of an answer and leaves its body, for one that never ends.
    pub fn head(&mut self) -> io::Result<Answer> {
        let first = self.line()?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok());
        let mut answer = Answer {
            status: status.ok_or_else(|| io::Error::other(format!("not an answer: {first}")))?,
            ..Answer::default()
        };
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(answer);
            };
            answer
                .headers
                .push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads a line, without its end.
    pub fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        if line.pop() != Some(b'\n') {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        String::from_utf8(line).map_err(io::Error::other)
    }

    /// How long a read waits at most.
    pub fn set_patience(&self, patience: Duration) -> io::Result<()> {
        self.stream.get_ref().sock.set_read_timeout(Some(patience))
    }

    /// Drops the connection so that the other side sees a reset, as when a cable is pulled and the machine goes on.
    pub fn reset(self) {
        // Unread data at close, or no lingering, makes the system send RST instead of FIN.
        rustix::net::sockopt::set_socket_linger(&self.stream.get_ref().sock, Some(Duration::ZERO)).ok();
    }
}
