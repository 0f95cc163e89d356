//! For tests of this crate: an application on a database of its own, with a clock that stands still, and people to be.
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_viewer_sees_their_own_practice() {
//!     let test = TestApp::start().await;
//!     let page = test.as_viewer().get("/practice").await;
//!     page.assert_status(200).assert_shows("Harbor Counseling").assert_hides("Lakeside Clinic");
//!     test.as_owner().post("/practices/add", &[("name", "Hilltop")]).await.assert_redirect("/practices");
//! }
//! ```
//!
//! The clock stands at [`START`] until [`TestApp::advance`] moves it; the evaluator counts as alive at that moment. Rows
//! are reached with `test.app.db.begin(…)`.

mod client;
mod database;

use std::ops::Deref;

use axum::Router;
use jiff::civil::date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

pub use client::{Answer, Visitor};

use crate::app::{App, Options};
use crate::clock::Clock;
use crate::config::TrustedProxies;
use crate::db::{Database, Scope, Transaction};
use crate::ids::{FirmId, OfficeId, PracticeId, UserId};
use crate::notifications::Mailer;
use crate::practices::{NewPractice, OfficeDetails};
use crate::users::sessions::{self, NewSession};
use crate::users::{self, NewPerson, Role};
use crate::web::session_cookie::SessionToken;
use crate::{firms, practices, routes};

/// Where the practices of the cast are.
pub const ZONE: &str = "America/New_York";

/// When every test begins: a Monday, nine in the morning at the practices.
pub fn start_of_test() -> Timestamp {
    let at = date(2026, 11, 23).at(9, 0, 0, 0).in_tz(ZONE).unwrap();
    at.with_time_zone(TimeZone::UTC).timestamp()
}

/// An application in this process, without listeners and without background work, on a database without a single row.
pub struct EmptyApp {
    /// The application.
    pub app: App,
    router: Router,
    state: tempfile::TempDir,
}

/// The same with the cast in it.
pub struct TestApp {
    /// Who and what there is.
    pub cast: Cast,
    sessions: Sessions,
    empty: EmptyApp,
}

impl Deref for TestApp {
    type Target = EmptyApp;

    fn deref(&self) -> &EmptyApp {
        &self.empty
    }
}

/// Who and what there is in every test.
#[derive(Debug, Clone, Copy)]
pub struct Cast {
    /// "Northwind IT".
    pub northwind: FirmId,
    /// Olivia, its owner; receives alerts.
    pub olivia: UserId,
    /// Theo, a technician.
    pub theo: UserId,
    /// Rosa, who may read.
    pub rosa: UserId,
    /// "Harbor Counseling", a practice of Northwind IT.
    pub harbor: PracticeId,
    /// Its office, "Main office".
    pub harbor_office: OfficeId,
    /// Vera, its viewer.
    pub vera: UserId,
    /// "Lakeside Clinic", another practice of Northwind IT.
    pub lakeside: PracticeId,
    /// Its office, "Main office".
    pub lakeside_office: OfficeId,
    /// Lena, its viewer.
    pub lena: UserId,
    /// "Other IT", a firm that must see nothing of Northwind IT.
    pub other: FirmId,
    /// Oscar, its owner.
    pub oscar: UserId,
    /// "Elsewhere", its practice.
    pub elsewhere: PracticeId,
    /// Its office, "Main office".
    pub elsewhere_office: OfficeId,
}

struct Sessions {
    owner: SessionToken,
    technician: SessionToken,
    reader: SessionToken,
    viewer: SessionToken,
    other_viewer: SessionToken,
    other_owner: SessionToken,
}

impl EmptyApp {
    async fn start(mailer: Mailer) -> Self {
        // Shown with the output of a test that fails; a second test of the process finds it there.
        let log = tracing_subscriber::fmt()
            .with_test_writer()
            .with_max_level(tracing::Level::WARN);
        log.try_init().unwrap_or_default();
        let now = start_of_test();
        let state = tempfile::tempdir().unwrap();
        let db = Database::connect(database::fresh().await, 4, 4).await.unwrap();
        let app = App::new(db, Clock::held(now), options(&state), mailer);
        app.pulse.beat(now);
        Self {
            router: routes::service(&app),
            app,
            state,
        }
    }

    /// The present time of this test.
    pub fn now(&self) -> Timestamp {
        self.app.clock.now()
    }

    /// Moves the clock on. Sessions end and the evaluator becomes stale as they would.
    pub fn advance(&self, by: SignedDuration) {
        self.app.clock.advance(by);
    }

    /// The state folder, which exists for this test alone.
    pub fn state(&self) -> &std::path::Path {
        self.state.path()
    }

    /// Nobody: no session.
    pub fn as_stranger(&self) -> Visitor<'_> {
        self.visitor(None)
    }

    /// Whoever this token belongs to.
    pub fn visitor<'a>(&'a self, token: Option<&'a SessionToken>) -> Visitor<'a> {
        Visitor::new(&self.router, token)
    }
}

impl TestApp {
    /// A new application on a new database, with the cast.
    pub async fn start() -> Self {
        Self::start_with(Mailer::default()).await
    }

    /// The same, with mail that leaves by this mailer.
    pub async fn start_with(mailer: Mailer) -> Self {
        let empty = EmptyApp::start(mailer).await;
        let now = empty.now();
        let mut transaction = empty.app.db.begin(Scope::Everything).await.unwrap();
        let cast = cast(&mut transaction, now).await;
        let sessions = sessions(&mut transaction, now, &cast).await;
        transaction.commit().await.unwrap();
        Self { cast, sessions, empty }
    }

    /// A new application on a new database without a single row.
    pub async fn empty() -> EmptyApp {
        EmptyApp::start(Mailer::default()).await
    }

    /// Olivia, owner of Northwind IT.
    pub fn as_owner(&self) -> Visitor<'_> {
        self.visitor(Some(&self.sessions.owner))
    }

    /// Theo, technician at Northwind IT.
    pub fn as_technician(&self) -> Visitor<'_> {
        self.visitor(Some(&self.sessions.technician))
    }

    /// Rosa, who may read at Northwind IT.
    pub fn as_reader(&self) -> Visitor<'_> {
        self.visitor(Some(&self.sessions.reader))
    }

    /// Vera, viewer of Harbor Counseling.
    pub fn as_viewer(&self) -> Visitor<'_> {
        self.visitor(Some(&self.sessions.viewer))
    }

    /// Lena, viewer of Lakeside Clinic.
    pub fn as_other_viewer(&self) -> Visitor<'_> {
        self.visitor(Some(&self.sessions.other_viewer))
    }

    /// Oscar, owner of Other IT.
    pub fn as_other_owner(&self) -> Visitor<'_> {
        self.visitor(Some(&self.sessions.other_owner))
    }
}

fn options(state: &tempfile::TempDir) -> Options {
    Options {
        state: state.path().to_owned(),
        public_url: "https://lastgood.test:8443".to_owned(),
        authority_pin: Some([7; 32]),
        alert_hold: SignedDuration::from_secs(60),
        silent_after: SignedDuration::from_mins(30),
        landing: SignedDuration::from_mins(10),
        evaluator_period: std::time::Duration::from_secs(5),
        session_idle: SignedDuration::from_hours(1),
        session_absolute: SignedDuration::from_hours(12),
        trusted_proxies: TrustedProxies::default(),
        metrics: true,
        demo: false,
    }
}

async fn cast(transaction: &mut Transaction, now: Timestamp) -> Cast {
    let northwind = firms::add(transaction, now, "Northwind IT").await.unwrap();
    let other = firms::add(transaction, now, "Other IT").await.unwrap();
    let (harbor, harbor_office) = practice(transaction, now, northwind, "Harbor Counseling").await;
    let (lakeside, lakeside_office) = practice(transaction, now, northwind, "Lakeside Clinic").await;
    let (elsewhere, elsewhere_office) = practice(transaction, now, other, "Elsewhere").await;
    let viewer = Role::PracticeViewer;
    Cast {
        northwind,
        olivia: person(transaction, now, northwind, "Olivia", Role::Owner, None).await,
        theo: person(transaction, now, northwind, "Theo", Role::Technician, None).await,
        rosa: person(transaction, now, northwind, "Rosa", Role::ReadOnly, None).await,
        harbor,
        harbor_office,
        vera: person(transaction, now, northwind, "Vera", viewer, Some(harbor)).await,
        lakeside,
        lakeside_office,
        lena: person(transaction, now, northwind, "Lena", viewer, Some(lakeside)).await,
        other,
        oscar: person(transaction, now, other, "Oscar", Role::Owner, None).await,
        elsewhere,
        elsewhere_office,
    }
}

async fn practice(transaction: &mut Transaction, now: Timestamp, firm: FirmId, name: &str) -> (PracticeId, OfficeId) {
    let practice = NewPractice {
        name: name.to_owned(),
        office: OfficeDetails::usual("Main office", ZONE),
    };
    practices::add(transaction, now, firm, &practice).await.unwrap()
}

async fn person(
    transaction: &mut Transaction,
    now: Timestamp,
    firm: FirmId,
    name: &str,
    role: Role,
    practice: Option<PracticeId>,
) -> UserId {
    let person = NewPerson {
        email: format!("{}@example.test", name.to_lowercase()),
        name: name.to_owned(),
        role,
        practice,
        receives_alerts: role == Role::Owner,
    };
    users::add(transaction, now, firm, &person, None).await.unwrap()
}

async fn sessions(transaction: &mut Transaction, now: Timestamp, cast: &Cast) -> Sessions {
    let mut begin = async |firm, user, practice| {
        let session = NewSession {
            firm,
            user,
            practice,
            address: "192.0.2.7",
            user_agent: "the test",
            idle_expires_at: now + SignedDuration::from_hours(1),
            expires_at: now + SignedDuration::from_hours(12),
        };
        sessions::begin(transaction, now, &session).await.unwrap()
    };
    Sessions {
        owner: begin(cast.northwind, cast.olivia, None).await,
        technician: begin(cast.northwind, cast.theo, None).await,
        reader: begin(cast.northwind, cast.rosa, None).await,
        viewer: begin(cast.northwind, cast.vera, Some(cast.harbor)).await,
        other_viewer: begin(cast.northwind, cast.lena, Some(cast.lakeside)).await,
        other_owner: begin(cast.other, cast.oscar, None).await,
    }
}
