//! A port on the loopback address to which Duplicati on this machine posts its reports. Nobody else reaches it; a web page in a
//! browser here cannot either, because it may not send JSON to another host unasked. What is posted is only read.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::time::Duration;

use super::duplicati::{self, Report};
use super::{Reporter, Sighting, What};
use crate::clock;
use crate::config::{JobConfig, Watch};

/// The largest report, in bytes: with its log lines it is a few hundred kilobytes at most.
const LARGEST: usize = 4 * 1024 * 1024;

/// The most bytes of a request before its body.
const LARGEST_HEAD: u64 = 16 * 1024;

/// How much of a refused request is thrown away before the connection is closed.
const MOST_UNREAD: u64 = 256 * 1024;

/// How long a request may take to come.
const PATIENCE: Duration = Duration::from_secs(10);

/// Listens on the port of each job that waits for Duplicati.
pub(super) fn start(jobs: &[JobConfig], reporter: &Reporter) -> io::Result<()> {
    let mut ports: Vec<u16> = jobs.iter().filter_map(|job| Some(duplicati_of(job)?.1)).collect();
    ports.sort_unstable();
    ports.dedup();
    for port in ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|error| io::Error::new(error.kind(), format!("port {port} for Duplicati's reports: {error}")))?;
        let jobs: Vec<JobConfig> = jobs
            .iter()
            .filter(|job| duplicati_of(job).is_some_and(|(_, own)| own == port))
            .cloned()
            .collect();
        let reporter = reporter.clone();
        std::thread::Builder::new()
            .name("await-reports".to_owned())
            .spawn(move || {
                for stream in listener.incoming().flatten() {
                    // One that breaks off is Duplicati's to repeat.
                    let _answered = answer(&stream, &jobs, &reporter);
                }
            })?;
    }
    Ok(())
}

fn duplicati_of(job: &JobConfig) -> Option<(&str, u16)> {
    match &job.watch {
        Some(Watch::Duplicati { backup, port }) => Some((backup, *port)),
        _ => None,
    }
}

fn answer(stream: &TcpStream, jobs: &[JobConfig], reporter: &Reporter) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let status = match read_request(stream) {
        Ok(request) => take(&request, jobs, reporter),
        Err(Refusal(status)) => status,
    };
    let mut to = stream;
    write!(
        to,
        "HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )?;
    to.flush()?;
    // Who is refused while it still sends must be able to read why.
    stream.shutdown(Shutdown::Write)?;
    io::copy(&mut stream.take(MOST_UNREAD), &mut io::sink()).map(drop)
}

/// A request that is not read.
pub(super) struct Refusal(&'static str);

impl From<io::Error> for Refusal {
    fn from(_: io::Error) -> Self {
        Self("400 Bad Request")
    }
}

/// What a request says.
pub(super) struct Request {
    /// The key of a job, when it was posted to `/KEY`.
    job: Option<String>,
    /// The JSON that it posts.
    pub(super) body: String,
}

/// Reads a request that posts JSON.
pub(super) fn read_request(stream: impl io::Read) -> Result<Request, Refusal> {
    let mut reader = BufReader::new(stream);
    let mut head = reader.by_ref().take(LARGEST_HEAD);
    let mut line = String::new();
    head.read_line(&mut line)?;
    let Some(after_method) = line.strip_prefix("POST ") else {
        return Err(Refusal("405 Method Not Allowed"));
    };
    let target = after_method.split_whitespace().next().unwrap_or_default();
    let job = Some(target.trim_matches('/').to_owned()).filter(|key| !key.is_empty());
    let (mut length, mut is_json, mut is_local) = (None, false, false);
    loop {
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Err(Refusal("400 Bad Request"));
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse::<usize>().ok(),
            "content-type" => is_json = value.to_ascii_lowercase().starts_with("application/json"),
            "host" => {
                let host = value.rsplit_once(':').map_or(value, |(host, _)| host);
                is_local = matches!(host, "127.0.0.1" | "localhost");
            }
            _ => {}
        }
    }
    if !is_local {
        return Err(Refusal("421 Misdirected Request"));
    }
    if !is_json {
        return Err(Refusal("415 Unsupported Media Type"));
    }
    let length = length.ok_or(Refusal("411 Length Required"))?;
    if length > LARGEST {
        return Err(Refusal("413 Content Too Large"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    match String::from_utf8(body) {
        Ok(body) => Ok(Request { job, body }),
        Err(_) => Err(Refusal("400 Bad Request")),
    }
}

fn take(request: &Request, jobs: &[JobConfig], reporter: &Reporter) -> &'static str {
    let Some(report) = duplicati::read_report(&request.body) else {
        // Something else than a backup, such as a restore or a repair: nothing to say about it.
        return "200 OK";
    };
    let Some(job) = jobs.iter().find(|job| is_about(request, &report, job)) else {
        if report.backup.is_none() && request.job.is_none() {
            tracing::warn!(
                "Duplicati reported a backup without its name, as its versions up to 2.0.7 do: give it the job's key in the address it posts to, such as http://127.0.0.1:8217/KEY"
            );
        } else {
            tracing::warn!("Duplicati reported a backup whose name or key no job of the configuration has");
        }
        return "404 Not Found";
    };
    let told = reporter.memory(job).map_err(io::Error::other).and_then(|mut memory| {
        reporter
            .report(job, sighting(report), &mut memory)
            .map_err(io::Error::other)
    });
    match told {
        Ok(()) => "200 OK",
        Err(error) => {
            tracing::warn!(job = %job.key, %error, "a report of Duplicati's could not be kept");
            "503 Service Unavailable"
        }
    }
}

/// Whether a report is about a job's backup: by its name, by the key it was posted to, and by both where there are both. One that says
/// neither is about none: of two backups of a machine the watched one may be the other.
fn is_about(request: &Request, report: &Report, job: &JobConfig) -> bool {
    let Some((backup, _)) = duplicati_of(job) else {
        return false;
    };
    let by_key = request.job.as_deref().map(|key| key == job.key.as_str());
    let by_name = report.backup.as_deref().map(|name| name == backup);
    match (by_key, by_name) {
        (Some(key), Some(name)) => key && name,
        (Some(said), None) | (None, Some(said)) => said,
        (None, None) => false,
    }
}

pub(super) fn sighting(report: Report) -> Sighting {
    let now = clock::wall();
    let at = report.finished.unwrap_or(now);
    let identity = match (report.started, report.finished) {
        (Some(started), Some(finished)) => format!("duplicati {started} {finished}"),
        _ => format!("duplicati {now}"),
    };
    Sighting {
        identity,
        at,
        version: report.version,
        what: What::Finished {
            started: report.started,
            outcome: report.outcome,
            reason: report.reason.map(str::to_owned),
            will_be_retried: false,
            facts: Box::new(report.facts),
        },
    }
}
