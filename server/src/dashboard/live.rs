//! Tells an open page that its firm's matters changed, so that it fetches itself anew.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, sleep_until};

use crate::app::App;
use crate::error::AppError;
use crate::ids::{FirmId, SessionId};
use crate::users::sessions;
use crate::web::Context;

/// At most one "changed" in this time.
const APART: Duration = Duration::from_secs(1);
/// Something is said at least this often, so that a page notices a broken stream and a proxy keeps it open; and the session
/// is looked at as often.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// An event and not a comment, because scripts are not told of comments.
const ALIVE: &[u8] = b"event: alive\ndata:\n\n";
const CHANGED: &[u8] = b"event: changed\ndata:\n\n";

/// One open page.
struct Listener {
    app: App,
    firm: FirmId,
    session: SessionId,
    changes: broadcast::Receiver<()>,
    /// When the next sign of life is due.
    heartbeat: Instant,
    /// Before this moment no further change is told.
    quiet_until: Instant,
    /// Whether a change waits to be told.
    waits: bool,
}

/// The stream of one page. Ends when the server stops and when the session has ended.
pub(super) async fn stream(context: Context) -> Result<Response, AppError> {
    let person = context.person()?;
    let listener = Listener {
        changes: context.app.changes.listen(person.firm),
        firm: person.firm,
        session: person.session,
        heartbeat: Instant::now(),
        quiet_until: Instant::now(),
        waits: false,
        app: context.app.clone(),
    };
    let events = stream::unfold(listener, async |mut listener| {
        let event = listener.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from_static(event)), listener))
    });
    let mut response = Body::from_stream(events).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    Ok(response)
}

impl Listener {
    /// The next event; nothing more once the page may no longer be told.
    async fn next(&mut self) -> Option<&'static [u8]> {
        loop {
            tokio::select! {
                () = self.app.shutdown().cancelled() => return None,
                heard = self.changes.recv(), if !self.waits => match heard {
                    Ok(()) | Err(RecvError::Lagged(_)) => self.waits = true,
                    Err(RecvError::Closed) => return None,
                },
                () = sleep_until(self.quiet_until), if self.waits => {
                    self.waits = false;
                    self.quiet_until = Instant::now() + APART;
                    return Some(CHANGED);
                }
                () = sleep_until(self.heartbeat) => {
                    self.heartbeat = Instant::now() + HEARTBEAT;
                    // A database that does not answer is no reason to go on telling.
                    let now = self.app.clock.now();
                    let alive = sessions::is_alive(&self.app, now, self.firm, self.session).await;
                    return alive.unwrap_or(false).then_some(ALIVE);
                }
            }
        }
    }
}
