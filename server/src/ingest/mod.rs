//! Ingest: verifies what agents send, appends it to the inbox as received, answers after the commit; and the projector,
//! which turns what was received into runs, media and drills.

/// Commits received events, many agents' in one transaction.
#[derive(Debug, Default)]
pub struct Committer {}

impl Committer {
    /// A committer that has not begun.
    pub fn new() -> Self {
        Self::default()
    }
}
