//! What every page shows around its own content: navigation, who is signed in, what is stale.

use jiff::Timestamp;

use super::context::Context;
use super::reader::Theme;
use crate::app::App;
use crate::db::Transaction;
use crate::error::AppError;
use crate::users::Role;

/// Where a page stands in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// What needs somebody today.
    Today,
    /// Practices and what belongs to one.
    Practices,
    /// Alerts.
    Alerts,
    /// Agents and their enrolment.
    Agents,
    /// Media.
    Media,
    /// Drills.
    Drills,
    /// Sent messages.
    Messages,
    /// The audit log.
    Audit,
    /// People and the own account.
    People,
    /// A practice viewer's own page.
    Practice,
    /// Pages outside the navigation.
    None,
}

/// What `templates/_layout/page.html` shows around a page.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The page's title, without the product's name.
    pub title: String,
    /// The marked place in the navigation.
    pub section: Section,
    /// Who is signed in.
    pub person: Option<LayoutPerson>,
    /// Open alerts that nobody acknowledged, in the title and the favicon.
    pub open_alerts: i64,
    /// Why nothing on this page may be believed at the moment.
    pub stale: Option<String>,
    /// Whether this is the demo.
    pub demo: bool,
    /// When the page was made.
    pub now: Timestamp,
    /// The page's own path, to come back to.
    pub path: String,
    /// The colours the reader chose.
    pub theme: Theme,
}

/// Who is signed in, as the layout shows it.
#[derive(Debug, Clone)]
pub struct LayoutPerson {
    /// Their name.
    pub name: String,
    /// Their firm's name.
    pub firm: String,
    /// What they may do.
    pub role: Role,
}

/// One link of the navigation.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The section it leads to.
    pub section: Section,
    /// Its address.
    pub path: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The letter that leads there after `g`.
    pub key: &'static str,
}

const fn place(section: Section, path: &'static str, name: &'static str, key: &'static str) -> Place {
    Place {
        section,
        path,
        name,
        key,
    }
}

/// The navigation of those who work for the firm.
const FIRM_PLACES: [Place; 8] = [
    place(Section::Today, "/", "Today", "t"),
    place(Section::Practices, "/practices", "Practices", "p"),
    place(Section::Alerts, "/alerts", "Alerts", "a"),
    place(Section::Agents, "/agents", "Agents", "n"),
    place(Section::Media, "/media", "Media", "m"),
    place(Section::Drills, "/drills", "Drills", "d"),
    place(Section::Messages, "/messages", "Messages", "s"),
    place(Section::Audit, "/audit", "Audit", "u"),
];

/// The navigation of a practice viewer.
const VIEWER_PLACES: [Place; 1] = [place(Section::Practice, "/practice", "Your backups", "t")];

impl LayoutPerson {
    /// The navigation's links, by what this person may see.
    pub fn places(&self) -> &'static [Place] {
        if self.works_for_firm() {
            &FIRM_PLACES
        } else {
            &VIEWER_PLACES
        }
    }

    /// Whether they look after practices, as opposed to belonging to one.
    pub fn works_for_firm(&self) -> bool {
        self.role != Role::PracticeViewer
    }
}

impl Layout {
    /// When the page was made, in UTC: the one zone that every reader's page can share.
    pub fn now_words(&self) -> String {
        self.now.strftime("%a %-d %b %Y, %H:%M:%S").to_string()
    }

    /// What the browser's tab says.
    pub fn tab_title(&self) -> String {
        if self.open_alerts > 0 {
            format!("({}) {} · Lastgood", self.open_alerts, self.title)
        } else {
            format!("{} · Lastgood", self.title)
        }
    }

    /// The layout of a page for a stranger: sign-in, set-up, errors.
    pub fn plain(title: impl Into<String>, now: Timestamp) -> Self {
        Self {
            title: title.into(),
            section: Section::None,
            person: None,
            open_alerts: 0,
            stale: None,
            demo: false,
            now,
            path: String::new(),
            theme: Theme::System,
        }
    }
}

impl Context {
    /// The layout of a page for whoever is signed in.
    pub async fn layout(
        &self,
        transaction: &mut Transaction,
        section: Section,
        title: impl Into<String>,
    ) -> Result<Layout, AppError> {
        let person = self.person()?;
        let open_alerts = match person.practice {
            Some(_) => 0,
            None => crate::alerts::count_open(transaction, person.firm).await?,
        };
        Ok(Layout {
            section,
            person: Some(LayoutPerson {
                name: person.name.clone(),
                firm: person.firm_name.clone(),
                role: person.role,
            }),
            open_alerts,
            stale: stale_notice(&self.app, self.now),
            demo: self.app.options.demo,
            path: self.path.clone(),
            theme: self.theme,
            ..Layout::plain(title, self.now)
        })
    }
}

fn stale_notice(app: &App, now: Timestamp) -> Option<String> {
    if app.pulse.is_alive(now) {
        return None;
    }
    Some(match app.pulse.last() {
        Some(last) => format!(
            "Evaluation stopped {} ago. Nothing below can be relied on until it runs again.",
            super::words::duration(now.duration_since(last))
        ),
        None => "Evaluation has not run since the server was started. Nothing below can be relied on until it has."
            .to_owned(),
    })
}
