//! From a row of the outbox to a mail: only through lettre's builder, never from text that was put together here.

use std::time::SystemTime;

use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message as Mime};

use super::model::{Leased, one_line};

type Refusal = Box<dyn std::error::Error + Send + Sync>;

macro_rules! fixed_headers {
    ($($(#[$doc:meta])* $name:ident: $header:literal = $value:literal),* $(,)?) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone)]
        struct $name;

        impl Header for $name {
            fn name() -> HeaderName {
                HeaderName::new_from_ascii_str($header)
            }

            fn parse(_: &str) -> Result<Self, Refusal> {
                Ok(Self)
            }

            fn display(&self) -> HeaderValue {
                HeaderValue::new(Self::name(), $value.to_owned())
            }
        }
    )*};
}

fixed_headers! {
    /// Written by a program, so that no program answers (RFC 3834, 5).
    AutoSubmitted: "Auto-Submitted" = "auto-generated",
    /// The same for Exchange, which asks for a word of its own.
    SuppressAnswers: "X-Auto-Response-Suppress" = "All",
}

/// The mail for a row. The same row gives the same Message-ID every time.
pub(super) fn build(from: &Mailbox, to: &Address, row: &Leased) -> Result<Mime, lettre::error::Error> {
    let mut builder = Mime::builder()
        .from(from.clone())
        .reply_to(from.clone())
        .to(Mailbox::new(None, to.clone()))
        .subject(one_line(&row.subject))
        .date(SystemTime::from(row.created_at))
        .message_id(Some(row.message_id.clone()))
        .header(AutoSubmitted)
        .header(SuppressAnswers);
    if let Some(answered) = &row.in_reply_to {
        builder = builder.in_reply_to(answered.clone()).references(answered.clone());
    }
    let parts = MultiPart::alternative_plain_html(body(&row.text), body(&row.html));
    builder.multipart(parts)
}

/// Line breaks are `\n` alone and nothing else controls anything; lettre makes CRLF of them and encodes what is not ASCII.
fn body(text: &str) -> String {
    text.chars()
        .filter(|&c| c == '\n' || c == '\t' || !c.is_control())
        .collect()
}
