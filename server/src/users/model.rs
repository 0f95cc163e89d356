//! What people may do.

use crate::ids::PracticeId;

crate::text_enum! {
    /// What a person may do.
    pub enum Role {
        /// Everything, people included.
        Owner = "owner",
        /// Everything but people.
        Technician = "technician",
        /// Look at everything of the firm, change nothing.
        ReadOnly = "read_only",
        /// Look at the own page of one practice.
        PracticeViewer = "practice_viewer",
    }
}

/// Somebody to be added.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPerson {
    /// What they sign in with, in lower case.
    pub email: String,
    /// Their name.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The practice of a practice viewer; nobody else has one.
    pub practice: Option<PracticeId>,
    /// Whether alerts are mailed to them.
    pub receives_alerts: bool,
}
