//! Where a connection stands between its requests, and when it has stood there too long.

use std::future::pending;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body as HttpBody, Bytes, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;

use super::limits::Limits;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Open, and nothing has come.
    Fresh,
    /// Part of a request's head has come.
    Head,
    /// A request is being answered.
    Request,
    /// The last answer is finished.
    Idle,
}

/// Resolves when the connection has stood too long in a phase that the caller should end.
pub(super) async fn overdue(mut phase: watch::Receiver<Phase>, limits: &Limits) {
    loop {
        let patience = match *phase.borrow_and_update() {
            Phase::Fresh | Phase::Head => limits.head,
            Phase::Idle => limits.idle,
            Phase::Request => Duration::MAX,
        };
        tokio::select! {
            () = sleep(patience) => return,
            changed = phase.changed() => if changed.is_err() {
                // The connection is ending by itself.
                pending::<()>().await;
            },
        }
    }
}

/// A connection's stream that notes the first byte of a head, and fails when what we write is not taken for too long.
pub(super) struct Watched<S> {
    inner: S,
    phase: watch::Sender<Phase>,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

impl<S> Watched<S> {
    pub(super) fn new(inner: S, phase: watch::Sender<Phase>, patience: Duration) -> Watched<S> {
        Watched {
            inner,
            phase,
            patience,
            stalled: None,
        }
    }

    fn progress<T>(&mut self, context: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let patience = self.patience;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(patience)));
        match stalled.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the response is not taken"))),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.phase.send_if_modified(|phase| {
                let begins = matches!(phase, Phase::Fresh | Phase::Idle);
                if begins {
                    *phase = Phase::Head;
                }
                begins
            });
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.progress(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        self.progress(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.progress(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let closed = Pin::new(&mut self.inner).poll_shutdown(context);
        self.progress(context, closed)
    }
}

/// A response's body. When it is finished or given up, the connection is idle again; a stream of events, which has no
/// end of its own, ends when the server shuts down.
pub(super) struct Answer {
    pub(super) inner: axum::body::Body,
    pub(super) end: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    pub(super) phase: watch::Sender<Phase>,
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, axum::Error>>> {
        if let Some(end) = &mut self.end
            && end.as_mut().poll(context).is_ready()
        {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.phase.send_replace(Phase::Idle);
    }
}
