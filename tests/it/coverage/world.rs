//! Who and what there is in the matrix: two practices of one firm, another firm, somebody of each role, and rows of every
//! kind at each place, whose names tell whose they are.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lastgood::users::Role;
use lastgood::web::Route;
use lastgood_tests::database::{Psql, quoted};
use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::new_id;
use lastgood_tests::server::Server;
use lastgood_tests::visitor::escape;
use lastgood_tests::wire::Answer;

use super::forms;
use crate::journeys::northwind;

/// A practice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Harbor Counseling, of Northwind IT.
    Harbor,
    /// Lakeside Clinic, of Northwind IT.
    Lakeside,
    /// Elsewhere, of another firm.
    Elsewhere,
}

impl Place {
    const ALL: [Self; 3] = [Self::Harbor, Self::Lakeside, Self::Elsewhere];

    /// Stands in the name of everything there.
    fn canary(self) -> &'static str {
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
    pub(super) role: Option<Role>,
    email: &'static str,
    home: Place,
}

/// Everything.
pub(super) struct World {
    _server: Server,
    database: Psql,
    address: lastgood_tests::wire::Address,
    pub(super) callers: Vec<Caller>,
    _mail: MailServer,
}

impl World {
    pub(super) fn make() -> Self {
        let mail = MailServer::start();
        let server = northwind(&mail);
        let database = server.database();
        server.add_user("theo@northwind.example", "technician", None);
        server.add_user("rosa@northwind.example", "read_only", None);
        server.add_user("vera@harbor.example", "practice_viewer", Some("Harbor Counseling"));
        server.add_user("lena@lakeside.example", "practice_viewer", Some("Lakeside Clinic"));
        database.execute(forms::ELSEWHERE);
        for place in Place::ALL {
            database.execute(&format!(
                "update practices set name = '{0} practice' where name = '{1}'",
                place.canary(),
                forms::practice(place)
            ));
        }
        let caller = |role, email, home| Caller { role, email, home };
        let callers = vec![
            caller(None, "", Place::Harbor),
            caller(Some(Role::Owner), "olivia@northwind.example", Place::Harbor),
            caller(Some(Role::Technician), "theo@northwind.example", Place::Harbor),
            caller(Some(Role::ReadOnly), "rosa@northwind.example", Place::Harbor),
            caller(Some(Role::PracticeViewer), "vera@harbor.example", Place::Harbor),
            caller(Some(Role::PracticeViewer), "lena@lakeside.example", Place::Lakeside),
            caller(Some(Role::Owner), "oscar@elsewhere.example", Place::Elsewhere),
        ];
        let address = server.address();
        Self {
            _server: server,
            database,
            address,
            callers,
            _mail: mail,
        }
    }

    /// Ids of new rows at `place`, for the ids named in a path, in its order.
    pub(super) fn ids(&self, path: &str, names: &[&str], place: Place, caller: &Caller) -> Vec<String> {
        if names.is_empty() {
            return Vec::new();
        }
        let rows = self
            .database
            .rows(&forms::rows_for(path, names, place, place.canary(), caller.email));
        let row = rows.into_iter().rfind(|row| row.len() == names.len()).unwrap();
        assert!(
            row.iter().all(|id| !id.is_empty()),
            "{path}: no row was made at {place:?}: {row:?}"
        );
        row
    }

    /// Entries with this action in the audit log of every firm; all of them for an empty one.
    pub(super) fn audited(&self, action: &str) -> i64 {
        let actions = quoted(action);
        self.database.number(&format!(
            "select count(*) from audit_entries where {actions} in ('', action)"
        ))
    }

    /// Lets everybody's password have been typed an hour ago.
    pub(super) fn age_sign_ins(&self) {
        self.database
            .execute("update sessions set authenticated_at = now() - interval '1 hour'");
    }

    pub(super) fn call_with_aged_session(&self, route: &Route, caller: &Caller, path: &str) -> Answer {
        let cookie = self.session(caller);
        self.age_sign_ins();
        self.send(route, caller.home.canary(), path, &cookie, Some("same-origin"))
    }

    /// Calls a route with what a browser says of where the form stood.
    pub(super) fn call_from(&self, route: &Route, caller: &Caller, path: &str, site: Option<&str>) -> Answer {
        let cookie = if caller.role.is_some() {
            self.session(caller)
        } else {
            String::new()
        };
        self.send(route, caller.home.canary(), path, &cookie, site)
    }

    fn send(&self, route: &Route, canary: &str, path: &str, cookie: &str, site: Option<&str>) -> Answer {
        let authority = self.address.authority();
        let mut headers = vec![("Host", authority.as_str()), ("Accept", "text/html")];
        if !cookie.is_empty() {
            headers.push(("Cookie", cookie));
        }
        let mut body = String::new();
        if route.method == "POST" {
            headers.push(("Content-Type", "application/x-www-form-urlencoded"));
            headers.extend(site.map(|site| ("Sec-Fetch-Site", site)));
            let unique = new_id().simple().to_string();
            let fields = forms::fields(route.path, canary, &unique);
            let pairs: Vec<_> = fields
                .iter()
                .map(|(name, value)| format!("{name}={}", escape(value)))
                .collect();
            body = pairs.join("&");
        }
        let sent = self
            .address
            .connect()
            .and_then(|mut connection| connection.request(route.method.as_str(), path, &headers, body.as_bytes()));
        sent.unwrap_or_else(|error| panic!("{} {path}: {error}", route.method))
    }

    /// A session of somebody, as if they had just signed in.
    fn session(&self, caller: &Caller) -> String {
        let token: Vec<u8> = [new_id(), new_id()].iter().flat_map(|id| *id.as_bytes()).collect();
        let hash = STANDARD.encode(ring::digest::digest(&ring::digest::SHA256, &token));
        self.database.execute(&format!(
            "insert into sessions (firm_id, session_id, user_id, practice_id, token_hash, created_at, seen_at, idle_expires_at, expires_at,
                authenticated_at, address, user_agent)
             select firm_id, gen_random_uuid(), user_id, practice_id, decode('{hash}', 'base64'), now(), now(), now() + interval '1 hour', now() + interval '9 hours',
                now(), '127.0.0.1', 'matrix' from users where email = {}",
            quoted(caller.email)
        ));
        format!("__Host-lastgood={}", URL_SAFE_NO_PAD.encode(token))
    }
}
