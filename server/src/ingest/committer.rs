//! Group commit: what many agents sent at the same moment is written in one transaction, and answered after its commit.

use std::fmt;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;
use jiff::Timestamp;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::batch::ReceivedEvent;
use super::store::store;
use crate::app::App;
use crate::error::AppError;
use crate::ids::{AgentId, FirmId};

/// Batches that may wait. More are refused, and their agents keep them.
const MOST_WAITING: usize = 512;

/// Bytes of events that may wait or be underway.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Events written in one transaction, up to one batch more.
const MOST_EVENTS: usize = 2_000;

/// What one request asks to be stored.
#[derive(Debug)]
pub(super) struct Submission {
    /// Who sent it.
    pub(super) agent: AgentId,
    /// When it was received.
    pub(super) received_at: Timestamp,
    /// The agent's clock when it sent it.
    pub(super) sent_at: Timestamp,
    /// Which start of its machine it was sent in.
    pub(super) boot: Uuid,
    /// The agent's version.
    pub(super) agent_version: String,
    /// The events, in the order of the batch.
    pub(super) events: Vec<ReceivedEvent>,
    /// The numbers of events that were rejected: lost, but not without a word.
    pub(super) rejected_seqs: Vec<i64>,
}

/// What became of one event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Committed now.
    Stored,
    /// Committed before, the same.
    Duplicate,
    /// Committed before, with another content.
    Conflict,
}

/// Why nothing of a submission is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotStored {
    /// Too much waits already.
    Full,
    /// The agent is not known, or was revoked.
    UnknownAgent,
    /// The transaction did not commit, or nobody knows whether it did.
    Unavailable,
    /// The database does not take what was sent, whenever it is sent.
    Refused,
}

/// A submission that was committed, event by event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Committed {
    /// The agent's firm.
    pub(super) firm: FirmId,
    /// One verdict per event, in the order of the batch.
    pub(super) verdicts: Vec<Verdict>,
    /// Whether the projector has something to do with it.
    pub(super) unsettled: bool,
    /// Whether this transaction wrote an alert.
    pub(super) alerted: bool,
}

/// The answer to a submission.
pub(super) type Answer = Result<Committed, NotStored>;

struct Waiting {
    submission: Submission,
    answer: oneshot::Sender<Answer>,
    /// Given back when the submission is answered.
    room: OwnedSemaphorePermit,
}

/// Commits received events, many agents' in one transaction.
pub struct Committer {
    sender: mpsc::Sender<Waiting>,
    receiver: Mutex<mpsc::Receiver<Waiting>>,
    room: std::sync::Arc<Semaphore>,
}

impl fmt::Debug for Committer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committer")
            .field("waiting", &(MOST_WAITING - self.sender.capacity()))
            .finish_non_exhaustive()
    }
}

impl Default for Committer {
    fn default() -> Self {
        Self::new()
    }
}

impl Committer {
    /// A committer that has not begun; see [`run`].
    pub fn new() -> Self {
        let (sender, receiver) = mpsc::channel(MOST_WAITING);
        Self {
            sender,
            receiver: Mutex::new(receiver),
            room: std::sync::Arc::new(Semaphore::new(MOST_BYTES)),
        }
    }

    /// Submits a batch and waits for its commit. Whoever stops waiting changes nothing about what is stored.
    pub(super) async fn commit(&self, submission: Submission) -> Answer {
        let bytes: usize = submission.events.iter().map(|event| event.text.len() + 200).sum();
        let permits = u32::try_from(bytes).map_err(|_| NotStored::Full)?;
        let room = std::sync::Arc::clone(&self.room)
            .try_acquire_many_owned(permits)
            .map_err(|_| NotStored::Full)?;
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            submission,
            answer,
            room,
        };
        match self.sender.try_send(waiting) {
            Ok(()) => answered.await.unwrap_or(Err(NotStored::Unavailable)),
            Err(mpsc::error::TrySendError::Full(_)) => Err(NotStored::Full),
            Err(mpsc::error::TrySendError::Closed(_)) => Err(NotStored::Unavailable),
        }
    }
}

/// Commits what is submitted until the server stops, and then what was submitted before.
///
/// Two of these run at once: while one waits for the disk, the other writes the next group.
pub async fn run(app: &App) {
    loop {
        let group = next_group(app).await;
        if group.is_empty() {
            return;
        }
        // Whoever waited for a group that panicked is answered that nothing is known to be stored.
        if AssertUnwindSafe(commit_group(app, group)).catch_unwind().await.is_err() {
            tracing::error!("a group of batches made the committer panic");
        }
    }
}

/// Waits for a batch and takes everything that waits with it. Empty when there will be none any more.
async fn next_group(app: &App) -> Vec<Waiting> {
    let mut receiver = app.committer.receiver.lock().await;
    let first = tokio::select! {
        biased;
        first = receiver.recv() => first,
        () = app.shutdown().cancelled() => {
            receiver.close();
            receiver.recv().await
        }
    };
    let mut group: Vec<Waiting> = first.into_iter().collect();
    let mut events: usize = group.iter().map(|waiting| waiting.submission.events.len()).sum();
    while events < MOST_EVENTS && !group.is_empty() {
        let Ok(waiting) = receiver.try_recv() else { break };
        events += waiting.submission.events.len();
        group.push(waiting);
    }
    group
}

async fn commit_group(app: &App, group: Vec<Waiting>) {
    let (submissions, answers): (Vec<_>, Vec<_>) = group
        .into_iter()
        .map(|waiting| (waiting.submission, (waiting.answer, waiting.room)))
        .unzip();
    let results = store_together(app, &submissions).await;
    let mut wakes = Wakes::default();
    for (result, (answer, room)) in results.into_iter().zip(answers) {
        if let Ok(committed) = &result {
            wakes.note(committed);
        }
        drop(room);
        // An agent that went away asks again and is told that it was stored.
        drop(answer.send(result));
    }
    wakes.send(app);
}

/// All in one transaction; where the database refuses the whole, each by itself, so that one cannot keep out the others.
async fn store_together(app: &App, submissions: &[Submission]) -> Vec<Answer> {
    match store_again_if_it_passes(app, submissions).await {
        Ok(results) => results,
        Err(AppError::Internal(cause)) => {
            tracing::error!(%cause, batches = submissions.len(), "a group of batches was refused; trying each by itself");
            let mut results = Vec::with_capacity(submissions.len());
            for submission in submissions {
                let alone = store_again_if_it_passes(app, std::slice::from_ref(submission)).await;
                results.push(match alone {
                    Ok(mut alone) => alone.pop().unwrap_or(Err(NotStored::Unavailable)),
                    Err(AppError::Internal(cause)) => {
                        tracing::error!(%cause, agent = %submission.agent, "a batch was refused by the database");
                        Err(NotStored::Refused)
                    }
                    Err(_) => Err(NotStored::Unavailable),
                });
            }
            results
        }
        Err(error) => {
            tracing::warn!(%error, batches = submissions.len(), "nothing could be committed");
            submissions.iter().map(|_| Err(NotStored::Unavailable)).collect()
        }
    }
}

/// A deadlock or a failover costs one more try before the agents are asked for theirs.
async fn store_again_if_it_passes(app: &App, submissions: &[Submission]) -> Result<Vec<Answer>, AppError> {
    match store(app, submissions).await {
        Err(AppError::Unavailable(sqlx::Error::Database(cause))) => {
            tracing::info!(%cause, "a group of batches is tried again");
            store(app, submissions).await
        }
        result => result,
    }
}

/// Whom to wake after a commit.
#[derive(Debug, Default)]
struct Wakes {
    projector: bool,
    dispatcher: bool,
    firms: Vec<FirmId>,
}

impl Wakes {
    fn note(&mut self, committed: &Committed) {
        self.projector |= committed.unsettled;
        if committed.alerted {
            self.dispatcher = true;
            self.firms.push(committed.firm);
        }
    }

    fn send(self, app: &App) {
        if self.projector {
            app.wake.projector.notify_one();
        }
        if self.dispatcher {
            app.wake.dispatcher.notify_one();
        }
        for firm in self.firms {
            app.changes.tell(firm);
        }
    }
}
