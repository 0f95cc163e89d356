//! What a message is.

crate::text_enum! {
    /// What a message is for.
    pub enum Purpose {
        /// A problem began.
        Opened = "opened",
        /// A problem ended.
        Recovered = "recovered",
        /// Somebody changed what alerts there are.
        Notice = "notice",
        /// Somebody asked whether mail arrives.
        Test = "test",
    }
}

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

/// How mail leaves: over SMTP, or into files when no SMTP server is set.
#[derive(Debug, Default)]
pub struct Mailer {}
