//! A small HTTPS server that answers whatever a test wants, however wrong.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use lastgood_protocol::{Batch, BatchAnswer, EnrolmentToken, EventAnswer, EventStatus, Problem, ProblemClass};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

pub const AGENT: &str = "00000000-0000-4000-8000-000000000001";

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("a certificate"))
    }

    pub fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }

    pub fn pin(&self) -> [u8; 32] {
        let digest = ring::digest::digest(&ring::digest::SHA256, self.0.der());
        digest.as_ref().try_into().expect("32 bytes")
    }

    /// A chain for `host`, signed by this authority; `shown` is the authority that is presented with it.
    fn config(&self, host: &str, shown: &Self) -> Arc<ServerConfig> {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a name");
        let leaf = params.signed_by(&key, &self.0).expect("a certificate");
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the usual versions")
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone(), shown.der()], key)
            .expect("a chain");
        Arc::new(config)
    }
}

#[derive(Debug, Clone)]
pub struct Request {
    pub path: String,
    pub token: Option<String>,
    pub body: Vec<u8>,
}

impl Request {
    pub fn batch(&self) -> Batch {
        serde_json::from_slice(&self.body).expect("a batch")
    }
}

pub enum Reply {
    /// Status, further header lines, body.
    Text(u16, String, String),
    /// A good status and a body of a gigabyte.
    Endless,
    /// A good status and a body of which a byte comes now and then.
    Dripping,
    /// The connection is closed without a word.
    Nothing,
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

pub struct Server {
    port: u16,
    requests: Arc<Mutex<Vec<Request>>>,
    answer: Arc<Mutex<Arc<Answer>>>,
}

impl Server {
    /// With a certificate from `authority` for this machine.
    pub fn honest(authority: &Authority, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::showing(authority, authority, "127.0.0.1", answer)
    }

    /// With a certificate from `signer` for `host`, presented together with `shown`.
    pub fn showing(
        signer: &Authority,
        shown: &Authority,
        host: &str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let config = signer.config(host, shown);
        let requests = Arc::new(Mutex::new(Vec::new()));
        let answer: Arc<Mutex<Arc<Answer>>> = Arc::new(Mutex::new(Arc::new(answer)));
        let (seen, answers) = (Arc::clone(&requests), Arc::clone(&answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, seen, answers) = (Arc::clone(&config), Arc::clone(&seen), Arc::clone(&answers));
                std::thread::spawn(move || {
                    // A client that does not trust us ends the connection.
                    let _ended = serve(stream, config, &seen, &answers);
                });
            }
        });
        Self { port, requests, answer }
    }

    pub fn answer_with(&self, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) {
        *self.answer.lock().expect("not poisoned") = Arc::new(answer);
    }

    pub fn url(&self) -> String {
        format!("https://127.0.0.1:{}", self.port)
    }

    pub fn token(&self, pin: [u8; 32]) -> String {
        let token = EnrolmentToken {
            server: self.url(),
            authority_pin: Some(pin),
            secret: [7; 32],
        };
        token.to_string()
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("not poisoned").clone()
    }
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    seen: &Mutex<Vec<Request>>,
    answers: &Mutex<Arc<Answer>>,
) -> io::Result<()> {
    let session = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(session, stream);
    while let Some(request) = read_request(&mut stream)? {
        seen.lock().expect("not poisoned").push(request.clone());
        let answer = Arc::clone(&answers.lock().expect("not poisoned"));
        match answer(&request) {
            Reply::Text(status, headers, body) => {
                let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n", body.len());
                stream.write_all(head.as_bytes())?;
                stream.write_all(body.as_bytes())?;
                stream.flush()?;
            }
            Reply::Endless => {
                stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 1073741824\r\n\r\n")?;
                loop {
                    stream.write_all(&[b' '; 16 * 1024])?;
                }
            }
            Reply::Dripping => {
                stream.write_all(b"HTTP/1.1 200 X\r\ncontent-length: 60000\r\n\r\n")?;
                loop {
                    stream.write_all(b" ")?;
                    stream.flush()?;
                    std::thread::sleep(std::time::Duration::from_millis(200));
                }
            }
            Reply::Nothing => return Ok(()),
        }
    }
    Ok(())
}

fn read_request(stream: &mut impl Read) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.extend_from_slice(&byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let header = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let length = header("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some(Request {
        path: head.split(' ').nth(1).unwrap_or_default().to_owned(),
        token: header("authorization").map(|value| value.trim_start_matches("Bearer ").to_owned()),
        body,
    }))
}

pub fn json(status: u16, value: &impl serde::Serialize) -> Reply {
    Reply::Text(status, String::new(), serde_json::to_string(value).expect("JSON"))
}

pub fn problem(status: u16, class: ProblemClass) -> Reply {
    json(
        status,
        &Problem {
            class,
            message: "what the server says".to_owned(),
            field: None,
            server_time: jiff::Timestamp::now(),
        },
    )
}

/// Answers an enrolment as the real server does.
pub fn enrolled() -> Reply {
    let answer = serde_json::json!({
        "agent": AGENT, "practice": "Harbor Counseling", "office": "Main", "server_time": jiff::Timestamp::now(),
    });
    json(200, &answer)
}

/// Enrols, and gives every event the status that `status` says.
pub fn answering(status: impl Fn(&lastgood_protocol::Event) -> EventStatus) -> impl Fn(&Request) -> Reply {
    move |request| {
        if request.path == lastgood_protocol::ENROL_PATH {
            return enrolled();
        }
        let results = request
            .batch()
            .events
            .iter()
            .map(|event| EventAnswer {
                id: Some(event.id),
                status: status(event),
                field: None,
                message: None,
            })
            .collect();
        json(
            200,
            &BatchAnswer {
                server_time: jiff::Timestamp::now(),
                results,
            },
        )
    }
}

/// The public key that an enrolment carried.
pub fn public_key(request: &Request) -> lastgood_protocol::PublicKey {
    let request: lastgood_protocol::EnrolmentRequest = serde_json::from_slice(&request.body).expect("an enrolment");
    let secret = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode([7; 32]);
    assert_eq!(request.secret, secret);
    request.public_key
}
