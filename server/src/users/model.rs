//! What people may do.

use crate::error::AppError;
use crate::ids::PracticeId;
use crate::web::extract::field;

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

/// An e-mail address to be stored, from what was typed.
///
/// # Errors
/// [`AppError::Invalid`] naming the field.
pub fn email(typed: &str) -> Result<String, AppError> {
    let email = field("E-mail", typed, 254)?.to_lowercase();
    match email.parse::<lettre::Address>() {
        Ok(_) if email.is_ascii() => Ok(email),
        _ => Err(AppError::Invalid(
            "E-mail is not an address. Write it as theo@example.net.".to_owned(),
        )),
    }
}
