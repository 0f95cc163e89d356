//! The cast of the matrix: who calls, and what they may see.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lastgood::users::Role;
use lastgood_tests::server::PASSWORD;
use lastgood_tests::wire::Answer;

/// A practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Place {
    /// Harbor Counseling, of Northwind IT.
    Harbor,
    /// Lakeside Clinic, of Northwind IT.
    Lakeside,
    /// Elsewhere, of another firm.
    Elsewhere,
}

impl Place {
    pub(super) const ALL: [Self; 3] = [Self::Harbor, Self::Lakeside, Self::Elsewhere];

    /// Stands in the name of everything there.
    pub(super) fn canary(self) -> &'static str {
        match self {
            Self::Harbor => "canary-harbor",
            Self::Lakeside => "canary-lakeside",
            Self::Elsewhere => "canary-elsewhere",
        }
    }
}

/// Somebody who calls.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) name: &'static str,
    pub(super) role: Option<Role>,
    pub(super) home: Place,
    pub(super) email: &'static str,
    pub(super) is_agent: bool,
}

impl Caller {
    pub(super) fn may_see(&self, place: Place) -> bool {
        match self.role {
            None => false,
            Some(Role::PracticeViewer) => place == self.home,
            Some(Role::Owner | Role::Technician | Role::ReadOnly) => {
                (place == Place::Elsewhere) == (self.home == Place::Elsewhere)
            }
        }
    }

    /// Where nothing is theirs.
    pub(super) fn strange_places(&self) -> impl Iterator<Item = Place> + '_ {
        Place::ALL.into_iter().filter(|place| !self.may_see(*place))
    }

    /// Nothing of a place that they may not see stands in an answer, in its head or in its body. `link` is where a link leads
    /// that they have in hand.
    pub(super) fn assert_sees_nothing_strange(&self, answer: &Answer, link: Option<Place>, what: &str) {
        let whole = format!("{:?} {}", answer.headers, answer.text()).to_lowercase();
        for place in self.strange_places().filter(|place| Some(*place) != link) {
            assert!(
                !whole.contains(place.canary()),
                "{what}: shows something of {place:?}: {whole}"
            );
        }
        assert!(!whole.contains(PASSWORD), "{what}: shows a password");
    }
}

/// Everybody: without a session, of each role, of the other practice and of the other firm.
pub(super) fn callers() -> Vec<Caller> {
    let caller = |name, role, email, home| Caller {
        name,
        role,
        home,
        email,
        is_agent: name == "an agent",
    };
    let (harbor, lakeside, elsewhere) = (Place::Harbor, Place::Lakeside, Place::Elsewhere);
    vec![
        caller("nobody", None, "", harbor),
        caller("an agent", None, "", harbor),
        caller("the owner", Some(Role::Owner), "olivia@northwind.example", harbor),
        caller("a technician", Some(Role::Technician), "theo@northwind.example", harbor),
        caller("a reader", Some(Role::ReadOnly), "rosa@northwind.example", harbor),
        caller(
            "Harbor's viewer",
            Some(Role::PracticeViewer),
            "vera@harbor.example",
            harbor,
        ),
        caller(
            "Lakeside's viewer",
            Some(Role::PracticeViewer),
            "lena@lakeside.example",
            lakeside,
        ),
        caller(
            "another firm's owner",
            Some(Role::Owner),
            "oscar@elsewhere.example",
            elsewhere,
        ),
    ]
}

/// What the token of a caller's session is made of, here and in the database.
pub(super) fn session_text(caller: &Caller) -> String {
    format!("session of {}", caller.email)
}

/// The session of somebody who is signed in.
pub(super) fn cookie(caller: &Caller) -> String {
    if caller.role.is_none() {
        return String::new();
    }
    let token = ring::digest::digest(&ring::digest::SHA256, session_text(caller).as_bytes());
    format!("__Host-lastgood={}", URL_SAFE_NO_PAD.encode(token))
}
