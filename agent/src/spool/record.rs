//! One event as a file: a header with length and checksum, then the event's JSON. The file's name says all that
//! keeping the spool within its bounds needs, so that nothing has to be read for it.

use lastgood_protocol::{Event, EventBody, EventId, Outcome};

/// Bytes before the event's JSON.
pub(super) const HEADER_BYTES: usize = 16;

const MAGIC: [u8; 4] = *b"LGE1";

/// Why a record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum RecordError {
    /// The power went before anything was written.
    #[error("the record is empty")]
    Empty,
    /// Not a record, or its header is damaged.
    #[error("the record's header is damaged")]
    Header,
    /// Shorter than its header says.
    #[error("the record is cut short")]
    Truncated,
    /// The content is not what was written.
    #[error("the record's checksum does not match")]
    Checksum,
    /// The content is intact but is no event that this version knows.
    #[error("the record holds no event")]
    NotAnEvent,
}

/// What an event weighs when the spool is full: the lightest, and of those the oldest, is dropped first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// A heartbeat.
    Heartbeat,
    /// The start of a run, a run that went well, or a medium that came or went.
    Ordinary,
    /// A run that did not go well, and what a person recorded.
    Important,
}

impl Weight {
    pub(super) fn of(what: &EventBody) -> Self {
        match what {
            EventBody::Heartbeat(_) => Self::Heartbeat,
            EventBody::RunStarted(_) | EventBody::MediumMoved(_) => Self::Ordinary,
            EventBody::RunFinished(run) => match run.outcome {
                Outcome::Ok => Self::Ordinary,
                Outcome::Warning | Outcome::Failed => Self::Important,
            },
            EventBody::MediumRegistered(_)
            | EventBody::DrillRecorded(_)
            | EventBody::AgentProblem(_)
            | EventBody::JobsProposed(_) => Self::Important,
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Heartbeat => 'h',
            Self::Ordinary => 'o',
            Self::Important => 'i',
        }
    }
}

/// What a record's file name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) seq: u64,
    pub(super) weight: Weight,
    pub(super) id: EventId,
}

impl Name {
    pub(super) fn to_file_name(self) -> String {
        format!("{:020}.{}.{}.event", self.seq, self.weight.letter(), self.id)
    }

    pub(super) fn parse(file_name: &str) -> Option<Self> {
        let mut parts = file_name.split('.');
        let seq = parts.next()?.parse().ok()?;
        let weight = match parts.next()? {
            "h" => Weight::Heartbeat,
            "o" => Weight::Ordinary,
            "i" => Weight::Important,
            _ => return None,
        };
        let id = parts.next()?.parse().ok()?;
        (parts.next() == Some("event") && parts.next().is_none()).then_some(Self { seq, weight, id })
    }
}

/// The record of an event.
pub(super) fn encode(event: &Event) -> serde_json::Result<Vec<u8>> {
    let json = serde_json::to_vec(event)?;
    let mut record = Vec::with_capacity(HEADER_BYTES + json.len());
    record.extend_from_slice(&MAGIC);
    record.extend_from_slice(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_le_bytes());
    record.extend_from_slice(&crc32c::crc32c(&json).to_le_bytes());
    record.extend_from_slice(&crc32c::crc32c(&record).to_le_bytes());
    record.extend_from_slice(&json);
    Ok(record)
}

/// The event in a record. What stands behind the record's end is not looked at, so that a record can lie in a
/// larger, preallocated file.
pub(super) fn decode(bytes: &[u8]) -> Result<Event, RecordError> {
    if bytes.iter().all(|&byte| byte == 0) {
        return Err(RecordError::Empty);
    }
    let (header, rest) = bytes.split_at_checked(HEADER_BYTES).ok_or(RecordError::Truncated)?;
    let word = |at: usize| -> Option<u32> { Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?)) };
    let checked = header.get(..12).map(crc32c::crc32c);
    if !header.starts_with(&MAGIC) || word(12) != checked {
        return Err(RecordError::Header);
    }
    let length = word(4)
        .and_then(|length| usize::try_from(length).ok())
        .ok_or(RecordError::Header)?;
    let json = rest.get(..length).ok_or(RecordError::Truncated)?;
    if word(8) != Some(crc32c::crc32c(json)) {
        return Err(RecordError::Checksum);
    }
    serde_json::from_slice(json).map_err(|_| RecordError::NotAnEvent)
}
