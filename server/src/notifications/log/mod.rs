//! The message log: every message, what became of it, and each as it was sent.

pub(super) mod db;
mod pages;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::model::{DeliveryState, Purpose};
use crate::ids::{AlertId, NotificationId, PracticeId};
use crate::web::words::Moment;

pub use pages::routes;

/// A message as the log shows it, without its text.
#[derive(Debug, Clone)]
pub struct LoggedMessage {
    /// It.
    pub id: NotificationId,
    /// Its place in the log; later messages have greater ones.
    pub position: i64,
    /// The practice it is about, with its name; none for a test.
    pub practice: Option<(PracticeId, String)>,
    /// Where that practice is.
    pub zone: TimeZone,
    /// The alert it is about.
    pub alert: Option<AlertId>,
    /// What it is for.
    pub purpose: Purpose,
    /// Whom it goes to.
    pub recipient: String,
    /// Its subject.
    pub subject: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it is to be sent, or sent again.
    pub due_at: Option<Timestamp>,
    /// What became of it.
    pub state: DeliveryState,
    /// How often it was tried.
    pub attempts: i32,
    /// When it was tried last.
    pub last_attempt_at: Option<Timestamp>,
    /// What the last try said, if it failed.
    pub last_problem: Option<String>,
    /// When it was delivered.
    pub delivered_at: Option<Timestamp>,
    /// Who took it: the mail server's answer, or the file's name.
    pub delivered_by: Option<String>,
}

impl LoggedMessage {
    /// A time at the practice.
    pub fn moment(&self, at: &Timestamp) -> Moment {
        Moment {
            at: *at,
            zone: self.zone.clone(),
        }
    }

    /// When the last thing happened to it.
    pub fn happened_at(&self) -> Timestamp {
        self.delivered_at.or(self.last_attempt_at).unwrap_or(self.created_at)
    }

    /// The state whose shape and colour it has: a message that is tried again is a warning.
    pub fn mark(&self) -> &'static str {
        match self.state {
            DeliveryState::Waiting if self.attempts > 0 => "warning",
            DeliveryState::Waiting => "waiting",
            DeliveryState::Leased => "running",
            DeliveryState::Delivered => "ok",
            DeliveryState::Failed => "failed",
            DeliveryState::Withdrawn => "excused",
        }
    }
}
