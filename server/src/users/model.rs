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

/// An e-mail address as it is stored and compared. What no address can hold is made harmless, so that looking it up finds
/// nobody.
pub(super) fn normal_email(typed: &str) -> String {
    typed.trim().to_lowercase().replace(char::is_control, "\u{fffd}")
}
