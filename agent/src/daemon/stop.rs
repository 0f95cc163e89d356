//! How the daemon ends: nothing new begins, what runs gets some time to end by itself and is then ended with its whole
//! tree, and what there is to say is sent if the server answers at once. All else is in the spool.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use super::{Daemon, Message};
use crate::clock;
use crate::daemon::deliver::Errand;
use crate::engine::Input;
use crate::platform::Notice;

/// How long the last delivery may take.
const LAST_DELIVERY: Duration = Duration::from_secs(5);

impl Daemon {
    pub(super) fn end(&mut self, messages: &Receiver<Message>) {
        self.notify(Notice::Stopping);
        let now = clock::now();
        self.step(Input::Stop, now);
        if !self.running.is_empty() {
            tracing::info!(running = self.running.len(), "waiting for backups to end");
        }
        let mut deadline = Some(Instant::now() + self.config.stop_wait);
        while !self.running.is_empty() {
            match next(messages, deadline) {
                Some(Message::RunEnded { job, done }) => {
                    let input = self.run_ended(job, *done);
                    self.step(input, clock::now());
                }
                Some(Message::Delivery(_)) => {}
                // Asked twice, or waited for long enough.
                Some(Message::Stop) | None => {
                    deadline = None;
                    self.running.values().for_each(crate::exec::StopSwitch::stop);
                }
            }
        }
        self.write_unwritten(now);
        self.deliver_once(messages);
        tracing::info!("lastgood-agent ends");
    }

    fn deliver_once(&mut self, messages: &Receiver<Message>) {
        if self.spool.count().unwrap_or_default() == 0 || self.errands.send(Errand { heartbeat: false }).is_err() {
            return;
        }
        let deadline = Instant::now() + LAST_DELIVERY;
        while let Some(message) = next(messages, Some(deadline)) {
            match message {
                Message::Delivery(_) if self.spool.count().unwrap_or_default() == 0 => return,
                Message::Delivery(Input::DeliveryFailed { .. }) | Message::Stop => return,
                Message::Delivery(_) | Message::RunEnded { .. } => {}
            }
        }
    }
}

fn next(messages: &Receiver<Message>, deadline: Option<Instant>) -> Option<Message> {
    match deadline {
        Some(deadline) => messages
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .ok(),
        None => messages.recv().ok(),
    }
}
