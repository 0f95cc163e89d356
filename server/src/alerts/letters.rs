//! What is written to people about an alert.

use super::model::AlertKey;
use super::over::Ending;
use super::words::Told;
use crate::error::AppError;
use crate::ids::{AlertId, PracticeId};
use crate::notifications::{DayMark, Letter, Message, Purpose};

const REASON: &str =
    "You get this because you receive the alerts of your firm in Lastgood. An owner of your firm can change that.";

/// An alert as letters need it.
#[derive(Debug, Clone)]
pub(super) struct Matter<'a> {
    pub(super) alert: AlertId,
    pub(super) told: Told<'a>,
    /// The job's last days; empty where it is about no job.
    pub(super) days: Vec<DayMark>,
    /// The address people use, without a slash at the end.
    pub(super) public_url: &'a str,
}

impl Matter<'_> {
    /// A problem began.
    pub(super) fn opened(&self) -> Result<Message, AppError> {
        self.letter(Purpose::Opened, self.told.fact(), self.told.sentence(), Vec::new())
    }

    /// A problem that somebody acknowledged is still there.
    pub(super) fn reminder(&self, by: &str, reason: &str) -> Result<Message, AppError> {
        let note = format!("{by} acknowledged this until now. The reason was: {reason}");
        let fact = format!("still open: {}", self.told.fact());
        self.letter(Purpose::Reminder, fact, self.told.sentence(), vec![note])
    }

    /// Somebody looks after a problem until a time, for the others.
    pub(super) fn acknowledged(&self, by: &str, reason: &str, until: &str) -> Result<Message, AppError> {
        let fact = format!("{by} looks after: {}", self.told.fact());
        let first_line = format!(
            "{by} looks after this alert of {} until {until}: {}",
            self.told.practice,
            self.told.fact()
        );
        let details = vec![
            format!("The reason: {reason}"),
            "The alert stays open. If it still is at that time, everybody is reminded.".to_owned(),
        ];
        self.letter(Purpose::Notice, fact, first_line, details)
    }

    /// Nobody looks after a problem any more, for the others.
    pub(super) fn acknowledgement_undone(&self, by: &str) -> Result<Message, AppError> {
        let fact = format!("nobody looks after: {}", self.told.fact());
        let first_line = format!(
            "{by} took back that somebody looks after this alert of {}: {}",
            self.told.practice,
            self.told.fact()
        );
        self.letter(Purpose::Notice, fact, first_line, vec![self.told.sentence()])
    }

    /// A problem ended, for those who were told of it.
    pub(super) fn over(&self, ending: Ending, how: &str) -> Result<Message, AppError> {
        self.ended(self.told.over_fact(), ending, how, None)
    }

    /// A problem ended before anybody was told of it: both in one.
    pub(super) fn was(&self, ending: Ending, how: &str) -> Result<Message, AppError> {
        let note = "It was over before the message about its beginning was sent, so this is the only one.";
        self.ended(self.told.was_fact(ending), ending, how, Some(note))
    }

    /// Somebody closed it.
    pub(super) fn resolved(&self, by: &str, words: &str) -> Result<Message, AppError> {
        let fact = format!("{by} closed: {}", self.told.fact());
        let first_line = format!(
            "{by} has closed this alert of {}: {}",
            self.told.practice,
            self.told.fact()
        );
        let details = vec![
            format!("The resolution: {words}"),
            "Should the evidence still speak against it, a new alert follows.".to_owned(),
        ];
        self.letter(Purpose::Recovered, fact, first_line, details)
    }

    fn ended(&self, fact: String, ending: Ending, how: &str, note: Option<&str>) -> Result<Message, AppError> {
        let first_line = format!("{}: {fact}. {how}", self.told.practice);
        let mut details = self.told.over_details(ending);
        details.extend(note.map(str::to_owned));
        self.letter(Purpose::Recovered, fact, first_line, details)
    }

    fn letter(
        &self,
        purpose: Purpose,
        fact: String,
        first_line: String,
        details: Vec<String>,
    ) -> Result<Message, AppError> {
        let letter = Letter {
            purpose,
            practice: self.told.practice.to_owned(),
            fact,
            mark: mark(self.alert),
            first_line,
            details,
            days: self.days.clone(),
            button: ("Open this alert", format!("{}/alerts/{}", self.public_url, self.alert)),
            reason: REASON,
        };
        letter.message()
    }
}

/// Somebody changed what alerts there are.
pub(super) fn notice(
    public_url: &str,
    practice: PracticeId,
    practice_name: &str,
    sentence: &str,
) -> Result<Message, AppError> {
    let letter = Letter {
        purpose: Purpose::Notice,
        practice: practice_name.to_owned(),
        fact: "somebody changed what is watched".to_owned(),
        mark: String::new(),
        first_line: sentence.to_owned(),
        details: vec!["If this is a surprise, ask whoever is named here.".to_owned()],
        days: Vec::new(),
        button: ("Open the practice", format!("{public_url}/practices/{practice}")),
        reason: REASON,
    };
    letter.message()
}

/// What stands at the end of an alert's subjects, so that answers to them are recognised: `LG-3F9A1C`.
pub(super) fn mark(alert: AlertId) -> String {
    let id = alert.0.as_u128();
    format!("LG-{:06X}", id & 0x00ff_ffff)
}

/// Whether this key is about a job, whose last days a mail shows.
pub(super) fn is_about_a_job(key: &AlertKey) -> bool {
    matches!(key.subject.kind, super::SubjectKind::Job)
}
