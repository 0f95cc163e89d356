//! The shape every message has: the whole message in its first line, then details, one button, and why it was sent.

use askama::Template;

use super::model::{Message, Purpose, cut, one_line, subject_line};
use crate::error::AppError;

/// What a message says, before it becomes text and markup.
#[derive(Debug, Clone)]
pub struct Letter {
    /// What it is for.
    pub purpose: Purpose,
    /// The practice, in front of the subject. Empty where the message is about none.
    pub practice: String,
    /// The fact, in the subject.
    pub fact: String,
    /// What makes replies recognisable, at the end of the subject. Empty for none.
    pub mark: String,
    /// The whole message.
    pub first_line: String,
    /// What else is worth knowing, a paragraph each.
    pub details: Vec<String>,
    /// The last backup days of the job it is about.
    pub days: Vec<DayMark>,
    /// The one button: its words and the address it leads to.
    pub button: (&'static str, String),
    /// Why the recipient gets this.
    pub reason: &'static str,
}

/// One backup day, as a mail shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayMark {
    /// `Fri 20 Nov`.
    pub day: String,
    /// Its shape: `✓`.
    pub shape: char,
    /// The word for it: `ok`.
    pub word: &'static str,
    /// The colour of its cell, and of the shape in it, as mail programs know colours.
    pub colours: (&'static str, &'static str),
}

#[derive(Template)]
#[template(path = "notifications/letter.html")]
struct Html<'a> {
    letter: &'a Letter,
    subject: &'a str,
}

impl Letter {
    /// The message. Text from outside is made harmless here, whatever was done to it before.
    pub fn message(mut self) -> Result<Message, AppError> {
        self.first_line = cut(&one_line(&self.first_line), 1000);
        self.details = self.details.iter().map(|detail| cut(&one_line(detail), 1000)).collect();
        let subject = subject_line(&self.practice, &self.fact, &self.mark);
        let html = Html {
            letter: &self,
            subject: &subject,
        };
        Ok(Message {
            purpose: self.purpose,
            html: html.render().map_err(AppError::internal)?,
            text: self.text(),
            subject,
        })
    }

    fn text(&self) -> String {
        let mut paragraphs = vec![self.first_line.clone()];
        paragraphs.extend(self.details.iter().cloned());
        if !self.days.is_empty() {
            let lines = self
                .days
                .iter()
                .map(|day| format!("  {} {} {}", day.shape, day.day, day.word));
            let days: Vec<String> = std::iter::once("The last backup days:".to_owned())
                .chain(lines)
                .collect();
            paragraphs.push(days.join("\n"));
        }
        paragraphs.push(format!("{}:\n{}", self.button.0, self.button.1));
        paragraphs.push(format!("-- \n{}", self.reason));
        paragraphs.join("\n\n") + "\n"
    }
}
