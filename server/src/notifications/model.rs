//! What a message is, what becomes of it, and when it is tried again.

use jiff::{SignedDuration, Timestamp};

use crate::ids::{AlertId, FirmId, NotificationId, PracticeId, UserId};

crate::text_enum! {
    /// What a message is for.
    pub enum Purpose {
        /// A problem began.
        Opened = "opened",
        /// A problem that somebody acknowledged is still there.
        Reminder = "reminder",
        /// A problem ended.
        Recovered = "recovered",
        /// Somebody changed what alerts there are.
        Notice = "notice",
        /// Somebody asked whether mail arrives.
        Test = "test",
    }
}

crate::text_enum! {
    /// What became of a message.
    pub enum DeliveryState {
        /// It is to be sent, or sent again.
        Waiting = "waiting",
        /// A dispatcher is sending it.
        Leased = "leased",
        /// The mail server took it, or it was written to a file.
        Delivered = "delivered",
        /// It could not be delivered before it expired.
        Failed = "failed",
        /// A better message took its place before it was sent.
        Withdrawn = "withdrawn",
    }
}

impl Purpose {
    /// What the message log calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Opened => "problem",
            Self::Reminder => "still open",
            Self::Recovered => "over",
            Self::Notice => "change",
            Self::Test => "test",
        }
    }
}

impl DeliveryState {
    /// What the message log calls it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Leased => "being sent",
            Self::Delivered => "delivered",
            Self::Failed => "not delivered",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// How long a message is tried to be delivered.
pub(super) const EXPIRES_AFTER: SignedDuration = SignedDuration::from_hours(72);

/// How long a dispatcher may keep a message to itself. Longer than any send takes ([`super::mailer::SEND_LIMIT`]).
pub(super) const LEASE: SignedDuration = SignedDuration::from_mins(2);

/// A message that could not be delivered for so long is shown as a problem even while it is tried again.
pub(super) const OVERDUE_AFTER: SignedDuration = SignedDuration::from_hours(1);

/// How long to wait after the try with this number (1 is the first): quickly at first, since most troubles pass; hourly in
/// the end, since a server that was down all night is to be believed when it comes back.
pub(super) fn pause_after(attempt: i32) -> SignedDuration {
    let seconds = match attempt {
        ..=1 => 10,
        2 => 30,
        3 => 60,
        4 => 120,
        5 => 300,
        6 => 600,
        7 => 1800,
        8.. => 3600,
    };
    SignedDuration::from_secs(seconds)
}

/// How long to wait after the mail server said that it will never take this message.
pub(super) const PAUSE_AFTER_REFUSAL: SignedDuration = SignedDuration::from_hours(1);

/// A message as it will be sent, but for its recipient.
#[derive(Debug, Clone)]
pub struct Message {
    /// What it is for.
    pub purpose: Purpose,
    /// One line: the practice and the fact.
    pub subject: String,
    /// The whole message without markup.
    pub text: String,
    /// The same with markup.
    pub html: String,
}

/// Somebody who receives alerts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// Their firm.
    pub firm: FirmId,
    /// They.
    pub user: UserId,
    /// Where their mail goes.
    pub address: String,
}

/// One row for the outbox.
#[derive(Debug, Clone)]
pub struct Posting {
    /// Who gets it.
    pub recipient: Recipient,
    /// The practice it is about.
    pub practice: Option<PracticeId>,
    /// The alert it is about.
    pub alert: Option<AlertId>,
    /// What it says.
    pub message: Message,
    /// The Message-ID of the message it answers, so that mail programs show both together.
    pub in_reply_to: Option<String>,
    /// When it may be sent.
    pub due: Timestamp,
}

/// A message that could not be delivered, for those who make an alert of it.
#[derive(Debug, Clone)]
pub struct Undelivered {
    /// Whom it was for.
    pub recipient: Recipient,
    /// The practice it is about.
    pub practice: PracticeId,
    /// When it should have been sent.
    pub due: Timestamp,
    /// Messages to this recipient about this practice that are not delivered.
    pub count: u32,
    /// What the last try said.
    pub problem: String,
    /// Whether this recipient's address is at fault. Otherwise no mail leaves at all, and a mail about it would not either.
    pub refused: bool,
}

/// A message that a dispatcher holds.
#[derive(Debug, Clone)]
pub(super) struct Leased {
    pub(super) firm: FirmId,
    pub(super) id: NotificationId,
    pub(super) practice: Option<PracticeId>,
    pub(super) user: UserId,
    pub(super) recipient: String,
    pub(super) message_id: String,
    pub(super) in_reply_to: Option<String>,
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
    pub(super) created_at: Timestamp,
    pub(super) expires_at: Timestamp,
    /// The number of this try.
    pub(super) attempt: i32,
}

/// The longest subject, in characters: what a mail program's list still shows.
const SUBJECT_LENGTH: usize = 120;

/// A subject of one line with the alert's mark at its end. `practice` is cut where both do not fit, never the fact or the
/// mark.
pub(super) fn subject_line(practice: &str, fact: &str, mark: &str) -> String {
    let mark = if mark.is_empty() {
        String::new()
    } else {
        format!(" [{}]", one_line(mark))
    };
    let fact = cut(&one_line(fact), SUBJECT_LENGTH - mark.chars().count());
    let practice = one_line(practice);
    if practice.is_empty() {
        return fact + &mark;
    }
    let room = SUBJECT_LENGTH.saturating_sub(fact.chars().count() + mark.chars().count() + 2);
    match room {
        0..8 => fact + &mark,
        _ => format!("{}: {fact}{mark}", cut(&practice, room)),
    }
}

/// Text from outside on one line: control characters, line separators and marks that turn the direction of writing become
/// spaces, and what a mail program would decode as an encoded word (RFC 2047) is taken apart.
pub fn one_line(text: &str) -> String {
    let text: String = text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).collect();
    let text = text.replace("=?", "= ?").replace("?=", "? =");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_harmless(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// At most `most` characters, the last of them `…` where something was cut.
pub fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept.truncate(kept.trim_end().len());
    kept.push('…');
    kept
}
